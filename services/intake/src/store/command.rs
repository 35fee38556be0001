//! Citizens' commands: stored here, decided by routing (rule M2).

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// A citizen's command.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct CitizenCommand {
    pub id: Uuid,
    pub kind: String,
    pub received_at: OffsetDateTime,
    pub status: String,
    pub code: Option<String>,
}

/// Keeps a command that waits for routing.
///
/// # Errors
/// The database's.
pub async fn insert(
    conn: &mut PgConnection,
    id: Uuid,
    report_id: Uuid,
    kind: &str,
    received_at: OffsetDateTime,
    seq: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO citizen_command (id, report_id, kind, received_at, status, seq)
         VALUES ($1, $2, $3, $4, 'pending', $5)",
        id,
        report_id,
        kind,
        received_at,
        seq,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Commands of a report, oldest first.
///
/// # Errors
/// The database's.
pub async fn of_report(conn: &mut PgConnection, report_id: Uuid) -> sqlx::Result<Vec<CitizenCommand>> {
    sqlx::query_as!(
        CitizenCommand,
        "SELECT id, kind, received_at, status, code FROM citizen_command WHERE report_id = $1 ORDER BY seq",
        report_id,
    )
    .fetch_all(conn)
    .await
}

/// Whether routing has not decided a command of a report yet.
///
/// # Errors
/// The database's.
pub async fn is_pending(conn: &mut PgConnection, report_id: Uuid, id: Uuid) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM citizen_command WHERE id = $1 AND report_id = $2 AND status = 'pending')
           AS "pending!""#,
        id,
        report_id,
    )
    .fetch_one(conn)
    .await
}

/// Routing accepted these. The first decision stands.
///
/// # Errors
/// The database's.
pub async fn accepted(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE citizen_command SET status = 'accepted' WHERE id = ANY ($1) AND status = 'pending'",
        ids
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Routing refused these, each with its code. The first decision stands.
///
/// # Errors
/// The database's.
pub async fn refused(conn: &mut PgConnection, refusals: &[(Uuid, &str)]) -> sqlx::Result<()> {
    if refusals.is_empty() {
        return Ok(());
    }
    let (ids, codes): (Vec<Uuid>, Vec<String>) = refusals.iter().map(|(id, code)| (*id, (*code).to_owned())).unzip();
    sqlx::query!(
        "UPDATE citizen_command SET status = 'refused', code = given.code
         FROM unnest($1::uuid[], $2::text[]) AS given (id, code)
         WHERE citizen_command.id = given.id AND citizen_command.status = 'pending'",
        &ids,
        &codes,
    )
    .execute(conn)
    .await?;
    Ok(())
}
