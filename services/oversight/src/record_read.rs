//! What the Ombudsman looked at is itself a fact of the log: one event for each time they asked.

use sqlx::PgPool;
use tuntas_domain::authorization::Role;
use tuntas_kit::{event::EventDraft, ids, outbox, problem::Problem, tx};
use tuntas_proto::event::v1::{OmbudsmanRead, event::Payload};

use crate::access::Caller;

/// Records a read, when it is the Ombudsman who reads. It is in the outbox before the answer begins.
///
/// # Errors
/// The database's: then nothing may be read.
pub async fn record_read(pool: &PgPool, caller: &Caller, read: OmbudsmanRead) -> Result<(), Problem> {
    if !caller.has(Role::Ombudsman) {
        return Ok(());
    }
    let key = format!("oversight.read.{}", read.what);
    let aggregate = format!("oversight-read:{}", ids::new_id());
    let event = EventDraft::new(
        "tuntas.oversight.read",
        "oversight",
        aggregate,
        1,
        caller.at,
        Payload::OmbudsmanRead(read),
    )
    .actor(caller.assertion.actor())
    .seal()
    .to_events(key);
    tx::run(pool, move |conn| {
        Box::pin(async move { Ok(outbox::append(conn, &[event]).await?) })
    })
    .await
}
