//! Evaluation cases and their words.

use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use tuntas_domain::evaluation_case::EvaluationCase;
use uuid::Uuid;

/// An evaluation case as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the table, documented there")]
pub struct Stored {
    pub evaluation_case_id: Uuid,
    pub position_id: String,
    pub holder_id: String,
    pub opd_code: Option<String>,
    pub month: String,
    pub status: String,
    pub opened_at: OffsetDateTime,
    pub next_due_at: Option<OffsetDateTime>,
    pub state: Json<EvaluationCase>,
    pub log_position: i64,
}

/// An evaluation case with its words, for those who may read it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the tables, documented there")]
pub struct Listed {
    pub state: Json<EvaluationCase>,
    pub opd_code: Option<String>,
    pub reply: Option<String>,
    pub decision: Option<String>,
}

/// Whose evaluation cases are wanted: all, or those that fit one of the others.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Everybody's.
    pub all: bool,
    /// An agency's.
    pub opd: Option<String>,
    /// A position's.
    pub position: Option<String>,
    /// A person's.
    pub holder: Option<String>,
}

/// Words of a reply or a decision.
#[derive(Debug, Clone)]
pub struct NewText<'a> {
    /// Its id.
    pub text_id: Uuid,
    /// The evaluation case.
    pub evaluation_case_id: Uuid,
    /// `reply` or `decision`.
    pub kind: &'a str,
    /// Salt of its commitment.
    pub salt: &'a [u8],
    /// The words.
    pub words: &'a str,
}

/// Stores an evaluation case, or what has become of it.
pub async fn put(conn: &mut PgConnection, stored: &Stored) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO evaluation_case (evaluation_case_id, position_id, holder_id, opd_code, month, status, opened_at,
                                      next_due_at, state, log_position)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (evaluation_case_id) DO UPDATE SET status = excluded.status, next_due_at = excluded.next_due_at,
             state = excluded.state, log_position = excluded.log_position",
        stored.evaluation_case_id,
        stored.position_id,
        stored.holder_id,
        stored.opd_code,
        stored.month,
        stored.status,
        stored.opened_at,
        stored.next_due_at,
        &stored.state as &Json<EvaluationCase>,
        stored.log_position,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An evaluation case, locked until the transaction ends.
pub async fn lock(conn: &mut PgConnection, evaluation_case_id: Uuid) -> sqlx::Result<Option<Stored>> {
    sqlx::query_as!(
        Stored,
        r#"SELECT evaluation_case_id, position_id, holder_id, opd_code, month, status, opened_at, next_due_at,
                  state AS "state: Json<EvaluationCase>", log_position
           FROM evaluation_case WHERE evaluation_case_id = $1 FOR UPDATE"#,
        evaluation_case_id
    )
    .fetch_optional(conn)
    .await
}

/// Evaluation cases in a scope, oldest first, at most `rows_max`.
pub async fn list(
    conn: &mut PgConnection,
    scope: &Scope,
    position: Option<&str>,
    open_only: bool,
    rows_max: i64,
) -> sqlx::Result<Vec<Listed>> {
    sqlx::query_as!(
        Listed,
        r#"SELECT c.state AS "state: Json<EvaluationCase>", c.opd_code, reply.words AS "reply?",
                  decision.words AS "decision?"
           FROM evaluation_case c
           LEFT JOIN evaluation_text reply ON reply.evaluation_case_id = c.evaluation_case_id AND reply.kind = 'reply'
           LEFT JOIN evaluation_text decision ON decision.evaluation_case_id = c.evaluation_case_id
                     AND decision.kind = 'decision'
           WHERE ($1 OR c.opd_code = $2 OR c.position_id = $3 OR c.holder_id = $4)
             AND ($5::text IS NULL OR c.position_id = $5)
             AND (NOT $6 OR c.status <> 'decided')
           ORDER BY c.opened_at, c.evaluation_case_id LIMIT $7"#,
        scope.all,
        scope.opd.as_deref(),
        scope.position.as_deref(),
        scope.holder.as_deref(),
        position,
        open_only,
        rows_max,
    )
    .fetch_all(conn)
    .await
}

/// Evaluation cases of which something is due, by due time, at most `rows_max`.
pub async fn due(conn: &mut PgConnection, now: OffsetDateTime, rows_max: i64) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT evaluation_case_id FROM evaluation_case WHERE next_due_at <= $1
         ORDER BY next_due_at, evaluation_case_id LIMIT $2",
        now,
        rows_max
    )
    .fetch_all(conn)
    .await
}

/// Of how many something is due.
pub async fn due_count(conn: &mut PgConnection, now: OffsetDateTime) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM evaluation_case WHERE next_due_at <= $1"#,
        now
    )
    .fetch_one(conn)
    .await
}

/// Stores words.
pub async fn insert_text(conn: &mut PgConnection, text: &NewText<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO evaluation_text (text_id, evaluation_case_id, kind, salt, words) VALUES ($1, $2, $3, $4, $5)",
        text.text_id,
        text.evaluation_case_id,
        text.kind,
        text.salt,
        text.words,
    )
    .execute(conn)
    .await?;
    Ok(())
}
