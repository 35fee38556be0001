//! Why a command was refused: typed, with a stable code (architecture rule: never a silent no-op).

use serde::{Deserialize, Serialize};

use crate::authorization::CommandKind;

/// A refusal of a command. The case is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The command needs a case and there is none.
    #[error("there is no such case")]
    UnknownCase,
    /// A report opens exactly one case (rule M1).
    #[error("the case is already open")]
    CaseAlreadyOpen,
    /// The state of the case does not allow the command (rule M1).
    #[error("{command} is not possible in state {state}")]
    IllegalMove {
        /// The command.
        command: CommandKind,
        /// Code of the state.
        state: StateCode,
    },
    /// The actor's roles do not allow the command (rule M13).
    #[error("the actor may not do this")]
    NotPermitted,
    /// Nobody decides on their own unit (rule M10).
    #[error("nobody decides on their own unit")]
    OwnUnit,
    /// The answer needs the head's role at release (rule M12).
    #[error("the release of this answer needs the head of the agency")]
    HeadRequired,
    /// The case may not be returned any more (rule M4).
    #[error("the case may not be returned any more")]
    ReturnsExhausted,
    /// After the last return only the manager's binding decision is possible (rule M4).
    #[error("the manager's binding decision is due")]
    BindingDecisionRequired,
    /// A binding decision needs the last return or a pending request before it (rule M4).
    #[error("there is nothing to decide bindingly")]
    NothingToBind,
    /// The third dispute is for the Ombudsman (rule M7).
    #[error("further disputes go to the Ombudsman")]
    AppealToOmbudsman,
    /// A closing can be contested once (rule M8).
    #[error("the closing has been contested before")]
    ContestAlreadyUsed,
    /// The outcome is not one that can be contested (rule M8).
    #[error("this outcome can not be contested")]
    NotContestable,
    /// The window to contest is over (rule M8).
    #[error("the time to contest is over")]
    ContestWindowOver,
    /// A contest is never decided by the one who decided first (rule M8).
    #[error("the contest is not decided by the one who decided first")]
    DecidedFirst,
    /// There is no contest to decide.
    #[error("there is no contest to decide")]
    NoContest,
    /// The window to dispute is over.
    #[error("the time to dispute is over")]
    DisputeWindowOver,
    /// The window to complete is over.
    #[error("the time to complete is over")]
    CompletionWindowOver,
    /// One completion request at verification, one per agency (rule M3).
    #[error("completion has been requested before")]
    CompletionAlreadyRequested,
    /// The report does not belong to the case, or not any more.
    #[error("the report is not in this case")]
    ReportNotInCase,
    /// The report was withdrawn.
    #[error("the report was withdrawn")]
    AlreadyWithdrawn,
    /// The report was rated.
    #[error("the report was rated before")]
    AlreadyRated,
    /// Only an answered case is rated.
    #[error("there is no answer to rate")]
    NothingToRate,
    /// The reporter has disputed this answer already.
    #[error("this answer was disputed by this reporter before")]
    AlreadyDisputed,
    /// The dispute was received before the answer that stands was released.
    #[error("the disputed answer has been replaced by a new one")]
    AnswerSuperseded,
    /// Supervisory cases merge only with supervisory ones (rule M6).
    #[error("supervisory cases merge only with supervisory ones")]
    SupervisoryMismatch,
    /// A case does not merge with itself.
    #[error("a case does not merge with itself")]
    SameCase,
    /// The other case of a merge can not take part in it.
    #[error("the other case is closed")]
    OtherCaseClosed,
    /// A report of the duplicate is in the case already.
    #[error("the cases are merged already")]
    AlreadyMerged,
    /// The case is not merged into, or does not hold, the other one.
    #[error("the cases are not merged")]
    NotMerged,
    /// Reclassification only before the first disposition (rule M9).
    #[error("the case was disposed before")]
    AlreadyDisposed,
    /// Away from supervisory only with the auditor (rule M9).
    #[error("this reclassification needs the auditor")]
    AuditorRequired,
    /// The Ombudsman has taken the case over.
    #[error("the Ombudsman has taken the case over")]
    TakenOver,
    /// The Ombudsman has not taken the case over.
    #[error("the case is not taken over")]
    NotTakenOver,
    /// The case is too young to be taken over.
    #[error("the case is not old enough to be taken over")]
    TakeOverTooEarly,
    /// The clock does not exist, is stopped, or is not due.
    #[error("nothing is due")]
    NotDue,
    /// The lead answers when contributions are in, or says why without (rule M5).
    #[error("contributions are outstanding and no reason is given")]
    ContributionsOutstanding,
    /// The agency is not a contributor with an open contribution.
    #[error("the agency has no open contribution")]
    NoOpenContribution,
    /// The agency already takes part in the case.
    #[error("the agency takes part already")]
    AlreadyTakesPart,
    /// The agency is unknown or not the province's.
    #[error("the agency is unknown or not the province's")]
    UnknownAgency,
    /// The position is unknown or belongs to another agency.
    #[error("the position is unknown or of another agency")]
    UnknownPosition,
    /// The claimed outcome does not fit the kind of the report.
    #[error("the outcome does not fit the kind of the report")]
    OutcomeDoesNotFit,
    /// An agency's request for transfer is pending already.
    #[error("a transfer has been requested before")]
    TransferAlreadyRequested,
    /// There is no request for transfer.
    #[error("no transfer has been requested")]
    NoTransferRequested,
    /// The lead has declared itself done before.
    #[error("the lead has declared itself done before")]
    AlreadyDone,
    /// Nothing would change.
    #[error("nothing would change")]
    NothingChanges,
    /// A rating is from one to five.
    #[error("a rating is from one to five")]
    InvalidScore,
    /// Rejection as insufficient needs a completion request before it.
    #[error("completion has not been requested")]
    CompletionNotRequested,
    /// The policy of the case is not in the book.
    #[error("the policy version of the case is unknown")]
    UnknownPolicy,
}

/// Code of a state, for messages and tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateCode {
    /// `awaiting_verification`.
    AwaitingVerification,
    /// `awaiting_completion`.
    AwaitingCompletion,
    /// `awaiting_disposition`.
    AwaitingDisposition,
    /// `awaiting_acceptance`.
    AwaitingAcceptance,
    /// `in_progress`.
    InProgress,
    /// `answered`.
    Answered,
    /// `disputed`.
    Disputed,
    /// `closed`.
    Closed,
}

impl StateCode {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::AwaitingVerification,
        Self::AwaitingCompletion,
        Self::AwaitingDisposition,
        Self::AwaitingAcceptance,
        Self::InProgress,
        Self::Answered,
        Self::Disputed,
        Self::Closed,
    ];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AwaitingVerification => "awaiting_verification",
            Self::AwaitingCompletion => "awaiting_completion",
            Self::AwaitingDisposition => "awaiting_disposition",
            Self::AwaitingAcceptance => "awaiting_acceptance",
            Self::InProgress => "in_progress",
            Self::Answered => "answered",
            Self::Disputed => "disputed",
            Self::Closed => "closed",
        }
    }
}

impl std::fmt::Display for StateCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl Refusal {
    /// Stable code, shown to clients as the reason of a gRPC `ErrorInfo` and the type of an RFC 9457 problem.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownCase => "unknown_case",
            Self::CaseAlreadyOpen => "case_already_open",
            Self::IllegalMove { .. } => "illegal_move",
            Self::NotPermitted => "not_permitted",
            Self::OwnUnit => "own_unit",
            Self::HeadRequired => "head_required",
            Self::ReturnsExhausted => "returns_exhausted",
            Self::BindingDecisionRequired => "binding_decision_required",
            Self::NothingToBind => "nothing_to_bind",
            Self::AppealToOmbudsman => "appeal_to_ombudsman",
            Self::ContestAlreadyUsed => "contest_already_used",
            Self::NotContestable => "not_contestable",
            Self::ContestWindowOver => "contest_window_over",
            Self::DecidedFirst => "decided_first",
            Self::NoContest => "no_contest",
            Self::DisputeWindowOver => "dispute_window_over",
            Self::CompletionWindowOver => "completion_window_over",
            Self::CompletionAlreadyRequested => "completion_already_requested",
            Self::ReportNotInCase => "report_not_in_case",
            Self::AlreadyWithdrawn => "already_withdrawn",
            Self::AlreadyRated => "already_rated",
            Self::NothingToRate => "nothing_to_rate",
            Self::AlreadyDisputed => "already_disputed",
            Self::AnswerSuperseded => "answer_superseded",
            Self::SupervisoryMismatch => "supervisory_mismatch",
            Self::SameCase => "same_case",
            Self::OtherCaseClosed => "other_case_closed",
            Self::AlreadyMerged => "already_merged",
            Self::NotMerged => "not_merged",
            Self::AlreadyDisposed => "already_disposed",
            Self::AuditorRequired => "auditor_required",
            Self::TakenOver => "taken_over",
            Self::NotTakenOver => "not_taken_over",
            Self::TakeOverTooEarly => "take_over_too_early",
            Self::NotDue => "not_due",
            Self::ContributionsOutstanding => "contributions_outstanding",
            Self::NoOpenContribution => "no_open_contribution",
            Self::AlreadyTakesPart => "already_takes_part",
            Self::UnknownAgency => "unknown_agency",
            Self::UnknownPosition => "unknown_position",
            Self::OutcomeDoesNotFit => "outcome_does_not_fit",
            Self::TransferAlreadyRequested => "transfer_already_requested",
            Self::NoTransferRequested => "no_transfer_requested",
            Self::AlreadyDone => "already_done",
            Self::NothingChanges => "nothing_changes",
            Self::InvalidScore => "invalid_score",
            Self::CompletionNotRequested => "completion_not_requested",
            Self::UnknownPolicy => "unknown_policy",
        }
    }
}
