//! Work on the indexes that is not to be anybody's to wait for.

use sqlx::PgConnection;

/// Moves what was written lately from the lists of the word indexes into them; answers how many pages that were. Nobody's
/// writing waits for it.
///
/// # Errors
/// The database's.
pub async fn empty_pending_lists(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT empty_pending_lists() AS "pages!""#)
        .fetch_one(conn)
        .await
}
