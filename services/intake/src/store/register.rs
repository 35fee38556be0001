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
    /// Likeness to the words asked for, 0 to 100.
    pub similarity: i32,
}

/// What is searched for.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Words in normal form; empty for all.
    pub words: String,
    /// Only this category.
    pub category_code: Option<String>,
    /// Only this region.
    pub region_code: Option<String>,
    /// Only cases led by this agency.
    pub opd_code: Option<String>,
    /// Only cases in this state.
    pub state: Option<&'static str>,
    /// Only cases closed with this outcome.
    pub outcome: Option<&'static str>,
    /// After this one (filed at, report), newest first.
    pub before: Option<(OffsetDateTime, Uuid)>,
    /// Rows.
    pub limit: i64,
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

/// Searches: every word in some form of it, or a likeness that forgives typing errors; newest first.
///
/// # Errors
/// The database's.
pub async fn search(conn: &mut PgConnection, query: &Query) -> sqlx::Result<Vec<PublicRow>> {
    let (before_at, before_id) = query.before.unzip();
    sqlx::query_as!(
        PublicRow,
        r#"SELECT report.id AS report_id, report.ticket, register.title, register.body, report.kind, report.filed_at,
               coalesce(case_state.category_code, report.category_code) AS "category_code!",
               coalesce(case_state.region_code, report.region_code) AS "region_code!",
               case_state.body AS "case_body?",
               (100 * word_similarity($1, register.words))::integer AS "similarity!"
           FROM register
           JOIN report ON report.id = register.report_id
           LEFT JOIN case_state ON case_state.case_id = report.case_id
           WHERE ($1 = '' OR register.vector @@ plainto_tsquery('indonesian', $1) OR $1 <% register.words)
             AND ($2::text IS NULL OR coalesce(case_state.category_code, report.category_code) = $2)
             AND ($3::text IS NULL OR coalesce(case_state.region_code, report.region_code) = $3)
             AND ($4::text IS NULL OR case_state.lead_opd = $4)
             AND ($5::text IS NULL OR case_state.state = $5)
             AND ($9::text IS NULL OR (case_state.state = 'closed' AND case_state.outcome = $9))
             AND ($6::timestamptz IS NULL OR (report.filed_at, report.id) < ($6, $7::uuid))
           ORDER BY report.filed_at DESC, report.id DESC
           LIMIT $8"#,
        query.words,
        query.category_code,
        query.region_code,
        query.opd_code,
        query.state,
        before_at,
        before_id,
        query.limit,
        query.outcome,
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
               case_state.body AS "case_body?",
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
               case_state.body AS "case_body?", 0 AS "similarity!"
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
