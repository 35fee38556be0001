//! Cases as routing last told them.

use prost::Message as _;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{CaseId, OpdCode, PositionId};
use tuntas_proto::case::v1::Case;

use super::to_bigint;
use crate::part::Part;

/// A stored case.
#[derive(Debug, Clone)]
pub struct StoredCase {
    /// The agency's part in it.
    pub part: Part,
    /// The case, as of its latest event here.
    pub case: Case,
}

/// Place of a row in the order of what falls due first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// When it falls due; far away when never.
    pub due_order: OffsetDateTime,
    /// Tells rows of one moment apart.
    pub case_id: CaseId,
}

/// Which cases a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this state, by its code.
    pub state: Option<&'static str>,
    /// Only those assigned to this position.
    pub assigned_to: Option<PositionId>,
}

/// What is written of a case.
#[derive(Debug, Clone)]
pub struct NewCase<'a> {
    /// The case.
    pub case_id: CaseId,
    /// The agency's part in it.
    pub part: Part,
    /// Code of its state.
    pub state: &'static str,
    /// When it falls due next.
    pub next_due_at: Option<OffsetDateTime>,
    /// The case itself.
    pub case: &'a Case,
}

impl NewCase<'_> {
    fn assigned(&self) -> Option<&str> {
        Some(self.case.assigned_position_id.as_str()).filter(|id| !id.is_empty())
    }
}

/// A case of the agency; none when it never had it. One that left is there with [`Part::Gone`].
///
/// # Errors
/// The database's.
pub async fn get(conn: &mut PgConnection, opd: &OpdCode, case_id: CaseId) -> sqlx::Result<Option<StoredCase>> {
    let row = sqlx::query!(
        "SELECT part, body FROM desk_case WHERE opd_code = $1 AND case_id = $2",
        opd.as_str(),
        case_id.into_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| stored(&row.part, &row.body)).transpose()
}

/// Locks the case against other writers until the transaction ends, and gives the sequence and part it has. One that is not there yet
/// cannot be locked: whoever stores it first makes the others wait then.
///
/// # Errors
/// The database's.
pub async fn lock(conn: &mut PgConnection, opd: &OpdCode, case_id: CaseId) -> sqlx::Result<Option<(u64, Part)>> {
    let row = sqlx::query!(
        "SELECT seq, part FROM desk_case WHERE opd_code = $1 AND case_id = $2 FOR UPDATE",
        opd.as_str(),
        case_id.into_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok((row.seq.unsigned_abs(), parse_part(&row.part)?)))
        .transpose()
}

/// Stores the state of a case that comes next: of one that is new to the agency or comes back to it, or the one after that which is
/// stored (`apply_case::place` says it in words). Returns whether it was stored; then it stays locked until the transaction ends.
///
/// # Errors
/// The database's.
pub async fn put_next(conn: &mut PgConnection, opd: &OpdCode, new: &NewCase<'_>) -> sqlx::Result<bool> {
    write(conn, opd, new, false).await
}

/// Stores a case, unless the stored one is as new or newer. Returns whether it was stored.
///
/// # Errors
/// The database's.
pub async fn put(conn: &mut PgConnection, opd: &OpdCode, new: &NewCase<'_>) -> sqlx::Result<bool> {
    write(conn, opd, new, true).await
}

/// Stores a case that is newer than the stored one, over a gap only if `any_newer`.
async fn write(conn: &mut PgConnection, opd: &OpdCode, new: &NewCase<'_>, any_newer: bool) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO desk_case (opd_code, case_id, seq, part, state, next_due_at, assigned_position, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (opd_code, case_id) DO UPDATE
         SET seq = excluded.seq, part = excluded.part, state = excluded.state, next_due_at = excluded.next_due_at,
             assigned_position = excluded.assigned_position, body = excluded.body
         WHERE desk_case.seq < excluded.seq
             AND ($9 OR desk_case.seq + 1 = excluded.seq OR desk_case.part = 'gone')",
        opd.as_str(),
        new.case_id.into_uuid(),
        to_bigint(new.case.seq),
        new.part.code(),
        new.state,
        new.next_due_at,
        new.assigned(),
        new.case.encode_to_vec(),
        any_newer,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Marks a case as gone if it is still at `seq`: routing's snapshot does not have it any more.
///
/// # Errors
/// The database's.
pub async fn mark_gone(conn: &mut PgConnection, opd: &OpdCode, case_id: CaseId, seq: u64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE desk_case SET part = 'gone' WHERE opd_code = $1 AND case_id = $2 AND seq = $3 AND part <> 'gone'",
        opd.as_str(),
        case_id.into_uuid(),
        to_bigint(seq),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The agency's open cases and where they stand: what a snapshot is compared with.
///
/// # Errors
/// The database's.
pub async fn open_cases(conn: &mut PgConnection, opd: &OpdCode) -> sqlx::Result<Vec<(CaseId, u64)>> {
    let rows = sqlx::query!(
        "SELECT case_id, seq FROM desk_case WHERE opd_code = $1 AND part <> 'gone' AND state <> 'closed'",
        opd.as_str(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.case_id.into(), row.seq.unsigned_abs()))
        .collect())
}

/// A page of the agency's cases, what falls due first on top, after `after`.
///
/// # Errors
/// The database's.
pub async fn page(
    conn: &mut PgConnection,
    opd: &OpdCode,
    filter: &Filter,
    after: Option<Place>,
    limit: i64,
) -> sqlx::Result<Vec<(Place, StoredCase)>> {
    let rows = sqlx::query!(
        r#"SELECT case_id, part, body, due_order AS "due_order!" FROM desk_case
           WHERE opd_code = $1 AND part <> 'gone'
             AND ($2::text IS NULL OR state = $2)
             AND ($3::text IS NULL OR assigned_position = $3)
             AND ($4::timestamptz IS NULL OR (due_order, case_id) > ($4, $5::uuid))
           ORDER BY due_order, case_id
           LIMIT $6"#,
        opd.as_str(),
        filter.state,
        filter.assigned_to.as_ref().map(PositionId::as_str),
        after.map(|place| place.due_order),
        after.map(|place| place.case_id.into_uuid()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let place = Place {
                due_order: row.due_order,
                case_id: row.case_id.into(),
            };
            Ok((place, stored(&row.part, &row.body)?))
        })
        .collect()
}

/// One line per case for the books.
///
/// # Errors
/// The database's.
pub async fn books(conn: &mut PgConnection) -> sqlx::Result<Vec<(OpdCode, CaseId, u64, String)>> {
    let rows = sqlx::query!(
        "SELECT opd_code, case_id, seq, state FROM desk_case WHERE part <> 'gone' ORDER BY opd_code, case_id"
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let opd = row.opd_code.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
            Ok((opd, row.case_id.into(), row.seq.unsigned_abs(), row.state))
        })
        .collect()
}

fn stored(part: &str, body: &[u8]) -> sqlx::Result<StoredCase> {
    let case = Case::decode(body).map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
    Ok(StoredCase {
        part: parse_part(part)?,
        case,
    })
}

fn parse_part(text: &str) -> sqlx::Result<Part> {
    text.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))
}
