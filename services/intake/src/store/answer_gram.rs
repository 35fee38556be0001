//! Released answers as sets of keyed hashes.

use std::collections::BTreeSet;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// A released answer. Holds keyed hashes only.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct AnswerGrams {
    pub text_id: Uuid,
    pub report_id: Uuid,
    pub opd_code: String,
    pub released_at: OffsetDateTime,
    pub grams: BTreeSet<i32>,
}

/// Keeps an answer. One that was released before stays as it was then.
///
/// # Errors
/// The database's, also when the report was erased meanwhile.
pub async fn insert(conn: &mut PgConnection, answer: &AnswerGrams) -> sqlx::Result<()> {
    let grams: Vec<i32> = answer.grams.iter().copied().collect();
    sqlx::query!(
        "INSERT INTO answer_gram (text_id, report_id, opd_code, released_at, grams) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (text_id) DO NOTHING",
        answer.text_id,
        answer.report_id,
        answer.opd_code,
        answer.released_at,
        &grams,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Answers that an agency released up to `until`, each with its hashes, latest first, at most `rows_max`.
///
/// # Errors
/// The database's.
pub async fn latest(
    conn: &mut PgConnection,
    opd_code: &str,
    until: OffsetDateTime,
    rows_max: i64,
) -> sqlx::Result<Vec<(Uuid, Vec<i32>)>> {
    let rows = sqlx::query!(
        "SELECT text_id, grams FROM answer_gram WHERE opd_code = $1 AND released_at <= $2
         ORDER BY released_at DESC, text_id LIMIT $3",
        opd_code,
        until,
        rows_max,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.text_id, row.grams)).collect())
}
