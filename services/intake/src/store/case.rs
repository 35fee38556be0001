//! What is known of cases, from routing's events.

use prost::Message as _;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_kit::problem::Problem;
use tuntas_proto::{
    case::v1::Case,
    convert::{outcome_code, state_name},
};
use uuid::Uuid;

/// Merges that are followed from a case to the surviving one.
const MERGES_MAX: i32 = 32;

/// One event of a case, as the reporter's timeline needs it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct TimelineRow {
    pub case_id: Uuid,
    pub seq: i64,
    pub event_id: Uuid,
    pub r#type: String,
    pub at: OffsetDateTime,
    pub opd_code: Option<String>,
    pub due_at: Option<OffsetDateTime>,
    pub reason_code: Option<String>,
    pub report_id: Option<Uuid>,
}

/// Notes an event. Answers false when it is there already.
///
/// # Errors
/// The database's.
pub async fn insert_event(conn: &mut PgConnection, row: &TimelineRow) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO case_event (case_id, seq, event_id, type, at, opd_code, due_at, reason_code, report_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        row.case_id,
        row.seq,
        row.event_id,
        row.r#type,
        row.at,
        row.opd_code,
        row.due_at,
        row.reason_code,
        row.report_id,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores the state of a case as it has stood since `at`, if it is newer than what is known. Answers whether it was.
///
/// # Errors
/// The database's, also when the state breaks a CHECK.
pub async fn put_state(conn: &mut PgConnection, case_id: Uuid, case: &Case, at: OffsetDateTime) -> sqlx::Result<bool> {
    let contributors: Vec<String> = case.contributions.iter().map(|part| part.opd_code.clone()).collect();
    let state = state_name(case.state);
    // While a case is only answered, `outcome` says what the answer claims; here it says how a case ended.
    let outcome = Some(outcome_code(case.outcome)).filter(|code| !code.is_empty() && state == "closed");
    let merged_into: Option<Uuid> = case.merged_into.parse().ok();
    let done = sqlx::query!(
        "INSERT INTO case_state (case_id, seq, state, outcome, supervisory, complained_opd, lead_opd,
             contributor_opds, category_code, region_code, merged_into, body, updated_at)
         VALUES ($1, $2, $3, $4, $5, nullif($6, ''), nullif($7, ''), $8, $9, $10, $11, $12, $13)
         ON CONFLICT (case_id) DO UPDATE SET seq = excluded.seq, state = excluded.state, outcome = excluded.outcome,
             supervisory = excluded.supervisory, complained_opd = excluded.complained_opd,
             lead_opd = excluded.lead_opd, contributor_opds = excluded.contributor_opds,
             category_code = excluded.category_code, region_code = excluded.region_code,
             merged_into = excluded.merged_into, body = excluded.body, updated_at = excluded.updated_at
         WHERE case_state.seq < excluded.seq",
        case_id,
        i64::try_from(case.seq).unwrap_or(i64::MAX),
        state,
        outcome,
        case.supervisory,
        case.complained_opd,
        case.lead_opd,
        &contributors,
        case.category_code,
        case.region_code,
        merged_into,
        case.encode_to_vec(),
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Says of reports that they are in a case now, and were there for their timelines.
///
/// # Errors
/// The database's.
pub async fn put_members(conn: &mut PgConnection, case_id: Uuid, reports: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE report SET case_id = $1 WHERE id = ANY($2) AND case_id IS DISTINCT FROM $1",
        case_id,
        reports
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO report_case (report_id, case_id) SELECT id, $1 FROM report WHERE id = ANY($2)
         ON CONFLICT DO NOTHING",
        case_id,
        reports,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The case that a case lives on in: itself, or the end of its merges. None when nothing is known of it.
///
/// # Errors
/// The database's, or a state that does not decode.
pub async fn surviving(conn: &mut PgConnection, case_id: Uuid) -> Result<Option<Case>, Problem> {
    let body = sqlx::query_scalar!(
        r#"WITH RECURSIVE chain AS (
               SELECT case_id, merged_into, 0 AS step FROM case_state WHERE case_id = $1
               UNION ALL
               SELECT next.case_id, next.merged_into, chain.step + 1
               FROM chain JOIN case_state AS next ON next.case_id = chain.merged_into
               WHERE chain.step < $2)
           SELECT case_state.body AS "body!" FROM chain JOIN case_state USING (case_id)
           ORDER BY chain.step DESC LIMIT 1"#,
        case_id,
        MERGES_MAX,
    )
    .fetch_optional(conn)
    .await?;
    body.map(|body| Case::decode(body.as_slice()).map_err(Problem::internal))
        .transpose()
}

/// Events of all cases that a report was in, oldest first, without those about other reporters.
///
/// # Errors
/// The database's.
pub async fn timeline(conn: &mut PgConnection, report_id: Uuid, limit: i64) -> sqlx::Result<Vec<TimelineRow>> {
    sqlx::query_as!(
        TimelineRow,
        "SELECT case_id, seq, event_id, type, at, opd_code, due_at, reason_code, case_event.report_id
         FROM report_case JOIN case_event USING (case_id)
         WHERE report_case.report_id = $1 AND (case_event.report_id IS NULL OR case_event.report_id = $1)
         ORDER BY at, case_id, seq LIMIT $2",
        report_id,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Ticket of a report, unless its reporter chose that it is not public.
///
/// # Errors
/// The database's.
pub async fn public_ticket(conn: &mut PgConnection, report_id: Uuid) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT ticket FROM report WHERE id = $1 AND privacy <> 'confidential'",
        report_id
    )
    .fetch_optional(conn)
    .await
}
