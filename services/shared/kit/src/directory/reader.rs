//! The directory kept in memory, and how a reader knows that it is still so.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use tuntas_domain::Official;
use tuntas_proto::event::v1::Event;

use super::{DirectoryError, Snapshot, key, read};
use crate::{
    auth::Assertion,
    database::{ANSWER_WITHIN, within},
};

/// How old what a replica knows of who holds a position may be. A change of the directory takes longer than that to reach it.
const CALLER_AGE_MAX: Duration = Duration::from_millis(250);
/// How old it may be while somebody asks for a newer one.
const CALLER_AGE_LIMIT: Duration = Duration::from_secs(1);

/// Reads the directory and keeps the last reading. Cheap to clone; clones share the reading.
#[derive(Debug, Clone, Default)]
pub struct DirectoryReader {
    last: Arc<Mutex<Option<Reading>>>,
    /// Held by the one of a crowd that asks.
    asking: Arc<tokio::sync::Mutex<()>>,
}

/// A reading, and when it was last known to be current.
#[derive(Debug, Clone)]
struct Reading {
    mark: Mark,
    snapshot: Arc<Snapshot>,
    /// None once this process has changed it since.
    checked_at: Option<Instant>,
}

/// Of what a reading has seen, the part that can change what another reading sees: the entries of transactions that were not over
/// before it. Two readings since the same transaction with the same mark see the same entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    /// Every transaction before this one was over.
    since: i64,
    /// Number of entries written by later ones.
    entries: i64,
    /// Sum of their transactions, which an entry that is written anew changes.
    writers: i64,
}

impl Mark {
    async fn now(conn: &mut PgConnection) -> sqlx::Result<Self> {
        let since = sqlx::query_scalar!(r#"SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS "since!""#)
            .fetch_one(&mut *conn)
            .await?;
        Self::since(conn, since).await
    }

    async fn since(conn: &mut PgConnection, since: i64) -> sqlx::Result<Self> {
        sqlx::query_as!(
            Self,
            r#"SELECT $1::bigint AS "since!", count(*) AS "entries!", coalesce(sum(written_by), 0)::bigint AS "writers!"
             FROM directory_entry WHERE written_by >= $1"#,
            since
        )
        .fetch_one(conn)
        .await
    }
}

impl DirectoryReader {
    /// The directory as it stands in the connection's transaction.
    ///
    /// # Errors
    /// The database's, or an entry that does not parse.
    pub async fn current(&self, conn: &mut PgConnection) -> Result<Arc<Snapshot>, DirectoryError> {
        let checked_at = Some(Instant::now());
        if let Some(last) = self.last()
            && Mark::since(conn, last.mark.since).await? == last.mark
        {
            let snapshot = Arc::clone(&last.snapshot);
            self.keep(Reading { checked_at, ..last });
            return Ok(snapshot);
        }
        // Marked before it is read: what is written in between is read again next time.
        let mark = Mark::now(conn).await?;
        let snapshot = Arc::new(read(conn).await?);
        self.keep(Reading {
            mark,
            snapshot: Arc::clone(&snapshot),
            checked_at,
        });
        Ok(snapshot)
    }

    /// The directory as it stands now, for a caller that is in no transaction. Never waits for ever.
    ///
    /// # Errors
    /// As [`DirectoryReader::current`].
    pub async fn now(&self, pool: &PgPool) -> Result<Arc<Snapshot>, DirectoryError> {
        within(ANSWER_WITHIN, async { self.current(&mut *pool.acquire().await?).await }).await
    }

    /// The official behind a verified assertion at a moment (rule M13); none when the position is unknown or the
    /// person does not hold it then.
    ///
    /// # Errors
    /// As [`DirectoryReader::current`].
    pub async fn official(
        &self,
        conn: &mut PgConnection,
        assertion: &Assertion,
        at: OffsetDateTime,
    ) -> Result<Option<Official>, DirectoryError> {
        Ok(self.current(conn).await?.official(assertion, at))
    }

    /// The directory as it stood at most `age_max` ago, without asking if that is known: for calls to which a change that came a
    /// moment later makes no difference. Of a crowd that would ask, one does, and the others take meanwhile what is at most `age_limit`
    /// old: they would wait for connections that their own work needs.
    ///
    /// # Errors
    /// As [`DirectoryReader::current`].
    pub async fn recent(
        &self,
        pool: &PgPool,
        age_max: Duration,
        age_limit: Duration,
    ) -> Result<Arc<Snapshot>, DirectoryError> {
        if let Some(recent) = self.not_older(age_max) {
            return Ok(recent);
        }
        let asking = self.asking.try_lock();
        if asking.is_err()
            && let Some(older) = self.not_older(age_limit)
        {
            return Ok(older);
        }
        self.now(pool).await
    }

    /// Who calls a replica, and the directory in which they were found: [`recent`](Self::recent) by a quarter of a second. Nobody is
    /// refused by what was so a moment ago. Not for routing, which is where the directory changes.
    ///
    /// # Errors
    /// As [`DirectoryReader::current`].
    pub async fn caller(
        &self,
        pool: &PgPool,
        assertion: &Assertion,
        at: OffsetDateTime,
    ) -> Result<(Option<Official>, Arc<Snapshot>), DirectoryError> {
        let directory = self.recent(pool, CALLER_AGE_MAX, CALLER_AGE_LIMIT).await?;
        let official = directory.official(assertion, at);
        if official.is_some() {
            return Ok((official, directory));
        }
        let directory = self.now(pool).await?;
        Ok((directory.official(assertion, at), directory))
    }

    /// These events are committed. When one changes the directory, whoever asks next for what was so lately asks the database.
    pub fn committed<'a>(&self, mut events: impl Iterator<Item = &'a Event>) {
        let changes = |event: &Event| event.payload.as_ref().and_then(key).is_some();
        if events.any(changes)
            && let Some(last) = self.lock().as_mut()
        {
            last.checked_at = None;
        }
    }

    fn not_older(&self, age_max: Duration) -> Option<Arc<Snapshot>> {
        let last = self.last()?;
        (last.checked_at?.elapsed() <= age_max).then_some(last.snapshot)
    }

    fn last(&self) -> Option<Reading> {
        self.lock().clone()
    }

    fn keep(&self, reading: Reading) {
        *self.lock() = Some(reading);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Reading>> {
        // A panic while holding the lock leaves at worst an older reading, which is checked by its mark.
        self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
