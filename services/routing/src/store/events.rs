//! What happened to cases: append-only.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{CaseEvent, CaseId};
use uuid::Uuid;

/// An event as it is to be stored.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// The case.
    pub case_id: CaseId,
    /// Id of the published event.
    pub event_id: Uuid,
    /// Position of the actor; empty for a citizen and for the system.
    pub position_id: String,
    /// Holder of the position.
    pub holder_id: String,
    /// Through what the act came.
    pub via: String,
    /// The command.
    pub command_id: Uuid,
    /// When a desk issued the command, if that was before it was decided (rule K7).
    pub issued_at: Option<OffsetDateTime>,
    /// Event that caused it.
    pub causation_id: Option<Uuid>,
    /// The domain's event.
    pub event: CaseEvent,
    /// The details as published.
    pub details: Vec<u8>,
}

/// An event as history shows it.
#[derive(Debug)]
pub struct HistoryRow {
    /// Number within the case.
    pub seq: i64,
    /// When.
    pub at: OffsetDateTime,
    /// Stable name.
    pub r#type: String,
    /// Position of the actor.
    pub position_id: String,
    /// Holder of the position.
    pub holder_id: String,
    /// Through what the act came.
    pub via: String,
    /// The details as published.
    pub details: Vec<u8>,
}

#[derive(Default)]
struct Columns {
    case_id: Vec<Uuid>,
    seq: Vec<i64>,
    event_id: Vec<Uuid>,
    name: Vec<String>,
    at: Vec<OffsetDateTime>,
    position_id: Vec<String>,
    holder_id: Vec<String>,
    via: Vec<String>,
    command_id: Vec<Uuid>,
    issued_at: Vec<Option<OffsetDateTime>>,
    causation_id: Vec<Option<Uuid>>,
    event: Vec<String>,
    details: Vec<Vec<u8>>,
}

impl Columns {
    fn of(rows: &[EventRow]) -> Result<Self, serde_json::Error> {
        let mut columns = Self::default();
        for row in rows {
            columns.case_id.push(row.case_id.into_uuid());
            columns.seq.push(row.event.seq.cast_signed());
            columns.event_id.push(row.event_id);
            columns.name.push(row.event.name().to_owned());
            columns.at.push(row.event.at);
            columns.position_id.push(row.position_id.clone());
            columns.holder_id.push(row.holder_id.clone());
            columns.via.push(row.via.clone());
            columns.command_id.push(row.command_id);
            columns.issued_at.push(row.issued_at);
            columns.causation_id.push(row.causation_id);
            columns.event.push(serde_json::to_string(&row.event)?);
            columns.details.push(row.details.clone());
        }
        Ok(columns)
    }
}

/// Stores events; their sequence is contiguous because the case is locked and `(case_id, seq)` is unique.
///
/// # Errors
/// The database's, or an event that does not serialise.
pub async fn insert(conn: &mut PgConnection, rows: &[EventRow]) -> sqlx::Result<()> {
    let c = Columns::of(rows).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query!(
        "INSERT INTO case_event (case_id, seq, event_id, type, at, position_id, holder_id, via, command_id,
                                 issued_at, causation_id, event, details)
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[],
                              $7::text[], $8::text[], $9::uuid[], $10::timestamptz[], $11::uuid[], $12::text[]::jsonb[],
                              $13::bytea[])",
        &c.case_id,
        &c.seq,
        &c.event_id,
        &c.name,
        &c.at,
        &c.position_id,
        &c.holder_id,
        &c.via,
        &c.command_id,
        &c.issued_at as &[Option<OffsetDateTime>],
        &c.causation_id as &[Option<Uuid>],
        &c.event,
        &c.details,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// History of a case, oldest first.
///
/// # Errors
/// The database's.
pub async fn history(conn: &mut PgConnection, case_id: CaseId) -> sqlx::Result<Vec<HistoryRow>> {
    sqlx::query_as!(
        HistoryRow,
        "SELECT seq, at, type, position_id, holder_id, via, details FROM case_event
         WHERE case_id = $1 ORDER BY seq",
        case_id.into_uuid(),
    )
    .fetch_all(conn)
    .await
}

/// The domain's events of a case, oldest first, from which it can be rebuilt.
///
/// # Errors
/// The database's, or an event that does not parse.
pub async fn of_case(conn: &mut PgConnection, case_id: CaseId) -> sqlx::Result<Vec<CaseEvent>> {
    let events = sqlx::query_scalar!(
        r#"SELECT event::text AS "event!" FROM case_event WHERE case_id = $1 ORDER BY seq"#,
        case_id.into_uuid()
    )
    .fetch_all(conn)
    .await?;
    let parse = |event: String| serde_json::from_str(&event);
    events
        .into_iter()
        .map(parse)
        .collect::<Result<_, _>>()
        .map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Cases of which a command was issued in a window and decided later (rule K7), in the order of their ids.
///
/// # Errors
/// The database's.
pub async fn cases_issued_between(
    conn: &mut PgConnection,
    from: OffsetDateTime,
    to: OffsetDateTime,
) -> sqlx::Result<Vec<CaseId>> {
    let ids = sqlx::query_scalar!(
        "SELECT DISTINCT case_id FROM case_event WHERE issued_at BETWEEN $1 AND $2 ORDER BY case_id",
        from,
        to,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(CaseId::new).collect())
}
