//! The one writer of the log: gives arrivals their position, in batches.
//!
//! A session-level advisory lock makes it one across processes; the batch runs on the connection that holds the
//! lock, so whoever has lost the lock cannot write. Positions are contiguous because cursor and entries move in one
//! transaction, and readers see only what is committed, so nobody ever sees a gap.

use std::time::Duration;

use serde::Deserialize;
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tuntas_kit::{
    database::{self, ANSWER_WITHIN, within},
    outbox, rest,
};

use crate::{
    head::HeadWatch,
    metrics::Metrics,
    order::{self, Arrival},
    store::{
        arrivals::{self, Waiting},
        log::{self, Entry},
    },
};

/// Key of the advisory lock: "sequence" in ASCII.
const SEQUENCER_LOCK: i64 = 0x7365_7175_656e_6365;
/// Rows read for a batch, as a multiple of its candidates: the rest is room for those held back for one of them.
const ROWS_PER_CANDIDATE: i64 = 4;
/// Held-back events named in one alarm.
const ALARM_ROWS_MAX: i64 = 20;

/// `[sequencer]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Settings {
    pub batch_max: u32,
    pub poll_ms: u64,
    pub standby_poll_ms: u64,
    pub held_back_alarm_s: u32,
    pub report_interval_s: u64,
}

/// What a batch did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Arrivals that got a position, as they are in the log.
    pub appended: Vec<Entry>,
    /// Arrivals that were held back now.
    pub held: usize,
    /// Size of the log after it; none when there was nothing to look at.
    pub size: Option<i64>,
    /// There is more to look at: the batch was full, or it released what was held back.
    pub more: bool,
}

/// Sequences until `shutdown`. Errors of the database end the session and begin another: arrivals are safe.
pub async fn run(pool: PgPool, settings: Settings, head: HeadWatch, metrics: Metrics, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(error) = session(&pool, &settings, &head, &metrics, &shutdown).await {
            tracing::warn!(%error, "the sequencer lost its session and begins another");
        }
        metrics.sequencing.set(0);
        head.appends(false);
        pause(Duration::from_millis(settings.standby_poll_ms), &shutdown).await;
    }
}

async fn session(
    pool: &PgPool,
    settings: &Settings,
    head: &HeadWatch,
    metrics: &Metrics,
    shutdown: &CancellationToken,
) -> sqlx::Result<()> {
    // None of the pool's: the lock lives and dies with it.
    let mut conn = database::connect(&database::lock_holder(&pool.connect_options())).await?;
    if !within(ANSWER_WITHIN, lock(&mut conn)).await? {
        return conn.close().await;
    }
    within(ANSWER_WITHIN, arrivals::compile_nothing(&mut conn)).await?;
    let size = within(ANSWER_WITHIN, log::size(&mut conn)).await?;
    head.reached(size);
    tracing::info!("this process sequences the log");
    metrics.sequencing.set(1);
    head.appends(true);
    let mut report_at = Instant::now();
    while !shutdown.is_cancelled() {
        let (committed, begun) = (outbox::committed(), Instant::now());
        let batch = within(ANSWER_WITHIN, batch(&mut conn, settings.batch_max)).await?;
        let more = batch.more;
        let idle = batch.appended.is_empty();
        metrics.appended.inc_by(batch.appended.len() as u64);
        head.appended(batch.appended);
        if Instant::now() >= report_at {
            within(ANSWER_WITHIN, report(&mut conn, settings, metrics)).await?;
            report_at = Instant::now() + Duration::from_secs(settings.report_interval_s);
        }
        if !more {
            if !idle {
                rest::after(begun, shutdown).await;
            }
            // What this process has taken in waits no longer; what another has, until the next look.
            tokio::select! {
                () = committed => {}
                () = pause(Duration::from_millis(settings.poll_ms), shutdown) => {}
            }
        }
    }
    conn.close().await
}

async fn lock(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "locked!""#, SEQUENCER_LOCK)
        .fetch_one(conn)
        .await
}

/// One batch: reads and orders; then, in one transaction, appends and moves the head. Nobody but a sequencer takes an arrival away or
/// holds it back, so what was read still stands.
///
/// # Errors
/// The database's; then nothing has happened.
pub async fn batch(conn: &mut PgConnection, batch_max: u32) -> sqlx::Result<Batch> {
    let candidates_max = i64::from(batch_max);
    let waiting = arrivals::next(conn, candidates_max, candidates_max * ROWS_PER_CANDIDATE).await?;
    if waiting.is_empty() {
        return Ok(Batch::default());
    }
    let candidates = waiting.iter().filter(|arrival| !arrival.held).count();
    let order = order::order(&waiting.iter().map(Arrival::from).collect::<Vec<_>>());
    let appended: Vec<&Waiting> = order.append.iter().map(|n| &waiting[*n]).collect();
    let newly_held: Vec<i64> = order
        .newly_held(|n| waiting[n].held)
        .map(|n| waiting[n].arrival_no)
        .collect();
    let mut tx = conn.begin().await?;
    let head = log::lock_head(&mut tx).await?;
    let (moved, entries) = match appended.is_empty() {
        true => (head, Vec::new()),
        false => log::append(&mut tx, head, &appended).await?,
    };
    let released = arrivals::leave(&mut tx, &appended).await?;
    arrivals::hold(&mut tx, &newly_held).await?;
    tx.commit().await?;
    Ok(Batch {
        appended: entries,
        held: newly_held.len(),
        size: Some(moved.size),
        more: released > 0 || candidates as u64 >= u64::from(batch_max),
    })
}

/// Tells the operator how much is held back, and names what has been for too long: its predecessor or its cause was
/// lost on the way, or was never published.
async fn report(conn: &mut PgConnection, settings: &Settings, metrics: &Metrics) -> sqlx::Result<()> {
    let backlog = arrivals::backlog(conn).await?;
    let overdue = arrivals::overdue(conn, f64::from(settings.held_back_alarm_s), ALARM_ROWS_MAX).await?;
    metrics.held_back.set(backlog.held);
    metrics
        .held_back_overdue
        .set(i64::try_from(overdue.len()).unwrap_or(i64::MAX));
    for held in &overdue {
        tracing::error!(
            event.id = %held.event_id,
            aggregate.id = %held.aggregate_id,
            aggregate.seq = held.aggregate_seq,
            causation.id = held.causation_id.map(tracing::field::display),
            arrived_at = %held.arrived_at,
            "an event has been held back too long: its predecessor or its cause has not arrived"
        );
    }
    Ok(())
}

async fn pause(length: Duration, shutdown: &CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(length) => {}
    }
}

impl From<&Waiting> for Arrival {
    fn from(waiting: &Waiting) -> Self {
        Self {
            event_id: waiting.event_id,
            aggregate_id: waiting.aggregate_id.clone(),
            aggregate_seq: waiting.aggregate_seq,
            causation_id: waiting.causation_id,
            predecessor_logged: waiting.predecessor_logged,
            cause_logged: waiting.cause_logged,
            place_taken: waiting.place_taken,
        }
    }
}
