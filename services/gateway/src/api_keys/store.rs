//! Keys of integrations, and what came with them, in the database.

use sqlx::{PgPool, query, query_as};
use time::OffsetDateTime;
use tuntas_kit::problem::Problem;
use uuid::Uuid;

/// A key.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named as the columns, which the migration explains")]
pub struct ApiKey {
    pub api_key_id: Uuid,
    pub name: String,
    pub purpose: String,
    pub per_minute: i32,
    pub burst: i32,
    pub created_at: OffsetDateTime,
    pub used_at: Option<OffsetDateTime>,
    pub revoked_at: Option<OffsetDateTime>,
}

/// A report that came with a key.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named as the columns, which the migration explains")]
pub struct Filing {
    pub ticket: String,
    pub api_key_id: Uuid,
    pub token_hash: Vec<u8>,
    pub receipt_sealed: Vec<u8>,
    pub filed_at: OffsetDateTime,
}

/// Makes a key; the answer is `false` when the name is taken.
///
/// # Errors
/// The database's.
pub async fn create(pool: &PgPool, key: &ApiKey, key_hash: Option<&[u8]>) -> Result<bool, Problem> {
    let made = query!(
        "INSERT INTO api_key (api_key_id, name, purpose, key_hash, per_minute, burst, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        key.api_key_id,
        key.name,
        key.purpose,
        key_hash,
        key.per_minute,
        key.burst,
        key.created_at
    )
    .execute(pool)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// All keys, by name.
///
/// # Errors
/// The database's.
pub async fn all(pool: &PgPool) -> Result<Vec<ApiKey>, Problem> {
    Ok(query_as!(
        ApiKey,
        "SELECT api_key_id, name, purpose, per_minute, burst, created_at, used_at, revoked_at FROM api_key ORDER BY name"
    )
    .fetch_all(pool)
    .await?)
}

/// The key of a hash, while it is not revoked.
///
/// # Errors
/// The database's.
pub async fn by_hash(pool: &PgPool, key_hash: &[u8]) -> Result<Option<ApiKey>, Problem> {
    Ok(query_as!(
        ApiKey,
        "SELECT api_key_id, name, purpose, per_minute, burst, created_at, used_at, revoked_at
         FROM api_key WHERE key_hash = $1 AND revoked_at IS NULL",
        key_hash
    )
    .fetch_optional(pool)
    .await?)
}

/// The key of an integration and a purpose, while it is not revoked.
///
/// # Errors
/// The database's.
pub async fn by_name(pool: &PgPool, name: &str, purpose: &str) -> Result<Option<ApiKey>, Problem> {
    Ok(query_as!(
        ApiKey,
        "SELECT api_key_id, name, purpose, per_minute, burst, created_at, used_at, revoked_at
         FROM api_key WHERE name = $1 AND purpose = $2 AND revoked_at IS NULL",
        name,
        purpose
    )
    .fetch_optional(pool)
    .await?)
}

/// Revokes a key; the answer is its id, none when there is no such key.
///
/// # Errors
/// The database's.
pub async fn revoke(pool: &PgPool, name: &str, at: OffsetDateTime) -> Result<Option<Uuid>, Problem> {
    let revoked = query!(
        "UPDATE api_key SET revoked_at = coalesce(revoked_at, $2) WHERE name = $1 RETURNING api_key_id",
        name,
        at
    )
    .fetch_optional(pool)
    .await?;
    Ok(revoked.map(|row| row.api_key_id))
}

/// Notes that a key was used.
///
/// # Errors
/// The database's.
pub async fn used(pool: &PgPool, api_key_id: Uuid, at: OffsetDateTime) -> Result<(), Problem> {
    query!("UPDATE api_key SET used_at = $2 WHERE api_key_id = $1", api_key_id, at)
        .execute(pool)
        .await?;
    Ok(())
}

/// Remembers what came with a key; what is known stays.
///
/// # Errors
/// The database's.
pub async fn put_filing(pool: &PgPool, filing: &Filing) -> Result<(), Problem> {
    query!(
        "INSERT INTO api_filing (ticket, api_key_id, token_hash, receipt_sealed, filed_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        filing.ticket,
        filing.api_key_id,
        filing.token_hash,
        filing.receipt_sealed,
        filing.filed_at
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// What came with a key under a token.
///
/// # Errors
/// The database's.
pub async fn filing_by_token(pool: &PgPool, api_key_id: Uuid, token_hash: &[u8]) -> Result<Option<Filing>, Problem> {
    Ok(query_as!(
        Filing,
        "SELECT ticket, api_key_id, token_hash, receipt_sealed, filed_at
         FROM api_filing WHERE api_key_id = $1 AND token_hash = $2",
        api_key_id,
        token_hash
    )
    .fetch_optional(pool)
    .await?)
}

/// A report that came with a key.
///
/// # Errors
/// The database's.
pub async fn filing_by_ticket(pool: &PgPool, api_key_id: Uuid, ticket: &str) -> Result<Option<Filing>, Problem> {
    Ok(query_as!(
        Filing,
        "SELECT ticket, api_key_id, token_hash, receipt_sealed, filed_at
         FROM api_filing WHERE api_key_id = $1 AND ticket = $2",
        api_key_id,
        ticket
    )
    .fetch_optional(pool)
    .await?)
}
