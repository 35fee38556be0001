//! Events without a position yet.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// An event as it arrived: what its envelope says, and its bytes.
#[derive(Debug, Clone)]
pub struct NewArrival<'a> {
    /// The event.
    pub event_id: Uuid,
    /// Its CloudEvents type.
    pub event_type: &'a str,
    /// Its aggregate.
    pub aggregate_id: &'a str,
    /// Its place in the aggregate.
    pub aggregate_seq: i64,
    /// Its cause.
    pub causation_id: Option<Uuid>,
    /// The case it is about, if it is about one.
    pub case_id: Option<Uuid>,
    /// Its exact bytes.
    pub body: &'a [u8],
}

/// A waiting event with what the sequencer needs to know.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Order of arrival.
    pub arrival_no: i64,
    /// Held back before.
    pub held: bool,
    /// The event.
    pub event_id: Uuid,
    /// Its CloudEvents type.
    pub event_type: String,
    /// Its aggregate.
    pub aggregate_id: String,
    /// Its place in the aggregate.
    pub aggregate_seq: i64,
    /// Its cause.
    pub causation_id: Option<Uuid>,
    /// The case it is about.
    pub case_id: Option<Uuid>,
    /// Its exact bytes.
    pub body: Vec<u8>,
    /// It is the first, or the one before it is in the log.
    pub predecessor_logged: bool,
    /// It has no cause, or the cause is in the log.
    pub cause_logged: bool,
    /// Another event has its place in the log.
    pub place_taken: bool,
}

/// What waits, for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Not looked at yet.
    pub candidates: i64,
    /// Held back for a predecessor or a cause.
    pub held: i64,
    /// Arrival of the oldest of those held back.
    pub oldest_held: Option<OffsetDateTime>,
}

/// A held-back event, for the alarm.
#[derive(Debug, Clone)]
pub struct HeldBack {
    /// The event.
    pub event_id: Uuid,
    /// Its aggregate.
    pub aggregate_id: String,
    /// Its place in the aggregate.
    pub aggregate_seq: i64,
    /// Its cause.
    pub causation_id: Option<Uuid>,
    /// When it arrived.
    pub arrived_at: OffsetDateTime,
}

/// Stores arrivals, in order. An event that has arrived before changes nothing. Answers an event whose place in its
/// aggregate another one has, here or in the log, if there is such a one.
pub async fn insert(conn: &mut PgConnection, new: &[NewArrival<'_>]) -> sqlx::Result<Option<Uuid>> {
    let ids: Vec<Uuid> = new.iter().map(|n| n.event_id).collect();
    let types: Vec<String> = new.iter().map(|n| n.event_type.to_owned()).collect();
    let aggregates: Vec<String> = new.iter().map(|n| n.aggregate_id.to_owned()).collect();
    let seqs: Vec<i64> = new.iter().map(|n| n.aggregate_seq).collect();
    let causes: Vec<Option<Uuid>> = new.iter().map(|n| n.causation_id).collect();
    let cases: Vec<Option<Uuid>> = new.iter().map(|n| n.case_id).collect();
    let bodies: Vec<Vec<u8>> = new.iter().map(|n| n.body.to_vec()).collect();
    sqlx::query!(
        "INSERT INTO arrival (event_id, event_type, aggregate_id, aggregate_seq, causation_id, case_id, body)
         SELECT new.event_id, new.event_type, new.aggregate_id, new.aggregate_seq, new.causation_id, new.case_id,
                new.body
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::uuid[], $6::uuid[], $7::bytea[])
              WITH ORDINALITY AS new (event_id, event_type, aggregate_id, aggregate_seq, causation_id, case_id, body, n)
         WHERE NOT EXISTS (SELECT 1 FROM entry e WHERE e.event_id = new.event_id)
         ORDER BY n
         ON CONFLICT DO NOTHING",
        &ids,
        &types,
        &aggregates,
        &seqs,
        &causes as &[Option<Uuid>],
        &cases as &[Option<Uuid>],
        &bodies,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query_scalar!(
        r#"SELECT new.event_id AS "event_id!"
           FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS new (event_id, aggregate_id, aggregate_seq)
           WHERE EXISTS (SELECT 1 FROM arrival a WHERE a.aggregate_id = new.aggregate_id
                         AND a.aggregate_seq = new.aggregate_seq AND a.event_id <> new.event_id)
              OR EXISTS (SELECT 1 FROM entry e WHERE e.aggregate_id = new.aggregate_id
                         AND e.aggregate_seq = new.aggregate_seq AND e.event_id <> new.event_id)
           LIMIT 1"#,
        &ids,
        &aggregates,
        &seqs,
    )
    .fetch_optional(conn)
    .await
}

/// The next arrivals in order: at most `candidates_max` that were not looked at, and those held back for one of
/// them, directly or in a chain, up to `rows_max` altogether. Each row is looked up by index (the LIMITs see to that):
/// the planner does not know how few they are, and must not scan the log. Nor the index of those held back, which may be full of what
/// has left: `IS NOT FALSE` keeps it away from that one.
pub async fn next(conn: &mut PgConnection, candidates_max: i64, rows_max: i64) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as!(
        Waiting,
        r#"WITH RECURSIVE candidate AS (
               SELECT arrival_no, event_id, aggregate_id, aggregate_seq FROM arrival
               WHERE NOT held ORDER BY arrival_no LIMIT $1
           ), wanted AS (
               SELECT * FROM candidate
               UNION
               SELECT follower.* FROM wanted, LATERAL (
                   SELECT arrival_no, event_id, aggregate_id, aggregate_seq FROM arrival
                   WHERE held AND causation_id = wanted.event_id
                   UNION ALL
                   SELECT arrival_no, event_id, aggregate_id, aggregate_seq FROM arrival
                   WHERE held IS NOT FALSE AND aggregate_id = wanted.aggregate_id
                     AND aggregate_seq = wanted.aggregate_seq + 1
               ) follower
           ), cut AS (
               SELECT arrival_no FROM wanted LIMIT $2
           )
           SELECT a.arrival_no, a.held, a.event_id, a.event_type, a.aggregate_id, a.aggregate_seq, a.causation_id,
                  a.case_id, a.body,
                  (a.aggregate_seq = 1 OR predecessor.found IS NOT NULL) AS "predecessor_logged!",
                  (a.causation_id IS NULL OR cause.found IS NOT NULL) AS "cause_logged!",
                  (place.found IS NOT NULL) AS "place_taken!"
           FROM cut
           JOIN LATERAL (SELECT * FROM arrival WHERE arrival_no = cut.arrival_no LIMIT 1) a ON true
           LEFT JOIN LATERAL (SELECT true AS found FROM entry e WHERE e.aggregate_id = a.aggregate_id
                              AND e.aggregate_seq = a.aggregate_seq - 1 LIMIT 1) predecessor ON true
           LEFT JOIN LATERAL (SELECT true AS found FROM entry e WHERE e.event_id = a.causation_id LIMIT 1) cause
                             ON true
           LEFT JOIN LATERAL (SELECT true AS found FROM entry e WHERE e.aggregate_id = a.aggregate_id
                              AND e.aggregate_seq = a.aggregate_seq LIMIT 1) place ON true
           ORDER BY a.arrival_no"#,
        candidates_max,
        rows_max,
    )
    .fetch_all(conn)
    .await
}

/// Takes arrivals out that have a position now, and marks as candidates those that were held back for one of them; answers how many
/// these are. Each is looked up by index, as in [`next`].
pub async fn leave(conn: &mut PgConnection, appended: &[&Waiting]) -> sqlx::Result<u64> {
    let numbers: Vec<i64> = appended.iter().map(|w| w.arrival_no).collect();
    let ids: Vec<Uuid> = appended.iter().map(|w| w.event_id).collect();
    let aggregates: Vec<String> = appended.iter().map(|w| w.aggregate_id.clone()).collect();
    let next_seqs: Vec<i64> = appended.iter().map(|w| w.aggregate_seq + 1).collect();
    let done = sqlx::query!(
        "WITH gone AS (
             DELETE FROM arrival WHERE arrival_no = ANY($1)
         ), released AS (
             SELECT a.arrival_no FROM unnest($2::uuid[]) AS cause (event_id)
             CROSS JOIN LATERAL (SELECT arrival_no FROM arrival
                                 WHERE causation_id = cause.event_id AND held OFFSET 0) a
             UNION ALL
             SELECT a.arrival_no FROM unnest($3::text[], $4::bigint[]) AS next (aggregate_id, aggregate_seq)
             CROSS JOIN LATERAL (SELECT arrival_no FROM arrival WHERE aggregate_id = next.aggregate_id
                                 AND aggregate_seq = next.aggregate_seq AND held IS NOT FALSE LIMIT 1) a
         )
         UPDATE arrival SET held = false
         WHERE arrival_no = ANY(ARRAY(SELECT arrival_no FROM released)) AND arrival_no <> ALL($1)",
        &numbers,
        &ids,
        &aggregates,
        &next_seqs,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Has the planner compile no statement of this session: as it does not know how few rows there are, it would compile that of
/// [`next`] at every batch, which takes a hundred times as long as running it.
pub async fn compile_nothing(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SET jit = off").execute(conn).await?;
    Ok(())
}

/// Marks arrivals as held back.
pub async fn hold(conn: &mut PgConnection, numbers: &[i64]) -> sqlx::Result<()> {
    if numbers.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE arrival SET held = true WHERE NOT held AND arrival_no = ANY($1)",
        numbers
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How much waits.
pub async fn backlog(conn: &mut PgConnection) -> sqlx::Result<Backlog> {
    sqlx::query_as!(
        Backlog,
        r#"SELECT count(*) FILTER (WHERE NOT held) AS "candidates!", count(*) FILTER (WHERE held) AS "held!",
                  min(arrived_at) FILTER (WHERE held) AS oldest_held
           FROM arrival"#
    )
    .fetch_one(conn)
    .await
}

/// Those held back for longer than `age_s` of real time, oldest first, at most `rows_max`.
pub async fn overdue(conn: &mut PgConnection, age_s: f64, rows_max: i64) -> sqlx::Result<Vec<HeldBack>> {
    sqlx::query_as!(
        HeldBack,
        "SELECT event_id, aggregate_id, aggregate_seq, causation_id, arrived_at FROM arrival
         WHERE held AND arrived_at < clock_timestamp() - make_interval(secs => $1)
         ORDER BY arrived_at LIMIT $2",
        age_s,
        rows_max,
    )
    .fetch_all(conn)
    .await
}
