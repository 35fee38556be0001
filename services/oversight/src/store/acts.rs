//! The Ombudsman's acts.

use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use tuntas_domain::oversight_act::OversightAct;
use uuid::Uuid;

/// An act as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the table, documented there")]
pub struct Act {
    pub act_id: Uuid,
    pub seq: i64,
    pub kind: String,
    pub status: String,
    pub case_id: Uuid,
    pub addressed_opd: Option<String>,
    pub text_id: Uuid,
    pub commitment: Vec<u8>,
    pub acted_at: OffsetDateTime,
    pub due_at: Option<OffsetDateTime>,
    pub next_due_at: Option<OffsetDateTime>,
    pub answer_text_id: Option<Uuid>,
    pub answer_commitment: Option<Vec<u8>>,
    pub judgement_text_id: Option<Uuid>,
    pub judgement_commitment: Option<Vec<u8>>,
    pub request: Option<Json<OversightAct>>,
}

/// Stores an act, or what has become of it.
pub async fn put(conn: &mut PgConnection, act: &Act) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO act (act_id, seq, kind, status, case_id, addressed_opd, text_id, commitment, acted_at, due_at,
                          next_due_at, answer_text_id, answer_commitment, judgement_text_id, judgement_commitment,
                          request)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT (act_id) DO UPDATE SET seq = excluded.seq, status = excluded.status, due_at = excluded.due_at,
             next_due_at = excluded.next_due_at, answer_text_id = excluded.answer_text_id,
             answer_commitment = excluded.answer_commitment, judgement_text_id = excluded.judgement_text_id,
             judgement_commitment = excluded.judgement_commitment, request = excluded.request",
        act.act_id,
        act.seq,
        act.kind,
        act.status,
        act.case_id,
        act.addressed_opd,
        act.text_id,
        act.commitment,
        act.acted_at,
        act.due_at,
        act.next_due_at,
        act.answer_text_id,
        act.answer_commitment,
        act.judgement_text_id,
        act.judgement_commitment,
        act.request.as_ref() as Option<&Json<OversightAct>>,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An act, locked until the transaction ends.
pub async fn lock(conn: &mut PgConnection, act_id: Uuid) -> sqlx::Result<Option<Act>> {
    sqlx::query_as!(
        Act,
        r#"SELECT act_id, seq, kind, status, case_id, addressed_opd, text_id, commitment, acted_at, due_at, next_due_at,
                  answer_text_id, answer_commitment, judgement_text_id, judgement_commitment,
                  request AS "request: Json<OversightAct>"
           FROM act WHERE act_id = $1 FOR UPDATE"#,
        act_id
    )
    .fetch_optional(conn)
    .await
}

/// Acts, oldest first, at most `rows_max`: of one case or of all, only those waiting for an answer or all, and only
/// those addressed to one agency or all.
pub async fn list(
    conn: &mut PgConnection,
    case_id: Option<Uuid>,
    open_only: bool,
    addressed_opd: Option<&str>,
    rows_max: i64,
) -> sqlx::Result<Vec<Act>> {
    sqlx::query_as!(
        Act,
        r#"SELECT act_id, seq, kind, status, case_id, addressed_opd, text_id, commitment, acted_at, due_at, next_due_at,
                  answer_text_id, answer_commitment, judgement_text_id, judgement_commitment,
                  request AS "request: Json<OversightAct>"
           FROM act
           WHERE ($1::uuid IS NULL OR case_id = $1)
             AND (NOT $2 OR status IN ('open', 'overdue'))
             AND ($3::text IS NULL OR addressed_opd = $3)
           ORDER BY acted_at, act_id LIMIT $4"#,
        case_id,
        open_only,
        addressed_opd,
        rows_max,
    )
    .fetch_all(conn)
    .await
}

/// Acts whose time is over, by due time, at most `rows_max`.
pub async fn due(conn: &mut PgConnection, now: OffsetDateTime, rows_max: i64) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT act_id FROM act WHERE next_due_at <= $1 ORDER BY next_due_at, act_id LIMIT $2",
        now,
        rows_max
    )
    .fetch_all(conn)
    .await
}

/// How many are due.
pub async fn due_count(conn: &mut PgConnection, now: OffsetDateTime) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM act WHERE next_due_at <= $1"#, now)
        .fetch_one(conn)
        .await
}
