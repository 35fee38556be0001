//! What all moves of an evaluation case have in common: its id, how its state is stored, and how a move is told.
//!
//! The moves are in [`crate::open_case`], [`crate::reply`], [`crate::decide`] and [`crate::reconcile`].

use sha2::{Digest as _, Sha256};
use sqlx::types::Json;
use tuntas_domain::{
    Directory,
    evaluation_case::{EvaluationCase, EvaluationEvent, EvaluationFact, EvaluationRefusal, EvaluationState, Measure},
    ids::{HolderId, PositionId},
    period::Period,
};
use tuntas_kit::{
    directory::Snapshot,
    event::{EventDraft, OutboxEvent},
    problem::{FORBIDDEN, Problem},
};
use tuntas_proto::{
    common::v1::Actor,
    event::v1::{EvaluationCaseChanged, event::Payload},
    wire_time::timestamp,
};
use uuid::{Builder, Uuid};

use crate::store::cases::Stored;

/// Bytes of a UUID.
const UUID_BYTES: usize = 16;

/// An id that follows from what it names (UUID version 8): a second run over the same log names the same things the
/// same, and tells nobody anything new.
#[must_use]
pub fn derived_id(parts: &[&str]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        // Length first, so that no two lists of parts run together.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; UUID_BYTES];
    bytes.copy_from_slice(&digest[..UUID_BYTES]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// The id of the evaluation case of a position, a holder and a month (rule V3: there is one).
#[must_use]
pub fn id_of(position: &PositionId, holder: &HolderId, month: Period) -> Uuid {
    derived_id(&["evaluation", position.as_str(), holder.as_str(), &month.to_string()])
}

/// The row of a case that is new.
#[must_use]
pub fn new_row(case: EvaluationCase, directory: &Directory, log_position: i64) -> Stored {
    let opd = directory
        .positions
        .get(&case.position)
        .and_then(|position| position.opd.as_ref());
    Stored {
        evaluation_case_id: case.id.into_uuid(),
        position_id: case.position.to_string(),
        holder_id: case.holder.to_string(),
        opd_code: opd.map(ToString::to_string),
        month: case.month.to_string(),
        status: status_of(&case.state).to_owned(),
        opened_at: case.opened_at,
        next_due_at: case.next_due(),
        state: Json(case),
        log_position,
    }
}

/// Brings the columns of a row up to its state.
pub fn refresh(row: &mut Stored) {
    status_of(&row.state.0.state).clone_into(&mut row.status);
    row.next_due_at = row.state.0.next_due();
}

/// The policy that a case keeps; the one in force when its version is not in the directory.
///
/// # Errors
/// There is no policy at all.
pub fn policy_of<'a>(snapshot: &'a Snapshot, case: &EvaluationCase) -> Result<&'a tuntas_domain::Policy, Problem> {
    snapshot
        .policies
        .version(case.policy_version)
        .or_else(|| snapshot.policies.in_force(case.opened_at))
        .ok_or_else(|| Problem::internal("no policy is in force"))
}

/// The event that tells of a move, still without causation and with a fresh id.
#[must_use]
pub fn draft(row: &Stored, event: &EvaluationEvent, actor: Actor) -> EventDraft {
    let case = &row.state.0;
    let mut case_ids: Vec<String> = case.grounds.iter().map(|ground| ground.case_id.to_string()).collect();
    case_ids.sort();
    case_ids.dedup();
    let due_at = match case.state {
        EvaluationState::AwaitingReply => Some(case.reply_due_at),
        EvaluationState::AwaitingDecision => case.decision_due_at,
        EvaluationState::Decided { .. } => None,
    };
    let (measure, decided_by_position_id) = match &event.fact {
        EvaluationFact::Decided { measure, by, .. } => (measure_code(*measure).to_owned(), by.position.to_string()),
        _ => (String::new(), String::new()),
    };
    let changed = EvaluationCaseChanged {
        evaluation_case_id: row.evaluation_case_id.to_string(),
        position_id: row.position_id.clone(),
        holder_id: row.holder_id.clone(),
        month: row.month.clone(),
        status: event.name().to_owned(),
        measure,
        due_at: due_at.map(timestamp),
        case_ids,
        opd_code: row.opd_code.clone().unwrap_or_default(),
        decided_by_position_id,
    };
    EventDraft::new(
        format!("tuntas.evaluation.{}", event.name()),
        "evaluation",
        format!("evaluation:{}", row.evaluation_case_id),
        event.seq,
        event.at,
        Payload::EvaluationCaseChanged(changed),
    )
    .policy_version(case.policy_version.to_string())
    .actor(actor)
}

/// Fixes the bytes and addresses them.
#[must_use]
pub fn told(draft: EventDraft, event: &EvaluationEvent) -> OutboxEvent {
    draft.seal().to_events(format!("evaluation.case.{}", event.name()))
}

/// The platform itself, in its own events.
#[must_use]
pub fn system() -> Actor {
    Actor {
        via: "system".to_owned(),
        ..Actor::default()
    }
}

/// A status for the store.
#[must_use]
pub const fn status_of(state: &EvaluationState) -> &'static str {
    match state {
        EvaluationState::AwaitingReply => "awaiting_reply",
        EvaluationState::AwaitingDecision => "awaiting_decision",
        EvaluationState::Decided { .. } => "decided",
    }
}

/// A measure on the wire.
#[must_use]
pub const fn measure_code(measure: Measure) -> &'static str {
    match measure {
        Measure::None => "none",
        Measure::Guidance => "guidance",
        Measure::WrittenWarning => "written_warning",
        Measure::ReferralArticle54 => "referral_art_54",
    }
}

/// A measure from the wire.
#[must_use]
pub fn measure_of(code: &str) -> Option<Measure> {
    Measure::ALL.into_iter().find(|measure| measure_code(*measure) == code)
}

/// A refusal of the domain, for the caller.
#[must_use]
pub fn refused(refusal: EvaluationRefusal) -> Problem {
    match refusal {
        EvaluationRefusal::NotPermitted => Problem::new(FORBIDDEN).message(refusal.to_string()),
        other => Problem::refusal(other.code(), other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_differ_when_their_parts_do() {
        assert_eq!(derived_id(&["a", "bc"]), derived_id(&["a", "bc"]));
        assert_ne!(derived_id(&["a", "bc"]), derived_id(&["ab", "c"]));
        assert_ne!(derived_id(&["a", "bc"]), derived_id(&["a", "bc", ""]));
    }

    #[test]
    fn every_measure_has_its_code() {
        for measure in Measure::ALL {
            assert_eq!(measure_of(measure_code(measure)), Some(measure));
        }
        assert_eq!(measure_of("dismissal"), None);
    }
}
