//! The agency's own texts: templates, and drafts of answers.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{CaseId, OpdCode, PositionId};
use uuid::Uuid;

/// A template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its id.
    pub template_id: Uuid,
    /// Its name, unique within the agency.
    pub name: String,
    /// Its text.
    pub body: String,
}

/// A draft of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its text.
    pub body: String,
    /// What the answer will claim, as the name of the wire's enum.
    pub claimed: Option<String>,
    /// When it was saved.
    pub saved_at: OffsetDateTime,
}

/// Stores a template under its id, replacing the one of that id.
///
/// # Errors
/// The database's: the constraint `template_opd_code_name_key` when the name is taken.
pub async fn put_template(conn: &mut PgConnection, opd: &OpdCode, template: &Template) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO template (template_id, opd_code, name, body) VALUES ($1, $2, $3, $4)
         ON CONFLICT (template_id) DO UPDATE SET name = excluded.name, body = excluded.body
         WHERE template.opd_code = excluded.opd_code",
        template.template_id,
        opd.as_str(),
        template.name,
        template.body,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The templates of an agency by name.
///
/// # Errors
/// The database's.
pub async fn templates(conn: &mut PgConnection, opd: &OpdCode) -> sqlx::Result<Vec<Template>> {
    sqlx::query_as!(
        Template,
        "SELECT template_id, name, body FROM template WHERE opd_code = $1 ORDER BY name",
        opd.as_str(),
    )
    .fetch_all(conn)
    .await
}

/// Number of templates of an agency.
///
/// # Errors
/// The database's.
pub async fn template_count(conn: &mut PgConnection, opd: &OpdCode) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM template WHERE opd_code = $1"#,
        opd.as_str()
    )
    .fetch_one(conn)
    .await
}

/// Deletes a template. Returns whether it was there.
///
/// # Errors
/// The database's.
pub async fn delete_template(conn: &mut PgConnection, opd: &OpdCode, template_id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM template WHERE opd_code = $1 AND template_id = $2",
        opd.as_str(),
        template_id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Stores the draft of a case, replacing the one before.
///
/// # Errors
/// The database's.
pub async fn save_draft(
    conn: &mut PgConnection,
    opd: &OpdCode,
    case_id: CaseId,
    draft: &Draft,
    by: &PositionId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO draft (opd_code, case_id, body, claimed, saved_by, saved_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (opd_code, case_id) DO UPDATE SET body = excluded.body, claimed = excluded.claimed,
             saved_by = excluded.saved_by, saved_at = excluded.saved_at",
        opd.as_str(),
        case_id.into_uuid(),
        draft.body,
        draft.claimed,
        by.as_str(),
        draft.saved_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The draft of a case.
///
/// # Errors
/// The database's.
pub async fn draft(conn: &mut PgConnection, opd: &OpdCode, case_id: CaseId) -> sqlx::Result<Option<Draft>> {
    sqlx::query_as!(
        Draft,
        "SELECT body, claimed, saved_at FROM draft WHERE opd_code = $1 AND case_id = $2",
        opd.as_str(),
        case_id.into_uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Deletes the draft of a case: its answer was released.
///
/// # Errors
/// The database's.
pub async fn delete_draft(conn: &mut PgConnection, opd: &OpdCode, case_id: CaseId) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM draft WHERE opd_code = $1 AND case_id = $2",
        opd.as_str(),
        case_id.into_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
