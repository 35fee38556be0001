//! What happened to a case: one fact in the past tense, and its effects on clocks and ledger.
//!
//! An event is complete: [`super::Case::replay`] of all events gives the case, with no policy, calendar or
//! directory at hand. Events carry ids, never words or identities.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::command::{Classification, Outage};
use super::parts::{Decider, FlagReason, Member, TextRef};
use super::states::{ClaimedOutcome, Outcome, RejectReason, ReturnReason};
use crate::clock::{Basis, Breach, CaseClock, ClockId, ClockResult, Correction, FiredRung};
use crate::ids::{CaseId, OpdCode, PositionId, ReportId};
use crate::party::Party;
use crate::report::Privacy;

/// An event of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseEvent {
    /// Number within the case, contiguous from 1.
    pub seq: u64,
    /// When it was decided.
    pub at: OffsetDateTime,
    /// What happened.
    pub fact: CaseFact,
    /// What it did to clocks, ledger and flags, in order.
    pub effects: Vec<Effect>,
}

impl CaseEvent {
    /// Stable name: the last part of the event's type and routing key.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.fact.name()
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields are those of the command that each fact answers")]
pub enum CaseFact {
    /// A report opened the case.
    Filed {
        case_id: CaseId,
        report: ReportId,
        privacy: Privacy,
        classification: Classification,
        filed_at: OffsetDateTime,
        policy_version: u32,
        authority: Party,
    },
    /// The reporter completed the report.
    Completed {
        report: ReportId,
        received_at: OffsetDateTime,
    },
    /// A report was withdrawn; `closes` when it was the last live one.
    Withdrawn {
        report: ReportId,
        received_at: OffsetDateTime,
        closes: bool,
    },
    /// A dispute counted; `to_director` from the second on (rule M7).
    Disputed {
        report: ReportId,
        received_at: OffsetDateTime,
        to_director: bool,
    },
    /// One more reporter disputed the same answer; it counts once (rule M6).
    DisputeJoined {
        report: ReportId,
        received_at: OffsetDateTime,
    },
    /// The third dispute: refused, for the Ombudsman; the case closes (rule M7).
    AppealReferredToOmbudsman {
        report: ReportId,
        received_at: OffsetDateTime,
        outcome: Outcome,
    },
    /// A report was rated.
    Rated {
        report: ReportId,
        score: u8,
        received_at: OffsetDateTime,
    },
    /// A closing was contested (rule M8).
    Contested {
        report: ReportId,
        received_at: OffsetDateTime,
    },
    /// Accepted at verification.
    Verified { classification: Classification },
    /// Verification showed that the case is about the unit that verifies: it goes above (rule M10).
    HandedUp {
        classification: Classification,
        authority: Party,
    },
    /// Completion was requested, at verification or by an agency (rule M3).
    CompletionRequested { by: Party, text: Option<TextRef> },
    /// Rejected.
    Rejected { reason: RejectReason, by: Decider },
    /// Referred to another authority.
    Referred { to: OpdCode, by: Decider },
    /// Merged into another case (rule M6).
    MergedInto { into: CaseId, by: Decider },
    /// A duplicate was taken in (rule M6).
    Absorbed { from: CaseId, members: Vec<Member> },
    /// Became a case of its own again (rule M6).
    Unmerged { from: CaseId, reports: Vec<ReportId> },
    /// A duplicate was given back (rule M6); `closes` when no live report is left.
    SplitOff { case_id: CaseId, closes: bool },
    /// Reclassified (rule M9).
    Reclassified {
        classification: Classification,
        authority: Party,
    },
    /// Disposed to a lead and contributors.
    Disposed { lead: OpdCode, contributors: Vec<OpdCode> },
    /// Decided bindingly (rule M4).
    Bound { lead: OpdCode },
    /// Moved to another lead by the manager (rule M4).
    Transferred { from: OpdCode, to: OpdCode },
    /// The agency's request for transfer was declined.
    TransferDeclined,
    /// The disposition was taken back before acceptance.
    Recalled { from: OpdCode },
    /// One more agency contributes (rule M5).
    ContributorAdded { opd: OpdCode },
    /// The lead accepted.
    Accepted { opd: OpdCode },
    /// The agency returned the case (rule M4); `exhausted` when the binding decision follows.
    Returned {
        opd: OpdCode,
        reason: ReturnReason,
        text: Option<TextRef>,
        suggested: Option<OpdCode>,
        exhausted: bool,
    },
    /// The agency asked for a transfer; counts as a return (rule M4).
    TransferRequested {
        opd: OpdCode,
        reason: ReturnReason,
        text: Option<TextRef>,
        suggested: Option<OpdCode>,
        exhausted: bool,
    },
    /// An executor was assigned.
    Assigned { executor: PositionId },
    /// Progress was noted.
    ProgressRecorded { opd: OpdCode, text: Option<TextRef> },
    /// A contributor did its part (rule M5).
    ContributionDone { opd: OpdCode, text: Option<TextRef> },
    /// The lead declared itself done (rule K5).
    LeadDeclaredDone,
    /// The first text was released to the reporter (rule K6).
    FirstResponseReleased { text: TextRef },
    /// The answer was released.
    Answered {
        text: TextRef,
        outcome: ClaimedOutcome,
        opd: OpdCode,
        without_contributions: Option<TextRef>,
    },
    /// The director decided the second dispute (rule M7); `outcome` when that closed the case.
    DisputeDecided {
        upheld: bool,
        text: Option<TextRef>,
        by: Decider,
        outcome: Option<Outcome>,
    },
    /// A contest was decided (rule M8).
    ContestDecided {
        granted: bool,
        text: Option<TextRef>,
        by: Decider,
        reports: Vec<ReportId>,
    },
    /// The Ombudsman reopened the case (rule M11).
    Reopened,
    /// The Ombudsman took over.
    TakenOver,
    /// The Ombudsman handed back.
    HandedBack,
    /// A clock fell due and is breached.
    Breached { clock: ClockId },
    /// One reporter's own window ended; others still run (rule M6).
    WindowEnded { clock: ClockId },
    /// Silence closed the case.
    ClosedBySilence { outcome: Outcome },
    /// The report was not completed in time.
    Lapsed,
    /// A rung of the ladder fired (rule E1).
    Escalated { clock: ClockId },
    /// The calendar changed (rule K3).
    CalendarApplied { calendar_version: u32 },
    /// Breaches caused by an outage of routing were mended (rule K7).
    OutageCorrected { outage: Outage },
}

impl CaseFact {
    /// Stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Filed { .. } => "filed",
            Self::Completed { .. } => "completed",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Disputed { .. } => "disputed",
            Self::DisputeJoined { .. } => "dispute_joined",
            Self::AppealReferredToOmbudsman { .. } => "appeal_referred_to_ombudsman",
            Self::Rated { .. } => "rated",
            Self::Contested { .. } => "contested",
            Self::Verified { .. } => "verified",
            Self::HandedUp { .. } => "handed_up",
            Self::CompletionRequested { .. } => "completion_requested",
            Self::Rejected { .. } => "rejected",
            Self::Referred { .. } => "referred",
            Self::MergedInto { .. } => "merged_into",
            Self::Absorbed { .. } => "absorbed",
            Self::Unmerged { .. } => "unmerged",
            Self::SplitOff { .. } => "split_off",
            Self::Reclassified { .. } => "reclassified",
            Self::Disposed { .. } => "disposed",
            Self::Bound { .. } => "bound",
            Self::Transferred { .. } => "transferred",
            Self::TransferDeclined => "transfer_declined",
            Self::Recalled { .. } => "recalled",
            Self::ContributorAdded { .. } => "contributor_added",
            Self::Accepted { .. } => "accepted",
            Self::Returned { .. } => "returned",
            Self::TransferRequested { .. } => "transfer_requested",
            Self::Assigned { .. } => "assigned",
            Self::ProgressRecorded { .. } => "progress_recorded",
            Self::ContributionDone { .. } => "contribution_done",
            Self::LeadDeclaredDone => "lead_declared_done",
            Self::FirstResponseReleased { .. } => "first_response_released",
            Self::Answered { .. } => "answered",
            Self::DisputeDecided { .. } => "dispute_decided",
            Self::ContestDecided { .. } => "contest_decided",
            Self::Reopened => "reopened",
            Self::TakenOver => "taken_over",
            Self::HandedBack => "handed_back",
            Self::Breached { .. } => "breached",
            Self::WindowEnded { .. } => "window_ended",
            Self::ClosedBySilence { .. } => "closed_by_silence",
            Self::Lapsed => "lapsed",
            Self::Escalated { .. } => "escalated",
            Self::CalendarApplied { .. } => "deadline_moved",
            Self::OutageCorrected { .. } => "breach_corrected",
        }
    }
}

/// Why a due time moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadlineCause {
    /// The calendar changed (rule K3).
    Calendar,
    /// A duplicate with an earlier deadline was taken in (rule M6).
    Merge,
}

/// What an event did to clocks, ledger and flags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields are those of the clock, interval or flag they set")]
pub enum Effect {
    /// A clock was started.
    ClockStarted { clock: Box<CaseClock> },
    /// A clock that runs through many hands now runs for another party.
    ClockPassedTo { clock: ClockId, party: Party },
    /// A clock was paused.
    ClockPaused { clock: ClockId, at: OffsetDateTime },
    /// A clock runs again, with a new due time.
    ClockResumed {
        clock: ClockId,
        at: OffsetDateTime,
        due_at: OffsetDateTime,
        provisional: bool,
    },
    /// A clock was stopped; a breach fixed before stays (then `result` is none).
    ClockStopped {
        clock: ClockId,
        at: OffsetDateTime,
        issued_at: Option<OffsetDateTime>,
        result: Option<ClockResult>,
    },
    /// A clock fell due while running.
    ClockBreached { clock: ClockId, breach: Breach },
    /// A breach was mended (rule K7).
    BreachCorrected { clock: ClockId, correction: Correction },
    /// A due time moved (rules K3, M6).
    DeadlineMoved {
        clock: ClockId,
        from: OffsetDateTime,
        to: OffsetDateTime,
        provisional: bool,
        cause: DeadlineCause,
        adopted: Vec<Basis>,
    },
    /// A rung fired (rule E1).
    RungFired { clock: ClockId, rung: FiredRung },
    /// The case is held by a party from a moment (rule K4).
    HeldBy { party: Party, from: OffsetDateTime },
    /// Nobody holds the case any more.
    HeldByNobody { from: OffsetDateTime },
    /// The case is in the Ombudsman's alerts.
    FlaggedToOmbudsman { reason: FlagReason },
}
