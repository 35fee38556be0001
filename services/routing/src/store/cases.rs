//! Cases: one row each, the whole case in `body`.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{Case, CaseId, OpdCode, calendar::FAR_FUTURE};
use uuid::Uuid;

/// A case as it is to be stored.
#[derive(Debug)]
pub struct CaseRow<'a> {
    /// The case.
    pub case: &'a Case,
    /// When the reconciler has to look at it next.
    pub next_due_at: Option<OffsetDateTime>,
    /// Agency the reporter named.
    pub named_opd: Option<&'a OpdCode>,
}

/// A stored case that may not parse.
#[derive(Debug)]
pub struct Loaded {
    /// Its id.
    pub case_id: CaseId,
    /// The case, or why it does not parse.
    pub case: Result<Case, serde_json::Error>,
}

/// Why cases could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The database's.
    #[error("cases could not be stored")]
    Database(#[from] sqlx::Error),
    /// A case does not serialise.
    #[error("a case does not serialise")]
    Serialise(#[from] serde_json::Error),
    /// A row had a sequence that is not older.
    #[error("{stored} of {given} cases were stored: one has moved on without its lock")]
    MovedOn {
        /// Rows written.
        stored: u64,
        /// Rows given.
        given: usize,
    },
}

#[derive(Default)]
struct Columns {
    case_id: Vec<Uuid>,
    seq: Vec<i64>,
    state: Vec<String>,
    outcome: Vec<Option<String>>,
    kind: Vec<String>,
    supervisory: Vec<bool>,
    category: Vec<Option<String>>,
    region: Vec<Option<String>>,
    lead: Vec<Option<String>>,
    complained: Vec<Option<String>>,
    named: Vec<Option<String>>,
    holder: Vec<Option<String>>,
    executor: Vec<Option<String>>,
    policy_version: Vec<i32>,
    filed_at: Vec<OffsetDateTime>,
    closed_at: Vec<Option<OffsetDateTime>>,
    next_due_at: Vec<Option<OffsetDateTime>>,
    deadline_at: Vec<OffsetDateTime>,
    merged_into: Vec<Option<Uuid>>,
    body: Vec<String>,
}

impl Columns {
    fn of(rows: &[CaseRow<'_>]) -> Result<Self, serde_json::Error> {
        let mut columns = Self::default();
        for row in rows {
            columns.push(row)?;
        }
        Ok(columns)
    }

    fn push(&mut self, row: &CaseRow<'_>) -> Result<(), serde_json::Error> {
        let case = row.case;
        let outcome = case.state.outcome();
        let text = |code: Option<&OpdCode>| code.map(ToString::to_string);
        self.case_id.push(case.id.into_uuid());
        self.seq.push(case.seq.cast_signed());
        self.state.push(case.state.code().code().to_owned());
        self.outcome.push(outcome.map(|outcome| outcome.code().to_owned()));
        self.kind.push(case.kind.code().to_owned());
        self.supervisory.push(case.supervisory);
        self.category.push(case.category.as_ref().map(ToString::to_string));
        self.region.push(case.region.as_ref().map(ToString::to_string));
        self.lead.push(text(case.lead.as_ref()));
        self.complained.push(text(case.complained_unit.as_ref()));
        self.named.push(text(row.named_opd));
        self.holder.push(case.holder().map(|holder| holder.code()));
        self.executor.push(case.executor.as_ref().map(ToString::to_string));
        self.policy_version.push(case.policy_version.cast_signed());
        self.filed_at.push(case.filed_at);
        self.closed_at.push(case.closed_at);
        self.next_due_at.push(row.next_due_at);
        self.deadline_at.push(deadline(case));
        self.merged_into.push(match outcome {
            Some(tuntas_domain::Outcome::Merged { into }) => Some(into.into_uuid()),
            _ => None,
        });
        self.body.push(serde_json::to_string(case)?);
        Ok(())
    }
}

/// What an officer sees as the deadline of a case: the earliest due time of a running clock (rule K8).
#[must_use]
pub fn deadline(case: &Case) -> OffsetDateTime {
    let running = case.clocks.iter().filter(|clock| clock.is_running());
    running.map(|clock| clock.due_at).min().unwrap_or(FAR_FUTURE)
}

/// Inserts new cases and replaces those that are older than given. The caller holds their locks.
///
/// # Errors
/// See [`SaveError`].
pub async fn save(conn: &mut PgConnection, rows: &[CaseRow<'_>]) -> Result<(), SaveError> {
    let c = Columns::of(rows)?;
    let done = sqlx::query!(
        "INSERT INTO kase (case_id, seq, state, outcome, kind, supervisory, category_code, region_code, lead_opd,
                           complained_opd, named_opd, holder, executor, policy_version, filed_at, closed_at,
                           next_due_at, deadline_at, merged_into, body)
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::boolean[],
                              $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
                              $13::text[], $14::integer[], $15::timestamptz[], $16::timestamptz[],
                              $17::timestamptz[], $18::timestamptz[], $19::uuid[], $20::text[]::jsonb[])
         ON CONFLICT (case_id) DO UPDATE SET
             seq = excluded.seq, state = excluded.state, outcome = excluded.outcome, kind = excluded.kind,
             supervisory = excluded.supervisory, category_code = excluded.category_code,
             region_code = excluded.region_code, lead_opd = excluded.lead_opd,
             complained_opd = excluded.complained_opd, holder = excluded.holder, executor = excluded.executor,
             policy_version = excluded.policy_version, filed_at = excluded.filed_at,
             closed_at = excluded.closed_at, next_due_at = excluded.next_due_at,
             deadline_at = excluded.deadline_at, merged_into = excluded.merged_into, body = excluded.body,
             stuck_reason = NULL
         WHERE kase.seq < excluded.seq",
        &c.case_id,
        &c.seq,
        &c.state,
        &c.outcome as &[Option<String>],
        &c.kind,
        &c.supervisory,
        &c.category as &[Option<String>],
        &c.region as &[Option<String>],
        &c.lead as &[Option<String>],
        &c.complained as &[Option<String>],
        &c.named as &[Option<String>],
        &c.holder as &[Option<String>],
        &c.executor as &[Option<String>],
        &c.policy_version,
        &c.filed_at,
        &c.closed_at as &[Option<OffsetDateTime>],
        &c.next_due_at as &[Option<OffsetDateTime>],
        &c.deadline_at,
        &c.merged_into as &[Option<Uuid>],
        &c.body,
    )
    .execute(conn)
    .await?;
    if done.rows_affected() == rows.len() as u64 {
        Ok(())
    } else {
        Err(SaveError::MovedOn {
            stored: done.rows_affected(),
            given: rows.len(),
        })
    }
}

/// A case, as it is stored.
///
/// # Errors
/// The database's, or a case that does not parse.
pub async fn load(conn: &mut PgConnection, case_id: CaseId) -> sqlx::Result<Option<Case>> {
    let body = sqlx::query_scalar!(
        r#"SELECT body::text AS "body!" FROM kase WHERE case_id = $1"#,
        case_id.into_uuid()
    )
    .fetch_optional(conn)
    .await?;
    body.map(parse).transpose()
}

/// Cases with their row locks, taken in the order of their ids so that nobody waits in a circle.
///
/// # Errors
/// The database's, or a case that does not parse.
pub async fn lock(conn: &mut PgConnection, case_ids: &[CaseId]) -> sqlx::Result<Vec<Case>> {
    let ids: Vec<Uuid> = case_ids.iter().map(|id| id.into_uuid()).collect();
    let bodies = sqlx::query_scalar!(
        r#"SELECT body::text AS "body!" FROM kase WHERE case_id = ANY($1) ORDER BY case_id FOR UPDATE"#,
        &ids
    )
    .fetch_all(conn)
    .await?;
    bodies.into_iter().map(parse).collect()
}

/// Takes the cases that are due, oldest due time first, leaving out those that somebody else is moving (rule E3).
///
/// # Errors
/// The database's.
pub async fn claim_due(conn: &mut PgConnection, now: OffsetDateTime, batch_max: u32) -> sqlx::Result<Vec<Loaded>> {
    let rows = sqlx::query!(
        r#"SELECT case_id, body::text AS "body!" FROM kase
         WHERE next_due_at <= $1 AND stuck_reason IS NULL
         ORDER BY next_due_at, case_id LIMIT $2 FOR UPDATE SKIP LOCKED"#,
        now,
        i64::from(batch_max),
    )
    .fetch_all(conn)
    .await?;
    let loaded = |case_id: Uuid, body: &str| Loaded {
        case_id: CaseId::new(case_id),
        case: serde_json::from_str(body),
    };
    Ok(rows.into_iter().map(|row| loaded(row.case_id, &row.body)).collect())
}

/// Corrects when the reconciler has to look at a case next; a new version of the policy can move that.
///
/// # Errors
/// The database's.
pub async fn set_next_due(
    conn: &mut PgConnection,
    case_id: CaseId,
    next_due_at: Option<OffsetDateTime>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE kase SET next_due_at = $2 WHERE case_id = $1",
        case_id.into_uuid(),
        next_due_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts a case aside that the reconciler cannot move, so that it holds up nobody else.
///
/// # Errors
/// The database's.
pub async fn set_stuck(conn: &mut PgConnection, case_id: CaseId, reason: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE kase SET stuck_reason = $2 WHERE case_id = $1",
        case_id.into_uuid(),
        reason
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes back that cases were put aside; answers how many.
///
/// # Errors
/// The database's.
pub async fn retry_stuck(conn: &mut PgConnection) -> sqlx::Result<u64> {
    let done = sqlx::query!("UPDATE kase SET stuck_reason = NULL WHERE stuck_reason IS NOT NULL")
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

/// Open cases that have something to fall due, locked, in the order of their ids: at most `batch_max` after `after`.
///
/// # Errors
/// The database's, or a case that does not parse.
pub async fn lock_running_after(conn: &mut PgConnection, after: CaseId, batch_max: u32) -> sqlx::Result<Vec<Case>> {
    let bodies = sqlx::query_scalar!(
        r#"SELECT body::text AS "body!" FROM kase WHERE next_due_at IS NOT NULL AND case_id > $1
         ORDER BY case_id LIMIT $2 FOR UPDATE"#,
        after.into_uuid(),
        i64::from(batch_max),
    )
    .fetch_all(conn)
    .await?;
    bodies.into_iter().map(parse).collect()
}

/// Cases that wait for the reconciler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueCounts {
    /// Due and not done.
    pub due: u64,
    /// Due before the moment given.
    pub late: u64,
    /// Put aside.
    pub stuck: u64,
}

/// Counts the cases that wait for the reconciler.
///
/// # Errors
/// The database's.
pub async fn count_due(conn: &mut PgConnection, now: OffsetDateTime, late: OffsetDateTime) -> sqlx::Result<DueCounts> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "due!", count(*) FILTER (WHERE next_due_at < $2) AS "late!",
                  (SELECT count(*) FROM kase WHERE stuck_reason IS NOT NULL) AS "stuck!"
           FROM kase WHERE next_due_at <= $1 AND stuck_reason IS NULL"#,
        now,
        late,
    )
    .fetch_one(conn)
    .await?;
    Ok(DueCounts {
        due: row.due.unsigned_abs(),
        late: row.late.unsigned_abs(),
        stuck: row.stuck.unsigned_abs(),
    })
}

/// Agency that the reporter named.
///
/// # Errors
/// The database's.
pub async fn named_opd(conn: &mut PgConnection, case_id: CaseId) -> sqlx::Result<Option<String>> {
    let named = sqlx::query_scalar!("SELECT named_opd FROM kase WHERE case_id = $1", case_id.into_uuid())
        .fetch_optional(conn)
        .await?;
    Ok(named.flatten())
}

/// Who handled earlier cases of a category in a region, with how often: the lead, or the authority a case was referred
/// to; of the latest `cases_max` cases.
///
/// # Errors
/// The database's.
pub async fn earlier_handlers(
    conn: &mut PgConnection,
    case: &Case,
    cases_max: u32,
) -> sqlx::Result<Vec<(String, u64)>> {
    let rows = sqlx::query!(
        r#"SELECT handler AS "handler!", count(*) AS "cases!" FROM (
               SELECT coalesce(lead_opd, body #>> '{state,outcome,to}') AS handler FROM kase
               WHERE category_code = $1 AND region_code IS NOT DISTINCT FROM $2
                     AND (lead_opd IS NOT NULL OR outcome = 'referred')
                     AND case_id <> $3
               ORDER BY filed_at DESC LIMIT $4
           ) AS earlier WHERE handler IS NOT NULL GROUP BY handler ORDER BY count(*) DESC, handler"#,
        case.category.as_ref().map(|code| code.as_str()),
        case.region.as_ref().map(|code| code.as_str()),
        case.id.into_uuid(),
        i64::from(cases_max),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.handler, row.cases.unsigned_abs()))
        .collect())
}

/// One line of the books for each case.
#[derive(Debug)]
pub struct CaseLine {
    /// The case.
    pub case_id: Uuid,
    /// Its latest sequence.
    pub seq: i64,
    /// Its state.
    pub state: String,
    /// Its lead agency.
    pub lead_opd: Option<String>,
}

/// The books' lines of cases after `after`, in the order of their ids.
///
/// # Errors
/// The database's.
pub async fn lines_after(conn: &mut PgConnection, after: Uuid, lines_max: i64) -> sqlx::Result<Vec<CaseLine>> {
    sqlx::query_as!(
        CaseLine,
        "SELECT case_id, seq, state, lead_opd FROM kase WHERE case_id > $1 ORDER BY case_id LIMIT $2",
        after,
        lines_max,
    )
    .fetch_all(conn)
    .await
}

/// A case from its column. Text is read straight into the domain's types, without a tree of values between.
pub(super) fn parse(body: impl AsRef<str>) -> sqlx::Result<Case> {
    serde_json::from_str(body.as_ref()).map_err(|error| sqlx::Error::Decode(error.into()))
}
