//! What a list of requests is narrowed by, read from the arguments.

use time::{
    Date, Duration, OffsetDateTime, PrimitiveDateTime,
    format_description::{
        StaticFormatDescription,
        well_known::{Iso8601, Rfc3339},
    },
    macros::format_description,
};
use tuntas_domain::calendar::{wib, wib_midnight};
use tuntas_proto::{intake::v1::SearchRegisterRequest, wire_time::timestamp};

use super::{params::Params, trouble::Trouble};

/// A range of filing times spans at most this, and without one it is the latest of that length.
pub const SPAN_DAYS_MAX: i64 = 90;
/// Requests in one answer.
pub const ROWS_MAX: u32 = 1_000;
/// Requests of one page, when the page is named and its size is not.
const PAGE_SIZE: u32 = 50;
/// Pages end here; who wants more narrows the time.
const SKIP_MAX: u64 = 1_000_000;
const DAY: StaticFormatDescription = format_description!("[year]-[month]-[day]");
const IDS_MAX: usize = 1_000;
const CODES_MAX: usize = 100;
const QUERY_CHARS_MAX: usize = 500;

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// The question to the register, without page and cursor.
    pub search: SearchRegisterRequest,
    /// Requests at most.
    pub rows_max: u32,
    /// Nothing can be found.
    pub is_empty: bool,
    /// Whether more is told of each than GeoReport knows.
    pub extensions: bool,
}

impl Filter {
    /// Of the arguments of a request.
    ///
    /// # Errors
    /// An argument is not what it should be.
    pub fn of(params: &Params, now: OffsetDateTime) -> Result<Self, Trouble> {
        let extensions = truth(params, "extensions")?;
        // Each argument is read, also where ids make it count for nothing: what cannot be one is refused.
        let (updated_from, updated_until) = (moment(params, "updated_after")?, moment(params, "updated_before")?);
        let filed_given = (moment(params, "start_date")?, moment(params, "end_date")?);
        let (closed, no_status) = status(params)?;
        let (rows_max, skip) = page(params)?;
        let tickets: Vec<String> = params.list("service_request_id").map(str::to_owned).collect();
        if !tickets.is_empty() {
            return Self::of_ids(tickets, extensions);
        }
        let is_of_moves = updated_from.is_some() || updated_until.is_some();
        let (filed_from, filed_until) = filed(filed_given, is_of_moves, now)?;
        let category_codes: Vec<String> = params.list("service_code").map(str::to_owned).collect();
        if category_codes.len() > CODES_MAX {
            return Err(Trouble::bad("service_code: more than 100 codes"));
        }
        let query = params.get("q").unwrap_or_default();
        if query.chars().nth(QUERY_CHARS_MAX).is_some() {
            return Err(Trouble::bad("q: more than 500 characters"));
        }
        let in_time = |at: Option<OffsetDateTime>| at.map(timestamp);
        Ok(Self {
            search: SearchRegisterRequest {
                query: query.to_owned(),
                region_code: params.text("address_id").to_owned(),
                opd_code: params.text("agency_responsible").to_owned(),
                category_codes,
                closed,
                filed_from: in_time(filed_from),
                filed_until: in_time(filed_until.map(whole_second)),
                updated_from: in_time(updated_from),
                updated_until: in_time(updated_until.map(whole_second)),
                skip: u32::try_from(skip).unwrap_or_default(),
                ..SearchRegisterRequest::default()
            },
            rows_max,
            is_empty: no_status || skip > SKIP_MAX,
            extensions,
        })
    }

    fn of_ids(tickets: Vec<String>, extensions: bool) -> Result<Self, Trouble> {
        if tickets.len() > IDS_MAX {
            return Err(Trouble::bad("service_request_id: more than 1,000 ids"));
        }
        Ok(Self {
            search: SearchRegisterRequest {
                tickets,
                also_unlisted: true,
                ..SearchRegisterRequest::default()
            },
            rows_max: ROWS_MAX,
            is_empty: false,
            extensions,
        })
    }
}

/// The times of filing: as given, at most 90 days apart; the latest 90 days when neither these nor times of a move are.
fn filed(
    given: (Option<OffsetDateTime>, Option<OffsetDateTime>),
    is_of_moves: bool,
    now: OffsetDateTime,
) -> Result<(Option<OffsetDateTime>, Option<OffsetDateTime>), Trouble> {
    let span = Duration::days(SPAN_DAYS_MAX);
    match given {
        (Some(from), Some(until)) if until - from > span => Err(Trouble::bad(
            "start_date and end_date may not be more than 90 days apart",
        )),
        (Some(from), Some(until)) if until < from => Err(Trouble::bad("end_date is before start_date")),
        (Some(from), None) => Ok((Some(from), from.checked_add(span))),
        (None, Some(until)) => Ok((until.checked_sub(span), Some(until))),
        (None, None) if !is_of_moves => Ok((now.checked_sub(span), None)),
        given => Ok(given),
    }
}

/// Open, closed, or both; the second value says that only statuses were named that no request has.
fn status(params: &Params) -> Result<(Option<bool>, bool), Trouble> {
    let (mut open, mut closed, mut any) = (false, false, false);
    for status in params.list("status") {
        any = true;
        match status.to_ascii_lowercase().as_str() {
            "open" => open = true,
            "closed" => closed = true,
            _ => return Err(Trouble::bad("status: open or closed")),
        }
    }
    let one = (open != closed).then_some(closed);
    Ok((one, any && !open && !closed))
}

/// Rows at most, and rows to skip.
fn page(params: &Params) -> Result<(u32, u64), Trouble> {
    let page = count(params, "page", u32::MAX)?;
    let size = count(params, "page_size", ROWS_MAX)?;
    let otherwise = if page.is_some() { PAGE_SIZE } else { ROWS_MAX };
    let size = size.unwrap_or(otherwise);
    Ok((size, u64::from(page.unwrap_or(1) - 1) * u64::from(size)))
}

fn count(params: &Params, name: &str, max: u32) -> Result<Option<u32>, Trouble> {
    let Some(text) = params.get(name) else { return Ok(None) };
    let number = text
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse::<u32>().ok());
    number
        .flatten()
        .filter(|number| (1..=max).contains(number))
        .map(Some)
        .ok_or_else(|| Trouble::bad(format!("{name}: a number from 1 to {max}")))
}

fn truth(params: &Params, name: &str) -> Result<bool, Trouble> {
    match params.text(name).to_ascii_lowercase().as_str() {
        "" | "false" | "0" => Ok(false),
        "true" | "1" => Ok(true),
        _ => Err(Trouble::bad(format!("{name}: true or false"))),
    }
}

/// A moment of an argument.
///
/// # Errors
/// It is none.
pub fn moment(params: &Params, name: &str) -> Result<Option<OffsetDateTime>, Trouble> {
    let Some(text) = params.get(name) else { return Ok(None) };
    parse_moment(text)
        .filter(|at| (1..=9_998).contains(&at.year()))
        .map(Some)
        .ok_or_else(|| {
            Trouble::bad(format!(
                "{name}: a time with its zone, such as 2026-11-24T00:00:00+07:00"
            ))
        })
}

/// A moment as the W3C's note on dates writes it: with a zone, or a day, which begins at midnight in Riau. A plus sign that
/// a client forgot to encode has become a blank.
#[must_use]
pub fn parse_moment(text: &str) -> Option<OffsetDateTime> {
    if text.len() == "2026-11-24".len() {
        return Date::parse(text, DAY).ok().map(wib_midnight);
    }
    let mended = text.replacen(' ', "+", 1);
    let full = OffsetDateTime::parse(&mended, &Rfc3339).ok();
    full.or_else(|| {
        OffsetDateTime::parse(&mended, &Iso8601::PARSING)
            .ok()
            .filter(|_| has_zone(&mended))
    })
}

fn has_zone(text: &str) -> bool {
    text.split_once('T')
        .is_some_and(|(_, time)| time.contains(['Z', 'z', '+', '-']))
}

/// Times are told in whole seconds: the end of a range means all of its second.
fn whole_second(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(999_999_999).unwrap_or(at)
}

/// A moment as it is told: whole seconds, in the zone of Riau.
#[must_use]
pub fn written(at: OffsetDateTime) -> String {
    let at = at.to_offset(wib());
    let local = PrimitiveDateTime::new(at.date(), at.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+07:00",
        local.year(),
        u8::from(local.month()),
        local.day(),
        local.hour(),
        local.minute(),
        local.second()
    )
}
