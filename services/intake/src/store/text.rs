//! Texts: what officers and reporters write in the course of a case.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Audience of what everybody may read.
pub const PUBLIC: &str = "public";
/// Audience of what the reporters of the case may read.
pub const REPORTER: &str = "reporter";

/// A text, sealed.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct StoredText {
    pub id: Uuid,
    pub report_id: Uuid,
    pub kind: String,
    pub sealed: Vec<u8>,
    pub commitment: Vec<u8>,
    pub from_reporter: bool,
    pub author_position: Option<String>,
    pub author_opd: Option<String>,
    pub written_at: OffsetDateTime,
    pub audience: String,
    pub released_at: Option<OffsetDateTime>,
}

/// Keeps a text.
///
/// # Errors
/// The database's.
pub async fn insert(conn: &mut PgConnection, text: &StoredText) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO text (id, report_id, kind, sealed, commitment, from_reporter, author_position, author_opd,
             written_at, audience, released_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        text.id,
        text.report_id,
        text.kind,
        text.sealed,
        text.commitment,
        text.from_reporter,
        text.author_position,
        text.author_opd,
        text.written_at,
        text.audience,
        text.released_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds one.
///
/// # Errors
/// The database's.
pub async fn by_id(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<StoredText>> {
    sqlx::query_as!(
        StoredText,
        "SELECT id, report_id, kind, sealed, commitment, from_reporter, author_position, author_opd, written_at,
             audience, released_at
         FROM text WHERE id = $1",
        id,
    )
    .fetch_optional(conn)
    .await
}

/// Finds several.
///
/// # Errors
/// The database's.
pub async fn by_ids(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<StoredText>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as!(
        StoredText,
        "SELECT id, report_id, kind, sealed, commitment, from_reporter, author_position, author_opd, written_at,
             audience, released_at
         FROM text WHERE id = ANY ($1)",
        ids,
    )
    .fetch_all(conn)
    .await
}

/// All texts of a report, and those of its cluster that were released, oldest first.
///
/// # Errors
/// The database's.
pub async fn of_report(conn: &mut PgConnection, report_id: Uuid) -> sqlx::Result<Vec<StoredText>> {
    sqlx::query_as!(
        StoredText,
        r#"SELECT id AS "id!", report_id AS "report_id!", kind AS "kind!", sealed AS "sealed!",
               commitment AS "commitment!", from_reporter AS "from_reporter!", author_position, author_opd,
               written_at AS "written_at!", audience AS "audience!", released_at
           FROM text WHERE report_id = $1
           UNION
           SELECT text.id, text.report_id, kind, sealed, commitment, from_reporter, author_position, author_opd,
               written_at, audience, released_at
           FROM report_case JOIN text ON text.released_case_id = report_case.case_id
           WHERE report_case.report_id = $1 AND kind IN ('answer', 'first_response', 'explanation', 'reason')
           ORDER BY "written_at!", "id!""#,
        report_id,
    )
    .fetch_all(conn)
    .await
}

/// A text, shown to the reporters of a case or to everybody.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct Release {
    pub id: Uuid,
    pub case_id: Uuid,
    pub audience: &'static str,
    pub at: OffsetDateTime,
}

/// Shows texts, each once; what was shown to more stays so.
///
/// # Errors
/// The database's.
pub async fn release(conn: &mut PgConnection, releases: &[Release]) -> sqlx::Result<()> {
    if releases.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = releases.iter().map(|release| release.id).collect();
    let case_ids: Vec<Uuid> = releases.iter().map(|release| release.case_id).collect();
    let audiences: Vec<String> = releases.iter().map(|release| release.audience.to_owned()).collect();
    let times: Vec<OffsetDateTime> = releases.iter().map(|release| release.at).collect();
    sqlx::query!(
        "UPDATE text SET audience = given.audience, released_case_id = given.case_id,
             released_at = coalesce(text.released_at, given.at)
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[]) AS given (id, case_id, audience, at)
         WHERE text.id = given.id AND NOT text.from_reporter AND text.audience <> 'public'",
        &ids,
        &case_ids,
        &audiences,
        &times,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// That an officer saw who the reporter is.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct Access {
    pub at: OffsetDateTime,
    pub position_id: String,
    pub reason_text_id: Uuid,
}

/// Notes an access to the identity.
///
/// # Errors
/// The database's.
pub async fn insert_access(
    conn: &mut PgConnection,
    id: Uuid,
    report_id: Uuid,
    holder_id: &str,
    access: &Access,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO identity_access (id, report_id, at, position_id, holder_id, reason_text_id)
         VALUES ($1, $2, $3, $4, $5, $6)",
        id,
        report_id,
        access.at,
        access.position_id,
        holder_id,
        access.reason_text_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Accesses to the identity, oldest first.
///
/// # Errors
/// The database's.
pub async fn accesses(conn: &mut PgConnection, report_id: Uuid) -> sqlx::Result<Vec<Access>> {
    sqlx::query_as!(
        Access,
        "SELECT at, position_id, reason_text_id FROM identity_access WHERE report_id = $1 ORDER BY at, id",
        report_id,
    )
    .fetch_all(conn)
    .await
}
