//! The public register: redacted texts. How it is searched stands in `register_search`.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// A report as the public sees it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct PublicRow {
    pub report_id: Uuid,
    pub ticket: String,
    pub title: String,
    pub body: String,
    pub kind: String,
    pub filed_at: OffsetDateTime,
    pub category_code: String,
    pub region_code: String,
    pub case_body: Option<Vec<u8>>,
    pub updated_at: OffsetDateTime,
    /// Likeness to the words asked for, 0 to 100.
    pub similarity: i32,
}

/// A report that is not in the register, as far as its ticket tells.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct UnlistedRow {
    pub ticket: String,
    pub category_code: String,
    pub filed_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    pub closed: bool,
}

/// A public text ready to be written.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct Listing {
    pub report_id: Uuid,
    pub title: String,
    pub body: String,
    pub words: String,
    pub listed_at: OffsetDateTime,
}

/// Lists reports, each once, or replaces their public texts.
///
/// # Errors
/// The database's.
pub async fn put(conn: &mut PgConnection, listings: &[Listing]) -> sqlx::Result<()> {
    let text = |value: fn(&Listing) -> &String| listings.iter().map(|row| value(row).clone()).collect::<Vec<_>>();
    let report_ids: Vec<Uuid> = listings.iter().map(|listing| listing.report_id).collect();
    let times: Vec<OffsetDateTime> = listings.iter().map(|listing| listing.listed_at).collect();
    sqlx::query!(
        "INSERT INTO register (report_id, title, body, words, listed_at)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) ORDER BY 1
         ON CONFLICT (report_id) DO UPDATE SET title = excluded.title, body = excluded.body, words = excluded.words",
        &report_ids,
        &text(|listing| &listing.title),
        &text(|listing| &listing.body),
        &text(|listing| &listing.words),
        &times,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO register_facet (report_id, ticket, filed_at, updated_at, category_code, region_code, lead_opd,
             state, outcome)
         SELECT report.id, report.ticket, report.filed_at, coalesce(case_state.updated_at, report.filed_at),
             coalesce(case_state.category_code, report.category_code),
             coalesce(case_state.region_code, report.region_code), case_state.lead_opd,
             coalesce(case_state.state, 'awaiting_verification'), case_state.outcome
         FROM report LEFT JOIN case_state ON case_state.case_id = report.case_id
         WHERE report.id = ANY ($1)
         ORDER BY report.id
         ON CONFLICT (report_id) DO NOTHING",
        &report_ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Says of the listed reports of cases what they are searched by now.
///
/// # Errors
/// The database's.
pub async fn cases_moved(conn: &mut PgConnection, case_ids: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE register_facet SET updated_at = case_state.updated_at, category_code = case_state.category_code,
             region_code = case_state.region_code, lead_opd = case_state.lead_opd, state = case_state.state,
             outcome = case_state.outcome
         FROM report JOIN case_state ON case_state.case_id = report.case_id
         WHERE report.case_id = ANY ($1) AND register_facet.report_id = report.id",
        case_ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes reports off the register.
///
/// # Errors
/// The database's.
pub async fn remove(conn: &mut PgConnection, report_ids: &[Uuid]) -> sqlx::Result<()> {
    if report_ids.is_empty() {
        return Ok(());
    }
    sqlx::query!("DELETE FROM register WHERE report_id = ANY($1)", report_ids)
        .execute(conn)
        .await?;
    Ok(())
}

/// Reports of these tickets that are not in the register, without the confidential and the erased ones.
///
/// # Errors
/// The database's.
pub async fn unlisted(conn: &mut PgConnection, tickets: &[String]) -> sqlx::Result<Vec<UnlistedRow>> {
    sqlx::query_as!(
        UnlistedRow,
        r#"SELECT report.ticket, report.category_code, report.filed_at,
               coalesce(case_state.updated_at, report.filed_at) AS "updated_at!",
               coalesce(case_state.state = 'closed', false) AS "closed!"
           FROM report LEFT JOIN case_state ON case_state.case_id = report.case_id
           WHERE report.ticket = ANY ($1) AND report.privacy <> 'confidential' AND report.erased_at IS NULL
             AND NOT EXISTS (SELECT FROM register WHERE register.report_id = report.id)
           ORDER BY report.filed_at DESC, report.id DESC"#,
        tickets,
    )
    .fetch_all(conn)
    .await
}

/// The public text of one report.
///
/// # Errors
/// The database's.
pub async fn by_ticket(conn: &mut PgConnection, ticket: &str) -> sqlx::Result<Option<PublicRow>> {
    sqlx::query_as!(
        PublicRow,
        r#"SELECT report.id AS report_id, report.ticket, register.title, register.body, report.kind, report.filed_at,
               coalesce(case_state.category_code, report.category_code) AS "category_code!",
               coalesce(case_state.region_code, report.region_code) AS "region_code!",
               case_state.body AS "case_body?", coalesce(case_state.updated_at, report.filed_at) AS "updated_at!",
               0 AS "similarity!"
           FROM register
           JOIN report ON report.id = register.report_id
           LEFT JOIN case_state ON case_state.case_id = report.case_id
           WHERE report.ticket = $1"#,
        ticket,
    )
    .fetch_optional(conn)
    .await
}

/// The redacted body of a report, if it is listed.
///
/// # Errors
/// The database's.
pub async fn body_of(conn: &mut PgConnection, report_id: Uuid) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT body FROM register WHERE report_id = $1", report_id)
        .fetch_optional(conn)
        .await
}
