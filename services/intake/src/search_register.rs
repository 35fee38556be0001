//! The public register: everybody may search it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::OffsetDateTime;
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::{
    convert::{outcome_code, state_name},
    intake::v1::{GetPublicReportRequest, PublicReport, SearchRegisterRequest, SearchRegisterResponse},
};
use uuid::Uuid;

use crate::{
    intake::Intake,
    problems::{CURSOR_MALFORMED, QUERY_LENGTH},
    public, receipt,
    store::register::{self, PublicRow, Query},
    validate, words,
};

const QUERY_CHARS_MAX: usize = 500;
const PAGE_DEFAULT: u32 = 50;
const PAGE_MAX: u32 = 200;
const CURSOR_BYTES: usize = 32;

/// Searches the register, newest first. A query of words that mean nothing finds nothing.
///
/// # Errors
/// `query_length`, `cursor_malformed`, or the database's.
pub async fn search_register(
    intake: &Intake,
    request: SearchRegisterRequest,
) -> Result<SearchRegisterResponse, Problem> {
    if request.query.chars().nth(QUERY_CHARS_MAX).is_some() {
        return Err(QUERY_LENGTH.into());
    }
    let words = words::normal_form(&request.query);
    if words.is_empty() && validate::given(&request.query).is_some() {
        return Ok(SearchRegisterResponse::default());
    }
    let page = request.page.unwrap_or_default();
    let size = match page.size {
        0 => PAGE_DEFAULT,
        size => size.min(PAGE_MAX),
    };
    let owned = |text: &str| validate::given(text).map(str::to_owned);
    let query = Query {
        words,
        category_code: owned(&request.category_code),
        region_code: owned(&request.region_code),
        opd_code: owned(&request.opd_code),
        state: Some(state_name(request.state)).filter(|state| !state.is_empty()),
        outcome: Some(outcome_code(request.outcome)).filter(|outcome| !outcome.is_empty()),
        before: validate::given(&page.cursor).map(read_cursor).transpose()?,
        limit: i64::from(size) + 1,
    };
    let mut conn = intake.conn().await?;
    let mut rows = register::search(&mut conn, &query).await?;
    let more = rows.len() > usize::try_from(size).unwrap_or(usize::MAX);
    if more {
        rows.pop();
    }
    let next_cursor = rows.last().filter(|_| more).map(write_cursor).unwrap_or_default();
    Ok(SearchRegisterResponse {
        reports: public::reports(intake, &mut conn, rows).await?,
        next_cursor,
    })
}

/// One public report.
///
/// # Errors
/// `not_found`, also for a report that is not public; or the database's.
pub async fn get_public_report(intake: &Intake, request: GetPublicReportRequest) -> Result<PublicReport, Problem> {
    let ticket = receipt::parse_ticket(&request.ticket).ok_or_else(|| Problem::new(NOT_FOUND))?;
    let mut conn = intake.conn().await?;
    let row = register::by_ticket(&mut conn, &ticket.to_string())
        .await?
        .ok_or_else(|| Problem::new(NOT_FOUND))?;
    public::report(intake, &mut conn, row).await
}

/// Where the next page begins: after this moment and this report.
fn write_cursor(row: &PublicRow) -> String {
    let mut bytes = row.filed_at.unix_timestamp_nanos().to_be_bytes().to_vec();
    bytes.extend_from_slice(row.report_id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read_cursor(cursor: &str) -> Result<(OffsetDateTime, Uuid), Problem> {
    let read = || {
        let bytes: [u8; CURSOR_BYTES] = URL_SAFE_NO_PAD.decode(cursor).ok()?.try_into().ok()?;
        let (nanos, id) = bytes.split_at(CURSOR_BYTES / 2);
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from_be_bytes(nanos.try_into().ok()?)).ok()?;
        // PostgreSQL knows no earlier or later years.
        let known = (1..=9_999).contains(&at.year());
        known.then_some((at, Uuid::from_slice(id).ok()?))
    };
    read().ok_or_else(|| CURSOR_MALFORMED.into())
}
