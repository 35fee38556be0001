//! Searching the public register, however many reports it has.
//!
//! The newest come first, so common words are found among the newest reports and only rare ones are looked up in the index of
//! words: no question reads the texts of the whole register. Likeness is never looked up in an index, because common syllables
//! would fetch most of the register: it is compared for a bounded number of the newest reports.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::register::PublicRow;

/// Newest reports that are looked through for words at a time: those that a page of results is filled from when the words are
/// common.
const WINDOW: i64 = 2_000;
/// So many times at most, and only while that promises to fill the page; then the index of words is read, which has few
/// reports with words that are seldom among the newest.
const WINDOWS_MAX: i64 = 5;
/// Newest reports that are compared with words that no report has.
const NEWEST_ALIKE_MAX: i64 = 400;
/// Newest reports of a category, a region and of all among which a similar one is looked for.
const NEWEST_OF_A_KIND_MAX: i64 = 500;
/// Of those, how many are compared letter by letter.
const SHARING_WORDS_MAX: i64 = 100;

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

/// Rows of the register that fit a query, from a source that may look at the words; `$17` is how many of the newest it looks at,
/// `$18` how many it leaves out before.
macro_rules! rows {
    ($conn:expr, $query:expr, $newest:expr, $past:expr, $source:tt, $words:tt) => {{
        let (before_at, before_id) = $query.before.unzip();
        sqlx::query_as!(
            PublicRow,
            r#"SELECT report.id AS report_id, report.ticket, register.title, register.body, report.kind, report.filed_at,
                   found.category_code, found.region_code, found.updated_at, case_state.body AS "case_body?",
                   (100 * word_similarity($1, register.words))::integer AS "similarity!"
               FROM ("# + $source + r#"
                   WHERE (cardinality($2::text[]) = 0 OR facet.category_code = ANY ($2))
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
                   LIMIT $17 OFFSET $18"# + $words + r#"
                   ORDER BY facet.filed_at DESC, facet.report_id DESC
                   OFFSET $15 LIMIT $16) AS found
               JOIN register ON register.report_id = found.report_id
               JOIN report ON report.id = found.report_id
               LEFT JOIN case_state ON case_state.case_id = report.case_id
               ORDER BY found.filed_at DESC, found.report_id DESC"#,
            $query.words,
            &$query.category_codes,
            $query.region_code,
            $query.opd_code,
            $query.state,
            $query.outcome,
            $query.closed,
            &$query.tickets,
            $query.filed.0,
            $query.filed.1,
            $query.updated.0,
            $query.updated.1,
            before_at,
            before_id,
            $query.skip,
            $query.limit,
            $newest,
            $past,
        )
        .fetch_all($conn)
        .await
    }};
}

/// Searches: every word in some form of it; when no report has them, a likeness that forgives typing errors, among the newest
/// of those that fit. Newest first. In a transaction, because it sets how the database plans.
///
/// # Errors
/// The database's.
pub async fn search(conn: &mut PgConnection, query: &Query) -> sqlx::Result<Vec<PublicRow>> {
    // Which index serves depends on what is asked; a plan made for any question would read the whole register.
    sqlx::query!("SELECT set_config('plan_cache_mode', 'force_custom_plan', true) AS mode")
        .fetch_one(&mut *conn)
        .await?;
    if query.words.is_empty() {
        return all(conn, query).await;
    }
    let found = with_words(conn, query).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    if query.skip > 0 {
        let first = Query {
            skip: 0,
            limit: 1,
            ..query.clone()
        };
        if !with_words(conn, &first).await?.is_empty() {
            // Past the last page of what has the words.
            return Ok(found);
        }
    }
    like(conn, query).await
}

/// Reports that have every word in some form.
async fn with_words(conn: &mut PgConnection, query: &Query) -> sqlx::Result<Vec<PublicRow>> {
    let mut found = among_newest(conn, query, 0).await?;
    let mut windows = 1;
    while query.skip == 0 && windows < WINDOWS_MAX && promising(found.len(), windows, query.limit) {
        found.extend(among_newest(conn, query, windows).await?);
        windows += 1;
    }
    if count(found.len()) >= query.limit {
        found.truncate(usize::try_from(query.limit).unwrap_or(usize::MAX));
        return Ok(found);
    }
    let older = Query {
        words: String::new(),
        skip: windows * WINDOW,
        limit: 1,
        ..query.clone()
    };
    if all(conn, &older).await?.is_empty() {
        // All that fit the rest of the question were looked through.
        return Ok(found);
    }
    // The database guesses that unknown words are common, and would then read the register itself.
    sqlx::query!("SELECT set_config('enable_seqscan', 'off', true) AS mode")
        .fetch_one(&mut *conn)
        .await?;
    by_index(conn, query).await
}

/// Whether as many more windows as there may be would fill a page, and it is not full.
fn promising(found: usize, windows: i64, limit: i64) -> bool {
    let found = count(found);
    found < limit && found.saturating_mul(WINDOWS_MAX) >= limit.saturating_mul(windows)
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

async fn all(conn: &mut PgConnection, query: &Query) -> sqlx::Result<Vec<PublicRow>> {
    let newest = query.skip + query.limit;
    rows!(
        conn,
        query,
        newest,
        0,
        "SELECT * FROM (SELECT facet.* FROM register_facet AS facet",
        ") AS facet"
    )
}

async fn among_newest(conn: &mut PgConnection, query: &Query, window: i64) -> sqlx::Result<Vec<PublicRow>> {
    rows!(
        conn,
        query,
        WINDOW,
        window * WINDOW,
        "SELECT facet.* FROM (SELECT facet.* FROM register_facet AS facet",
        ") AS facet JOIN register ON register.report_id = facet.report_id
         WHERE register.vector @@ plainto_tsquery('indonesian', $1)"
    )
}

async fn by_index(conn: &mut PgConnection, query: &Query) -> sqlx::Result<Vec<PublicRow>> {
    let newest = query.skip + query.limit;
    rows!(
        conn,
        query,
        newest,
        0,
        "WITH candidate AS MATERIALIZED (
             SELECT report_id FROM register WHERE vector @@ plainto_tsquery('indonesian', $1))
         SELECT * FROM (SELECT facet.* FROM candidate JOIN register_facet AS facet USING (report_id)",
        ") AS facet"
    )
}

async fn like(conn: &mut PgConnection, query: &Query) -> sqlx::Result<Vec<PublicRow>> {
    rows!(
        conn,
        query,
        NEWEST_ALIKE_MAX,
        0,
        "SELECT facet.* FROM (SELECT facet.* FROM register_facet AS facet",
        ") AS facet JOIN register ON register.report_id = facet.report_id
         WHERE word_similarity($1, register.words) >= current_setting('pg_trgm.word_similarity_threshold')::real"
    )
}

/// Public reports like these words, likest first; the same category and region count a little. Compared are the newest of the
/// category, of the region and of all, and of those the ones that share most words.
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
        r#"WITH newest AS MATERIALIZED (
               (SELECT report_id FROM register_facet ORDER BY filed_at DESC, report_id DESC LIMIT $7)
               UNION (SELECT report_id FROM register_facet WHERE category_code = $3
                      ORDER BY filed_at DESC, report_id DESC LIMIT $7)
               UNION (SELECT report_id FROM register_facet WHERE region_code = $4
                      ORDER BY filed_at DESC, report_id DESC LIMIT $7)),
           sharing AS MATERIALIZED (
               SELECT register.report_id, register.words FROM newest JOIN register USING (report_id)
               WHERE vector @@ to_tsquery('indonesian', $2)
               ORDER BY ts_rank(vector, to_tsquery('indonesian', $2)) DESC, report_id LIMIT $8),
           candidate AS MATERIALIZED (
               SELECT report_id, (100 * greatest(similarity(words, $1),
                   word_similarity($1, words), word_similarity(words, $1)))::integer AS likeness
               FROM sharing)
           SELECT report.id AS report_id, report.ticket, register.title, register.body, report.kind, report.filed_at,
               facet.category_code, facet.region_code, facet.updated_at, case_state.body AS "case_body?",
               candidate.likeness AS "similarity!"
           FROM candidate
           JOIN register USING (report_id)
           JOIN register_facet AS facet USING (report_id)
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
        NEWEST_OF_A_KIND_MAX,
        SHARING_WORDS_MAX,
    )
    .fetch_all(conn)
    .await
}
