//! Attachments: uploaded, filed, collected.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// An attachment; the file itself lies sealed in the object store.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct Attachment {
    pub id: Uuid,
    pub media_type: String,
    pub size_bytes: i64,
    pub sha256: Vec<u8>,
    pub sealed_key: Vec<u8>,
    pub report_id: Option<Uuid>,
    pub text_id: Option<Uuid>,
}

/// What is known of a file before it is filed.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct Upload {
    pub id: Uuid,
    pub media_type: &'static str,
    pub size_bytes: i64,
    pub sha256: Vec<u8>,
    pub sealed_key: Vec<u8>,
    pub uploaded_at: OffsetDateTime,
}

/// Keeps an upload.
///
/// # Errors
/// The database's.
pub async fn insert(conn: &mut PgConnection, upload: &Upload) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO attachment (id, media_type, size_bytes, sha256, sealed_key, uploaded_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        upload.id,
        upload.media_type,
        upload.size_bytes,
        upload.sha256,
        upload.sealed_key,
        upload.uploaded_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Uploads among `ids` that nothing names yet.
///
/// # Errors
/// The database's.
pub async fn unfiled(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Attachment>> {
    sqlx::query_as!(
        Attachment,
        "SELECT id, media_type, size_bytes, sha256, sealed_key, report_id, text_id
         FROM attachment WHERE id = ANY($1) AND report_id IS NULL",
        ids,
    )
    .fetch_all(conn)
    .await
}

/// Locks the uploads among `ids` that nothing names yet, in a fixed order, and answers which they are.
///
/// # Errors
/// The database's.
pub async fn lock_unfiled(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT id FROM attachment WHERE id = ANY($1) AND report_id IS NULL ORDER BY id FOR UPDATE",
        ids
    )
    .fetch_all(conn)
    .await
}

/// Files an upload with a report, or with a text of it. Answers whether it was still free.
///
/// # Errors
/// The database's.
pub async fn file(
    conn: &mut PgConnection,
    id: Uuid,
    report_id: Uuid,
    text_id: Option<Uuid>,
    place: i32,
    sealed_key: &[u8],
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE attachment SET report_id = $2, text_id = $3, place = $4, sealed_key = $5
         WHERE id = $1 AND report_id IS NULL",
        id,
        report_id,
        text_id,
        place,
        sealed_key,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Finds one.
///
/// # Errors
/// The database's.
pub async fn by_id(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Attachment>> {
    sqlx::query_as!(
        Attachment,
        "SELECT id, media_type, size_bytes, sha256, sealed_key, report_id, text_id FROM attachment WHERE id = $1",
        id,
    )
    .fetch_optional(conn)
    .await
}

/// Those that were filed with the report itself.
///
/// # Errors
/// The database's.
pub async fn of_report(conn: &mut PgConnection, report_id: Uuid) -> sqlx::Result<Vec<Attachment>> {
    sqlx::query_as!(
        Attachment,
        "SELECT id, media_type, size_bytes, sha256, sealed_key, report_id, text_id
         FROM attachment WHERE report_id = $1 AND text_id IS NULL ORDER BY place",
        report_id,
    )
    .fetch_all(conn)
    .await
}

/// Those of several texts.
///
/// # Errors
/// The database's.
pub async fn of_texts(conn: &mut PgConnection, text_ids: &[Uuid]) -> sqlx::Result<Vec<Attachment>> {
    sqlx::query_as!(
        Attachment,
        "SELECT id, media_type, size_bytes, sha256, sealed_key, report_id, text_id
         FROM attachment WHERE text_id = ANY($1) ORDER BY text_id, place",
        text_ids,
    )
    .fetch_all(conn)
    .await
}

/// Gives up uploads that nothing named until now, oldest first: their rows go, their files are doomed.
///
/// # Errors
/// The database's.
pub async fn doom_orphans(
    conn: &mut PgConnection,
    uploaded_before: OffsetDateTime,
    at: OffsetDateTime,
    batch_max: i64,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "WITH orphan AS (
             DELETE FROM attachment WHERE id IN (
                 SELECT id FROM attachment WHERE report_id IS NULL AND uploaded_at < $1
                 ORDER BY uploaded_at LIMIT $3 FOR UPDATE SKIP LOCKED)
             RETURNING id)
         INSERT INTO doomed_file (id, doomed_at) SELECT id, $2 FROM orphan ON CONFLICT DO NOTHING",
        uploaded_before,
        at,
        batch_max,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Files to be deleted from the store, oldest first.
///
/// # Errors
/// The database's.
pub async fn doomed(conn: &mut PgConnection, batch_max: i64) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!("SELECT id FROM doomed_file ORDER BY doomed_at, id LIMIT $1", batch_max)
        .fetch_all(conn)
        .await
}

/// Forgets files that are deleted.
///
/// # Errors
/// The database's.
pub async fn forget_doomed(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM doomed_file WHERE id = ANY($1)", ids)
        .execute(conn)
        .await?;
    Ok(())
}
