//! What happened to public reports, for who follows many of them: one entry for each report and event.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_kit::problem::Problem;
use tuntas_proto::{
    case::v1::Outcome,
    convert::outcome_code,
    intake::v1::{ListPublicUpdatesRequest, ListPublicUpdatesResponse, PublicUpdate},
    wire_time::timestamp,
};
use uuid::Uuid;

use crate::{
    intake::Intake,
    problems::CURSOR_MALFORMED,
    receipt,
    search_register::time_of,
    store::{
        text,
        update::{self, Query, UpdateRow},
    },
    texts, validate,
};

const PAGE_DEFAULT: u32 = 50;
const PAGE_MAX: u32 = 200;
const TYPES_MAX: usize = 50;
const CURSOR_BYTES: usize = 48;

/// Lists what happened to the reports of the register, oldest first.
///
/// # Errors
/// A field that is not what it should be, `cursor_malformed`, or the database's.
pub async fn list_public_updates(
    intake: &Intake,
    request: ListPublicUpdatesRequest,
) -> Result<ListPublicUpdatesResponse, Problem> {
    if request.types.is_empty() || request.types.len() > TYPES_MAX {
        return Err(Problem::invalid("types", "1 to 50 types of events"));
    }
    let page = request.page.unwrap_or_default();
    let size = match page.size {
        0 => PAGE_DEFAULT,
        size => size.min(PAGE_MAX),
    };
    let ticket = match validate::given(&request.ticket) {
        None => None,
        Some(text) => match receipt::parse_ticket(text) {
            Some(ticket) => Some(ticket.to_string()),
            None => return Ok(ListPublicUpdatesResponse::default()),
        },
    };
    let query = Query {
        from: time_of("from", request.from.as_ref())?,
        until: time_of("until", request.until.as_ref())?,
        ticket,
        types: request.types,
        after: validate::given(&page.cursor).map(read_cursor).transpose()?,
        limit: i64::from(size) + 1,
    };
    let mut conn = intake.conn().await?;
    let mut rows = update::list(&mut conn, &query).await?;
    let more = rows.len() > usize::try_from(size).unwrap_or(usize::MAX);
    if more {
        rows.pop();
    }
    let next_cursor = rows.last().filter(|_| more).map(write_cursor).unwrap_or_default();
    let mut updates = Vec::with_capacity(rows.len());
    for row in rows {
        updates.push(to_wire(intake, &mut conn, row).await?);
    }
    Ok(ListPublicUpdatesResponse { updates, next_cursor })
}

async fn to_wire(intake: &Intake, conn: &mut PgConnection, row: UpdateRow) -> Result<PublicUpdate, Problem> {
    let text = match row.text_id {
        Some(id) => match text::by_id(conn, id).await? {
            Some(text) => texts::open_one(intake, conn, &text).await?,
            None => None,
        },
        None => None,
    };
    let outcome = row.outcome.as_deref().map_or(Outcome::Unspecified, outcome_of);
    Ok(PublicUpdate {
        update_id: format!("{}.{}", row.event_id.simple(), row.ticket),
        ticket: row.ticket,
        at: Some(timestamp(row.at)),
        r#type: row.r#type,
        opd_code: row.opd_code.unwrap_or_default(),
        outcome: outcome.into(),
        text: text.map(|text| text.body).unwrap_or_default(),
    })
}

/// The outcome of a code that a CHECK of the table admits.
fn outcome_of(code: &str) -> Outcome {
    let mut known = (1..).map_while(|value| Outcome::try_from(value).ok());
    known
        .find(|outcome| outcome_code((*outcome).into()) == code)
        .unwrap_or_default()
}

/// Where the next page begins: after this moment, event and report.
fn write_cursor(row: &UpdateRow) -> String {
    let mut bytes = row.at.unix_timestamp_nanos().to_be_bytes().to_vec();
    bytes.extend_from_slice(row.event_id.as_bytes());
    bytes.extend_from_slice(row.report_id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read_cursor(cursor: &str) -> Result<(OffsetDateTime, Uuid, Uuid), Problem> {
    let read = || {
        let bytes: [u8; CURSOR_BYTES] = URL_SAFE_NO_PAD.decode(cursor).ok()?.try_into().ok()?;
        let (nanos, ids) = bytes.split_at(16);
        let (event, report) = ids.split_at(16);
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from_be_bytes(nanos.try_into().ok()?)).ok()?;
        let known = (1..=9_999).contains(&at.year());
        known.then_some((at, Uuid::from_slice(event).ok()?, Uuid::from_slice(report).ok()?))
    };
    read().ok_or_else(|| CURSOR_MALFORMED.into())
}
