//! The inbox: which events a consumer has handled, and how often it failed.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Claims events for `consumer`: answers those that it has not handled before. From now on, if the
/// transaction commits, it has.
///
/// # Errors
/// The database's.
pub async fn claim(conn: &mut PgConnection, consumer: &str, event_ids: &[Uuid]) -> sqlx::Result<Vec<Uuid>> {
    // Sorted, so that two replicas that got the same events wait for each other instead of deadlocking.
    let mut sorted = event_ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sqlx::query_scalar!(
        "INSERT INTO inbox (consumer, event_id, handled_at)
         SELECT $1, event_id, clock_timestamp() FROM unnest($2::uuid[]) AS ids (event_id)
         ON CONFLICT (consumer, event_id) DO UPDATE SET handled_at = excluded.handled_at
            WHERE inbox.handled_at IS NULL
         RETURNING event_id",
        consumer,
        &sorted
    )
    .fetch_all(conn)
    .await
}

/// Counts a failed try of an event that is not handled, and answers how many there were.
///
/// # Errors
/// The database's.
pub async fn count_try(pool: &PgPool, consumer: &str, event_id: Uuid, error: &str) -> sqlx::Result<u32> {
    let tries = sqlx::query_scalar!(
        "INSERT INTO inbox (consumer, event_id, tries, last_error) VALUES ($1, $2, 1, $3)
         ON CONFLICT (consumer, event_id)
            DO UPDATE SET tries = inbox.tries + 1, last_error = excluded.last_error
         RETURNING tries",
        consumer,
        event_id,
        error
    )
    .fetch_one(pool)
    .await?;
    Ok(u32::try_from(tries).unwrap_or_default())
}

/// Forgets the failed tries of unhandled events, for a replay: of these, or of all when there are none.
///
/// # Errors
/// The database's.
pub async fn forget_all_tries(pool: &PgPool, consumer: &str, event_ids: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE inbox SET tries = 0, dead = false
         WHERE consumer = $1 AND handled_at IS NULL
           AND (cardinality($2::uuid[]) = 0 OR event_id = ANY ($2))",
        consumer,
        event_ids
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Notes that an event is a dead letter now.
///
/// # Errors
/// The database's.
pub async fn bury(pool: &PgPool, consumer: &str, event_id: Uuid, reason: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO inbox (consumer, event_id, tries, last_error, dead) VALUES ($1, $2, 1, $3, true)
         ON CONFLICT (consumer, event_id) DO UPDATE SET last_error = excluded.last_error, dead = true",
        consumer,
        event_id,
        reason
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Which of these events need not be brought to `consumer` again: handled, or dead. One that was only tried may be nowhere any more.
///
/// # Errors
/// The database's.
pub async fn known(pool: &PgPool, consumer: &str, event_ids: &[Uuid]) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT event_id FROM inbox WHERE consumer = $1 AND event_id = ANY ($2) AND (handled_at IS NOT NULL OR dead)",
        consumer,
        event_ids
    )
    .fetch_all(pool)
    .await
}
