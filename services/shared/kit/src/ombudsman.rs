//! What the Ombudsman looked at is itself a fact of the log, whichever service was asked.

use sqlx::PgPool;
use time::OffsetDateTime;
use tuntas_proto::event::v1::{OmbudsmanRead, event::Payload};

use crate::{
    auth::Assertion,
    event::{EventDraft, OutboxEvent},
    ids, outbox,
    problem::Problem,
    tx,
};

/// The event of one read, told by the service `source`.
#[must_use]
pub fn read_event(source: &str, assertion: &Assertion, at: OffsetDateTime, read: OmbudsmanRead) -> OutboxEvent {
    let key = format!("{source}.read.{}", read.what);
    EventDraft::new(
        format!("tuntas.{source}.read"),
        source,
        format!("{source}-read:{}", ids::new_id()),
        1,
        at,
        Payload::OmbudsmanRead(read),
    )
    .actor(assertion.actor())
    .seal()
    .to_events(key)
}

/// Records a read. It is in the outbox before the answer begins.
///
/// # Errors
/// The database's: then nothing may be read.
pub async fn record_read(
    pool: &PgPool,
    source: &str,
    assertion: &Assertion,
    at: OffsetDateTime,
    read: OmbudsmanRead,
) -> Result<(), Problem> {
    let event = read_event(source, assertion, at, read);
    tx::run(pool, move |conn| {
        Box::pin(async move { Ok(outbox::append(conn, &[event]).await?) })
    })
    .await
}
