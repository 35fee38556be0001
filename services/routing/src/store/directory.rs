//! Changes of the aggregate `directory`, in order. What holds now is in kit's `directory_entry`.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Key of the transaction-level advisory lock that keeps changes of the directory and moves of cases apart:
/// "dirs" in ASCII. A change takes it alone; a move of a case shares it, so that no case is decided by a calendar
/// that is being replaced.
const DIRECTORY_LOCK: i64 = 0x6469_7273;

/// A change as it is stored.
#[derive(Debug)]
pub struct ChangeRow<'a> {
    /// Sequence within the aggregate.
    pub seq: u64,
    /// Id of the event.
    pub event_id: Uuid,
    /// When.
    pub at: OffsetDateTime,
    /// Kind of the entry.
    pub kind: &'a str,
    /// Key of the entry within its kind.
    pub key: &'a str,
    /// `tuntas.event.v1.Event` with its payload alone.
    pub body: &'a [u8],
}

/// Keeps moves of cases and other changes out until the transaction ends.
///
/// # Errors
/// The database's.
pub async fn lock_for_change(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", DIRECTORY_LOCK)
        .execute(conn)
        .await?;
    Ok(())
}

/// Keeps changes of the directory out until the transaction ends.
///
/// # Errors
/// The database's.
pub async fn lock_for_use(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock_shared($1)", DIRECTORY_LOCK)
        .execute(conn)
        .await?;
    Ok(())
}

/// Sequence of the latest change, 0 before the first.
///
/// # Errors
/// The database's.
pub async fn head(conn: &mut PgConnection) -> sqlx::Result<u64> {
    let seq = sqlx::query_scalar!(r#"SELECT coalesce(max(seq), 0) AS "seq!" FROM directory_change"#)
        .fetch_one(conn)
        .await?;
    Ok(seq.unsigned_abs())
}

/// Stores a change.
///
/// # Errors
/// The database's.
pub async fn insert_change(conn: &mut PgConnection, row: &ChangeRow<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO directory_change (seq, event_id, at, kind, key, body) VALUES ($1, $2, $3, $4, $5, $6)",
        row.seq.cast_signed(),
        row.event_id,
        row.at,
        row.kind,
        row.key,
        row.body,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether there are changes after a moment: without one, the directory stands as it stood then.
///
/// # Errors
/// The database's.
pub async fn has_changed_since(conn: &mut PgConnection, at: OffsetDateTime) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM directory_change WHERE at > $1) AS "changed!""#,
        at
    )
    .fetch_one(conn)
    .await
}

/// Body of the latest change of each entry up to a moment, in the order of the changes.
///
/// # Errors
/// The database's.
pub async fn bodies_at(conn: &mut PgConnection, at: OffsetDateTime) -> sqlx::Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!(
        r#"SELECT body AS "body!" FROM (
               SELECT DISTINCT ON (kind, key) seq, body FROM directory_change
               WHERE at <= $1 ORDER BY kind, key, seq DESC
           ) AS latest ORDER BY seq"#,
        at,
    )
    .fetch_all(conn)
    .await
}

/// Kind, key and body of the latest change of each entry.
///
/// # Errors
/// The database's.
pub async fn latest(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, String, Vec<u8>)>> {
    let rows = sqlx::query!(
        "SELECT DISTINCT ON (kind, key) kind, key, body FROM directory_change ORDER BY kind, key, seq DESC"
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.kind, row.key, row.body)).collect())
}
