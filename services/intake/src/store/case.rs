//! What is known of cases, from routing's events.

use std::collections::HashMap;

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

/// Notes events, and answers which of them were not there already. Of two that claim the same place the first one has
/// it.
///
/// # Errors
/// The database's.
pub async fn insert_events(conn: &mut PgConnection, rows: &[&TimelineRow]) -> sqlx::Result<Vec<Uuid>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = |value: fn(&TimelineRow) -> Uuid| rows.iter().map(|row| value(row)).collect::<Vec<_>>();
    let codes =
        |value: fn(&TimelineRow) -> &Option<String>| rows.iter().map(|row| value(row).clone()).collect::<Vec<_>>();
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    let types: Vec<String> = rows.iter().map(|row| row.r#type.clone()).collect();
    let times: Vec<OffsetDateTime> = rows.iter().map(|row| row.at).collect();
    let due: Vec<Option<OffsetDateTime>> = rows.iter().map(|row| row.due_at).collect();
    let reports: Vec<Option<Uuid>> = rows.iter().map(|row| row.report_id).collect();
    sqlx::query_scalar!(
        "INSERT INTO case_event (case_id, seq, event_id, type, at, opd_code, due_at, reason_code, report_id)
         SELECT case_id, seq, event_id, type, at, opd_code, due_at, reason_code, report_id
         FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[],
                     $7::timestamptz[], $8::text[], $9::uuid[])
              WITH ORDINALITY AS given (case_id, seq, event_id, type, at, opd_code, due_at, reason_code, report_id,
                   place)
         ORDER BY place
         ON CONFLICT DO NOTHING
         RETURNING event_id",
        &ids(|row| row.case_id),
        &seqs,
        &ids(|row| row.event_id),
        &types,
        &times,
        &codes(|row| &row.opd_code) as &[Option<String>],
        &due as &[Option<OffsetDateTime>],
        &codes(|row| &row.reason_code) as &[Option<String>],
        &reports as &[Option<Uuid>],
    )
    .fetch_all(conn)
    .await
}

/// A case as it has stood since `at`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct StateRow<'a> {
    pub case_id: Uuid,
    pub case: &'a Case,
    pub at: OffsetDateTime,
}

/// The sequence of a state.
#[must_use]
pub fn seq_of(case: &Case) -> i64 {
    i64::try_from(case.seq).unwrap_or(i64::MAX)
}

/// How a case ended. While it is only answered, its outcome says what the answer claims.
fn ended(case: &Case) -> Option<&'static str> {
    let is_closed = state_name(case.state) == "closed";
    Some(outcome_code(case.outcome)).filter(|code| is_closed && !code.is_empty())
}

/// Whether a state passes the CHECKs of the table. They are asked here as well, because of several states of a case
/// only the newest comes to the table, and a malformed one is to be told from the others whatever comes with it.
#[must_use]
pub fn passes_checks(case: &Case) -> bool {
    match state_name(case.state) {
        "" => false,
        "closed" => case.seq >= 1 && ended(case).is_some(),
        _ => case.seq >= 1,
    }
}

/// Sequences of the states that are known of these cases, which are locked until the transaction ends: in the order of
/// their ids, so that nobody waits in a circle.
///
/// # Errors
/// The database's.
pub async fn lock_seqs(conn: &mut PgConnection, case_ids: &[Uuid]) -> sqlx::Result<HashMap<Uuid, i64>> {
    let rows = sqlx::query!(
        "SELECT case_id, seq FROM case_state WHERE case_id = ANY ($1) ORDER BY case_id FOR NO KEY UPDATE",
        case_ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.case_id, row.seq)).collect())
}

/// Stores the states of cases, each case once, as far as they are newer than what is known. Answers the cases that have
/// moved.
///
/// Arrays of arrays cannot be unnested into rows, so each contributor comes with its case.
///
/// # Errors
/// The database's, also when a state breaks a CHECK.
pub async fn put_states(conn: &mut PgConnection, rows: &[StateRow<'_>]) -> sqlx::Result<Vec<Uuid>> {
    let text = |value: fn(&Case) -> &str| rows.iter().map(|row| value(row.case).to_owned()).collect::<Vec<_>>();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.case_id).collect();
    let seqs: Vec<i64> = rows.iter().map(|row| seq_of(row.case)).collect();
    let outcomes: Vec<Option<String>> = rows.iter().map(|row| ended(row.case).map(str::to_owned)).collect();
    let supervisory: Vec<bool> = rows.iter().map(|row| row.case.supervisory).collect();
    let merged_into: Vec<Option<Uuid>> = rows.iter().map(|row| row.case.merged_into.parse().ok()).collect();
    let bodies: Vec<Vec<u8>> = rows.iter().map(|row| row.case.encode_to_vec()).collect();
    let times: Vec<OffsetDateTime> = rows.iter().map(|row| row.at).collect();
    let (contributes_to, contributors): (Vec<Uuid>, Vec<String>) = rows
        .iter()
        .flat_map(|row| {
            row.case
                .contributions
                .iter()
                .map(|part| (row.case_id, part.opd_code.clone()))
        })
        .unzip();
    sqlx::query_scalar!(
        "INSERT INTO case_state (case_id, seq, state, outcome, supervisory, complained_opd, lead_opd,
             contributor_opds, category_code, region_code, merged_into, body, updated_at)
         SELECT given.case_id, seq, state, outcome, supervisory, nullif(complained_opd, ''), nullif(lead_opd, ''),
             coalesce(contributing.opd_codes, '{}'), category_code, region_code, merged_into, body, updated_at
         FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[],
                     $8::text[], $9::text[], $10::uuid[], $11::bytea[], $12::timestamptz[])
              AS given (case_id, seq, state, outcome, supervisory, complained_opd, lead_opd, category_code,
                   region_code, merged_into, body, updated_at)
         LEFT JOIN (
             SELECT case_id, array_agg(opd_code ORDER BY place) AS opd_codes
             FROM unnest($13::uuid[], $14::text[]) WITH ORDINALITY AS part (case_id, opd_code, place)
             GROUP BY case_id) AS contributing ON contributing.case_id = given.case_id
         ORDER BY given.case_id
         ON CONFLICT (case_id) DO UPDATE SET seq = excluded.seq, state = excluded.state, outcome = excluded.outcome,
             supervisory = excluded.supervisory, complained_opd = excluded.complained_opd,
             lead_opd = excluded.lead_opd, contributor_opds = excluded.contributor_opds,
             category_code = excluded.category_code, region_code = excluded.region_code,
             merged_into = excluded.merged_into, body = excluded.body, updated_at = excluded.updated_at
         WHERE case_state.seq < excluded.seq
         RETURNING case_id",
        &ids,
        &seqs,
        &text(|case| state_name(case.state)),
        &outcomes as &[Option<String>],
        &supervisory,
        &text(|case| &case.complained_opd),
        &text(|case| &case.lead_opd),
        &text(|case| &case.category_code),
        &text(|case| &case.region_code),
        &merged_into as &[Option<Uuid>],
        &bodies,
        &times,
        &contributes_to,
        &contributors,
    )
    .fetch_all(conn)
    .await
}

/// Says of reports (each with its case) that they are in a case now, and were there for their timelines. A report that
/// is named more than once was in all these cases, and is in the last one now.
///
/// # Errors
/// The database's.
pub async fn put_members(conn: &mut PgConnection, members: &[(Uuid, Uuid)]) -> sqlx::Result<()> {
    let (report_ids, case_ids): (Vec<Uuid>, Vec<Uuid>) = members.iter().copied().unzip();
    sqlx::query!(
        "UPDATE report SET case_id = latest.case_id
         FROM (SELECT DISTINCT ON (report_id) report_id, case_id
               FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS given (report_id, case_id, place)
               ORDER BY report_id, place DESC) AS latest
         WHERE report.id = latest.report_id AND report.case_id IS DISTINCT FROM latest.case_id",
        &report_ids,
        &case_ids,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO report_case (report_id, case_id)
         SELECT report.id, given.case_id
         FROM unnest($1::uuid[], $2::uuid[]) AS given (report_id, case_id) JOIN report ON report.id = given.report_id
         ON CONFLICT DO NOTHING",
        &report_ids,
        &case_ids,
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
