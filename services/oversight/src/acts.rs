//! What the acts of the Ombudsman have in common: how the domain's state is stored, and how it is told.
//!
//! The use cases are in [`crate::act`], [`crate::answer_act`], [`crate::close_act`] and [`crate::reconcile`].

use sqlx::types::Json;
use time::OffsetDateTime;
use tuntas_domain::oversight_act::{ActFact, ActKind, ActRefusal, ActState, Judgement, OversightAct};
use tuntas_kit::{
    event::{EventDraft, OutboxEvent},
    problem::{FORBIDDEN, Problem},
};
use tuntas_proto::{
    common::v1::{Actor, TextRef},
    event::v1::{OmbudsmanActed, event::Payload},
    wire_time::timestamp,
};

use crate::store::acts::Act;

/// A remark that asks for nothing.
pub const COMMENT: &str = "comment";
/// Permintaan penjelasan.
pub const EXPLANATION_REQUEST: &str = "explanation_request";
/// The Ombudsman's judgement, with which a request is closed.
pub const JUDGEMENT: &str = "judgement";
/// Rekomendasi.
pub const RECOMMENDATION: &str = "recommendation";

/// What is said of an act besides its state: the kind of this step, its text, and who took it.
pub struct Said {
    /// Kind on the wire.
    pub kind: &'static str,
    /// The text of this step.
    pub text: Option<TextRef>,
    /// Who took it.
    pub actor: Actor,
    /// When.
    pub at: OffsetDateTime,
}

/// The platform itself, in its own events.
#[must_use]
pub fn system() -> Actor {
    Actor {
        via: "system".to_owned(),
        ..Actor::default()
    }
}

/// The kind of a request on the wire.
#[must_use]
pub const fn kind_of(kind: ActKind) -> &'static str {
    match kind {
        ActKind::Explanation => EXPLANATION_REQUEST,
        ActKind::Recommendation => RECOMMENDATION,
    }
}

/// The kind of an answer on the wire.
#[must_use]
pub const fn answer_kind_of(kind: ActKind) -> &'static str {
    match kind {
        ActKind::Explanation => "explanation",
        ActKind::Recommendation => "implementation",
    }
}

/// The status of a request on the wire.
#[must_use]
pub const fn status_of(state: ActState) -> &'static str {
    match state {
        ActState::Requested | ActState::RequestedAgain => "open",
        ActState::Overdue => "overdue",
        ActState::Answered => "answered",
        ActState::Closed => "done",
    }
}

/// The judgement on the wire; empty while there is none.
#[must_use]
pub fn judgement_of(act: &Act) -> &'static str {
    let judgement = act.request.as_ref().and_then(|request| request.0.judgement);
    judgement.map_or("", Judgement::code)
}

/// Lays the domain's state over the stored act.
pub fn store_state(act: &mut Act, request: OversightAct, fact: &ActFact) {
    act.seq = i64::try_from(request.seq).unwrap_or(i64::MAX);
    act.status = status_of(request.state).to_owned();
    act.due_at = Some(request.due_at);
    act.next_due_at = request.next_due();
    if let ActFact::Answered { text, .. } = fact {
        act.answer_text_id = Some(text.id.into_uuid());
        act.answer_commitment = Some(text.commitment.0.to_vec());
    }
    act.request = Some(Json(request));
}

/// The event that tells of a step.
#[must_use]
pub fn event(act: &Act, said: Said) -> OutboxEvent {
    let acted = OmbudsmanActed {
        act_id: act.act_id.to_string(),
        case_id: act.case_id.to_string(),
        kind: said.kind.to_owned(),
        addressed_opd: act.addressed_opd.clone().unwrap_or_default(),
        text: said.text,
        due_at: act.due_at.map(timestamp),
        status: act.status.clone(),
        judgement: judgement_of(act).to_owned(),
    };
    EventDraft::new(
        "tuntas.oversight.acted",
        "oversight",
        format!("oversight:{}", act.act_id),
        act.seq.unsigned_abs(),
        said.at,
        Payload::OmbudsmanActed(acted),
    )
    .actor(said.actor)
    .seal()
    .to_events(format!("oversight.act.{}", said.kind))
}

/// A refusal of the domain, for the caller.
#[must_use]
pub fn refused(refusal: ActRefusal) -> Problem {
    match refusal {
        ActRefusal::NotPermitted => Problem::new(FORBIDDEN).message(refusal.to_string()),
        other => Problem::refusal(other.code(), other.to_string()),
    }
}
