//! How far the log was read.

use sqlx::PgConnection;

/// Bytes of a chain hash.
pub const HASH_BYTES: usize = 32;

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Position of the last entry read; 0 before the first.
    pub position: i64,
    /// Chain hash there.
    pub chain_hash: [u8; HASH_BYTES],
}

/// The position alone.
pub async fn position(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!("SELECT position FROM log_cursor")
        .fetch_one(conn)
        .await
}

/// The place, and nobody else applies entries until the transaction ends.
pub async fn lock(conn: &mut PgConnection) -> sqlx::Result<Cursor> {
    let row = sqlx::query!("SELECT position, chain_hash FROM log_cursor FOR UPDATE")
        .fetch_one(conn)
        .await?;
    let chain_hash = row
        .chain_hash
        .as_slice()
        .try_into()
        .map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
    Ok(Cursor {
        position: row.position,
        chain_hash,
    })
}

/// Moves it.
pub async fn set(conn: &mut PgConnection, cursor: Cursor) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE log_cursor SET position = $1, chain_hash = $2",
        cursor.position,
        cursor.chain_hash.as_slice()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Remembers an entry that could not be read.
pub async fn unreadable(conn: &mut PgConnection, position: i64, why: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO unreadable_entry (log_position, why) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        position,
        why
    )
    .execute(conn)
    .await?;
    Ok(())
}
