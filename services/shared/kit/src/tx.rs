//! Transactions that nobody can cancel.
//!
//! tonic drops a handler's future when its caller hangs up or its deadline passes, and sqlx 0.9.0 can hand
//! a session that was dropped inside a transaction to the next borrower, whose acknowledged writes are then
//! rolled back with it (upstream #4393). So a transaction runs in a task of its own, which goes to its end
//! whatever happens to the caller.

use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::{Connection as _, PgConnection, PgPool};
use tracing::Instrument;

use crate::{
    database::{self, ANSWER_WITHIN},
    outbox,
    problem::Problem,
};

/// How often a transaction is tried that the database aborted to resolve a conflict.
const CONFLICT_TRIES_MAX: u32 = 5;
/// First pause before such a retry; doubles.
const CONFLICT_PAUSE_MS: u64 = 5;

/// An error of a transaction that may carry the database's.
pub trait TxError: From<sqlx::Error> + Send + 'static {
    /// The database error inside, if there is one.
    fn database_error(&self) -> Option<&sqlx::Error>;
}

impl TxError for sqlx::Error {
    fn database_error(&self) -> Option<&sqlx::Error> {
        Some(self)
    }
}

impl TxError for Problem {
    fn database_error(&self) -> Option<&sqlx::Error> {
        Problem::database_error(self)
    }
}

impl TxError for anyhow::Error {
    fn database_error(&self) -> Option<&sqlx::Error> {
        self.downcast_ref()
    }
}

/// Runs `work` in one transaction, once: commits if it answers `Ok`, rolls back otherwise.
///
/// ```ignore
/// let seq = tx::run(&pool, move |conn| Box::pin(async move {
///     store::insert_report(conn, &report).await?;
///     outbox::append(conn, &[event]).await?;
///     Ok::<_, Problem>(seq)
/// })).await?;
/// ```
///
/// # Errors
/// What `work` answers, the database's error at begin or commit, or a time-out after 15 s. After an error at commit, and after a
/// time-out, the outcome is unknown: the caller repeats the request under the same idempotency key.
pub async fn run<T, E, F>(pool: &PgPool, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: TxError,
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
{
    let pool = pool.clone();
    spawned(async move { once(&pool, work).await }).await
}

/// Like [`run`], and again (at most five times) when the database aborted the transaction for a
/// serialization failure or a deadlock. `work` must be repeatable: it has no effects but in the database.
///
/// # Errors
/// As [`run`].
pub async fn run_retrying<T, E, F>(pool: &PgPool, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: TxError,
    F: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + Sync + 'static,
{
    let pool = pool.clone();
    spawned(async move {
        let mut pause_ms = CONFLICT_PAUSE_MS;
        for _ in 1..CONFLICT_TRIES_MAX {
            match once(&pool, &work).await {
                Err(error) if error.database_error().is_some_and(is_conflict) => {
                    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                    pause_ms *= 2;
                }
                outcome => return outcome,
            }
        }
        once(&pool, &work).await
    })
    .await
}

/// Whether the database aborted the transaction to resolve a conflict: SQLSTATE 40001 or 40P01.
#[must_use]
pub fn is_conflict(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(db) if matches!(db.code().as_deref(), Some("40001" | "40P01")))
}

/// Whether a statement broke the unique constraint `constraint`.
#[must_use]
pub fn violates(error: &sqlx::Error, constraint: &str) -> bool {
    matches!(error, sqlx::Error::Database(db) if db.constraint() == Some(constraint))
}

async fn once<T, E, F>(pool: &PgPool, work: F) -> Result<T, E>
where
    E: TxError,
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>>,
{
    let mut conn = pool.acquire().await?;
    let transaction = outbox::observed(transact(&mut conn, work));
    let Ok(outcome) = tokio::time::timeout(ANSWER_WITHIN, transaction).await else {
        // It is in the middle of something, and nobody knows of what: it must not serve another.
        drop(conn.detach());
        return Err(database::silent().into());
    };
    outcome
}

async fn transact<T, E, F>(conn: &mut PgConnection, work: F) -> Result<T, E>
where
    E: TxError,
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>>,
{
    let mut tx = conn.begin().await?;
    match work(&mut tx).await {
        Ok(value) => {
            tx.commit().await?;
            outbox::wake();
            Ok(value)
        }
        Err(error) => {
            if let Err(rollback) = tx.rollback().await {
                tracing::warn!(error = %rollback, "rollback failed; the connection is discarded");
            }
            Err(error)
        }
    }
}

/// Runs a future in a task that outlives its caller. A panic in it goes on in the caller.
async fn spawned<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: TxError,
{
    match tokio::spawn(work.in_current_span()).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime is shutting down: nobody aborts this task otherwise.
        Err(_) => Err(sqlx::Error::WorkerCrashed.into()),
    }
}
