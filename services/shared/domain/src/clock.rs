//! Clocks of a case: what runs, for whom, until when, and how it ended (rules K1, K2, K7, V1).

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::authorization::Role;
use crate::ids::{HolderId, PositionId, ReportId};
use crate::party::Party;
use crate::policy::Limit;

/// Number of a clock within its case: its place in [`crate::case::Case::clocks`]. Clocks are never removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClockId(pub u32);

/// What a clock measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockKind {
    /// Filing (or completion) to disposition, rejection, referral or completion request (rule K2).
    Verification,
    /// A returned or recalled case, or an agency's request for transfer, to the manager's next decision.
    Redisposition,
    /// The manager's binding decision after the second return (rules M4, K9).
    BindingDecision,
    /// The reporter completes, or the case lapses.
    Completion,
    /// Disposition to acceptance or return.
    Acceptance,
    /// Disposition to the first text released to the reporter (rule K6).
    FirstResponse,
    /// Filing, or the accepted completion, to the answer (rule K2).
    Resolution,
    /// A contributing agency's part, due two working days before the case (rule M5).
    Contribution,
    /// Answer to closing by silence; one more per late joiner (rule M6).
    ReporterSilence,
    /// First dispute (or one the director upheld) to the next answer, under the head (rule M7).
    Rework,
    /// The director's decision on the second dispute (rule M7).
    DirectorDecision,
    /// The director's decision on a contest (rules M8, K9).
    Contest,
    /// A reopened case to its answer (rule M11).
    Reopen,
    /// UU 25/2009: complete or incomplete is told within 14 calendar days (rule K8).
    LegalNotice,
    /// UU 25/2009 art. 50: decision within 60 calendar days from the complete report (rule K8).
    LegalDecision,
}

impl ClockKind {
    /// All kinds.
    pub const ALL: [Self; 15] = [
        Self::Verification,
        Self::Redisposition,
        Self::BindingDecision,
        Self::Completion,
        Self::Acceptance,
        Self::FirstResponse,
        Self::Resolution,
        Self::Contribution,
        Self::ReporterSilence,
        Self::Rework,
        Self::DirectorDecision,
        Self::Contest,
        Self::Reopen,
        Self::LegalNotice,
        Self::LegalDecision,
    ];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::Redisposition => "redisposition",
            Self::BindingDecision => "binding_decision",
            Self::Completion => "completion",
            Self::Acceptance => "acceptance",
            Self::FirstResponse => "first_response",
            Self::Resolution => "resolution",
            Self::Contribution => "contribution",
            Self::ReporterSilence => "reporter_silence",
            Self::Rework => "rework",
            Self::DirectorDecision => "director_decision",
            Self::Contest => "contest",
            Self::Reopen => "reopen",
            Self::LegalNotice => "legal_notice",
            Self::LegalDecision => "legal_decision",
        }
    }

    /// A reporter's clock expires with a consequence (lapse, closing) and is never a breach.
    #[must_use]
    pub const fn is_reporters(self) -> bool {
        matches!(self, Self::Completion | Self::ReporterSilence)
    }

    /// Runs through the hands of several parties; a breach is charged by who overran (rule V1).
    #[must_use]
    pub const fn is_long(self) -> bool {
        matches!(
            self,
            Self::Resolution | Self::Reopen | Self::LegalNotice | Self::LegalDecision
        )
    }

    /// A legal outer limit in calendar days that runs beside a working-day clock (rule K8).
    #[must_use]
    pub const fn is_legal(self) -> bool {
        matches!(self, Self::LegalNotice | Self::LegalDecision)
    }

    /// The working-day clock and the legal clock that run side by side (rule K8).
    #[must_use]
    pub const fn side_by_side(self) -> Option<Self> {
        match self {
            Self::Verification => Some(Self::LegalNotice),
            Self::LegalNotice => Some(Self::Verification),
            Self::Resolution => Some(Self::LegalDecision),
            Self::LegalDecision => Some(Self::Resolution),
            _ => None,
        }
    }
}

impl fmt::Display for ClockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A stretch in which a clock did not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Start of the pause.
    pub from: OffsetDateTime,
    /// End of the pause; none while it lasts.
    pub to: Option<OffsetDateTime>,
}

/// What a clock's due time is computed from; a cluster adopts those of its duplicates (rule M6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// Start of counting.
    pub started_at: OffsetDateTime,
    /// The limit.
    pub limit: Limit,
    /// Pauses, oldest first.
    pub pauses: Vec<Pause>,
}

/// To whom a breach is charged (rule V1). The position is none when the agency has no such position;
/// the holder is none when the position was vacant (rule E2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Charge {
    /// The party.
    pub party: Party,
    /// The position responsible for the step.
    pub position: Option<PositionId>,
    /// Its holder at the breach.
    pub holder: Option<HolderId>,
    /// The role in which the position is responsible.
    pub role: Role,
}

/// A breach, or what was one until it was corrected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// The moment at which the clock fell due.
    pub at: OffsetDateTime,
    /// To whom it is charged.
    pub charged_to: Charge,
    /// Version of the policy whose ladder escalates it: the one in force at the breach (rule K3).
    pub ladder_version: u32,
}

/// How a clock ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum ClockResult {
    /// Stopped at or before its due time.
    Met {
        /// Whose merit it is: the party, position and holder that a breach would have been charged to at the
        /// stop; none for a reporter's clock.
        by: Option<Charge>,
    },
    /// Fell due before it was stopped; stays so whenever it is stopped later.
    Breached(Breach),
    /// A reporter's clock ran out: silence closed the case, or it lapsed.
    Expired,
    /// Ended with nobody having to meet it (transfer, withdrawal, merge).
    Void,
}

/// A rung of the ladder that has fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiredRung {
    /// Number of the rung in its ladder, from zero.
    pub rung: u32,
    /// Working days after the breach at which this rung stands in the ladder.
    pub after_working_days: u16,
    /// Role addressed.
    pub role: Role,
    /// Position addressed, if the agency has one.
    pub position: Option<PositionId>,
    /// Its holder (or acting holder) then; none means vacant, and the next rung fired at once (rule E2).
    pub holder: Option<HolderId>,
    /// When it was due.
    pub due_at: OffsetDateTime,
    /// When it fired.
    pub at: OffsetDateTime,
    /// Whether this rung flags the case to the Ombudsman (rule E1).
    pub flags_ombudsman: bool,
}

/// A breach mended because routing itself was out when the stop was issued (rule K7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// When it was mended.
    pub at: OffsetDateTime,
    /// Why.
    pub cause: CorrectionCause,
    /// The breach that it mends.
    pub was: Breach,
}

/// Why a breach was corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionCause {
    /// An outage window that routing recorded (rule K7).
    RoutingOutage,
}

/// A clock of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseClock {
    /// Its number within the case.
    pub id: ClockId,
    /// What it measures.
    pub kind: ClockKind,
    /// For whom it runs.
    pub party: Party,
    /// For one reporter's own window (late joiner, rule M6); none for everybody's.
    pub report: Option<ReportId>,
    /// Start, limit and pauses of its own.
    pub basis: Basis,
    /// Bases adopted by merging; the earliest due time of all counts (rule M6).
    pub adopted: Vec<Basis>,
    /// When it falls due.
    pub due_at: OffsetDateTime,
    /// The due time lies beyond the last known calendar year (rule K3).
    pub provisional: bool,
    /// When it was stopped; none while it runs (also after a breach).
    pub stopped_at: Option<OffsetDateTime>,
    /// When the command that stopped it was issued at the desk (rule K7).
    pub stop_issued_at: Option<OffsetDateTime>,
    /// How it ended; a breach is set when it falls due, before it stops.
    pub result: Option<ClockResult>,
    /// A breach that was mended.
    pub correction: Option<Correction>,
    /// Rungs fired, in order (rule E1).
    pub rungs: Vec<FiredRung>,
}

impl CaseClock {
    /// When it started.
    #[must_use]
    pub const fn started_at(&self) -> OffsetDateTime {
        self.basis.started_at
    }

    /// Not stopped yet (it may have been breached).
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.stopped_at.is_none()
    }

    /// Running and not paused.
    #[must_use]
    pub fn is_counting(&self) -> bool {
        self.is_running() && !self.is_paused()
    }

    /// Paused now.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.basis.pauses.last().is_some_and(|pause| pause.to.is_none())
    }

    /// The breach, if there is one.
    #[must_use]
    pub const fn breach(&self) -> Option<&Breach> {
        match &self.result {
            Some(ClockResult::Breached(breach)) => Some(breach),
            _ => None,
        }
    }

    /// Running with nothing decided yet: it can still be met.
    #[must_use]
    pub const fn is_undecided(&self) -> bool {
        self.stopped_at.is_none() && self.result.is_none()
    }
}
