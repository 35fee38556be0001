//! The log: its head, appending, and reading by position.

use sqlx::PgConnection;
use uuid::Uuid;

use super::arrivals::Waiting;
use crate::leaf::{self, Hash};

/// Size and chain hash of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of entries; also the position of the last one.
    pub size: i64,
    /// Chain hash of the last one.
    pub chain_hash: Hash,
}

impl Head {
    /// The head once an event with these bytes is appended, and the event's leaf hash.
    #[must_use]
    pub fn after(self, body: &[u8]) -> (Self, Hash) {
        let leaf = leaf::leaf_hash(body);
        let moved = Self {
            size: self.size + 1,
            chain_hash: leaf::chain_hash(&self.chain_hash, &leaf),
        };
        (moved, leaf)
    }
}

/// One entry, as readers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its position, from 1.
    pub position: i64,
    /// The event's exact bytes.
    pub body: Vec<u8>,
    /// Hash of the bytes.
    pub leaf_hash: Vec<u8>,
    /// Chain hash up to here.
    pub chain_hash: Vec<u8>,
}

/// How many events of a case the log has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseCount {
    /// Aggregate id, `case:<uuid>`.
    pub aggregate_id: String,
    /// Number of its events.
    pub events: i64,
}

/// Size and chain hash.
pub async fn head(conn: &mut PgConnection) -> sqlx::Result<Head> {
    let row = sqlx::query!("SELECT size, chain_hash FROM log_head")
        .fetch_one(conn)
        .await?;
    decode_head(row.size, &row.chain_hash)
}

/// Size alone: what followers ask for many times a second.
pub async fn size(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!("SELECT size FROM log_head").fetch_one(conn).await
}

/// Size and chain hash, and nobody else appends until the transaction ends.
pub async fn lock_head(conn: &mut PgConnection) -> sqlx::Result<Head> {
    let row = sqlx::query!("SELECT size, chain_hash FROM log_head FOR UPDATE")
        .fetch_one(conn)
        .await?;
    decode_head(row.size, &row.chain_hash)
}

fn decode_head(size: i64, chain_hash: &[u8]) -> sqlx::Result<Head> {
    let chain_hash = chain_hash.try_into().map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
    Ok(Head { size, chain_hash })
}

/// Appends events after `head` and moves it; answers also the entries as readers will see them. `head` comes from [`lock_head`] in this
/// transaction.
pub async fn append(conn: &mut PgConnection, head: Head, events: &[&Waiting]) -> sqlx::Result<(Head, Vec<Entry>)> {
    let mut moved = head;
    let mut entries = Vec::with_capacity(events.len());
    for event in events {
        let leaf;
        (moved, leaf) = moved.after(&event.body);
        entries.push(Entry {
            position: moved.size,
            body: event.body.clone(),
            leaf_hash: leaf.to_vec(),
            chain_hash: moved.chain_hash.to_vec(),
        });
    }
    let ids: Vec<Uuid> = events.iter().map(|e| e.event_id).collect();
    let types: Vec<String> = events.iter().map(|e| e.event_type.clone()).collect();
    let aggregates: Vec<String> = events.iter().map(|e| e.aggregate_id.clone()).collect();
    let seqs: Vec<i64> = events.iter().map(|e| e.aggregate_seq).collect();
    let causes: Vec<Option<Uuid>> = events.iter().map(|e| e.causation_id).collect();
    let cases: Vec<Option<Uuid>> = events.iter().map(|e| e.case_id).collect();
    let bodies: Vec<&[u8]> = entries.iter().map(|e| e.body.as_slice()).collect();
    let leaves: Vec<&[u8]> = entries.iter().map(|e| e.leaf_hash.as_slice()).collect();
    let chain: Vec<&[u8]> = entries.iter().map(|e| e.chain_hash.as_slice()).collect();
    sqlx::query!(
        "WITH moved AS (UPDATE log_head SET size = $11, chain_hash = $12)
         INSERT INTO entry (position, event_id, event_type, aggregate_id, aggregate_seq, causation_id, case_id, body,
                            leaf_hash, chain_hash)
         SELECT $1 + n, event_id, event_type, aggregate_id, aggregate_seq, causation_id, case_id, body, leaf, chain
         FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::uuid[], $7::uuid[], $8::bytea[],
                     $9::bytea[], $10::bytea[])
              WITH ORDINALITY AS new (event_id, event_type, aggregate_id, aggregate_seq, causation_id, case_id, body,
                                      leaf, chain, n)",
        head.size,
        &ids,
        &types,
        &aggregates,
        &seqs,
        &causes as &[Option<Uuid>],
        &cases as &[Option<Uuid>],
        &bodies as &[&[u8]],
        &leaves as &[&[u8]],
        &chain as &[&[u8]],
        moved.size,
        moved.chain_hash.as_slice(),
    )
    .execute(conn)
    .await?;
    Ok((moved, entries))
}

/// Entries from a position on, at most `rows_max`.
pub async fn page(conn: &mut PgConnection, from_position: i64, rows_max: i64) -> sqlx::Result<Vec<Entry>> {
    sqlx::query_as!(
        Entry,
        "SELECT position, body, leaf_hash, chain_hash FROM entry WHERE position >= $1 ORDER BY position LIMIT $2",
        from_position,
        rows_max,
    )
    .fetch_all(conn)
    .await
}

/// What the log has about a case, in order: its events, what was asked and said about it, and what caused any of
/// these (the filing, a citizen's command). At most `rows_max`.
pub async fn of_case(conn: &mut PgConnection, case_id: Uuid, rows_max: i64) -> sqlx::Result<Vec<Entry>> {
    sqlx::query_as!(
        Entry,
        "SELECT position, body, leaf_hash, chain_hash FROM entry
         WHERE case_id = $1 OR event_id IN (SELECT causation_id FROM entry WHERE case_id = $1)
         ORDER BY position LIMIT $2",
        case_id,
        rows_max,
    )
    .fetch_all(conn)
    .await
}

/// The bytes of the latest event of an aggregate.
pub async fn latest_of(conn: &mut PgConnection, aggregate_id: &str) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!(
        "SELECT body FROM entry WHERE aggregate_id = $1 ORDER BY aggregate_seq DESC LIMIT 1",
        aggregate_id
    )
    .fetch_optional(conn)
    .await
}

/// Cases after `after`, each with the number of its events, at most `rows_max`, by aggregate id.
pub async fn case_counts(conn: &mut PgConnection, after: &str, rows_max: i64) -> sqlx::Result<Vec<CaseCount>> {
    sqlx::query_as!(
        CaseCount,
        r#"SELECT aggregate_id, count(*) AS "events!" FROM entry
           WHERE aggregate_id LIKE 'case:%' AND aggregate_id > $1
           GROUP BY aggregate_id ORDER BY aggregate_id LIMIT $2"#,
        after,
        rows_max,
    )
    .fetch_all(conn)
    .await
}
