//! Making an event: one envelope, sealed into the bytes that every consumer and the oversight log will see.
//!
//! An event is sealed once, then addressed to one or more exchanges with the same bytes.

use bytes::Bytes;
use prost::Message as _;
use time::OffsetDateTime;
use tuntas_proto::{
    common::v1::Actor,
    event::v1::{Event, event::Payload},
    wire_time::timestamp,
};
use uuid::Uuid;

use crate::{ids, telemetry};

/// Facts: everybody may listen.
pub const EVENTS: &str = "tuntas.events";
/// From routing to the desks.
pub const WORK: &str = "tuntas.work";
/// From the desks to routing.
pub const COMMANDS: &str = "tuntas.commands";
/// Messages that a consumer could not handle; the key is the name of its queue.
pub const DEAD: &str = "tuntas.dead";

/// An event before it is sealed.
#[derive(Debug, Clone)]
pub struct EventDraft {
    event_id: Uuid,
    occurred_at: OffsetDateTime,
    event: Event,
}

/// An event whose bytes are fixed.
#[derive(Debug, Clone)]
pub struct SealedEvent {
    event_id: Uuid,
    event: Event,
    occurred_at: OffsetDateTime,
    traceparent: Option<String>,
    body: Bytes,
}

/// A sealed event with one destination: what [`outbox::append`](crate::outbox::append) takes.
#[derive(Debug, Clone)]
pub struct OutboxEvent {
    pub(crate) exchange: &'static str,
    pub(crate) routing_key: String,
    pub(crate) sealed: SealedEvent,
}

impl EventDraft {
    /// A new event with a fresh id.
    ///
    /// `kind` is the CloudEvents type (`tuntas.case.disposed`), `source` the service (`routing`,
    /// `desk:dishub`), `aggregate_id` names what it is about (`case:<uuid>`) and `aggregate_seq` counts from 1
    /// within it without a hole.
    #[must_use]
    pub fn new(
        kind: impl Into<String>,
        source: impl Into<String>,
        aggregate_id: impl Into<String>,
        aggregate_seq: u64,
        occurred_at: OffsetDateTime,
        payload: Payload,
    ) -> Self {
        let event_id = ids::new_id();
        Self {
            event_id,
            occurred_at,
            event: Event {
                event_id: event_id.to_string(),
                r#type: kind.into(),
                source: source.into(),
                aggregate_id: aggregate_id.into(),
                aggregate_seq,
                occurred_at: Some(timestamp(occurred_at)),
                payload: Some(payload),
                ..Event::default()
            },
        }
    }

    /// Uses `event_id` in place of a fresh id: for a command whose id the caller was told already.
    #[must_use]
    pub fn with_id(mut self, event_id: Uuid) -> Self {
        self.event_id = event_id;
        self.event.event_id = event_id.to_string();
        self
    }

    /// Who acted.
    #[must_use]
    pub fn actor(mut self, actor: Actor) -> Self {
        self.event.actor = Some(actor);
        self
    }

    /// The policy by which it was decided.
    #[must_use]
    pub fn policy_version(mut self, version: impl Into<String>) -> Self {
        self.event.policy_version = version.into();
        self
    }

    /// The event or command that caused it.
    #[must_use]
    pub fn caused_by(mut self, event_id: impl ToString) -> Self {
        self.event.causation_id = event_id.to_string();
        self
    }

    /// Fixes the bytes, and takes the trace context of the current span along.
    #[must_use]
    pub fn seal(self) -> SealedEvent {
        SealedEvent {
            event_id: self.event_id,
            body: self.event.encode_to_vec().into(),
            event: self.event,
            occurred_at: self.occurred_at,
            traceparent: telemetry::current_traceparent(),
        }
    }
}

impl SealedEvent {
    /// Id of the event.
    #[must_use]
    pub fn event_id(&self) -> Uuid {
        self.event_id
    }

    /// The message.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// When it happened.
    #[must_use]
    pub fn occurred_at(&self) -> OffsetDateTime {
        self.occurred_at
    }

    /// Trace context in which it was sealed.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    /// The exact bytes that are published.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Addressed to everybody, under `<source>.<aggregate>.<what>` such as `routing.case.disposed`.
    #[must_use]
    pub fn to_events(&self, routing_key: impl Into<String>) -> OutboxEvent {
        self.to(EVENTS, routing_key.into())
    }

    /// Addressed to the desk of an agency.
    #[must_use]
    pub fn to_work(&self, opd: impl std::fmt::Display) -> OutboxEvent {
        self.to(WORK, format!("opd.{opd}.cases"))
    }

    /// Addressed to routing, in the name of an agency.
    #[must_use]
    pub fn to_commands(&self, opd: impl std::fmt::Display) -> OutboxEvent {
        self.to(COMMANDS, format!("opd.{opd}.commands"))
    }

    fn to(&self, exchange: &'static str, routing_key: String) -> OutboxEvent {
        OutboxEvent {
            exchange,
            routing_key,
            sealed: self.clone(),
        }
    }
}
