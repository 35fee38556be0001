//! Connections to PostgreSQL that nobody waits on for ever.
//!
//! The SQL library waits for an answer as long as the socket is open, and a socket stays open when the machine behind it, or a
//! firewall between, has silently gone: each such wait would hold its connection, its locks and its task until the process is started
//! again. So the waiting is bounded here, and the server is told to end what a client that is gone has left behind.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::config;

/// How long anything may take that is one answer of the database: as long as a call.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// How long a connection that was idle may take to say that it is there.
const PING_WITHIN: Duration = Duration::from_secs(1);
/// A connection that said so less than this ago is not asked again.
const FRESH: Duration = Duration::from_millis(250);

/// What every session asks of the server: to end a transaction whose client has fallen silent, which holds locks that others wait for,
/// and to find out whether a silent client is still there. Milliseconds, except for the keepalives (seconds, and a count).
const SESSION: [(&str, &str); 5] = [
    ("idle_in_transaction_session_timeout", "15000"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "3"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
];

/// How to connect.
///
/// # Errors
/// The URL is missing or not one.
pub fn options(database: &config::Database) -> anyhow::Result<PgConnectOptions> {
    use secrecy::ExposeSecret as _;
    let options: PgConnectOptions = database.url()?.expose_secret().parse()?;
    Ok(options.options(SESSION))
}

/// How to connect for a session that holds a lock for others to wait for: it must never be silent for 20 s.
#[must_use]
pub fn lock_holder(options: &PgConnectOptions) -> PgConnectOptions {
    options.clone().options([("idle_session_timeout", "20000")])
}

/// A pool that connects when it must.
///
/// # Errors
/// As [`options`].
pub fn lazy_pool(database: &config::Database) -> anyhow::Result<PgPool> {
    // Of connections from before one was found silent, none is asked: each would take its time to say nothing.
    let found_silent: Arc<Mutex<Option<Instant>>> = Arc::default();
    Ok(PgPoolOptions::new()
        .max_connections(database.max_connections)
        .acquire_timeout(database.acquire_timeout())
        .test_before_acquire(false)
        .before_acquire(move |conn, idle| {
            let found_silent = Arc::clone(&found_silent);
            Box::pin(async move {
                let last = *found_silent.lock().unwrap_or_else(PoisonError::into_inner);
                if last.is_some_and(|found| found.elapsed() < idle.age) {
                    return Ok(false);
                }
                if idle.idle_for < FRESH {
                    return Ok(true);
                }
                let begun = Instant::now();
                let pinged = within(PING_WITHIN, conn.ping()).await;
                if pinged.is_err() {
                    *found_silent.lock().unwrap_or_else(PoisonError::into_inner) = Some(begun);
                }
                pinged.map(|()| true)
            })
        })
        // A query whose caller has gone leaves its answer on the way: the connection is of use once it has come.
        .after_release(|conn, _| Box::pin(async move { within(PING_WITHIN, conn.ping()).await.map(|()| true) }))
        .connect_lazy_with(options(database)?))
}

/// Opens a connection of its own.
///
/// # Errors
/// The database's, or a time-out.
pub async fn connect(options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    within(ANSWER_WITHIN, PgConnection::connect_with(options)).await
}

/// Waits for an answer of the database, so long at most.
///
/// # Errors
/// The answer's; [`sqlx::Error::Io`] when the time is over. Then the connection is of no more use and must not go back to a pool in
/// the middle of a transaction.
pub async fn within<T, E: From<sqlx::Error>>(
    time: Duration,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(time, answer).await {
        Ok(outcome) => outcome,
        Err(_) => Err(silent().into()),
    }
}

/// The database did not answer in time.
pub(crate) fn silent() -> sqlx::Error {
    let kind = std::io::ErrorKind::TimedOut;
    sqlx::Error::Io(std::io::Error::new(kind, "the database did not answer in time"))
}
