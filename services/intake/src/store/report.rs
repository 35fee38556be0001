//! Reports, their keys and their erasure.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::seal::WrappedKey;

/// A report, sealed.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct Report {
    pub id: Uuid,
    pub ticket: String,
    pub receipt_mac: Vec<u8>,
    pub recovered_mac: Option<Vec<u8>>,
    pub recovered_at: Option<OffsetDateTime>,
    pub kind: String,
    pub privacy: String,
    pub category_code: String,
    pub region_code: String,
    pub named_opd: Option<String>,
    pub event_date: Option<Date>,
    pub filed_at: OffsetDateTime,
    pub language: String,
    pub same_as: Option<Uuid>,
    pub sealed_words: Vec<u8>,
    pub sealed_identity: Option<Vec<u8>>,
    pub case_id: Option<Uuid>,
    pub erased_at: Option<OffsetDateTime>,
}

/// The state of a report's case.
#[derive(Debug, Clone)]
pub struct CaseState {
    /// `tuntas.case.v1.Case`.
    pub body: Vec<u8>,
    /// It lives on in another one ([`case::surviving`](super::case::surviving)).
    pub merged: bool,
}

/// Finds a report by its id, with the state of its case; none before routing has opened one.
///
/// # Errors
/// The database's.
pub async fn with_case(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<(Report, Option<CaseState>)>> {
    let row = sqlx::query!(
        r#"SELECT id, ticket, receipt_mac, recovered_mac, recovered_at, kind, privacy, report.category_code,
             report.region_code, named_opd, event_date, filed_at, language, same_as, sealed_words, sealed_identity,
             report.case_id, erased_at, case_state.body AS "case_body?", case_state.merged_into
         FROM report LEFT JOIN case_state ON case_state.case_id = report.case_id WHERE id = $1"#,
        id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let report = Report {
            id: row.id,
            ticket: row.ticket,
            receipt_mac: row.receipt_mac,
            recovered_mac: row.recovered_mac,
            recovered_at: row.recovered_at,
            kind: row.kind,
            privacy: row.privacy,
            category_code: row.category_code,
            region_code: row.region_code,
            named_opd: row.named_opd,
            event_date: row.event_date,
            filed_at: row.filed_at,
            language: row.language,
            same_as: row.same_as,
            sealed_words: row.sealed_words,
            sealed_identity: row.sealed_identity,
            case_id: row.case_id,
            erased_at: row.erased_at,
        };
        let case = row.case_body.map(|body| CaseState {
            body,
            merged: row.merged_into.is_some(),
        });
        (report, case)
    }))
}

/// Finds a report by its ticket number in normal form.
///
/// # Errors
/// The database's.
pub async fn by_ticket(conn: &mut PgConnection, ticket: &str) -> sqlx::Result<Option<Report>> {
    sqlx::query_as!(
        Report,
        "SELECT id, ticket, receipt_mac, recovered_mac, recovered_at, kind, privacy, category_code, region_code,
             named_opd, event_date, filed_at, language, same_as, sealed_words, sealed_identity, case_id, erased_at
         FROM report WHERE ticket = $1",
        ticket,
    )
    .fetch_optional(conn)
    .await
}

/// The wrapped key of a report; none once it is erased.
///
/// # Errors
/// The database's.
pub async fn wrapped_key(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<WrappedKey>> {
    sqlx::query_as!(
        WrappedKey,
        r#"SELECT wrapped_key AS "bytes", key_id FROM report_key WHERE report_id = $1"#,
        id
    )
    .fetch_optional(conn)
    .await
}

/// Those of these reports that the public may read of, with their wrapped keys: not the confidential and the erased
/// ones.
///
/// # Errors
/// The database's.
pub async fn keys_of_public(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<(Uuid, WrappedKey)>> {
    let rows = sqlx::query!(
        "SELECT report.id, report_key.wrapped_key, report_key.key_id
         FROM report JOIN report_key ON report_key.report_id = report.id
         WHERE report.id = ANY ($1) AND report.privacy <> 'confidential'",
        ids,
    )
    .fetch_all(conn)
    .await?;
    let found = rows.into_iter().map(|row| {
        let key = WrappedKey {
            bytes: row.wrapped_key,
            key_id: row.key_id,
        };
        (row.id, key)
    });
    Ok(found.collect())
}

/// The next sequence of the aggregate `report:<id>`. Locks the report until the transaction ends.
///
/// # Errors
/// The database's; [`sqlx::Error::RowNotFound`] when there is no such report.
pub async fn next_seq(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!("UPDATE report SET seq = seq + 1 WHERE id = $1 RETURNING seq", id)
        .fetch_one(conn)
        .await
}

/// Locks a report until the transaction ends, as erasing it does first of all.
///
/// # Errors
/// The database's; [`sqlx::Error::RowNotFound`] when there is no such report.
pub async fn lock(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query_scalar!("SELECT id FROM report WHERE id = $1 FOR NO KEY UPDATE", id)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// Deletes the key of a report, and with it the hashes of its answers, and everything by which its words could be
/// searched, and gives up its files. Answers whether there was a key.
///
/// # Errors
/// The database's.
pub async fn erase(conn: &mut PgConnection, id: Uuid, at: OffsetDateTime) -> sqlx::Result<bool> {
    let erased = sqlx::query!(
        "UPDATE report SET erased_at = $2 WHERE id = $1 AND erased_at IS NULL",
        id,
        at
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("DELETE FROM report_key WHERE report_id = $1", id)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("DELETE FROM report_gram WHERE report_id = $1", id)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("DELETE FROM register WHERE report_id = $1", id)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "INSERT INTO doomed_file (id, doomed_at) SELECT id, $2 FROM attachment WHERE report_id = $1
         ON CONFLICT DO NOTHING",
        id,
        at,
    )
    .execute(&mut *conn)
    .await?;
    Ok(erased.rows_affected() > 0)
}

/// A line for the books.
#[derive(Debug, Clone)]
pub struct BookRow {
    /// Report.
    pub id: Uuid,
    /// Its case, once known.
    pub case_id: Option<Uuid>,
    /// Latest sequence of the report's aggregate.
    pub seq: i64,
    /// State of its case.
    pub state: Option<String>,
}

/// A page of the books, by id.
///
/// # Errors
/// The database's.
pub async fn book_page(conn: &mut PgConnection, after: Uuid, size: i64) -> sqlx::Result<Vec<BookRow>> {
    sqlx::query_as!(
        BookRow,
        r#"SELECT report.id, report.case_id, report.seq, case_state.state AS "state?"
           FROM report LEFT JOIN case_state USING (case_id)
           WHERE report.id > $1 ORDER BY report.id LIMIT $2"#,
        after,
        size,
    )
    .fetch_all(conn)
    .await
}

/// A report like another.
#[derive(Debug, Clone)]
pub struct Similar {
    /// The report.
    pub report_id: Uuid,
    /// Its case, once known.
    pub case_id: Option<Uuid>,
    /// Likeness, 0 to 100.
    pub similarity: i32,
    /// Its category.
    pub category_code: String,
    /// Agency that leads its case.
    pub lead_opd: Option<String>,
    /// When it was filed.
    pub filed_at: OffsetDateTime,
}

/// Reports filed since `since` whose stems are like those of `id`, likest first; what the reporter said to be the
/// same goes before all.
///
/// # Errors
/// The database's.
pub async fn similar(
    conn: &mut PgConnection,
    id: Uuid,
    since: OffsetDateTime,
    similarity_min: i32,
    limit: i64,
) -> sqlx::Result<Vec<Similar>> {
    sqlx::query_as!(
        Similar,
        r#"WITH own AS (SELECT report.same_as, report_gram.grams
                        FROM report JOIN report_gram ON report_gram.report_id = report.id WHERE report.id = $1),
           likeness AS (
               SELECT other.report_id,
                   CASE WHEN other.report_id = own.same_as THEN 100
                   ELSE 100 * shared.n / (cardinality(own.grams) + cardinality(other.grams) - shared.n) END AS percent
               FROM own
               JOIN report_gram AS other ON other.grams && own.grams
               CROSS JOIN LATERAL (
                   SELECT count(*)::integer AS n FROM unnest(other.grams) AS gram WHERE gram = ANY (own.grams)
               ) AS shared
               WHERE other.report_id <> $1 AND (other.filed_at >= $2 OR other.report_id = own.same_as))
           SELECT report.id AS report_id, report.case_id, likeness.percent AS "similarity!", report.category_code,
               case_state.lead_opd AS "lead_opd?", report.filed_at
           FROM likeness
           JOIN report ON report.id = likeness.report_id
           LEFT JOIN case_state ON case_state.case_id = report.case_id
           WHERE likeness.percent >= $3
           ORDER BY likeness.percent DESC, report.filed_at DESC
           LIMIT $4"#,
        id,
        since,
        similarity_min,
        limit,
    )
    .fetch_all(conn)
    .await
}
