//! Keeping outbox, inbox and idempotency keys from growing for ever.
//!
//! What is deleted was published, handled or answered long ago; the lasting record is the oversight log. Ages are
//! real time: they bound what a late repetition may still find, and have nothing to do with the demo clock.

use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Retention,
    database::{ANSWER_WITHIN, within},
    outbox::RELAY,
    telemetry,
};

const INTERVAL: Duration = Duration::from_secs(60 * 60);
/// Rows of one statement, so that none holds its locks for long.
const BATCH_MAX: i64 = 5_000;

/// Deletes what is old, every hour, until `stop`. A failure is logged, and mended by the next hour.
pub(crate) async fn run(pool: PgPool, keep: Retention, stop: CancellationToken) -> anyhow::Result<()> {
    let mut hours = tokio::time::interval(INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = hours.tick() => {}
        }
        match sweep(&pool, &keep).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "old rows deleted"),
            Err(error) => tracing::warn!(error.chain = %telemetry::chain(&error), "old rows were not deleted"),
        }
    }
}

/// Deletes what is older than `keep` says; answers how many rows that were.
///
/// # Errors
/// The database's. What was deleted before stays deleted.
pub async fn sweep(pool: &PgPool, keep: &Retention) -> sqlx::Result<u64> {
    let mut rows = 0;
    loop {
        let deleted = within(ANSWER_WITHIN, outbox(pool, keep.outbox_days)).await?
            + within(ANSWER_WITHIN, inbox(pool, keep.inbox_days)).await?
            + within(ANSWER_WITHIN, idempotency(pool, keep.idempotency_days)).await?;
        rows += deleted;
        if deleted == 0 {
            return Ok(rows);
        }
    }
}

async fn outbox(pool: &PgPool, days: i32) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM outbox WHERE seq IN (
             SELECT seq FROM outbox
             WHERE seq <= (SELECT seq FROM outbox_cursor WHERE name = $1)
               AND created_at < clock_timestamp() - make_interval(days => $2)
             ORDER BY seq LIMIT $3)",
        RELAY,
        days,
        BATCH_MAX
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}

/// A row that only counts failed tries stays: its event may still be a dead letter.
async fn inbox(pool: &PgPool, days: i32) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM inbox WHERE (consumer, event_id) IN (
             SELECT consumer, event_id FROM inbox
             WHERE received_at < clock_timestamp() - make_interval(days => $1) AND handled_at IS NOT NULL
             ORDER BY received_at LIMIT $2)",
        days,
        BATCH_MAX
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}

async fn idempotency(pool: &PgPool, days: i32) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM idempotency WHERE (scope, key) IN (
             SELECT scope, key FROM idempotency
             WHERE created_at < clock_timestamp() - make_interval(days => $1)
             ORDER BY created_at LIMIT $2)",
        days,
        BATCH_MAX
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}
