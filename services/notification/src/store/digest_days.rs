//! Days whose morning mails are planned.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

/// Whether a day's mails are planned.
///
/// # Errors
/// The database's.
pub async fn is_planned(conn: &mut PgConnection, day: Date) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!("SELECT day FROM digest_day WHERE day = $1", day)
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}

/// Takes a day for this transaction; false when another has it.
///
/// # Errors
/// The database's.
pub async fn take(conn: &mut PgConnection, day: Date, at: OffsetDateTime) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO digest_day (day, planned_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        day,
        at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
