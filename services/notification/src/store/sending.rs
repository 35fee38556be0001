//! What the sender does with deliveries: lease, settle, try again. All times in here are real time.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// A delivery that this sender holds until its lease ends.
#[derive(Debug, Clone)]
pub struct Leased {
    /// Its id; also the webhook-id and the left part of the Message-ID.
    pub delivery_id: Uuid,
    /// The event that called for it.
    pub event_id: Uuid,
    /// The report whose reporter is told, or of which a position is told.
    pub report_id: Option<Uuid>,
    /// `reporter`, `position` or `webhook`.
    pub recipient_kind: String,
    /// Report, position or webhook.
    pub recipient_id: String,
    /// Template of a mail.
    pub template: String,
    /// Facts for the template, or the body of the webhook.
    pub facts: String,
    /// Tries so far, with this one.
    pub tries: u32,
    /// Seconds since the first try.
    pub age_s: u64,
}

/// Takes up to `limit` deliveries that are due, or whose lease ended without an answer (its sender died), for
/// `lease_ms`. Each kind is read by its own index: with one condition for both, all that waits was read and sorted for every lease.
///
/// # Errors
/// The database's.
pub async fn lease(conn: &mut PgConnection, lease_id: Uuid, limit: i64, lease_ms: i64) -> sqlx::Result<Vec<Leased>> {
    let rows = sqlx::query!(
        r#"WITH planned AS (
               SELECT delivery_id FROM delivery WHERE status = 'planned' AND next_try_at <= statement_timestamp()
               ORDER BY next_try_at LIMIT $2 FOR UPDATE SKIP LOCKED
           ), lost AS (
               SELECT delivery_id FROM delivery WHERE status = 'sending' AND lease_until <= statement_timestamp()
               ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED
           )
           UPDATE delivery SET status = 'sending', lease_id = $1, tries = tries + 1,
               lease_until = clock_timestamp() + make_interval(secs => $3::bigint / 1000.0),
               first_try_at = coalesce(first_try_at, clock_timestamp())
           WHERE delivery_id = ANY (ARRAY(
               SELECT delivery_id FROM lost UNION ALL SELECT delivery_id FROM planned LIMIT $2))
           RETURNING delivery_id, event_id, report_id, recipient_kind, recipient_id, template, facts, tries,
               greatest(0, extract(epoch FROM clock_timestamp() - first_try_at))::bigint AS "age_s!""#,
        lease_id,
        limit,
        lease_ms,
    )
    .fetch_all(conn)
    .await?;
    let mut leased: Vec<Leased> = rows
        .into_iter()
        .map(|row| Leased {
            delivery_id: row.delivery_id,
            event_id: row.event_id,
            report_id: row.report_id,
            recipient_kind: row.recipient_kind,
            recipient_id: row.recipient_id,
            template: row.template,
            facts: row.facts,
            tries: row.tries.unsigned_abs(),
            age_s: row.age_s.unsigned_abs(),
        })
        .collect();
    leased.sort_by_key(|delivery| delivery.delivery_id);
    Ok(leased)
}

/// Records the end of a delivery: `sent`, `skipped` or `given_up`. Does nothing when the lease was lost meanwhile.
///
/// # Errors
/// The database's.
pub async fn settle(
    conn: &mut PgConnection,
    lease_id: Uuid,
    delivery_id: Uuid,
    status: &str,
    reason: Option<&str>,
    at: OffsetDateTime,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE delivery SET status = $3, reason = $4, settled_at = $5, lease_id = NULL, lease_until = NULL
         WHERE delivery_id = $1 AND lease_id = $2",
        delivery_id,
        lease_id,
        status,
        reason,
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Puts a delivery back, to be tried in `wait_ms`. A wait that is not the delivery's fault (a service of ours is
/// away) does not count as a try.
///
/// # Errors
/// The database's.
pub async fn put_back(
    conn: &mut PgConnection,
    lease_id: Uuid,
    delivery_id: Uuid,
    reason: &str,
    wait_ms: i64,
    counts: bool,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE delivery SET status = 'planned', reason = $3, lease_id = NULL, lease_until = NULL,
             next_try_at = clock_timestamp() + make_interval(secs => $4::bigint / 1000.0),
             tries = tries - CASE WHEN $5 THEN 0 ELSE 1 END
         WHERE delivery_id = $1 AND lease_id = $2",
        delivery_id,
        lease_id,
        reason,
        wait_ms,
        counts,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Deliveries that are due now or on their way.
///
/// # Errors
/// The database's.
pub async fn due(conn: &mut PgConnection) -> sqlx::Result<u64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM delivery
           WHERE (status = 'planned' AND next_try_at <= clock_timestamp()) OR status = 'sending'"#
    )
    .fetch_one(conn)
    .await?;
    Ok(count.unsigned_abs())
}
