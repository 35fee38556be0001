//! The public register: everybody may search it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::OffsetDateTime;
use tuntas_kit::{
    problem::{NOT_FOUND, Problem},
    tx,
};
use tuntas_proto::{
    Timestamp,
    convert::{outcome_code, state_name},
    intake::v1::{GetPublicReportRequest, PublicReport, SearchRegisterRequest, SearchRegisterResponse},
    wire_time::instant,
};
use uuid::Uuid;

use crate::{
    intake::Intake,
    problems::{CURSOR_MALFORMED, QUERY_LENGTH},
    public, receipt,
    store::{
        register::{self, PublicRow},
        register_search::{self, Query},
    },
    validate, words,
};

const QUERY_CHARS_MAX: usize = 500;
const PAGE_DEFAULT: u32 = 50;
const PAGE_MAX: u32 = 200;
const TICKETS_MAX: usize = 1_000;
const CATEGORIES_MAX: usize = 100;
const SKIP_MAX: u32 = 1_000_000;
const CURSOR_BYTES: usize = 32;

/// Searches the register, newest first. A query of words that mean nothing finds nothing.
///
/// # Errors
/// `query_length`, `cursor_malformed`, or the database's.
pub async fn search_register(
    intake: &Intake,
    request: SearchRegisterRequest,
) -> Result<SearchRegisterResponse, Problem> {
    check_words(&request.query)?;
    let words = words::normal_form(&request.query);
    if words.is_empty() && validate::given(&request.query).is_some() {
        return Ok(SearchRegisterResponse::default());
    }
    let (query, size) = query_of(&request, words)?;
    let mut rows = tx::run(&intake.pool, move |conn| {
        Box::pin(async move { Ok::<_, Problem>(register_search::search(conn, &query).await?) })
    })
    .await?;
    let more = rows.len() > size;
    if more {
        rows.pop();
    }
    let next_cursor = rows.last().filter(|_| more).map(write_cursor).unwrap_or_default();
    let mut conn = intake.conn().await?;
    let mut reports = public::reports(intake, &mut conn, rows).await?;
    if request.also_unlisted && !request.tickets.is_empty() && next_cursor.is_empty() {
        let unlisted = register::unlisted(&mut conn, &tickets_of(&request.tickets)).await?;
        reports.extend(unlisted.into_iter().map(public::unlisted));
    }
    Ok(SearchRegisterResponse { reports, next_cursor })
}

/// Whether words are short enough to be searched for.
///
/// # Errors
/// `query_length`.
pub(crate) fn check_words(words: &str) -> Result<(), Problem> {
    if words.chars().nth(QUERY_CHARS_MAX).is_some() {
        return Err(QUERY_LENGTH.into());
    }
    Ok(())
}

/// The question for the database, and how many reports at most answer it; it asks for one more.
fn query_of(request: &SearchRegisterRequest, words: String) -> Result<(Query, usize), Problem> {
    if request.tickets.len() > TICKETS_MAX {
        return Err(Problem::invalid("tickets", "more than 1,000 tickets"));
    }
    if request.category_codes.len() > CATEGORIES_MAX {
        return Err(Problem::invalid("category_codes", "more than 100 categories"));
    }
    if request.skip > SKIP_MAX {
        return Err(Problem::invalid("skip", "more than 1,000,000 reports to leave out"));
    }
    let page = request.page.clone().unwrap_or_default();
    let size = match page.size {
        0 => PAGE_DEFAULT,
        size => size.min(PAGE_MAX),
    };
    let owned = |text: &str| validate::given(text).map(str::to_owned);
    let mut tickets = tickets_of(&request.tickets);
    if tickets.is_empty() && !request.tickets.is_empty() {
        // Only what is no ticket was asked for: that finds nothing, and not everything.
        tickets.push(String::new());
    }
    let mut category_codes = request.category_codes.clone();
    category_codes.extend(owned(&request.category_code));
    let query = Query {
        words,
        category_codes,
        region_code: owned(&request.region_code),
        opd_code: owned(&request.opd_code),
        state: Some(state_name(request.state)).filter(|state| !state.is_empty()),
        outcome: Some(outcome_code(request.outcome)).filter(|outcome| !outcome.is_empty()),
        closed: request.closed,
        tickets,
        filed: (
            time_of("filed_from", request.filed_from.as_ref())?,
            time_of("filed_until", request.filed_until.as_ref())?,
        ),
        updated: (
            time_of("updated_from", request.updated_from.as_ref())?,
            time_of("updated_until", request.updated_until.as_ref())?,
        ),
        before: validate::given(&page.cursor).map(read_cursor).transpose()?,
        skip: request.skip.into(),
        limit: i64::from(size) + 1,
    };
    Ok((query, usize::try_from(size).unwrap_or(usize::MAX)))
}

fn tickets_of(texts: &[String]) -> Vec<String> {
    let parsed = texts.iter().filter_map(|text| receipt::parse_ticket(text));
    parsed.map(|ticket| ticket.to_string()).collect()
}

/// A moment that the database knows too: it has no years before 1 or after 9999.
pub(crate) fn time_of(field: &'static str, at: Option<&Timestamp>) -> Result<Option<OffsetDateTime>, Problem> {
    let Some(at) = at else { return Ok(None) };
    instant(at)
        .filter(|at| (1..=9_999).contains(&at.year()))
        .map(Some)
        .ok_or_else(|| Problem::invalid(field, "the time is outside of the years 1 to 9999"))
}

/// One public report; with `also_unlisted` also one that is not, without its words.
///
/// # Errors
/// `not_found`, also for a report that is not public; or the database's.
pub async fn get_public_report(intake: &Intake, request: GetPublicReportRequest) -> Result<PublicReport, Problem> {
    let not_found = || Problem::new(NOT_FOUND);
    let ticket = receipt::parse_ticket(&request.ticket)
        .ok_or_else(not_found)?
        .to_string();
    let mut conn = intake.conn().await?;
    if let Some(row) = register::by_ticket(&mut conn, &ticket).await? {
        return public::report(intake, &mut conn, row).await;
    }
    if !request.also_unlisted {
        return Err(not_found());
    }
    let unlisted = register::unlisted(&mut conn, &[ticket]).await?.pop();
    unlisted.map(public::unlisted).ok_or_else(not_found)
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
