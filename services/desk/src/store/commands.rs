//! Commands this desk has issued, and what routing said.

use prost::Message as _;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{CaseId, HolderId, OpdCode, PositionId};
use tuntas_proto::case::v1::CaseCommand;
use uuid::Uuid;

use super::to_bigint;

/// What routing has said of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Nothing yet.
    Pending,
    /// Accepted: the case is at this sequence after it.
    Confirmed {
        /// Sequence of the case.
        seq: u64,
    },
    /// Refused, with a stable code.
    Refused {
        /// The code.
        code: String,
        /// The sentence.
        message: String,
    },
}

/// A command as it is stored.
#[derive(Debug, Clone)]
pub struct StoredCommand {
    /// Id of the command's event.
    pub command_id: Uuid,
    /// Agency in whose name it was issued.
    pub opd: OpdCode,
    /// The case.
    pub case_id: CaseId,
    /// Its name, such as `accept`.
    pub kind: String,
    /// When it was issued.
    pub issued_at: OffsetDateTime,
    /// What routing has said.
    pub status: Status,
}

/// What is written of a new command.
#[derive(Debug)]
pub struct NewCommand<'a> {
    /// Id of the command's event.
    pub command_id: Uuid,
    /// Agency in whose name it is issued.
    pub opd: &'a OpdCode,
    /// The case.
    pub case_id: CaseId,
    /// Its name.
    pub kind: &'a str,
    /// When it is issued.
    pub issued_at: OffsetDateTime,
    /// The position.
    pub position: &'a PositionId,
    /// Its holder.
    pub holder: &'a HolderId,
    /// The command itself, without words.
    pub command: &'a CaseCommand,
}

/// Number of a command's event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Aggregate of the agency's commands in this database.
    pub aggregate_id: String,
    /// Number within it.
    pub seq: u64,
}

/// What a confirmed command was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Its name.
    pub kind: String,
    /// Its case.
    pub case_id: CaseId,
}

/// Stores a command as pending, under the agency's next number. The agency's row stays locked until the transaction ends, so numbers
/// are committed in order and without a hole.
///
/// # Errors
/// The database's; `RowNotFound` when the agency was never added.
pub async fn issue(conn: &mut PgConnection, new: &NewCommand<'_>) -> sqlx::Result<Issue> {
    let row = sqlx::query!(
        r#"WITH next AS (
               UPDATE desk_agency SET last_seq = last_seq + 1 WHERE opd_code = $2 RETURNING aggregate_id, last_seq),
           issued AS (
               INSERT INTO command (command_id, opd_code, case_id, kind, issued_seq, issued_at, position_id, holder_id, body)
               SELECT $1, $2, $3, $4, last_seq, $5, $6, $7, $8 FROM next)
           SELECT aggregate_id, last_seq FROM next"#,
        new.command_id,
        new.opd.as_str(),
        new.case_id.into_uuid(),
        new.kind,
        new.issued_at,
        new.position.as_str(),
        new.holder.as_str(),
        new.command.encode_to_vec(),
    )
    .fetch_one(conn)
    .await?;
    Ok(Issue {
        aggregate_id: row.aggregate_id,
        seq: row.last_seq.unsigned_abs(),
    })
}

/// Records that routing accepted a command; of several events that it caused, the last one counts. A command
/// that is not this agency's, or was refused, stays as it is.
///
/// # Errors
/// The database's.
pub async fn confirm(
    conn: &mut PgConnection,
    opd: &OpdCode,
    command_id: Uuid,
    seq: u64,
    at: OffsetDateTime,
) -> sqlx::Result<Option<Settled>> {
    let row = sqlx::query!(
        "UPDATE command SET status = 'confirmed', seq = greatest(seq, $3), settled_at = coalesce(settled_at, $4)
         WHERE command_id = $1 AND opd_code = $2 AND status <> 'refused'
         RETURNING kind, case_id",
        command_id,
        opd.as_str(),
        to_bigint(seq),
        at,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Settled {
        kind: row.kind,
        case_id: row.case_id.into(),
    }))
}

/// Records that routing refused a command. One that is settled stays as it is.
///
/// # Errors
/// The database's.
pub async fn refuse(
    conn: &mut PgConnection,
    opd: &OpdCode,
    command_id: Uuid,
    code: &str,
    message: &str,
    at: OffsetDateTime,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE command SET status = 'refused', code = $3, message = $4, settled_at = $5
         WHERE command_id = $1 AND opd_code = $2 AND status = 'pending'",
        command_id,
        opd.as_str(),
        code,
        message,
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// A command of an agency.
///
/// # Errors
/// The database's.
pub async fn get(conn: &mut PgConnection, opd: &OpdCode, command_id: Uuid) -> sqlx::Result<Option<StoredCommand>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT command_id, opd_code, case_id, kind, status, code, message, seq, issued_at
         FROM command WHERE command_id = $1 AND opd_code = $2",
        command_id,
        opd.as_str(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(TryInto::try_into).transpose()
}

/// The latest commands on a case, oldest first.
///
/// # Errors
/// The database's.
pub async fn of_case(
    conn: &mut PgConnection,
    opd: &OpdCode,
    case_id: CaseId,
    limit: i64,
) -> sqlx::Result<Vec<StoredCommand>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT command_id, opd_code, case_id, kind, status, code, message, seq, issued_at
         FROM command WHERE opd_code = $1 AND case_id = $2 ORDER BY issued_seq DESC LIMIT $3",
        opd.as_str(),
        case_id.into_uuid(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().rev().map(TryInto::try_into).collect()
}

/// The commands on any of these cases that routing has not decided, in the order of issue.
///
/// # Errors
/// The database's.
pub async fn pending(conn: &mut PgConnection, opd: &OpdCode, case_ids: &[CaseId]) -> sqlx::Result<Vec<StoredCommand>> {
    let ids: Vec<Uuid> = case_ids.iter().map(|id| id.into_uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        "SELECT command_id, opd_code, case_id, kind, status, code, message, seq, issued_at
         FROM command WHERE opd_code = $1 AND case_id = ANY ($2) AND status = 'pending' ORDER BY issued_seq",
        opd.as_str(),
        &ids,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Number of commands per agency and status, for the books.
///
/// # Errors
/// The database's.
pub async fn books(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, String, u64)>> {
    let rows = sqlx::query!(
        r#"SELECT opd_code, status, count(*) AS "count!" FROM command GROUP BY opd_code, status ORDER BY 1, 2"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.opd_code, row.status, row.count.unsigned_abs()))
        .collect())
}

struct Row {
    command_id: Uuid,
    opd_code: String,
    case_id: Uuid,
    kind: String,
    status: String,
    code: Option<String>,
    message: Option<String>,
    seq: Option<i64>,
    issued_at: OffsetDateTime,
}

impl TryFrom<Row> for StoredCommand {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        let status = match (row.status.as_str(), row.seq, row.code) {
            ("pending", _, _) => Status::Pending,
            ("confirmed", Some(seq), _) => Status::Confirmed {
                seq: seq.unsigned_abs(),
            },
            ("refused", _, Some(code)) => Status::Refused {
                code,
                message: row.message.unwrap_or_default(),
            },
            (other, _, _) => return Err(sqlx::Error::Decode(format!("command status {other:?}").into())),
        };
        Ok(Self {
            command_id: row.command_id,
            opd: row.opd_code.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))?,
            case_id: row.case_id.into(),
            kind: row.kind,
            issued_at: row.issued_at,
            status,
        })
    }
}
