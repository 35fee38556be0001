//! Windows in which routing could take no commands (rule K7).

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Records a window.
///
/// # Errors
/// The database's.
pub async fn insert(
    conn: &mut PgConnection,
    outage_id: Uuid,
    from: OffsetDateTime,
    to: OffsetDateTime,
    cause: &str,
    recorded_at: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO outage (outage_id, from_at, to_at, cause, recorded_at) VALUES ($1, $2, $3, $4, $5)",
        outage_id,
        from,
        to,
        cause,
        recorded_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Windows in which a moment lies.
///
/// # Errors
/// The database's.
pub async fn covering(
    conn: &mut PgConnection,
    at: OffsetDateTime,
) -> sqlx::Result<Vec<(OffsetDateTime, OffsetDateTime)>> {
    let rows = sqlx::query!(
        "SELECT from_at, to_at FROM outage WHERE from_at <= $1 AND to_at >= $1 ORDER BY from_at",
        at
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.from_at, row.to_at)).collect())
}
