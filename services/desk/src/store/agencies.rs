//! The agencies that this database serves, and whose snapshot is wanted.

use sqlx::PgConnection;
use tuntas_domain::OpdCode;
use uuid::Uuid;

/// Adds an agency, unless it is there. `generation` tells the commands of this database from those of an
/// earlier one. Returns whether it is new.
///
/// # Errors
/// The database's.
pub async fn add(conn: &mut PgConnection, opd: &OpdCode, generation: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO desk_agency (opd_code, aggregate_id) VALUES ($1, $2) ON CONFLICT (opd_code) DO NOTHING",
        opd.as_str(),
        format!("desk:{opd}:{generation}"),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Says that routing is to be asked for everything of the agency.
///
/// # Errors
/// The database's.
pub async fn want_snapshot(conn: &mut PgConnection, opd: &OpdCode) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE desk_agency SET snapshot_wanted = true WHERE opd_code = $1",
        opd.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Agencies whose snapshot is wanted, those never asked for first.
///
/// # Errors
/// The database's.
pub async fn wanting_snapshot(conn: &mut PgConnection) -> sqlx::Result<Vec<OpdCode>> {
    let codes = sqlx::query_scalar!(
        "SELECT opd_code FROM desk_agency WHERE snapshot_wanted ORDER BY snapshot_at NULLS FIRST, opd_code"
    )
    .fetch_all(conn)
    .await?;
    codes
        .into_iter()
        .map(|code| code.parse().map_err(|e| sqlx::Error::Decode(Box::new(e))))
        .collect()
}

/// Records that the snapshot was applied.
///
/// # Errors
/// The database's.
pub async fn snapshot_applied(conn: &mut PgConnection, opd: &OpdCode) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE desk_agency SET snapshot_wanted = false, snapshot_at = clock_timestamp() WHERE opd_code = $1",
        opd.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
