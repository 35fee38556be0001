//! Writing the aggregate `directory`: the one place that numbers, stores, applies and publishes its changes.

use prost::Message as _;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_kit::{
    directory,
    event::{EventDraft, OutboxEvent},
    problem::Problem,
};
use tuntas_proto::{
    common::v1::Actor as WireActor,
    event::v1::{Event, event::Payload},
    wire_time,
};
use uuid::Uuid;

use crate::store;

/// Source of every event of this service.
pub(crate) const SOURCE: &str = "routing";

/// How a kind of change is stored and published.
struct Address {
    kind: &'static str,
    key: String,
    event_type: &'static str,
    routing_key: &'static str,
}

/// Changes that were stored.
pub(crate) struct Changed {
    /// What is to be appended to the outbox.
    pub(crate) events: Vec<OutboxEvent>,
    /// Id of the last event: the cause of what follows from the changes.
    pub(crate) last_event_id: Option<Uuid>,
}

/// Stores changes, applies them to what holds now, and gives the events to be appended to the outbox.
/// The caller has taken [`store::directory::lock_for_change`] before it compared anything.
///
/// # Errors
/// `invalid_argument` for an entry that is none, or the database's.
pub(crate) async fn apply_changes(
    conn: &mut PgConnection,
    changes: Vec<Payload>,
    actor: &WireActor,
    at: OffsetDateTime,
) -> Result<Changed, Problem> {
    let mut seq = store::directory::head(conn).await?;
    let mut events = Vec::with_capacity(changes.len());
    let mut last_event_id = None;
    for payload in changes {
        seq += 1;
        let (event_id, event) = apply_change(conn, payload, actor, seq, at).await?;
        last_event_id = Some(event_id);
        events.push(event);
    }
    Ok(Changed { events, last_event_id })
}

async fn apply_change(
    conn: &mut PgConnection,
    payload: Payload,
    actor: &WireActor,
    seq: u64,
    at: OffsetDateTime,
) -> Result<(Uuid, OutboxEvent), Problem> {
    let address = address(&payload)?;
    let body = stored_body(&payload);
    let sealed = EventDraft::new(address.event_type, SOURCE, directory::AGGREGATE, seq, at, payload)
        .actor(actor.clone())
        .seal();
    let row = store::directory::ChangeRow {
        seq,
        event_id: sealed.event_id(),
        at,
        kind: address.kind,
        key: &address.key,
        body: &body,
    };
    store::directory::insert_change(conn, &row).await?;
    directory::apply(conn, sealed.event()).await.map_err(not_an_entry)?;
    Ok((sealed.event_id(), sealed.to_events(address.routing_key)))
}

/// Kind and key under which a change is stored.
///
/// # Errors
/// `invalid_argument` for a payload that is no change of the directory.
pub(crate) fn kind_and_key(payload: &Payload) -> Result<(&'static str, String), Problem> {
    address(payload).map(|address| (address.kind, address.key))
}

/// What of a change is compared and kept.
pub(crate) fn stored_body(payload: &Payload) -> Vec<u8> {
    Event {
        payload: Some(payload.clone()),
        ..Event::default()
    }
    .encode_to_vec()
}

fn address(payload: &Payload) -> Result<Address, Problem> {
    if let Payload::OutageRecorded(outage) = payload {
        let from = outage.from.as_ref().and_then(wire_time::instant);
        let from = from.ok_or_else(|| Problem::invalid("from", "is not an instant"))?;
        return Ok(Address {
            kind: "outage",
            key: from.unix_timestamp_nanos().to_string(),
            event_type: "tuntas.outage.recorded",
            routing_key: "routing.outage.recorded",
        });
    }
    let (kind, key) = directory::key(payload).ok_or_else(|| Problem::invalid("entries", "an entry without content"))?;
    let (event_type, routing_key) = match kind {
        "agency" => ("tuntas.directory.agency_changed", "routing.directory.agency"),
        "position" => ("tuntas.directory.position_changed", "routing.directory.position"),
        "term" => ("tuntas.directory.holder_term_changed", "routing.directory.holder_term"),
        "category" => ("tuntas.directory.category_changed", "routing.directory.category"),
        "region" => ("tuntas.directory.region_changed", "routing.directory.region"),
        "policy" => ("tuntas.policy.changed", "routing.policy.changed"),
        "holiday" => ("tuntas.calendar.changed", "routing.calendar.changed"),
        other => return Err(Problem::internal(format!("directory entry of kind {other}"))),
    };
    Ok(Address {
        kind,
        key,
        event_type,
        routing_key,
    })
}

fn not_an_entry(error: directory::DirectoryError) -> Problem {
    match error {
        directory::DirectoryError::Malformed { kind, id, why } => Problem::invalid(kind, format!("{id}: {why}")),
        database @ directory::DirectoryError::Database(_) => database.into(),
    }
}
