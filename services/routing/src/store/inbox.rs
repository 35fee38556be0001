//! Cases that wait for somebody, what falls due first on top.
//!
//! Each query walks an index in the order of deadlines and stops when the page is full (contributions apart, of which an
//! agency has few): a page costs the same however many cases are open elsewhere. All open cases and the flagged ones are two
//! statements, because the database uses the index of the flagged only when it sees the condition when it plans.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::Case;
use uuid::Uuid;

/// Which open cases.
#[derive(Debug, Clone)]
pub enum Among {
    /// What waits for an official.
    Waiting(Waiting),
    /// All, whoever holds them.
    Open,
    /// Those in the Ombudsman's alerts.
    Flagged,
}

/// What waits for an official.
#[derive(Debug, Clone, Default)]
pub struct Waiting {
    /// Codes of the parties that hold the case.
    pub holders: Vec<String>,
    /// Whether open contributions of the own agency are wanted as well.
    pub contributions: bool,
    /// Own position: cases it was assigned.
    pub executor: Option<String>,
    /// All supervisory cases.
    pub supervisory: bool,
}

/// Whose cases, and which of them.
#[derive(Debug, Clone)]
pub struct InboxQuery {
    /// Where to look.
    pub among: Among,
    /// Own agency: no supervisory case about it is shown (rule M10).
    pub opd: Option<String>,
    /// Only this state.
    pub state: Option<String>,
    /// Only cases whose deadline lies before this moment.
    pub overdue_before: Option<OffsetDateTime>,
    /// Rows after this place.
    pub after: (OffsetDateTime, Uuid),
    /// Rows wanted.
    pub rows_max: i64,
}

/// Before the first row.
pub const FIRST_PLACE: (OffsetDateTime, Uuid) = (OffsetDateTime::UNIX_EPOCH, Uuid::nil());

/// A page of an inbox.
///
/// # Errors
/// The database's, or a case that does not parse.
pub async fn list(conn: &mut PgConnection, query: &InboxQuery) -> sqlx::Result<Vec<Case>> {
    let bodies = match &query.among {
        Among::Waiting(waiting) => waiting_cases(conn, query, waiting).await,
        Among::Open => open_cases(conn, query).await,
        Among::Flagged => flagged_cases(conn, query).await,
    }?;
    bodies.into_iter().map(super::cases::parse).collect()
}

async fn waiting_cases(conn: &mut PgConnection, query: &InboxQuery, waiting: &Waiting) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"WITH found AS (
             SELECT held.case_id, held.deadline_at FROM unnest($3::text[]) AS party (code)
             CROSS JOIN LATERAL (
               SELECT case_id, deadline_at FROM kase
               WHERE state <> 'closed' AND holder = party.code
                     AND (deadline_at, case_id) > ($1, $2) AND deadline_at < COALESCE($9, 'infinity'::timestamptz)
                     AND ($8::text IS NULL OR state = $8)
                     AND NOT (supervisory AND complained_opd IS NOT NULL AND complained_opd IS NOT DISTINCT FROM $7)
               ORDER BY deadline_at, case_id LIMIT $10) AS held
             UNION
             (SELECT case_id, deadline_at FROM kase
              WHERE state <> 'closed' AND executor = $4
                    AND (deadline_at, case_id) > ($1, $2) AND deadline_at < COALESCE($9, 'infinity'::timestamptz)
                    AND ($8::text IS NULL OR state = $8)
                    AND NOT (supervisory AND complained_opd IS NOT NULL AND complained_opd IS NOT DISTINCT FROM $7)
              ORDER BY deadline_at, case_id LIMIT $10)
             UNION
             (SELECT case_id, deadline_at FROM kase
              WHERE $5 AND state <> 'closed' AND supervisory
                    AND (deadline_at, case_id) > ($1, $2) AND deadline_at < COALESCE($9, 'infinity'::timestamptz)
                    AND ($8::text IS NULL OR state = $8)
                    AND (complained_opd IS NULL OR complained_opd IS DISTINCT FROM $7)
              ORDER BY deadline_at, case_id LIMIT $10)
             UNION
             (SELECT case_id, deadline_at FROM kase_agency AS part JOIN kase USING (case_id)
              WHERE $6 AND part.opd_code = $7 AND part.open AND state <> 'closed'
                    AND (deadline_at, case_id) > ($1, $2) AND deadline_at < COALESCE($9, 'infinity'::timestamptz)
                    AND ($8::text IS NULL OR state = $8)
                    AND NOT (supervisory AND complained_opd IS NOT NULL AND complained_opd IS NOT DISTINCT FROM $7)
              ORDER BY deadline_at, case_id LIMIT $10))
           SELECT body::text AS "body!" FROM found JOIN kase USING (case_id)
           ORDER BY found.deadline_at, case_id LIMIT $10"#,
        query.after.0,
        query.after.1,
        &waiting.holders,
        waiting.executor.as_deref(),
        waiting.supervisory,
        waiting.contributions,
        query.opd.as_deref(),
        query.state.as_deref(),
        query.overdue_before,
        query.rows_max,
    )
    .fetch_all(conn)
    .await
}

async fn open_cases(conn: &mut PgConnection, query: &InboxQuery) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT body::text AS "body!" FROM kase
         WHERE state <> 'closed'
               AND (deadline_at, case_id) > ($1, $2) AND deadline_at < COALESCE($5, 'infinity'::timestamptz)
               AND ($4::text IS NULL OR state = $4)
               AND NOT (supervisory AND complained_opd IS NOT NULL AND complained_opd IS NOT DISTINCT FROM $3)
         ORDER BY deadline_at, case_id LIMIT $6"#,
        query.after.0,
        query.after.1,
        query.opd.as_deref(),
        query.state.as_deref(),
        query.overdue_before,
        query.rows_max,
    )
    .fetch_all(conn)
    .await
}

async fn flagged_cases(conn: &mut PgConnection, query: &InboxQuery) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT body::text AS "body!" FROM kase
         WHERE state <> 'closed' AND body -> 'flags' <> '[]'::jsonb
               AND (deadline_at, case_id) > ($1, $2) AND deadline_at < COALESCE($5, 'infinity'::timestamptz)
               AND ($4::text IS NULL OR state = $4)
               AND NOT (supervisory AND complained_opd IS NOT NULL AND complained_opd IS NOT DISTINCT FROM $3)
         ORDER BY deadline_at, case_id LIMIT $6"#,
        query.after.0,
        query.after.1,
        query.opd.as_deref(),
        query.state.as_deref(),
        query.overdue_before,
        query.rows_max,
    )
    .fetch_all(conn)
    .await
}
