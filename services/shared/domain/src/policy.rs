//! Versioned policy: every number of the rules is data with an effective date.
//!
//! A case keeps the limits of the policy at `filed_at`; the ladder is that at the breach, scoring that of the
//! period (rule K3).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::authorization::Role;
use crate::report::ReportKind;

/// A limit with its unit (rules K1, K8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "unit", content = "days", rename_all = "snake_case")]
pub enum Limit {
    /// Working days.
    WorkingDays(u16),
    /// Calendar days.
    CalendarDays(u16),
}

/// All limits of a case's clocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Verification.
    pub verification: Limit,
    /// A returned, recalled or to be transferred case, to the manager's next decision.
    pub redisposition: Limit,
    /// Binding decision (rule K9).
    pub binding_decision: Limit,
    /// Completion by the reporter.
    pub completion: Limit,
    /// Acceptance by the liaison.
    pub acceptance: Limit,
    /// First response, from disposition.
    pub first_response: Limit,
    /// Resolution of an information request.
    pub resolution_information: Limit,
    /// Resolution of an ordinary complaint or aspiration.
    pub resolution_ordinary: Limit,
    /// Resolution of a supervisory complaint.
    pub resolution_supervisory: Limit,
    /// Working days by which a contribution is due before the case (rule M5).
    pub contribution_lead_working_days: u16,
    /// Reporter's silence after an answer.
    pub reporter_silence: Limit,
    /// Rework after a dispute (rule M7).
    pub rework: Limit,
    /// Director's decision on a second dispute (rule M7).
    pub director_decision: Limit,
    /// Window in which a closing may be contested (rule M8).
    pub contest_window: Limit,
    /// Director's decision on a contest (rule K9).
    pub contest_decision: Limit,
    /// Reopened case whose reopening has no limit of its own: the resolution limit of its kind applies when none.
    pub reopen: Option<Limit>,
    /// UU 25/2009: complete or incomplete told (rule K8).
    pub legal_notice: Limit,
    /// UU 25/2009 art. 50: decision (rule K8).
    pub legal_decision: Limit,
    /// Age from which the Ombudsman may take over.
    pub ombudsman_takeover: Limit,
}

impl Limits {
    /// Resolution limit of a kind of report.
    #[must_use]
    pub const fn resolution(&self, kind: ReportKind, supervisory: bool) -> Limit {
        if supervisory {
            return self.resolution_supervisory;
        }
        match kind {
            ReportKind::InformationRequest => self.resolution_information,
            ReportKind::Complaint | ReportKind::Aspiration => self.resolution_ordinary,
        }
    }
}

/// One rung of a ladder (rule E1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Working days from the breach.
    pub after_working_days: u16,
    /// Who is told.
    pub role: Role,
    /// Whether the case is flagged to the Ombudsman.
    pub flags_ombudsman: bool,
}

/// Ladders by the party that a breach is charged to (rule E1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladders {
    /// Agency clocks.
    pub agency: Vec<Rung>,
    /// Manager's clocks: start at the director.
    pub manager: Vec<Rung>,
    /// Director's clocks: start at the patron.
    pub director: Vec<Rung>,
    /// Patron's clocks (cases about the director): only the Ombudsman is above.
    pub patron: Vec<Rung>,
}

/// One version of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Version, from 1.
    pub version: u32,
    /// In force from this moment; RFC 3339 in JSON, because people write policies and the log keeps them.
    #[serde(with = "time::serde::rfc3339")]
    pub effective_from: OffsetDateTime,
    /// Limits.
    pub limits: Limits,
    /// Ladders.
    pub ladders: Ladders,
    /// Returns allowed in a case; the last one leads to the binding decision (rule M4).
    pub returns_max: u16,
    /// Disputes heard in a case; the next one is for the Ombudsman (rule M7).
    pub disputes_max: u16,
    /// Scoring of periods (rule V2).
    pub scoring: ScoringPolicy,
    /// Evaluation cases (rules V3, K9).
    pub evaluation: EvaluationPolicy,
    /// The Ombudsman's requests (rule K9).
    pub oversight: OversightPolicy,
}

/// Weights and thresholds of the predicate (rule V2). Weights are relative; a component without data is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoringPolicy {
    /// Weight of on-time verification.
    pub weight_verification: u32,
    /// Weight of on-time acceptance.
    pub weight_acceptance: u32,
    /// Weight of on-time first response.
    pub weight_first_response: u32,
    /// Weight of on-time resolution.
    pub weight_resolution: u32,
    /// Weight of answers that were not disputed with success.
    pub weight_undisputed: u32,
    /// Weight of the shrunk rating.
    pub weight_rating: u32,
    /// Weight of answers that are not near copies of one another.
    pub weight_original: u32,
    /// Ratings assumed beside the real ones, so that small numbers say little.
    pub rating_prior_count: u32,
    /// Mean of the assumed ratings, in hundredths (300 is 3.00).
    pub rating_prior_hundredths: u32,
    /// Score from which the predicate is Baik, in basis points (10,000 is all).
    pub baik_from_basis_points: u32,
    /// Score from which the predicate is Sedang.
    pub sedang_from_basis_points: u32,
    /// Similarity to an earlier answer of the same agency from which an answer is a near copy, in basis points (what
    /// they count: [`crate::near_copy`]). Policies written before it existed have the default.
    #[serde(default = "near_copy_from_by_default")]
    pub near_copy_from_basis_points: u32,
}

/// Six of ten runs of words: a template stays above it with two places filled in, answers of their own stay far below.
const fn near_copy_from_by_default() -> u32 {
    6_000
}

/// When evaluation cases open, and their limits (rules V3, K9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationPolicy {
    /// Rung, in working days after the breach, that opens a case.
    pub opens_at_rung: u16,
    /// The same for heads.
    pub opens_at_rung_for_heads: u16,
    /// Right of reply (hak jawab).
    pub reply: Limit,
    /// Decision, from the reply or the end of its time.
    pub decision: Limit,
}

/// Limits of the Ombudsman's requests (rule K9; UU 37/2008 art. 33, 38).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OversightPolicy {
    /// First request for an explanation.
    pub explanation: Limit,
    /// Second request.
    pub explanation_again: Limit,
    /// Implementation of a recommendation.
    pub implementation: Limit,
}

impl Policy {
    /// The defaults of the rule book.
    #[must_use]
    pub fn default_2024() -> Self {
        use Limit::{CalendarDays, WorkingDays};
        let rung = |after_working_days, role, flags_ombudsman| Rung {
            after_working_days,
            role,
            flags_ombudsman,
        };
        Self {
            version: 1,
            effective_from: datetime!(2024-01-01 00:00:00 +7),
            limits: Limits {
                verification: WorkingDays(3),
                redisposition: WorkingDays(3),
                binding_decision: WorkingDays(3),
                completion: CalendarDays(30),
                acceptance: WorkingDays(2),
                first_response: WorkingDays(5),
                resolution_information: WorkingDays(5),
                resolution_ordinary: WorkingDays(14),
                resolution_supervisory: WorkingDays(60),
                contribution_lead_working_days: 2,
                reporter_silence: WorkingDays(10),
                rework: WorkingDays(5),
                director_decision: WorkingDays(5),
                contest_window: WorkingDays(10),
                contest_decision: WorkingDays(5),
                reopen: None,
                legal_notice: CalendarDays(14),
                legal_decision: CalendarDays(60),
                ombudsman_takeover: CalendarDays(60),
            },
            ladders: Ladders {
                agency: vec![
                    rung(0, Role::Liaison, false),
                    rung(2, Role::AccountableHead, false),
                    rung(3, Role::Manager, false),
                    rung(5, Role::Director, false),
                    rung(10, Role::Patron, true),
                ],
                manager: vec![rung(0, Role::Director, false), rung(10, Role::Patron, true)],
                director: vec![rung(0, Role::Patron, false), rung(10, Role::Patron, true)],
                patron: vec![rung(0, Role::Patron, true)],
            },
            returns_max: 2,
            disputes_max: 2,
            scoring: ScoringPolicy {
                weight_verification: 10,
                weight_acceptance: 10,
                weight_first_response: 15,
                weight_resolution: 35,
                weight_undisputed: 10,
                weight_rating: 15,
                weight_original: 5,
                rating_prior_count: 10,
                rating_prior_hundredths: 300,
                baik_from_basis_points: 8_500,
                sedang_from_basis_points: 6_500,
                near_copy_from_basis_points: near_copy_from_by_default(),
            },
            evaluation: EvaluationPolicy {
                opens_at_rung: 5,
                opens_at_rung_for_heads: 10,
                reply: WorkingDays(7),
                decision: WorkingDays(14),
            },
            oversight: OversightPolicy {
                explanation: CalendarDays(14),
                explanation_again: CalendarDays(14),
                implementation: CalendarDays(60),
            },
        }
    }
}

/// All versions of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyBook {
    versions: BTreeMap<u32, Policy>,
}

/// Why a set of policies is not a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyBookError {
    /// There is no version at all.
    #[error("a policy book needs at least one version")]
    Empty,
    /// Two policies have one version number.
    #[error("policy version {0} occurs twice")]
    Twice(u32),
    /// A later version is in force earlier than the one before it.
    #[error("policy version {0} is in force before the version it follows")]
    OutOfOrder(u32),
}

impl PolicyBook {
    /// A book of versions.
    ///
    /// # Errors
    /// [`PolicyBookError`] when there is none, one occurs twice, or dates do not follow version numbers.
    pub fn new(policies: impl IntoIterator<Item = Policy>) -> Result<Self, PolicyBookError> {
        let mut versions = BTreeMap::new();
        for policy in policies {
            let version = policy.version;
            if versions.insert(version, policy).is_some() {
                return Err(PolicyBookError::Twice(version));
            }
        }
        let mut previous: Option<OffsetDateTime> = None;
        for policy in versions.values() {
            if previous.is_some_and(|from| policy.effective_from < from) {
                return Err(PolicyBookError::OutOfOrder(policy.version));
            }
            previous = Some(policy.effective_from);
        }
        if versions.is_empty() {
            Err(PolicyBookError::Empty)
        } else {
            Ok(Self { versions })
        }
    }

    /// The defaults alone.
    #[must_use]
    pub fn default_2024() -> Self {
        let policy = Policy::default_2024();
        Self {
            versions: BTreeMap::from([(policy.version, policy)]),
        }
    }

    /// All versions, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = &Policy> {
        self.versions.values()
    }

    /// The version in force at a moment; the first one for moments before it. None only for an empty book,
    /// which [`PolicyBook::new`] does not make.
    #[must_use]
    pub fn in_force(&self, at: OffsetDateTime) -> Option<&Policy> {
        self.versions
            .values()
            .rev()
            .find(|policy| policy.effective_from <= at)
            .or_else(|| self.versions.values().next())
    }

    /// A version by its number.
    #[must_use]
    pub fn version(&self, version: u32) -> Option<&Policy> {
        self.versions.get(&version)
    }
}
