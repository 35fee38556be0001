//! Case events that came before their predecessor.

use prost::Message as _;
use sqlx::PgConnection;
use tuntas_domain::{CaseId, OpdCode};
use tuntas_proto::case::v1::Case;

use super::to_bigint;

/// Holds the state of a case back. Holding the same again changes nothing.
///
/// # Errors
/// The database's.
pub async fn hold(conn: &mut PgConnection, opd: &OpdCode, case_id: CaseId, case: &Case) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO held_event (opd_code, case_id, seq, body) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        opd.as_str(),
        case_id.into_uuid(),
        to_bigint(case.seq),
        case.encode_to_vec(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes out the held state that follows `seq`, if it is there, and forgets those that are older.
///
/// # Errors
/// The database's.
pub async fn take_next(
    conn: &mut PgConnection,
    opd: &OpdCode,
    case_id: CaseId,
    seq: u64,
) -> sqlx::Result<Option<Case>> {
    let rows = sqlx::query!(
        "DELETE FROM held_event WHERE opd_code = $1 AND case_id = $2 AND seq <= $3 RETURNING seq, body",
        opd.as_str(),
        case_id.into_uuid(),
        to_bigint(seq.saturating_add(1)),
    )
    .fetch_all(conn)
    .await?;
    let next = to_bigint(seq.saturating_add(1));
    rows.into_iter()
        .find(|row| row.seq == next)
        .map(|row| decode(&row.body))
        .transpose()
}

/// Takes out all held states of a case, oldest first.
///
/// # Errors
/// The database's.
pub async fn take_all(conn: &mut PgConnection, opd: &OpdCode, case_id: CaseId) -> sqlx::Result<Vec<Case>> {
    let mut rows = sqlx::query!(
        "DELETE FROM held_event WHERE opd_code = $1 AND case_id = $2 RETURNING seq, body",
        opd.as_str(),
        case_id.into_uuid(),
    )
    .fetch_all(conn)
    .await?;
    rows.sort_by_key(|row| row.seq);
    rows.iter().map(|row| decode(&row.body)).collect()
}

/// Cases whose oldest gap has been open for `age_ms` (real time), oldest first.
///
/// # Errors
/// The database's.
pub async fn overdue(conn: &mut PgConnection, age_ms: i64, limit: i64) -> sqlx::Result<Vec<(OpdCode, CaseId)>> {
    let rows = sqlx::query!(
        "SELECT opd_code, case_id FROM held_event
         GROUP BY opd_code, case_id
         HAVING min(held_at) <= clock_timestamp() - make_interval(secs => $1::bigint / 1000.0)
         ORDER BY min(held_at)
         LIMIT $2",
        age_ms,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let opd = row.opd_code.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
            Ok((opd, row.case_id.into()))
        })
        .collect()
}

fn decode(body: &[u8]) -> sqlx::Result<Case> {
    Case::decode(body).map_err(|e| sqlx::Error::Decode(Box::new(e)))
}
