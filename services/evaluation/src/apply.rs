//! Applies entries of the log, in order, in the caller's transaction: facts, evaluation cases, position.

use std::sync::Arc;

use prost::Message as _;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use tuntas_kit::{
    directory::{self, DirectoryError, DirectoryReader, Snapshot},
    event::OutboxEvent,
    outbox,
};
use tuntas_proto::{
    case::v1::CaseEvent,
    event::v1::{Event, event::Payload},
    oversight::v1::FeedEntry,
};

use crate::{
    facts::{self, Unreadable},
    metrics::Metrics,
    near_copy,
    open_case::{self, Reached},
    own_events,
    store::{
        cursor::{self, Cursor, HASH_BYTES},
        facts as store,
    },
};

/// Why entries were not applied. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Positions must be contiguous.
    #[error("the log has a gap: expected position {expected}, got {found}")]
    Gap {
        /// The position after the committed one.
        expected: i64,
        /// The one that came.
        found: u64,
    },
    /// The chain hash does not follow from the one before and the bytes.
    #[error("the log's chain does not continue at position {position}")]
    Chain {
        /// Where.
        position: i64,
    },
    /// A change of the directory does not hold what it should.
    #[error("position {position}: {source}")]
    Directory {
        /// Where.
        position: i64,
        /// What is wrong.
        source: DirectoryError,
    },
    /// The database failed.
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl ApplyError {
    /// The database error inside, if there is one.
    #[must_use]
    pub const fn database_error(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

/// What an entry does. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Applier {
    /// The replica of the directory.
    pub directory: DirectoryReader,
    /// What the operator sees.
    pub metrics: Metrics,
}

/// The position committed last.
///
/// # Errors
/// The database's.
pub async fn position(conn: &mut PgConnection) -> sqlx::Result<u64> {
    Ok(cursor::position(conn).await?.unsigned_abs())
}

impl Applier {
    /// Applies entries in the connection's transaction, and answers the position reached. Entries at or before the
    /// committed position are left out: a redo, or another process was faster.
    ///
    /// # Errors
    /// See [`ApplyError`]; the transaction must be rolled back then.
    pub async fn apply_batch(&self, conn: &mut PgConnection, entries: &[FeedEntry]) -> Result<u64, ApplyError> {
        let mut cursor = cursor::lock(conn).await?;
        let committed = cursor.position;
        let mut batch = Batch {
            applier: self,
            snapshot: None,
            outbox: Vec::new(),
        };
        for entry in entries {
            if i64::try_from(entry.position).is_ok_and(|position| position <= cursor.position) {
                continue;
            }
            cursor = next(cursor, entry)?;
            batch.apply(conn, cursor.position, &entry.event).await?;
        }
        if cursor.position > committed {
            cursor::set(conn, cursor).await?;
        }
        if !batch.outbox.is_empty() {
            outbox::append(conn, &batch.outbox).await?;
        }
        Ok(cursor.position.unsigned_abs())
    }
}

/// The place after `entry`, if it is the next one and its hashes follow from its bytes.
fn next(cursor: Cursor, entry: &FeedEntry) -> Result<Cursor, ApplyError> {
    let expected = cursor.position + 1;
    if entry.position != expected.unsigned_abs() {
        return Err(ApplyError::Gap {
            expected,
            found: entry.position,
        });
    }
    // RFC 6962 section 2.1, and the chain as tuntas.oversight.v1.FeedEntry defines it.
    let leaf: [u8; HASH_BYTES] = Sha256::new()
        .chain_update([0x00])
        .chain_update(&entry.event)
        .finalize()
        .into();
    let chain: [u8; HASH_BYTES] = Sha256::new()
        .chain_update(cursor.chain_hash)
        .chain_update(leaf)
        .finalize()
        .into();
    if entry.leaf_hash != leaf || entry.chain_hash != chain {
        return Err(ApplyError::Chain { position: expected });
    }
    Ok(Cursor {
        position: expected,
        chain_hash: chain,
    })
}

struct Batch<'a> {
    applier: &'a Applier,
    /// The directory as of the entry before; none when it has to be read.
    snapshot: Option<Arc<Snapshot>>,
    outbox: Vec<OutboxEvent>,
}

impl Batch<'_> {
    async fn apply(&mut self, conn: &mut PgConnection, position: i64, body: &[u8]) -> Result<(), ApplyError> {
        let done = match Event::decode(body) {
            Ok(event) => self.apply_event(conn, position, &event).await?,
            Err(error) => Err(Unreadable(error.to_string())),
        };
        if let Err(unreadable) = done {
            tracing::error!(log.position = position, error = %unreadable, "an entry of the log cannot be read");
            self.applier.metrics.unreadable.inc();
            cursor::unreadable(conn, position, &unreadable.0).await?;
        }
        Ok(())
    }

    async fn apply_event(
        &mut self,
        conn: &mut PgConnection,
        position: i64,
        event: &Event,
    ) -> Result<Result<(), Unreadable>, ApplyError> {
        match &event.payload {
            Some(Payload::DirectoryChanged(_) | Payload::PolicyChanged(_) | Payload::CalendarChanged(_)) => {
                directory::apply(conn, event).await.map_err(|source| match source {
                    DirectoryError::Database(error) => ApplyError::Database(error),
                    malformed => ApplyError::Directory {
                        position,
                        source: malformed,
                    },
                })?;
                self.snapshot = None;
                Ok(Ok(()))
            }
            Some(Payload::CaseEvent(case_event)) => self.apply_case(conn, position, event, case_event).await,
            Some(Payload::AnswerFoundNearCopy(found)) => Ok(near_copy::apply(conn, position, event, found).await?),
            Some(Payload::EvaluationCaseChanged(changed)) => Ok(own_events::apply(conn, event, changed).await?),
            // Reports, commands, reads and acts of the Ombudsman measure nobody.
            _ => Ok(Ok(())),
        }
    }

    async fn apply_case(
        &mut self,
        conn: &mut PgConnection,
        position: i64,
        event: &Event,
        case_event: &CaseEvent,
    ) -> Result<Result<(), Unreadable>, ApplyError> {
        let snapshot = self.snapshot(conn, position).await?;
        let facts = match facts::read(event, case_event, &snapshot.directory) {
            Ok(facts) => facts,
            Err(unreadable) => return Ok(Err(unreadable)),
        };
        let Ok(event_id) = event.event_id.parse() else {
            return Ok(Err(Unreadable("event_id is malformed".to_owned())));
        };
        let case_id = facts.case.case_id;
        store::put_event(conn, event_id, &facts, position).await?;
        for breach in &facts.breaches {
            store::put_breach(conn, case_id, breach, position).await?;
        }
        for escalation in &facts.escalations {
            if store::put_escalation(conn, case_id, escalation, position).await? {
                let said = open_case::on_escalation(
                    conn,
                    &snapshot,
                    &Reached {
                        case_id,
                        escalation,
                        position,
                        event_id: &event.event_id,
                    },
                )
                .await?;
                self.outbox.extend(said);
            }
        }
        Ok(Ok(()))
    }

    async fn snapshot(&mut self, conn: &mut PgConnection, position: i64) -> Result<Arc<Snapshot>, ApplyError> {
        if let Some(snapshot) = &self.snapshot {
            return Ok(Arc::clone(snapshot));
        }
        let read = self
            .applier
            .directory
            .current(conn)
            .await
            .map_err(|source| match source {
                DirectoryError::Database(error) => ApplyError::Database(error),
                malformed => ApplyError::Directory {
                    position,
                    source: malformed,
                },
            })?;
        self.snapshot = Some(Arc::clone(&read));
        Ok(read)
    }
}
