//! The events of the aggregate `report:<id>`.

use time::OffsetDateTime;
use tuntas_kit::event::{EventDraft, OutboxEvent};
use tuntas_proto::{common::v1::Actor, event::v1::event::Payload};
use uuid::Uuid;

const SOURCE: &str = "intake";

/// What happened to a report: names of the event's type and routing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It was filed.
    Filed,
    /// Its reporter acted.
    CommandReceived,
    /// A message was sent.
    MessageSent,
    /// Its reporter gets a new receipt code.
    ReceiptRecovered,
    /// An officer saw who the reporter is.
    IdentityRevealed,
    /// The Ombudsman read its words.
    OmbudsmanRead,
    /// An answer to it repeats an earlier one.
    NearCopy,
    /// Its key was deleted.
    Erased,
}

impl What {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Filed => ("tuntas.report.filed", "intake.report.filed"),
            Self::CommandReceived => ("tuntas.citizen_command.received", "intake.command.received"),
            Self::MessageSent => ("tuntas.message.sent", "intake.message.sent"),
            Self::ReceiptRecovered => ("tuntas.receipt.recovered", "intake.receipt.recovered"),
            Self::IdentityRevealed => ("tuntas.identity.revealed", "intake.identity.revealed"),
            Self::OmbudsmanRead => ("tuntas.ombudsman.read", "intake.ombudsman.read"),
            Self::NearCopy => ("tuntas.answer.found_near_copy", "intake.answer.near_copy"),
            Self::Erased => ("tuntas.report.erased", "intake.report.erased"),
        }
    }
}

/// A fact about a report, on its way to everybody.
#[must_use]
pub fn fact(what: What, report: Uuid, seq: i64, at: OffsetDateTime, actor: Actor, payload: Payload) -> OutboxEvent {
    fact_with_id(what, tuntas_kit::ids::new_id(), report, seq, at, actor, payload)
}

/// The first fact of a report, with the policy under which its clocks run (rule K3).
#[must_use]
pub fn filed(report: Uuid, at: OffsetDateTime, policy_version: u32, payload: Payload) -> OutboxEvent {
    let (kind, key) = What::Filed.names();
    EventDraft::new(kind, SOURCE, aggregate(report), 1, at, payload)
        .actor(citizen())
        .policy_version(policy_version.to_string())
        .seal()
        .to_events(key)
}

/// What intake found of an answer, with the case event that released it.
#[must_use]
pub fn near_copy(report: Uuid, seq: i64, at: OffsetDateTime, cause: Uuid, payload: Payload) -> OutboxEvent {
    let (kind, key) = What::NearCopy.names();
    EventDraft::new(kind, SOURCE, aggregate(report), seq.unsigned_abs(), at, payload)
        .actor(system())
        .caused_by(cause)
        .seal()
        .to_events(key)
}

fn aggregate(report: Uuid) -> String {
    format!("report:{report}")
}

/// The same under an id that the caller was told.
#[must_use]
pub fn fact_with_id(
    what: What,
    event_id: Uuid,
    report: Uuid,
    seq: i64,
    at: OffsetDateTime,
    actor: Actor,
    payload: Payload,
) -> OutboxEvent {
    let (kind, key) = what.names();
    EventDraft::new(kind, SOURCE, aggregate(report), seq.unsigned_abs(), at, payload)
        .with_id(event_id)
        .actor(actor)
        .seal()
        .to_events(key)
}

/// The actor of a citizen's act.
#[must_use]
pub fn citizen() -> Actor {
    Actor {
        via: "citizen".to_owned(),
        ..Actor::default()
    }
}

/// The actor of what the platform finds by itself.
fn system() -> Actor {
    Actor {
        via: "system".to_owned(),
        ..Actor::default()
    }
}
