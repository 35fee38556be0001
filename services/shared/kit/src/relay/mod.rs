//! The relay: publishes the outbox in order. It never loses an event and may publish one twice.
//!
//! One relay per database works at a time, held by an advisory session lock; others wait for it. It wakes
//! when this process commits something and every few milliseconds, because another process may have
//! (NOTIFY would take a global lock at every commit). The cursor moves over what the broker confirmed *and*
//! did not return, and stops at the first message of which that is not true.

pub mod pace;

use std::{collections::BTreeMap, time::Duration};

use sqlx::{Connection as _, PgConnection, PgPool};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::pace::{Pace, WINDOW_MAX, cursor_after};
use crate::{
    broker::{Broker, BrokerError, Link, Message, Publisher, Settled, Stop},
    database::{self, ANSWER_WITHIN, within},
    metrics::{Metrics, ReasonLabels},
    outbox, rest, telemetry,
};

/// Key of the advisory session lock: "relay" in ASCII.
const RELAY_LOCK: i64 = 0x72_656c_6179;
/// First pause after the outbox was found empty; doubles up to the most, so that an idle service costs little.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const POLL_INTERVAL_MAX: Duration = Duration::from_millis(80);
/// How often the session says something while the broker takes its time.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
const LOCK_INTERVAL: Duration = Duration::from_secs(1);
/// A look at the depth counts rows; not at every poll.
const DEPTH_EVERY_WINDOWS: u32 = 64;

/// Publishes the outbox of one database.
pub struct Relay {
    pool: PgPool,
    broker: Broker,
    metrics: Metrics,
}

#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error("database")]
    Database(#[from] sqlx::Error),
    #[error("broker")]
    Broker(#[from] BrokerError),
    #[error("event {event_id} for {exchange} {routing_key}")]
    Stopped {
        event_id: Uuid,
        exchange: String,
        routing_key: String,
        #[source]
        stop: Stop,
    },
}

struct Row {
    seq: i64,
    event_id: Uuid,
    exchange: String,
    routing_key: String,
    event_type: String,
    source: String,
    aggregate_id: String,
    aggregate_seq: i64,
    occurred_at: OffsetDateTime,
    traceparent: Option<String>,
    body: Vec<u8>,
}

impl Relay {
    /// A relay of the database behind `pool`.
    #[must_use]
    pub fn new(pool: PgPool, broker: Broker, metrics: Metrics) -> Self {
        Self { pool, broker, metrics }
    }

    /// Relays until `stop`, over as many connections as it takes.
    pub async fn run(self, stop: CancellationToken) {
        let mut pace = Pace::new();
        while !stop.is_cancelled() {
            let ended = self.session(&stop, &mut pace).await;
            self.metrics.relay_connected.set(0);
            let Err(error) = ended else { continue };
            let wait = pace.failed();
            tracing::warn!(
                error.chain = %telemetry::chain(&error),
                retry_in_ms = wait.as_millis(),
                "relaying stopped"
            );
            self.metrics
                .publish_stopped
                .get_or_create(&ReasonLabels {
                    reason: reason(&error).to_owned(),
                })
                .inc();
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One connection to the database and one to the broker. The database connection is none of the pool's:
    /// the lock lives and dies with it.
    async fn session(&self, stop: &CancellationToken, pace: &mut Pace) -> Result<(), RelayError> {
        let options = database::lock_holder(&self.pool.connect_options());
        let mut conn = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            conn = database::connect(&options) => conn?,
        };
        if !lock(&mut conn, stop).await? {
            return Ok(());
        }
        let link = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            link = self.broker.connect() => link?,
        };
        let outcome = self.relay(&mut conn, &link, stop, pace).await;
        link.close().await;
        if let Err(error) = within(ANSWER_WITHIN, conn.close()).await {
            tracing::debug!(error = %error, "the relay's database connection was gone already");
        }
        outcome
    }

    async fn relay(
        &self,
        conn: &mut PgConnection,
        link: &Link,
        stop: &CancellationToken,
        pace: &mut Pace,
    ) -> Result<(), RelayError> {
        let publisher = link.publisher().await?;
        self.metrics.relay_connected.set(1);
        tracing::info!("relaying");
        let mut windows = 0_u32;
        let mut pause = POLL_INTERVAL;
        let mut ahead = None;
        while !stop.is_cancelled() {
            let appended = outbox::appended();
            let begun = Instant::now();
            let asked = pace.window();
            let read_ahead = ahead.is_some();
            let rows = match ahead.take() {
                Some(rows) => rows,
                None => within(ANSWER_WITHIN, rows_after(conn, None, asked)).await?,
            };
            let (published, next) = self.window(conn, &publisher, rows, asked).await?;
            if published > 0 {
                pace.succeeded();
                pause = POLL_INTERVAL;
            }
            ahead = next;
            if windows.is_multiple_of(DEPTH_EVERY_WINDOWS) {
                let depth = within(ANSWER_WITHIN, outbox::depth(&self.pool)).await?;
                self.metrics.outbox_depth.set(i64::try_from(depth).unwrap_or(i64::MAX));
            }
            windows = windows.wrapping_add(1);
            // What was read ahead may have grown since.
            if published < asked.unsigned_abs() && !read_ahead {
                if !link.is_connected() {
                    return Err(BrokerError::Closed.into());
                }
                if published > 0 {
                    rest::after(begun, stop).await;
                }
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = appended => pause = POLL_INTERVAL,
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(POLL_INTERVAL_MAX),
                }
            }
        }
        Ok(())
    }

    /// Publishes these rows and moves the cursor; answers how many it was, and after a full window what was read meanwhile to be
    /// published next.
    async fn window(
        &self,
        conn: &mut PgConnection,
        publisher: &Publisher,
        rows: Vec<Row>,
        asked: i64,
    ) -> Result<(u64, Option<Vec<Row>>), RelayError> {
        let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
        let Some(last) = seqs.last().copied() else {
            return Ok((0, None));
        };
        let messages: Vec<Message> = rows.into_iter().map(message).collect();
        // After a failure windows are narrow, and what comes next is not known to be published at all.
        let more = asked == WINDOW_MAX && seqs.len() as u64 == WINDOW_MAX.unsigned_abs();
        let (settled, ahead) = publish(conn, publisher, &messages, more.then_some(last)).await?;
        if let Some(last) = cursor_after(&seqs, &settled) {
            within(ANSWER_WITHIN, move_cursor(conn, last)).await?;
            self.metrics.published.inc_by(settled.published as u64);
        }
        match (settled.stop, messages.into_iter().nth(settled.published)) {
            (None, _) => Ok((settled.published as u64, ahead.filter(|rows| !rows.is_empty()))),
            (Some(Stop::Broken(error)), _) => Err(error.into()),
            (Some(stop), Some(message)) => Err(RelayError::Stopped {
                event_id: message.message_id.parse().unwrap_or_default(),
                exchange: message.exchange,
                routing_key: message.routing_key,
                stop,
            }),
            (Some(_), None) => Err(BrokerError::Closed.into()),
        }
    }
}

/// Publishes, however long the broker holds publishers back (an alarm), and does not let the session fall silent meanwhile. While the
/// broker works it reads what comes after `read_after`, so that neither waits for the other.
async fn publish(
    conn: &mut PgConnection,
    publisher: &Publisher,
    messages: &[Message],
    read_after: Option<i64>,
) -> sqlx::Result<(Settled, Option<Vec<Row>>)> {
    let mut publishing = std::pin::pin!(publisher.publish(messages));
    let (mut settled, mut ahead) = (None, None);
    if let Some(after) = read_after {
        let mut reading = std::pin::pin!(within(ANSWER_WITHIN, rows_after(conn, Some(after), WINDOW_MAX)));
        while ahead.is_none() {
            tokio::select! {
                done = &mut publishing, if settled.is_none() => settled = Some(done),
                rows = &mut reading => ahead = Some(rows?),
            }
        }
    }
    loop {
        if let Some(settled) = settled {
            return Ok((settled, ahead));
        }
        tokio::select! {
            done = &mut publishing => settled = Some(done),
            () = tokio::time::sleep(KEEP_ALIVE) => within(ANSWER_WITHIN, conn.ping()).await?,
        }
    }
}

/// Waits for the right to relay; `false` when the process stops first.
async fn lock(conn: &mut PgConnection, stop: &CancellationToken) -> sqlx::Result<bool> {
    loop {
        let asked = sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "locked!""#, RELAY_LOCK);
        let locked = within(ANSWER_WITHIN, asked.fetch_one(&mut *conn)).await?;
        if locked {
            return Ok(true);
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(LOCK_INTERVAL) => {}
        }
    }
}

/// What comes after this row, or after the cursor.
async fn rows_after(conn: &mut PgConnection, after: Option<i64>, limit: i64) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        "SELECT seq, event_id, exchange, routing_key, event_type, source, aggregate_id,
                aggregate_seq, occurred_at, traceparent, body
         FROM outbox WHERE seq > coalesce($1, (SELECT seq FROM outbox_cursor WHERE name = $3)) ORDER BY seq LIMIT $2",
        after,
        limit,
        outbox::RELAY,
    )
    .fetch_all(conn)
    .await
}

async fn move_cursor(conn: &mut PgConnection, seq: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE outbox_cursor SET seq = $2, updated_at = clock_timestamp()
         WHERE name = $1 AND seq < $2",
        outbox::RELAY,
        seq
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn reason(error: &RelayError) -> &'static str {
    match error {
        RelayError::Database(_) => "database",
        RelayError::Broker(_) => "broker",
        RelayError::Stopped { stop, .. } => match stop {
            Stop::Returned => "returned",
            Stop::Nacked => "nacked",
            Stop::Broken(_) => "broker",
        },
    }
}

/// The row as a message: CloudEvents attributes (AMQP binding 1.0, binary mode) and the trace context as
/// headers, the event's bytes as body.
fn message(row: Row) -> Message {
    let occurred_at = row.occurred_at.format(&Rfc3339).unwrap_or_default();
    let mut headers = BTreeMap::from(
        [
            ("cloudEvents:specversion", "1.0".to_owned()),
            ("cloudEvents:id", row.event_id.to_string()),
            ("cloudEvents:type", row.event_type.clone()),
            ("cloudEvents:source", row.source),
            ("cloudEvents:subject", row.aggregate_id),
            ("cloudEvents:sequence", row.aggregate_seq.to_string()),
            ("cloudEvents:time", occurred_at),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    if let Some(traceparent) = row.traceparent {
        headers.insert(telemetry::TRACEPARENT.to_owned(), traceparent);
    }
    Message {
        exchange: row.exchange,
        routing_key: row.routing_key,
        message_id: row.event_id.to_string(),
        kind: row.event_type,
        headers,
        body: row.body.into(),
    }
}
