//! The public register: redacted texts, searched by everybody.

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

/// What is searched for.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Words in normal form; empty for all.
    pub words: String,
    /// Only these categories, when there are any.
    pub category_codes: Vec<String>,
    /// Only this region.
    pub region_code: Option<String>,
    /// Only cases led by this agency.
    pub opd_code: Option<String>,
    /// Only cases in this state.
    pub state: Option<&'static str>,
    /// Only cases closed with this outcome.
    pub outcome: Option<&'static str>,
    /// Only closed ones, or only open ones.
    pub closed: Option<bool>,
    /// Only these reports, when there are any.
    pub tickets: Vec<String>,
    /// Only what was filed from then on, and until then.
    pub filed: (Option<OffsetDateTime>, Option<OffsetDateTime>),
    /// Only what last moved from then on, and until then.
    pub updated: (Option<OffsetDateTime>, Option<OffsetDateTime>),
    /// After this one (filed at, report), newest first.
    pub before: Option<(OffsetDateTime, Uuid)>,
    /// Rows left out.
    pub skip: i64,
    /// Rows.
    pub limit: i64,
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

/// Lists a report, or replaces its public text.
///
/// # Errors
/// The database's.
pub async fn put(
    conn: &mut PgConnection,
    report_id: Uuid,
    title: &str,
    body: &str,
    words: &str,
    at: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO register (report_id, title, body, words, listed_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (report_id) DO UPDATE SET title = excluded.title, body = excluded.body, words = excluded.words",
        report_id,
        title,
        body,
        words,
        at,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO register_facet (report_id, ticket, filed_at, updated_at, category_code, region_code, lead_opd, state,
             outcome)
         SELECT report.id, report.ticket, report.filed_at, coalesce(case_state.updated_at, report.filed_at),
             coalesce(case_state.category_code, report.category_code),
             coalesce(case_state.region_code, report.region_code), case_state.lead_opd,
             coalesce(case_state.state, 'awaiting_verification'), case_state.outcome
         FROM report LEFT JOIN case_state ON case_state.case_id = report.case_id
         WHERE report.id = $1
         ON CONFLICT (report_id) DO NOTHING",
        report_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Says of the listed reports of a case what they are searched by now.
///
/// # Errors
/// The database's.
pub async fn case_moved(conn: &mut PgConnection, case_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE register_facet SET updated_at = case_state.updated_at, category_code = case_state.category_code,
             region_code = case_state.region_code, lead_opd = case_state.lead_opd, state = case_state.state,
             outcome = case_state.outcome
         FROM report JOIN case_state ON case_state.case_id = report.case_id
         WHERE report.case_id = $1 AND register_facet.report_id = report.id",
        case_id,
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
    sqlx::query!("DELETE FROM register WHERE report_id = ANY($1)", report_ids)
        .execute(conn)
        .await?;
    Ok(())
}

/// Searches: every word in some form of it, or a likeness that forgives typing errors; newest first. To be called in a
/// transaction.
///
/// # Errors
/// The database's.
pub async fn search(conn: &mut PgConnection, query: &Query) -> sqlx::Result<Vec<PublicRow>> {
    // Which index serves depends on what is asked; a plan made for any question would read the whole register.
    sqlx::query!("SELECT set_config('plan_cache_mode', 'force_custom_plan', true) AS mode")
        .fetch_one(&mut *conn)
        .await?;
    let (before_at, before_id) = query.before.unzip();
    sqlx::query_as!(
        PublicRow,
        r#"SELECT report.id AS report_id, report.ticket, register.title, register.body, report.kind, report.filed_at,
               found.category_code, found.region_code, found.updated_at, case_state.body AS "case_body?",
               (100 * word_similarity($1, register.words))::integer AS "similarity!"
           FROM (
               SELECT * FROM register_facet AS facet
               WHERE ($1 = '' OR facet.report_id IN (SELECT report_id FROM register
                       WHERE vector @@ plainto_tsquery('indonesian', $1) OR $1 <% words))
                 AND (cardinality($2::text[]) = 0 OR facet.category_code = ANY ($2))
                 AND ($3::text IS NULL OR facet.region_code = $3)
                 AND ($4::text IS NULL OR facet.lead_opd = $4)
                 AND ($5::text IS NULL OR facet.state = $5)
                 AND ($6::text IS NULL OR facet.outcome = $6)
                 AND ($7::boolean IS NULL OR (facet.state = 'closed') = $7)
                 AND (cardinality($8::text[]) = 0 OR facet.ticket = ANY ($8))
                 AND ($9::timestamptz IS NULL OR facet.filed_at >= $9)
                 AND ($10::timestamptz IS NULL OR facet.filed_at <= $10)
                 AND ($11::timestamptz IS NULL OR facet.updated_at >= $11)
                 AND ($12::timestamptz IS NULL OR facet.updated_at <= $12)
                 AND ($13::timestamptz IS NULL OR (facet.filed_at, facet.report_id) < ($13, $14::uuid))
               ORDER BY facet.filed_at DESC, facet.report_id DESC
               OFFSET $15 LIMIT $16) AS found
           JOIN register ON register.report_id = found.report_id
           JOIN report ON report.id = found.report_id
           LEFT JOIN case_state ON case_state.case_id = report.case_id
           ORDER BY found.filed_at DESC, found.report_id DESC"#,
        query.words,
        &query.category_codes,
        query.region_code,
        query.opd_code,
        query.state,
        query.outcome,
        query.closed,
        &query.tickets,
        query.filed.0,
        query.filed.1,
        query.updated.0,
        query.updated.1,
        before_at,
        before_id,
        query.skip,
        query.limit,
    )
    .fetch_all(conn)
    .await
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

/// Public reports like these words, likest first; the same category and region count a little.
///
/// # Errors
/// The database's.
pub async fn similar(
    conn: &mut PgConnection,
    words: &str,
    any_word: &str,
    category_code: &str,
    region_code: &str,
    similarity_min: i32,
    limit: i64,
) -> sqlx::Result<Vec<PublicRow>> {
    sqlx::query_as!(
        PublicRow,
        r#"WITH candidate AS (
               SELECT register.report_id, (100 * greatest(similarity(words, $1),
                   word_similarity($1, words), word_similarity(words, $1)))::integer AS likeness
               FROM register
               WHERE vector @@ to_tsquery('indonesian', $2) OR words % $1)
           SELECT report.id AS report_id, report.ticket, register.title, register.body, report.kind, report.filed_at,
               coalesce(case_state.category_code, report.category_code) AS "category_code!",
               coalesce(case_state.region_code, report.region_code) AS "region_code!",
               case_state.body AS "case_body?", coalesce(case_state.updated_at, report.filed_at) AS "updated_at!",
               candidate.likeness AS "similarity!"
           FROM candidate
           JOIN register USING (report_id)
           JOIN report ON report.id = register.report_id
           LEFT JOIN case_state ON case_state.case_id = report.case_id
           WHERE candidate.likeness >= $5
           ORDER BY candidate.likeness + CASE WHEN report.category_code = $3 THEN 10 ELSE 0 END
               + CASE WHEN report.region_code = $4 THEN 10 ELSE 0 END DESC, report.filed_at DESC
           LIMIT $6"#,
        words,
        any_word,
        category_code,
        region_code,
        similarity_min,
        limit,
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
