//! The outbox: what a service has to tell, written in the transaction that made it true.
//!
//! A plain `seq > cursor` reader over an identity column loses rows whose transaction commits late. So the
//! writer takes a transaction-level advisory lock as its last step before it inserts: PostgreSQL releases it
//! after the commit is visible, and commit order is `seq` order. The lock serialises the commits of one
//! database, which batching makes cheap; it does not depend on other databases of the server, as a horizon
//! over transaction ids would.

use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::{PgConnection, PgPool};
use tokio::sync::{Notify, futures::Notified};

pub use crate::event::OutboxEvent;

/// Key of the transaction-level advisory lock: "outbox" in ASCII.
const APPEND_LOCK: i64 = 0x6f75_7462_6f78;
/// Name of the relay's row in `outbox_cursor`.
pub(crate) const RELAY: &str = "relay";

/// Wakes the relays of this process. One for all databases, because a wake-up that is not needed costs one query.
static APPENDED: Notify = Notify::const_new();
/// Wakes whoever else goes on with what this process commits.
static COMMITTED: Notify = Notify::const_new();

tokio::task_local! {
    /// Whether the transaction of this task has appended something: most that consumers make have not.
    static HAS_APPENDED: AtomicBool;
}

/// Appends events, in order, to be published once the transaction commits. Make it the **last** statement
/// of the transaction: from here to the commit no other transaction of this database can append.
///
/// Appending the same event to the same destination twice is an error (`UNIQUE (event_id, exchange,
/// routing_key)`): a transaction that repeats work is to be stopped by its inbox or idempotency key.
///
/// # Errors
/// The database's.
pub async fn append(conn: &mut PgConnection, events: &[OutboxEvent]) -> sqlx::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let rows = Columns::of(events);
    // Outside of `tx::run` nobody wakes the relay: it finds the rows at its next look.
    let _ = HAS_APPENDED.try_with(|appended| appended.store(true, Ordering::Relaxed));
    // The lock comes first: a row gets its `seq` when it leaves the join, which needs both sides.
    sqlx::query!(
        "INSERT INTO outbox (event_id, exchange, routing_key, event_type, source, aggregate_id,
                             aggregate_seq, occurred_at, traceparent, body)
         SELECT event_id, exchange, routing_key, event_type, source, aggregate_id,
                aggregate_seq, occurred_at, traceparent, body
         FROM (SELECT pg_advisory_xact_lock($11) OFFSET 0) AS locked,
              unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::bigint[], $8::timestamptz[], $9::text[], $10::bytea[])
              WITH ORDINALITY AS rows (event_id, exchange, routing_key, event_type, source,
                   aggregate_id, aggregate_seq, occurred_at, traceparent, body, position)
         ORDER BY position",
        &rows.event_id,
        &rows.exchange,
        &rows.routing_key,
        &rows.event_type,
        &rows.source,
        &rows.aggregate_id,
        &rows.aggregate_seq,
        &rows.occurred_at,
        &rows.traceparent as _,
        &rows.body,
        APPEND_LOCK,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How many events are committed and not yet confirmed by the broker.
///
/// # Errors
/// The database's.
pub async fn depth(pool: &PgPool) -> sqlx::Result<u64> {
    let depth = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM outbox
           WHERE seq > (SELECT seq FROM outbox_cursor WHERE name = $1)"#,
        RELAY
    )
    .fetch_one(pool)
    .await?;
    Ok(u64::try_from(depth).unwrap_or_default())
}

/// Runs a transaction, and knows whether it appends.
pub(crate) async fn observed<T>(transaction: impl Future<Output = T>) -> T {
    HAS_APPENDED.scope(AtomicBool::new(false), transaction).await
}

/// Tells the loops of this process that the transaction of this task was committed.
pub(crate) fn wake() {
    COMMITTED.notify_waiters();
    if HAS_APPENDED
        .try_with(|appended| appended.load(Ordering::Relaxed))
        .unwrap_or(true)
    {
        APPENDED.notify_waiters();
    }
}

/// Resolves when a transaction of this process is committed after this call, also when it is awaited later: for loops that go on
/// with what one has left. They look again after a while, too: another process may have committed.
pub fn committed() -> Notified<'static> {
    COMMITTED.notified()
}

/// The same for those transactions alone that have appended.
pub(crate) fn appended() -> Notified<'static> {
    APPENDED.notified()
}

#[derive(Default)]
struct Columns {
    event_id: Vec<uuid::Uuid>,
    exchange: Vec<String>,
    routing_key: Vec<String>,
    event_type: Vec<String>,
    source: Vec<String>,
    aggregate_id: Vec<String>,
    aggregate_seq: Vec<i64>,
    occurred_at: Vec<time::OffsetDateTime>,
    traceparent: Vec<Option<String>>,
    body: Vec<Vec<u8>>,
}

impl Columns {
    fn of(events: &[OutboxEvent]) -> Self {
        let mut rows = Self::default();
        for item in events {
            let event = item.sealed.event();
            rows.event_id.push(item.sealed.event_id());
            rows.exchange.push(item.exchange.to_owned());
            rows.routing_key.push(item.routing_key.clone());
            rows.event_type.push(event.r#type.clone());
            rows.source.push(event.source.clone());
            rows.aggregate_id.push(event.aggregate_id.clone());
            rows.aggregate_seq
                .push(i64::try_from(event.aggregate_seq).unwrap_or(i64::MAX));
            rows.occurred_at.push(item.sealed.occurred_at());
            rows.traceparent.push(item.sealed.traceparent().map(str::to_owned));
            rows.body.push(item.sealed.body().to_vec());
        }
        rows
    }
}
