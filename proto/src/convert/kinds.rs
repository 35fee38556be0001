//! The small enumerations.

use tuntas_domain::{
    AnswerId, Outcome, Party, Privacy, ReportKind, State,
    case::{ClaimedOutcome, Commitment, RejectReason, TextRef},
};

use super::{ConvertError, parsed};
use crate::{case::v1 as wire, common::v1::TextRef as WireTextRef};

/// Kind of a report from the wire.
///
/// # Errors
/// The field is unspecified or unknown.
pub fn report_kind(value: i32) -> Result<ReportKind, ConvertError> {
    match wire::ReportKind::try_from(value) {
        Ok(wire::ReportKind::Complaint) => Ok(ReportKind::Complaint),
        Ok(wire::ReportKind::Aspiration) => Ok(ReportKind::Aspiration),
        Ok(wire::ReportKind::InformationRequest) => Ok(ReportKind::InformationRequest),
        Ok(wire::ReportKind::Unspecified) | Err(_) => Err(ConvertError::new(
            "kind",
            "name complaint, aspiration or information_request",
        )),
    }
}

/// Kind of a report for the wire.
#[must_use]
pub const fn report_kind_to_wire(kind: ReportKind) -> wire::ReportKind {
    match kind {
        ReportKind::Complaint => wire::ReportKind::Complaint,
        ReportKind::Aspiration => wire::ReportKind::Aspiration,
        ReportKind::InformationRequest => wire::ReportKind::InformationRequest,
    }
}

/// Kind of a report, or the one that stands when the wire names none.
///
/// # Errors
/// The field is unknown.
pub fn classification_kind(value: i32, standing: ReportKind) -> Result<ReportKind, ConvertError> {
    if value == 0 { Ok(standing) } else { report_kind(value) }
}

/// A reporter's choice from the wire.
///
/// # Errors
/// The field is unspecified or unknown.
pub fn privacy(value: i32) -> Result<Privacy, ConvertError> {
    match wire::Privacy::try_from(value) {
        Ok(wire::Privacy::Open) => Ok(Privacy::Open),
        Ok(wire::Privacy::Anonymous) => Ok(Privacy::Anonymous),
        Ok(wire::Privacy::Confidential) => Ok(Privacy::Confidential),
        Ok(wire::Privacy::Unspecified) | Err(_) => {
            Err(ConvertError::new("privacy", "name open, anonymous or confidential"))
        }
    }
}

/// A reporter's choice for the wire.
#[must_use]
pub const fn privacy_to_wire(privacy: Privacy) -> wire::Privacy {
    match privacy {
        Privacy::Open => wire::Privacy::Open,
        Privacy::Anonymous => wire::Privacy::Anonymous,
        Privacy::Confidential => wire::Privacy::Confidential,
    }
}

/// A reason for a rejection from the wire.
///
/// # Errors
/// The field is unspecified or unknown.
pub fn reject_reason(value: i32) -> Result<RejectReason, ConvertError> {
    match wire::RejectReason::try_from(value) {
        Ok(wire::RejectReason::NotPublicService) => Ok(RejectReason::NotPublicService),
        Ok(wire::RejectReason::BeforeCourt) => Ok(RejectReason::BeforeCourt),
        Ok(wire::RejectReason::Insufficient) => Ok(RejectReason::InsufficientAfterRequest),
        Ok(wire::RejectReason::Abusive) => Ok(RejectReason::Abusive),
        Ok(wire::RejectReason::Repeated) => Ok(RejectReason::Repeated),
        Ok(wire::RejectReason::Unspecified) | Err(_) => {
            Err(ConvertError::new("reason", "a rejection needs its reason"))
        }
    }
}

/// A reason for a rejection for the wire.
#[must_use]
pub const fn reject_reason_to_wire(reason: RejectReason) -> wire::RejectReason {
    match reason {
        RejectReason::NotPublicService => wire::RejectReason::NotPublicService,
        RejectReason::BeforeCourt => wire::RejectReason::BeforeCourt,
        RejectReason::InsufficientAfterRequest => wire::RejectReason::Insufficient,
        RejectReason::Abusive => wire::RejectReason::Abusive,
        RejectReason::Repeated => wire::RejectReason::Repeated,
    }
}

/// What an answer claims, from the wire.
///
/// # Errors
/// The field is no outcome that an answer can claim.
pub fn claimed_outcome(value: i32) -> Result<ClaimedOutcome, ConvertError> {
    match wire::Outcome::try_from(value) {
        Ok(wire::Outcome::Resolved) => Ok(ClaimedOutcome::Resolved),
        Ok(wire::Outcome::Clarified) => Ok(ClaimedOutcome::Clarified),
        Ok(wire::Outcome::Informed) => Ok(ClaimedOutcome::Informed),
        Ok(wire::Outcome::NotedTakenUp) => Ok(ClaimedOutcome::Noted { taken_up: true }),
        Ok(wire::Outcome::NotedNotTakenUp) => Ok(ClaimedOutcome::Noted { taken_up: false }),
        _ => Err(ConvertError::new(
            "claimed",
            "an answer claims resolved, clarified, informed or noted",
        )),
    }
}

/// An outcome for the wire.
#[must_use]
pub const fn outcome_to_wire(outcome: &Outcome) -> wire::Outcome {
    match outcome {
        Outcome::Resolved => wire::Outcome::Resolved,
        Outcome::Clarified => wire::Outcome::Clarified,
        Outcome::Informed => wire::Outcome::Informed,
        Outcome::Noted { taken_up: true } => wire::Outcome::NotedTakenUp,
        Outcome::Noted { taken_up: false } => wire::Outcome::NotedNotTakenUp,
        Outcome::Rejected { .. } => wire::Outcome::Rejected,
        Outcome::Referred { .. } => wire::Outcome::Referred,
        Outcome::Merged { .. } => wire::Outcome::Merged,
        Outcome::Withdrawn => wire::Outcome::Withdrawn,
        Outcome::Lapsed => wire::Outcome::Lapsed,
    }
}

/// Stable code of an outcome on the wire, such as "resolved"; empty when there is none.
#[must_use]
pub fn outcome_code(value: i32) -> &'static str {
    match wire::Outcome::try_from(value) {
        Ok(wire::Outcome::Resolved) => "resolved",
        Ok(wire::Outcome::Clarified) => "clarified",
        Ok(wire::Outcome::Informed) => "informed",
        Ok(wire::Outcome::NotedTakenUp) => "noted_taken_up",
        Ok(wire::Outcome::NotedNotTakenUp) => "noted_not_taken_up",
        Ok(wire::Outcome::Rejected) => "rejected",
        Ok(wire::Outcome::Referred) => "referred",
        Ok(wire::Outcome::Merged) => "merged",
        Ok(wire::Outcome::Withdrawn) => "withdrawn",
        Ok(wire::Outcome::Lapsed) => "lapsed",
        Ok(wire::Outcome::Unspecified) | Err(_) => "",
    }
}

/// A state for the wire.
#[must_use]
pub const fn state_to_wire(state: &State) -> wire::State {
    match state {
        State::AwaitingVerification => wire::State::AwaitingVerification,
        State::AwaitingCompletion => wire::State::AwaitingCompletion,
        State::AwaitingDisposition => wire::State::AwaitingDisposition,
        State::AwaitingAcceptance => wire::State::AwaitingAcceptance,
        State::InProgress => wire::State::InProgress,
        State::Answered => wire::State::Answered,
        State::Disputed => wire::State::Disputed,
        State::Closed { .. } => wire::State::Closed,
    }
}

/// Stable name of a state on the wire, such as "awaiting_verification"; empty when it is unknown here.
#[must_use]
pub fn state_name(value: i32) -> &'static str {
    match wire::State::try_from(value) {
        Ok(wire::State::AwaitingVerification) => "awaiting_verification",
        Ok(wire::State::AwaitingCompletion) => "awaiting_completion",
        Ok(wire::State::AwaitingDisposition) => "awaiting_disposition",
        Ok(wire::State::AwaitingAcceptance) => "awaiting_acceptance",
        Ok(wire::State::InProgress) => "in_progress",
        Ok(wire::State::Answered) => "answered",
        Ok(wire::State::Disputed) => "disputed",
        Ok(wire::State::Closed) => "closed",
        Ok(wire::State::Unspecified) | Err(_) => "",
    }
}

/// A party for the wire.
#[must_use]
pub fn party_to_wire(party: &Party) -> wire::Party {
    use wire::party::Kind;
    let kind = match party {
        Party::Manager => Kind::Manager,
        Party::Agency(_) => Kind::Agency,
        Party::Reporter => Kind::Reporter,
        Party::Director => Kind::Director,
        Party::Patron => Kind::Patron,
        Party::Ombudsman => Kind::Ombudsman,
    };
    wire::Party {
        kind: kind.into(),
        opd_code: party.opd().map(ToString::to_string).unwrap_or_default(),
    }
}

/// A text's reference from the wire.
///
/// # Errors
/// The id is no UUID or the commitment has not 32 bytes.
pub fn text_ref(field: &'static str, text: &WireTextRef) -> Result<TextRef, ConvertError> {
    let id: AnswerId = parsed(field, &text.text_id)?;
    let commitment = <[u8; 32]>::try_from(text.commitment.as_slice())
        .map_err(|_| ConvertError::new(field, "a commitment has 32 bytes"))?;
    Ok(TextRef {
        id,
        commitment: Commitment(commitment),
    })
}

/// A text's reference for the wire.
#[must_use]
pub fn text_ref_to_wire(text: &TextRef) -> WireTextRef {
    WireTextRef {
        text_id: text.id.to_string(),
        commitment: text.commitment.0.to_vec(),
    }
}
