//! A write that is repeated gives the same answer.
//!
//! A connection lost at commit leaves its client not knowing; it repeats the request under the same key. The
//! answer is stored in the transaction of the write. The same key with another request is refused.

use aws_lc_rs::digest::{SHA256, digest};
use prost::Message;
use sqlx::PgConnection;

use crate::problem::{IDEMPOTENCY_KEY_MISSING, IDEMPOTENCY_KEY_REUSED, Problem};

const KEY_CHARS_MAX: usize = 128;

/// Checks that a key is 1 to 128 characters, none of them a control character.
///
/// # Errors
/// `idempotency_key_missing`.
pub fn check_key(key: &str) -> Result<(), Problem> {
    if key.is_empty() || key.chars().count() > KEY_CHARS_MAX || key.chars().any(char::is_control) {
        return Err(Problem::new(IDEMPOTENCY_KEY_MISSING));
    }
    Ok(())
}

/// The answer stored under `key` in `scope` (the name of the RPC, and whose keys they are where callers could
/// guess each other's), if this same `request` was answered before.
///
/// It also takes a lock on the key until the transaction ends, so that of two simultaneous requests the
/// second waits and then finds the first one's answer.
///
/// # Errors
/// `idempotency_key_missing`, `idempotency_key_reused` when the key came with another request, or the
/// database's.
pub async fn lookup<R: Message + Default>(
    conn: &mut PgConnection,
    scope: &str,
    key: &str,
    request: &impl Message,
) -> Result<Option<R>, Problem> {
    check_key(key)?;
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, hashtext($2)))",
        key,
        scope
    )
    .execute(&mut *conn)
    .await?;
    stored(conn, scope, key, request).await
}

/// The same without the lock, and in no transaction: another request under the key may be under way. For who has work to spare
/// before the transaction, in which [`lookup`] decides.
///
/// # Errors
/// As [`lookup`].
pub async fn peek<R: Message + Default>(
    conn: &mut PgConnection,
    scope: &str,
    key: &str,
    request: &impl Message,
) -> Result<Option<R>, Problem> {
    check_key(key)?;
    stored(conn, scope, key, request).await
}

async fn stored<R: Message + Default>(
    conn: &mut PgConnection,
    scope: &str,
    key: &str,
    request: &impl Message,
) -> Result<Option<R>, Problem> {
    let stored = sqlx::query!(
        "SELECT request_hash, response FROM idempotency WHERE scope = $1 AND key = $2",
        scope,
        key
    )
    .fetch_optional(conn)
    .await?;
    let Some(stored) = stored else {
        return Ok(None);
    };
    if stored.request_hash != hash(request) {
        return Err(Problem::new(IDEMPOTENCY_KEY_REUSED));
    }
    R::decode(stored.response.as_slice())
        .map(Some)
        .map_err(Problem::internal)
}

/// Stores the answer of a write, in its transaction.
///
/// # Errors
/// The database's.
pub async fn remember(
    conn: &mut PgConnection,
    scope: &str,
    key: &str,
    request: &impl Message,
    response: &impl Message,
) -> Result<(), Problem> {
    sqlx::query!(
        "INSERT INTO idempotency (scope, key, request_hash, response) VALUES ($1, $2, $3, $4)",
        scope,
        key,
        hash(request),
        response.encode_to_vec()
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn hash(request: &impl Message) -> Vec<u8> {
    digest(&SHA256, &request.encode_to_vec()).as_ref().to_vec()
}
