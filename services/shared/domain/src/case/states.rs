//! States and outcomes of a case, and the closed vocabularies of its decisions.

use serde::{Deserialize, Serialize};

use crate::ids::{CaseId, OpdCode};
use crate::refusal::StateCode;

/// State of a case (rule M1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum State {
    /// With the verifier.
    AwaitingVerification,
    /// With the reporter, to complete.
    AwaitingCompletion,
    /// Verified (or returned), to be sent to an agency.
    AwaitingDisposition,
    /// With the liaison of the agency, to accept or return.
    AwaitingAcceptance,
    /// The agency works.
    InProgress,
    /// Answered; the reporter may dispute.
    Answered,
    /// Disputed; the agency works again, or the director decides.
    Disputed,
    /// Closed.
    Closed {
        /// How it ended.
        outcome: Outcome,
    },
}

impl State {
    /// Code without data.
    #[must_use]
    pub const fn code(&self) -> StateCode {
        match self {
            Self::AwaitingVerification => StateCode::AwaitingVerification,
            Self::AwaitingCompletion => StateCode::AwaitingCompletion,
            Self::AwaitingDisposition => StateCode::AwaitingDisposition,
            Self::AwaitingAcceptance => StateCode::AwaitingAcceptance,
            Self::InProgress => StateCode::InProgress,
            Self::Answered => StateCode::Answered,
            Self::Disputed => StateCode::Disputed,
            Self::Closed { .. } => StateCode::Closed,
        }
    }

    /// The outcome, when closed.
    #[must_use]
    pub const fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Closed { outcome } => Some(outcome),
            _ => None,
        }
    }
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// True, acted on.
    Resolved,
    /// Untrue: the facts are published where the report was.
    Clarified,
    /// Information given.
    Informed,
    /// Aspiration noted.
    Noted {
        /// Taken up or not.
        taken_up: bool,
    },
    /// Rejected.
    Rejected {
        /// Reason code.
        reason: RejectReason,
    },
    /// Another authority's: handed over with a trail.
    Referred {
        /// The authority.
        to: OpdCode,
    },
    /// A duplicate.
    Merged {
        /// The surviving case.
        into: CaseId,
    },
    /// The last live report was withdrawn.
    Withdrawn,
    /// Not completed in time.
    Lapsed,
}

impl Outcome {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::Clarified => "clarified",
            Self::Informed => "informed",
            Self::Noted { .. } => "noted",
            Self::Rejected { .. } => "rejected",
            Self::Referred { .. } => "referred",
            Self::Merged { .. } => "merged",
            Self::Withdrawn => "withdrawn",
            Self::Lapsed => "lapsed",
        }
    }

    /// Whether it can be contested (rule M8).
    #[must_use]
    pub const fn is_contestable(&self) -> bool {
        matches!(
            self,
            Self::Rejected { .. } | Self::Referred { .. } | Self::Lapsed | Self::Merged { .. }
        )
    }
}

/// Why a report is rejected. A hoax is not rejected: it is clarified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Not a public service matter.
    NotPublicService,
    /// Before a court.
    BeforeCourt,
    /// Insufficient after a completion request.
    InsufficientAfterRequest,
    /// Abusive.
    Abusive,
    /// Repeated with nothing new.
    Repeated,
}

impl RejectReason {
    /// All reasons.
    pub const ALL: [Self; 5] = [
        Self::NotPublicService,
        Self::BeforeCourt,
        Self::InsufficientAfterRequest,
        Self::Abusive,
        Self::Repeated,
    ];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotPublicService => "not_public_service",
            Self::BeforeCourt => "before_court",
            Self::InsufficientAfterRequest => "insufficient_after_request",
            Self::Abusive => "abusive",
            Self::Repeated => "repeated",
        }
    }
}

/// Why an agency returns a case or asks for its transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnReason {
    /// Not the agency's task.
    NotOurTask,
    /// Another authority's competence.
    OtherAuthority,
    /// Another region's office.
    OtherRegion,
    /// Handled already in another case.
    Duplicate,
    /// Stated in the text alone.
    Other,
}

impl ReturnReason {
    /// All reasons.
    pub const ALL: [Self; 5] = [
        Self::NotOurTask,
        Self::OtherAuthority,
        Self::OtherRegion,
        Self::Duplicate,
        Self::Other,
    ];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotOurTask => "not_our_task",
            Self::OtherAuthority => "other_authority",
            Self::OtherRegion => "other_region",
            Self::Duplicate => "duplicate",
            Self::Other => "other",
        }
    }
}

/// What an answer claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ClaimedOutcome {
    /// True, acted on.
    Resolved,
    /// Untrue; the facts.
    Clarified,
    /// Information given.
    Informed,
    /// Aspiration noted.
    Noted {
        /// Taken up or not.
        taken_up: bool,
    },
}

impl From<ClaimedOutcome> for Outcome {
    fn from(claim: ClaimedOutcome) -> Self {
        match claim {
            ClaimedOutcome::Resolved => Self::Resolved,
            ClaimedOutcome::Clarified => Self::Clarified,
            ClaimedOutcome::Informed => Self::Informed,
            ClaimedOutcome::Noted { taken_up } => Self::Noted { taken_up },
        }
    }
}
