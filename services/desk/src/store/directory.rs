//! A look at kit's replica of the directory, which [`tuntas_kit::directory`] writes.

use sqlx::PgConnection;

use super::to_bigint;

/// Whether an entry is known as of `seq` or later.
///
/// # Errors
/// The database's.
pub async fn is_known(conn: &mut PgConnection, kind: &str, id: &str, seq: u64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM directory_entry WHERE kind = $1 AND id = $2 AND seq >= $3) AS "known!""#,
        kind,
        id,
        to_bigint(seq),
    )
    .fetch_one(conn)
    .await
}
