//! Accounts, sessions and the audit trail in the database.

use sqlx::{PgPool, query, query_as, query_scalar};
use time::OffsetDateTime;
use tuntas_kit::{problem::Problem, tx};
use uuid::Uuid;

/// An account.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named as the columns, which the migration explains")]
pub struct Account {
    pub account_id: Uuid,
    pub username: String,
    pub holder_id: String,
    pub password_hash: Option<String>,
    pub password_is_temporary: bool,
    pub totp_sealed: Option<Vec<u8>>,
    pub totp_confirmed: bool,
    pub locked_until: Option<OffsetDateTime>,
    pub disabled_at: Option<OffsetDateTime>,
}

/// A session that counts, with its account.
#[derive(Debug)]
#[expect(missing_docs, reason = "named as the columns, which the migration explains")]
pub struct LiveSession {
    pub session_id: Uuid,
    pub account_id: Uuid,
    pub position_id: Option<String>,
    pub seen_at: OffsetDateTime,
    pub username: String,
    pub holder_id: String,
    pub password_is_temporary: bool,
    pub has_password: bool,
    pub totp_confirmed: bool,
}

/// A session to be opened.
#[derive(Debug)]
#[expect(missing_docs, reason = "named as the columns, which the migration explains")]
pub struct NewSession {
    pub cookie_hash: Vec<u8>,
    pub session_id: Uuid,
    pub account_id: Uuid,
    pub via: &'static str,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// An account to be made.
#[derive(Debug)]
#[expect(missing_docs, reason = "named as the columns, which the migration explains")]
pub struct NewAccount {
    pub account_id: Uuid,
    pub username: String,
    pub holder_id: String,
    pub password_hash: Option<String>,
    pub password_is_temporary: bool,
    pub created_at: OffsetDateTime,
}

/// One line of the audit trail.
#[derive(Debug)]
#[expect(missing_docs, reason = "named as the columns, which the migration explains")]
pub struct AuditLine {
    pub at: OffsetDateTime,
    pub actor: String,
    pub holder_id: String,
    pub action: String,
    pub subject: String,
    pub peer: String,
}

/// An account by the name that is typed.
///
/// # Errors
/// The database's.
pub async fn account_by_name(pool: &PgPool, username: &str) -> Result<Option<Account>, Problem> {
    Ok(query_as!(
        Account,
        "SELECT account_id, username, holder_id, password_hash, password_is_temporary, totp_sealed, totp_confirmed,
                locked_until, disabled_at
         FROM account WHERE username = $1",
        username
    )
    .fetch_optional(pool)
    .await?)
}

/// An account by its id.
///
/// # Errors
/// The database's.
pub async fn account(pool: &PgPool, account_id: Uuid) -> Result<Option<Account>, Problem> {
    Ok(query_as!(
        Account,
        "SELECT account_id, username, holder_id, password_hash, password_is_temporary, totp_sealed, totp_confirmed,
                locked_until, disabled_at
         FROM account WHERE account_id = $1",
        account_id
    )
    .fetch_optional(pool)
    .await?)
}

/// All accounts, by name.
///
/// # Errors
/// The database's.
pub async fn accounts(pool: &PgPool) -> Result<Vec<Account>, Problem> {
    Ok(query_as!(
        Account,
        "SELECT account_id, username, holder_id, password_hash, password_is_temporary, totp_sealed, totp_confirmed,
                locked_until, disabled_at
         FROM account ORDER BY username"
    )
    .fetch_all(pool)
    .await?)
}

/// Makes an account; of a person or a name that has one already nothing changes, and the answer is `false`.
///
/// # Errors
/// The database's.
pub async fn create_account(pool: &PgPool, account: NewAccount) -> Result<bool, Problem> {
    tx::run(pool, move |conn| {
        Box::pin(async move {
            let made = query!(
                "INSERT INTO account (account_id, username, holder_id, password_hash, password_is_temporary, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                account.account_id,
                account.username,
                account.holder_id,
                account.password_hash,
                account.password_is_temporary,
                account.created_at
            )
            .execute(conn)
            .await?;
            Ok(made.rows_affected() == 1)
        })
    })
    .await
}

/// Sets a password, lifts a lock, and ends all sessions but one.
///
/// # Errors
/// The database's.
pub async fn set_password(
    pool: &PgPool,
    account_id: Uuid,
    hash: String,
    is_temporary: bool,
    keep_session: Option<Uuid>,
) -> Result<(), Problem> {
    tx::run(pool, move |conn| {
        Box::pin(async move {
            query!(
                "UPDATE account SET password_hash = $2, password_is_temporary = $3, wrong_in_row = 0, locked_until = NULL
                 WHERE account_id = $1",
                account_id,
                hash,
                is_temporary
            )
            .execute(&mut *conn)
            .await?;
            query!(
                "DELETE FROM session WHERE account_id = $1 AND session_id IS DISTINCT FROM $2",
                account_id,
                keep_session
            )
            .execute(conn)
            .await?;
            Ok(())
        })
    })
    .await
}

/// Sets or removes the second factor.
///
/// # Errors
/// The database's.
pub async fn set_totp(
    pool: &PgPool,
    account_id: Uuid,
    sealed: Option<Vec<u8>>,
    confirmed: bool,
) -> Result<(), Problem> {
    query!(
        "UPDATE account SET totp_sealed = $2, totp_confirmed = $3 WHERE account_id = $1",
        account_id,
        sealed,
        confirmed
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Takes a step of the second factor, once.
///
/// # Errors
/// The database's.
pub async fn take_totp_step(pool: &PgPool, account_id: Uuid, step: i64) -> Result<bool, Problem> {
    let taken = query!(
        "UPDATE account SET totp_step = $2 WHERE account_id = $1 AND totp_step < $2",
        account_id,
        step
    )
    .execute(pool)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// Counts a wrong try; at `wrong_max` in a row the account is locked, and the answer is `true`.
///
/// # Errors
/// The database's.
pub async fn count_wrong(
    pool: &PgPool,
    account_id: Uuid,
    wrong_max: i32,
    locked_until: OffsetDateTime,
) -> Result<bool, Problem> {
    let locked = query_scalar!(
        r#"UPDATE account
           SET wrong_in_row = CASE WHEN wrong_in_row + 1 >= $2 THEN 0 ELSE wrong_in_row + 1 END,
               locked_until = CASE WHEN wrong_in_row + 1 >= $2 THEN $3 ELSE locked_until END
           WHERE account_id = $1
           RETURNING wrong_in_row = 0 AS "locked!""#,
        account_id,
        wrong_max,
        locked_until
    )
    .fetch_optional(pool)
    .await?;
    Ok(locked.unwrap_or(false))
}

/// Lifts a lock.
///
/// # Errors
/// The database's.
pub async fn unlock(pool: &PgPool, account_id: Uuid) -> Result<(), Problem> {
    query!(
        "UPDATE account SET wrong_in_row = 0, locked_until = NULL WHERE account_id = $1",
        account_id
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Enables or disables an account; disabling ends its sessions.
///
/// # Errors
/// The database's.
pub async fn set_disabled(pool: &PgPool, account_id: Uuid, at: Option<OffsetDateTime>) -> Result<(), Problem> {
    tx::run(pool, move |conn| {
        Box::pin(async move {
            query!(
                "UPDATE account SET disabled_at = $2 WHERE account_id = $1",
                account_id,
                at
            )
            .execute(&mut *conn)
            .await?;
            if at.is_some() {
                query!("DELETE FROM session WHERE account_id = $1", account_id)
                    .execute(conn)
                    .await?;
            }
            Ok(())
        })
    })
    .await
}

/// Opens a session in the place of one of before, and forgets wrong tries and sessions that are over.
///
/// # Errors
/// The database's.
pub async fn open_session(pool: &PgPool, session: NewSession, before: Option<&[u8]>) -> Result<(), Problem> {
    let before = before.map(<[u8]>::to_vec);
    tx::run(pool, move |conn| {
        Box::pin(async move {
            query!(
                "DELETE FROM session WHERE cookie_hash = $1 OR expires_at <= $2",
                before.as_deref(),
                session.created_at
            )
            .execute(&mut *conn)
            .await?;
            query!(
                "UPDATE account SET wrong_in_row = 0 WHERE account_id = $1",
                session.account_id
            )
            .execute(&mut *conn)
            .await?;
            query!(
                "INSERT INTO session (cookie_hash, session_id, account_id, via, created_at, seen_at, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $5, $6)",
                session.cookie_hash,
                session.session_id,
                session.account_id,
                session.via,
                session.created_at,
                session.expires_at
            )
            .execute(conn)
            .await?;
            Ok(())
        })
    })
    .await
}

/// A session that has not expired and was used since `idle_since`.
///
/// # Errors
/// The database's.
pub async fn live_session(
    pool: &PgPool,
    cookie_hash: &[u8],
    now: OffsetDateTime,
    idle_since: OffsetDateTime,
) -> Result<Option<LiveSession>, Problem> {
    Ok(query_as!(
        LiveSession,
        r#"SELECT s.session_id, s.account_id, s.position_id, s.seen_at, a.username, a.holder_id,
                a.password_is_temporary AND s.via = 'password' AS "password_is_temporary!",
                a.password_hash IS NOT NULL AS "has_password!", a.totp_confirmed
         FROM session s JOIN account a USING (account_id)
         WHERE s.cookie_hash = $1 AND s.expires_at > $2 AND s.seen_at > $3 AND a.disabled_at IS NULL"#,
        cookie_hash,
        now,
        idle_since
    )
    .fetch_optional(pool)
    .await?)
}

/// Notes that a session was used.
///
/// # Errors
/// The database's.
pub async fn touch_session(pool: &PgPool, cookie_hash: &[u8], now: OffsetDateTime) -> Result<(), Problem> {
    query!(
        "UPDATE session SET seen_at = $2 WHERE cookie_hash = $1",
        cookie_hash,
        now
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Chooses the office of a session.
///
/// # Errors
/// The database's.
pub async fn choose_position(pool: &PgPool, session_id: Uuid, position: &str) -> Result<(), Problem> {
    query!(
        "UPDATE session SET position_id = $2 WHERE session_id = $1",
        session_id,
        position
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Ends a session.
///
/// # Errors
/// The database's.
pub async fn end_session(pool: &PgPool, cookie_hash: &[u8]) -> Result<(), Problem> {
    query!("DELETE FROM session WHERE cookie_hash = $1", cookie_hash)
        .execute(pool)
        .await?;
    Ok(())
}

/// Appends to the audit trail.
///
/// # Errors
/// The database's.
pub async fn audit(
    pool: &PgPool,
    at: OffsetDateTime,
    actor: &str,
    holder_id: &str,
    action: &str,
    subject: &str,
    peer: &str,
) -> Result<(), Problem> {
    query!(
        "INSERT INTO audit (at, actor, holder_id, action, subject, peer) VALUES ($1, $2, $3, $4, $5, $6)",
        at,
        actor,
        holder_id,
        action,
        subject,
        peer
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The latest lines of the audit trail.
///
/// # Errors
/// The database's.
pub async fn audit_lines(pool: &PgPool, rows_max: i64) -> Result<Vec<AuditLine>, Problem> {
    Ok(query_as!(
        AuditLine,
        "SELECT at, actor, holder_id, action, subject, peer FROM audit ORDER BY audit_id DESC LIMIT $1",
        rows_max
    )
    .fetch_all(pool)
    .await?)
}
