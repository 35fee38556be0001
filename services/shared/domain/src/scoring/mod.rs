//! Measures of a period, pure from facts that the states of cases hold (rules V1, V2).
//!
//! Integers and nearest-rank percentiles throughout: whoever recomputes a figure from the log gets the same bytes.

mod facts;

pub use facts::facts_of;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::clock::ClockKind;
use crate::ids::{CaseId, HolderId, PositionId};
use crate::party::Party;
use crate::period::Period;
use crate::policy::ScoringPolicy;

/// One countable thing, with the moment that decides its period and whom it counts for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The case.
    pub case_id: CaseId,
    /// The moment that decides in which period it counts.
    pub at: OffsetDateTime,
    /// The party.
    pub party: Party,
    /// The position responsible, where one is.
    pub position: Option<PositionId>,
    /// Its holder then.
    pub holder: Option<HolderId>,
    /// What it is.
    pub what: What,
}

/// What a fact counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// A case was disposed to the party.
    Received,
    /// The party released an answer.
    Answered,
    /// A case in which the party had a part was closed; the time charged to it, in whole seconds (rule K4).
    Closed {
        /// Seconds charged.
        charged_seconds: u64,
    },
    /// A clock was met or breached; the first of stop or due decides the period (rule V2).
    ClockEnded {
        /// The clock's kind.
        kind: ClockKind,
        /// Met.
        on_time: bool,
    },
    /// The party returned a case or asked for its transfer.
    Returned,
    /// A case came to the party after another one had returned it.
    Bounced,
    /// An answer of the party was disputed.
    Disputed,
    /// A dispute against an answer of the party was upheld by the director.
    DisputeUpheld,
    /// A reporter rated the handling, 1 to 5.
    Rated {
        /// The score.
        score: u8,
    },
    /// An answer of the party is a near copy of another one; found where the words are.
    NearCopy,
    /// A breach charged to the party reached a rung.
    Escalated {
        /// The rung, in working days after the breach.
        after_working_days: u16,
    },
}

/// Of whom the measures are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "of", content = "id", rename_all = "snake_case")]
pub enum Subject {
    /// The whole province.
    Province,
    /// A party: an agency, the manager, the director.
    Party(Party),
    /// A position.
    Position(PositionId),
    /// A holder.
    Holder(HolderId),
}

impl Subject {
    /// Whether a fact counts for it.
    #[must_use]
    pub fn includes(&self, fact: &Fact) -> bool {
        match self {
            Self::Province => true,
            Self::Party(party) => fact.party == *party,
            Self::Position(position) => fact.position.as_ref() == Some(position),
            Self::Holder(holder) => fact.holder.as_ref() == Some(holder),
        }
    }
}

/// A rate as an integer ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ratio {
    /// How many of them.
    pub part: u64,
    /// How many in all.
    pub whole: u64,
}

impl Ratio {
    /// In basis points (10,000 is all), rounded half up; none without data.
    #[must_use]
    pub fn basis_points(self) -> Option<u32> {
        rounded(u128::from(self.part) * 10_000, u128::from(self.whole))
    }

    fn count(&mut self, is_part: bool) {
        self.whole = self.whole.saturating_add(1);
        self.part = self.part.saturating_add(u64::from(is_part));
    }
}

/// Rounded half up.
fn rounded(dividend: u128, divisor: u128) -> Option<u32> {
    let doubled = dividend.checked_mul(2)?.checked_add(divisor)?;
    u32::try_from(doubled.checked_div(divisor.checked_mul(2)?)?).ok()
}

/// Ratings: how many, their sum, and the mean shrunk towards the prior (rule V2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RatingMeasure {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// Shrunk mean in hundredths, rounded half up; none without ratings.
    pub shrunk_hundredths: Option<u32>,
}

/// Predicate of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Predicate {
    /// Poor.
    Kurang,
    /// Fair.
    Sedang,
    /// Good.
    Baik,
}

impl Predicate {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Kurang => "kurang",
            Self::Sedang => "sedang",
            Self::Baik => "baik",
        }
    }
}

/// All measures of a subject in a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measures {
    /// Of whom.
    pub subject: Subject,
    /// When.
    pub period: Period,
    /// Version of the scoring policy: that of the period (rule K3).
    pub policy_version: u32,
    /// Cases disposed to it.
    pub received: u64,
    /// Answers released.
    pub answered: u64,
    /// Cases closed in which it had a part.
    pub closed: u64,
    /// Verification on time.
    pub verification: Ratio,
    /// Acceptance on time.
    pub acceptance: Ratio,
    /// First response on time.
    pub first_response: Ratio,
    /// Resolution on time.
    pub resolution: Ratio,
    /// All other clocks on time (binding decisions, rework, contests, contributions, legal limits).
    pub other_clocks: BTreeMap<ClockKind, Ratio>,
    /// Median of time charged in closed cases, in seconds, nearest rank.
    pub charged_median_seconds: Option<u64>,
    /// 90th percentile of time charged in closed cases, in seconds, nearest rank.
    pub charged_p90_seconds: Option<u64>,
    /// Returns and requests for transfer.
    pub returns: u64,
    /// Cases that came after another agency had returned them.
    pub bounces: u64,
    /// Answers disputed.
    pub disputes: u64,
    /// Disputes upheld.
    pub disputes_upheld: u64,
    /// Ratings.
    pub rating: RatingMeasure,
    /// Answers that are near copies.
    pub near_copies: u64,
    /// Rungs reached, by working days after the breach.
    pub escalations: BTreeMap<u16, u64>,
    /// Weighted score in basis points; none without any data.
    pub score_basis_points: Option<u32>,
    /// Predicate; none without any data.
    pub predicate: Option<Predicate>,
}

/// The nearest-rank percentile of sorted values: the smallest value with at least `percent` of all at or below it.
#[must_use]
pub fn nearest_rank(sorted: &[u64], percent: u32) -> Option<u64> {
    let count = u128::try_from(sorted.len()).ok()?;
    let rank = (count * u128::from(percent)).div_ceil(100).max(1);
    sorted.get(usize::try_from(rank - 1).ok()?).copied()
}

/// Measures a subject over a period from facts in any order.
#[must_use]
pub fn measure(
    subject: &Subject,
    period: Period,
    facts: &[Fact],
    policy: &ScoringPolicy,
    policy_version: u32,
) -> Measures {
    let mut measures = Measures::empty(subject.clone(), period, policy_version);
    let mut charged = Vec::new();
    let counts = |fact: &&Fact| period.contains(fact.at) && subject.includes(fact);
    for fact in facts.iter().filter(counts) {
        if let What::Closed { charged_seconds } = fact.what {
            charged.push(charged_seconds);
        }
        measures.count(fact.what);
    }
    charged.sort_unstable();
    measures.charged_median_seconds = nearest_rank(&charged, 50);
    measures.charged_p90_seconds = nearest_rank(&charged, 90);
    measures.rating.shrunk_hundredths = shrunk(measures.rating, policy);
    measures.score_basis_points = score(&measures, policy);
    measures.predicate = measures.score_basis_points.map(|points| {
        if points >= policy.baik_from_basis_points {
            Predicate::Baik
        } else if points >= policy.sedang_from_basis_points {
            Predicate::Sedang
        } else {
            Predicate::Kurang
        }
    });
    measures
}

impl Measures {
    fn empty(subject: Subject, period: Period, policy_version: u32) -> Self {
        Self {
            subject,
            period,
            policy_version,
            received: 0,
            answered: 0,
            closed: 0,
            verification: Ratio::default(),
            acceptance: Ratio::default(),
            first_response: Ratio::default(),
            resolution: Ratio::default(),
            other_clocks: BTreeMap::new(),
            charged_median_seconds: None,
            charged_p90_seconds: None,
            returns: 0,
            bounces: 0,
            disputes: 0,
            disputes_upheld: 0,
            rating: RatingMeasure::default(),
            near_copies: 0,
            escalations: BTreeMap::new(),
            score_basis_points: None,
            predicate: None,
        }
    }

    fn count(&mut self, what: What) {
        let one = |counter: &mut u64| *counter = counter.saturating_add(1);
        match what {
            What::Received => one(&mut self.received),
            What::Answered => one(&mut self.answered),
            What::Closed { .. } => one(&mut self.closed),
            What::Returned => one(&mut self.returns),
            What::Bounced => one(&mut self.bounces),
            What::Disputed => one(&mut self.disputes),
            What::DisputeUpheld => one(&mut self.disputes_upheld),
            What::NearCopy => one(&mut self.near_copies),
            What::Escalated { after_working_days } => {
                one(self.escalations.entry(after_working_days).or_default());
            }
            What::Rated { score } => {
                one(&mut self.rating.count);
                self.rating.sum = self.rating.sum.saturating_add(u64::from(score));
            }
            What::ClockEnded { kind, on_time } => self.ratio_mut(kind).count(on_time),
        }
    }

    fn ratio_mut(&mut self, kind: ClockKind) -> &mut Ratio {
        match kind {
            ClockKind::Verification => &mut self.verification,
            ClockKind::Acceptance => &mut self.acceptance,
            ClockKind::FirstResponse => &mut self.first_response,
            ClockKind::Resolution => &mut self.resolution,
            other => self.other_clocks.entry(other).or_default(),
        }
    }
}

/// `(sum + prior) / (count + prior count)`, in hundredths.
fn shrunk(rating: RatingMeasure, policy: &ScoringPolicy) -> Option<u32> {
    if rating.count == 0 {
        return None;
    }
    let prior = u128::from(policy.rating_prior_count);
    let sum = u128::from(rating.sum) * 100 + prior * u128::from(policy.rating_prior_hundredths);
    rounded(sum, u128::from(rating.count) + prior)
}

/// The weighted mean of the components that have data, in basis points, rounded half up.
fn score(measures: &Measures, policy: &ScoringPolicy) -> Option<u32> {
    let answers = measures.answered;
    let of_answers = |bad: u64| {
        Ratio {
            part: answers.saturating_sub(bad),
            whole: answers,
        }
        .basis_points()
    };
    // One star is nothing, five are all.
    let rating = measures
        .rating
        .shrunk_hundredths
        .and_then(|hundredths| rounded(u128::from(hundredths.saturating_sub(100)) * 10_000, 400));
    let components = [
        (policy.weight_verification, measures.verification.basis_points()),
        (policy.weight_acceptance, measures.acceptance.basis_points()),
        (policy.weight_first_response, measures.first_response.basis_points()),
        (policy.weight_resolution, measures.resolution.basis_points()),
        (policy.weight_undisputed, of_answers(measures.disputes_upheld)),
        (policy.weight_rating, rating),
        (policy.weight_original, of_answers(measures.near_copies)),
    ];
    let mut weighted: u128 = 0;
    let mut weights: u128 = 0;
    for (weight, points) in components {
        if let Some(points) = points {
            weighted += u128::from(weight) * u128::from(points);
            weights += u128::from(weight);
        }
    }
    rounded(weighted, weights)
}
