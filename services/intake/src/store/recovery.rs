//! Requests for a new receipt code that are still to be settled, and the codes that came of them.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// A request.
#[derive(Debug, Clone)]
pub struct Recovery {
    /// Also the id of the event when it is granted.
    pub recovery_id: Uuid,
    /// Ticket number in normal form; it need not exist.
    pub ticket: String,
    /// Keyed hash of the contact.
    pub contact_mac: Vec<u8>,
    /// When it was asked.
    pub asked_at: OffsetDateTime,
}

/// Keeps a request.
///
/// # Errors
/// The database's.
pub async fn insert(conn: &mut PgConnection, recovery: &Recovery) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO receipt_recovery (recovery_id, ticket, contact_mac, asked_at) VALUES ($1, $2, $3, $4)",
        recovery.recovery_id,
        recovery.ticket,
        recovery.contact_mac,
        recovery.asked_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the oldest request for this transaction; none when nothing waits.
///
/// # Errors
/// The database's.
pub async fn take(conn: &mut PgConnection) -> sqlx::Result<Option<Recovery>> {
    sqlx::query_as!(
        Recovery,
        "DELETE FROM receipt_recovery WHERE recovery_id = (
             SELECT recovery_id FROM receipt_recovery ORDER BY recovery_id LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING recovery_id, ticket, contact_mac, asked_at",
    )
    .fetch_optional(conn)
    .await
}

/// Gives a report a new code beside its first; the recovered one before it opens nothing any more.
///
/// # Errors
/// The database's.
pub async fn set_code(conn: &mut PgConnection, report: Uuid, mac: &[u8], at: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE report SET recovered_mac = $2, recovered_at = $3 WHERE id = $1",
        report,
        mac,
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}
