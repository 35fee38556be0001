//! Names of commands, without their data.

use serde::{Deserialize, Serialize};

/// The command's name, without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "each is documented at the variant of `Command` with its name"
)]
pub enum CommandKind {
    File,
    CompleteReport,
    Withdraw,
    Dispute,
    Rate,
    Contest,
    AcceptVerification,
    RequestCompletion,
    Reject,
    Refer,
    MergeInto,
    Absorb,
    Unmerge,
    SplitOff,
    Reclassify,
    Dispose,
    Bind,
    Transfer,
    DeclineTransfer,
    Recall,
    AddContributor,
    AcceptCase,
    ReturnCase,
    RequestTransfer,
    Assign,
    RecordProgress,
    AgencyCompletionRequest,
    ContributionDone,
    DeclareLeadDone,
    ReleaseFirstResponse,
    ReleaseAnswer,
    DecideDispute,
    DecideContest,
    Reopen,
    TakeOver,
    HandBack,
    FallDue,
    Escalate,
    ApplyCalendar,
    CorrectForOutage,
}

impl CommandKind {
    /// All commands, in the order of a case's life.
    pub const ALL: [Self; 40] = [
        Self::File,
        Self::CompleteReport,
        Self::Withdraw,
        Self::Dispute,
        Self::Rate,
        Self::Contest,
        Self::AcceptVerification,
        Self::RequestCompletion,
        Self::Reject,
        Self::Refer,
        Self::MergeInto,
        Self::Absorb,
        Self::Unmerge,
        Self::SplitOff,
        Self::Reclassify,
        Self::Dispose,
        Self::Bind,
        Self::Transfer,
        Self::DeclineTransfer,
        Self::Recall,
        Self::AddContributor,
        Self::AcceptCase,
        Self::ReturnCase,
        Self::RequestTransfer,
        Self::Assign,
        Self::RecordProgress,
        Self::AgencyCompletionRequest,
        Self::ContributionDone,
        Self::DeclareLeadDone,
        Self::ReleaseFirstResponse,
        Self::ReleaseAnswer,
        Self::DecideDispute,
        Self::DecideContest,
        Self::Reopen,
        Self::TakeOver,
        Self::HandBack,
        Self::FallDue,
        Self::Escalate,
        Self::ApplyCalendar,
        Self::CorrectForOutage,
    ];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::CompleteReport => "complete_report",
            Self::Withdraw => "withdraw",
            Self::Dispute => "dispute",
            Self::Rate => "rate",
            Self::Contest => "contest",
            Self::AcceptVerification => "accept_verification",
            Self::RequestCompletion => "request_completion",
            Self::Reject => "reject",
            Self::Refer => "refer",
            Self::MergeInto => "merge_into",
            Self::Absorb => "absorb",
            Self::Unmerge => "unmerge",
            Self::SplitOff => "split_off",
            Self::Reclassify => "reclassify",
            Self::Dispose => "dispose",
            Self::Bind => "bind",
            Self::Transfer => "transfer",
            Self::DeclineTransfer => "decline_transfer",
            Self::Recall => "recall",
            Self::AddContributor => "add_contributor",
            Self::AcceptCase => "accept_case",
            Self::ReturnCase => "return_case",
            Self::RequestTransfer => "request_transfer",
            Self::Assign => "assign",
            Self::RecordProgress => "record_progress",
            Self::AgencyCompletionRequest => "agency_completion_request",
            Self::ContributionDone => "contribution_done",
            Self::DeclareLeadDone => "declare_lead_done",
            Self::ReleaseFirstResponse => "release_first_response",
            Self::ReleaseAnswer => "release_answer",
            Self::DecideDispute => "decide_dispute",
            Self::DecideContest => "decide_contest",
            Self::Reopen => "reopen",
            Self::TakeOver => "take_over",
            Self::HandBack => "hand_back",
            Self::FallDue => "fall_due",
            Self::Escalate => "escalate",
            Self::ApplyCalendar => "apply_calendar",
            Self::CorrectForOutage => "correct_for_outage",
        }
    }
}

impl std::fmt::Display for CommandKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}
