//! The copied directory in the database.

use prost::Message as _;
use sqlx::{PgPool, query, query_scalar};
use time::OffsetDateTime;
use tuntas_kit::problem::Problem;
use tuntas_proto::routing::v1::ListDirectoryResponse;

/// The copy, if there is one.
pub(super) async fn read(pool: &PgPool) -> Result<Option<ListDirectoryResponse>, Problem> {
    let body = query_scalar!("SELECT body FROM directory_copy")
        .fetch_optional(pool)
        .await?;
    body.map(|body| ListDirectoryResponse::decode(body.as_slice()).map_err(Problem::internal))
        .transpose()
}

/// Puts the copy in the place of the last one.
pub(super) async fn write(pool: &PgPool, body: &[u8], at: OffsetDateTime) -> Result<(), Problem> {
    query!(
        "INSERT INTO directory_copy (body, copied_at) VALUES ($1, $2)
         ON CONFLICT (only_row) DO UPDATE SET body = excluded.body, copied_at = excluded.copied_at",
        body,
        at
    )
    .execute(pool)
    .await?;
    Ok(())
}
