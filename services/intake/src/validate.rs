//! Requests of citizens, parsed into values that cannot be wrong. Each refusal has its own code and names no data.

use time::{Date, OffsetDateTime, format_description::well_known::Iso8601};
use tuntas_domain::{CategoryCode, OpdCode, Privacy, RegionCode, ReportKind, TicketNumber, calendar::wib_date};
use tuntas_kit::{directory::Snapshot, problem::Problem};
use tuntas_proto::{
    convert,
    intake::v1::{FileReportRequest, Identity, Place},
};
use uuid::Uuid;

use crate::{content::Words, problems as p, problems::Invalid};

const KEY_CHARS: std::ops::RangeInclusive<usize> = 22..=128;
const TITLE_CHARS_MAX: usize = 200;
const BODY_CHARS_MIN: usize = 20;
/// Longest body of a report, text or query, in characters.
pub const BODY_CHARS_MAX: usize = 10_000;
const PLACE_CHARS_MAX: usize = 500;
const NAME_CHARS_MAX: usize = 200;
const ADDRESS_CHARS_MAX: usize = 500;
const EMAIL_CHARS_MAX: usize = 254;
const URL_CHARS_MAX: usize = 2_000;
const NIK_DIGITS: usize = 16;
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 6..=15;
const EVENT_YEAR_MIN: i32 = 1945;
const CHANNELS: [&str; 6] = ["web", "open311", "grpc", "email", "sms", "assisted"];
const LANGUAGES: [&str; 2] = ["id", "en"];

/// A filing that is well formed. Has no `Debug`: it holds a person's identity.
#[derive(Clone)]
pub struct Filing {
    /// Kind.
    pub kind: ReportKind,
    /// Privacy.
    pub privacy: Privacy,
    /// Words with their salt.
    pub words: Words,
    /// Identity, unless nothing of it was given.
    pub identity: Option<Identity>,
    /// Category of the directory.
    pub category: CategoryCode,
    /// Region of the directory.
    pub region: RegionCode,
    /// Agency of the directory that the reporter named.
    pub named_opd: Option<OpdCode>,
    /// Date of what happened (WIB).
    pub event_date: Option<Date>,
    /// Channel.
    pub channel: String,
    /// Language of mails.
    pub language: String,
    /// Uploads, in order.
    pub attachments: Vec<Uuid>,
    /// Public report that this one is said to be like.
    pub same_as: Option<TicketNumber>,
}

/// Checks a filing against the directory at the moment `now`.
///
/// # Errors
/// The first field that is wrong, by its code.
pub fn filing(
    request: &FileReportRequest,
    directory: &Snapshot,
    attachments_max: usize,
    now: OffsetDateTime,
) -> Result<Filing, Problem> {
    filing_key(&request.idempotency_key)?;
    Ok(Filing {
        kind: convert::report_kind(request.kind).map_err(|_| p::UNKNOWN_KIND)?,
        privacy: convert::privacy(request.privacy).map_err(|_| p::UNKNOWN_PRIVACY)?,
        words: Words {
            title: title(&request.title)?,
            body: body(&request.body)?,
            place: request.place.as_ref().map(place).transpose()?,
            source_url: source_url(&request.source_url)?,
            salt: Vec::new(),
        }
        .salted(),
        identity: request.identity.as_ref().map(identity).transpose()?.flatten(),
        category: known(&request.category_code, p::UNKNOWN_CATEGORY, |code| {
            directory.categories.contains_key(code)
        })?,
        region: known(&request.region_code, p::UNKNOWN_REGION, |code| {
            directory.regions.contains_key(code)
        })?,
        named_opd: given(&request.named_opd)
            .map(|code| known(code, p::UNKNOWN_AGENCY, |code| directory.agencies.contains_key(code)))
            .transpose()?,
        event_date: given(&request.event_date)
            .map(|date| event_date(date, now))
            .transpose()?,
        channel: one_of(&request.channel, &CHANNELS, "grpc", p::UNKNOWN_CHANNEL)?,
        language: one_of(&request.language, &LANGUAGES, "id", p::UNKNOWN_LANGUAGE)?,
        attachments: attachment_ids(&request.attachment_ids, attachments_max)?,
        same_as: given(&request.same_as_ticket)
            .map(|ticket| ticket.parse().map_err(|_| p::UNKNOWN_SAME_AS))
            .transpose()?,
    })
}

/// Checks the idempotency key of a filing: the receipt code derives from it.
///
/// # Errors
/// `idempotency_key_weak`.
pub fn filing_key(key: &str) -> Result<(), Problem> {
    if KEY_CHARS.contains(&key.chars().take(KEY_CHARS.end() + 1).count()) {
        Ok(())
    } else {
        Err(p::IDEMPOTENCY_KEY_WEAK.into())
    }
}

/// Checks a title: 1 to 200 characters in one line.
///
/// # Errors
/// `title_empty`, `title_too_long` or `control_characters`.
pub fn title(text: &str) -> Result<String, Problem> {
    at_most(text, TITLE_CHARS_MAX, p::TITLE_TOO_LONG)?;
    let title = text.trim();
    if title.is_empty() {
        return Err(p::TITLE_EMPTY.into());
    }
    if title.chars().any(char::is_control) {
        return Err(p::CONTROL_CHARACTERS.into());
    }
    Ok(title.to_owned())
}

fn body(text: &str) -> Result<String, Problem> {
    at_most(text, BODY_CHARS_MAX, p::BODY_TOO_LONG)?;
    let body = text.trim();
    if body.chars().count() < BODY_CHARS_MIN {
        return Err(p::BODY_TOO_SHORT.into());
    }
    printable(body)?;
    Ok(body.to_owned())
}

/// Checks a text: 1 to 10,000 characters.
///
/// # Errors
/// `text_empty`, `text_too_long` or `control_characters`.
pub fn text(text: &str) -> Result<String, Problem> {
    at_most(text, BODY_CHARS_MAX, p::TEXT_TOO_LONG)?;
    let text = text.trim();
    if text.is_empty() {
        return Err(p::TEXT_EMPTY.into());
    }
    printable(text)?;
    Ok(text.to_owned())
}

/// Checks ids of uploads: at most `max`, none twice.
///
/// # Errors
/// `too_many_attachments` or `unknown_attachment`.
pub fn attachment_ids(ids: &[String], max: usize) -> Result<Vec<Uuid>, Problem> {
    if ids.len() > max {
        return Err(p::TOO_MANY_ATTACHMENTS.into());
    }
    let mut parsed = Vec::with_capacity(ids.len());
    for id in ids {
        let id = Uuid::parse_str(id).map_err(|_| p::UNKNOWN_ATTACHMENT)?;
        if parsed.contains(&id) {
            return Err(p::UNKNOWN_ATTACHMENT.into());
        }
        parsed.push(id);
    }
    Ok(parsed)
}

/// Parses an id.
///
/// # Errors
/// `id_malformed`.
pub fn id(text: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(text).map_err(|_| p::ID_MALFORMED.into())
}

/// A field that was given, if it was.
#[must_use]
pub fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// Counts characters no further than it must: a text of many megabytes is refused at once.
fn at_most(text: &str, chars_max: usize, otherwise: Invalid) -> Result<(), Problem> {
    if text.chars().nth(chars_max).is_some() {
        Err(otherwise.into())
    } else {
        Ok(())
    }
}

/// No control characters but line breaks and tabs.
fn printable(text: &str) -> Result<(), Problem> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(p::CONTROL_CHARACTERS.into());
    }
    Ok(())
}

fn place(place: &Place) -> Result<Place, Problem> {
    at_most(&place.description, PLACE_CHARS_MAX, p::PLACE_TOO_LONG)?;
    printable(&place.description)?;
    let in_range = match (place.latitude, place.longitude) {
        (None, None) => true,
        (Some(latitude), Some(longitude)) => {
            (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude)
        }
        _ => false,
    };
    if !in_range {
        return Err(p::COORDINATES_MALFORMED.into());
    }
    Ok(Place {
        description: place.description.trim().to_owned(),
        ..*place
    })
}

fn identity(identity: &Identity) -> Result<Option<Identity>, Problem> {
    at_most(&identity.name, NAME_CHARS_MAX, p::NAME_TOO_LONG)?;
    at_most(&identity.address, ADDRESS_CHARS_MAX, p::ADDRESS_TOO_LONG)?;
    for text in [&identity.name, &identity.address] {
        printable(text)?;
    }
    let nik = identity.nik.trim();
    if !nik.is_empty() && (nik.len() != NIK_DIGITS || !nik.bytes().all(|b| b.is_ascii_digit())) {
        return Err(p::NIK_MALFORMED.into());
    }
    let checked = Identity {
        name: identity.name.trim().to_owned(),
        nik: nik.to_owned(),
        phone: phone(&identity.phone)?,
        email: email(&identity.email)?,
        address: identity.address.trim().to_owned(),
    };
    Ok(Some(checked).filter(|checked| *checked != Identity::default()))
}

/// Digits with an optional `+` before them; spaces, dots, dashes and brackets are taken out.
fn phone(text: &str) -> Result<String, Problem> {
    let malformed = || Problem::from(p::PHONE_MALFORMED);
    if text.len() > 2 * EMAIL_CHARS_MAX {
        return Err(malformed());
    }
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')'))
        .collect();
    if plain.is_empty() {
        return Ok(plain);
    }
    let digits = plain.strip_prefix('+').unwrap_or(&plain);
    if !PHONE_DIGITS.contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(malformed());
    }
    Ok(plain)
}

/// One `@` between a local part and a domain with a dot; whether mail arrives only mail can tell.
fn email(text: &str) -> Result<String, Problem> {
    let malformed = || Problem::from(p::EMAIL_MALFORMED);
    if text.len() > EMAIL_CHARS_MAX {
        return Err(malformed());
    }
    let email = text.trim();
    if email.is_empty() {
        return Ok(String::new());
    }
    let (local, domain) = email.split_once('@').ok_or_else(malformed)?;
    let plain = email
        .chars()
        .all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>' | ',' | ';' | '"'));
    let labels = domain.split('.').all(|label| {
        !label.is_empty() && !label.starts_with('-') && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    });
    if !plain || local.is_empty() || !labels || !domain.contains('.') {
        return Err(malformed());
    }
    Ok(email.to_owned())
}

/// An e-mail address or a telephone number that somebody says is theirs, in the form in which two are the same.
///
/// # Errors
/// `email_malformed`, `phone_malformed`.
pub fn contact(text: &str) -> Result<String, Problem> {
    if text.contains('@') {
        return Ok(same_contact(&email(text)?));
    }
    let phone = phone(text)?;
    if phone.is_empty() {
        return Err(p::PHONE_MALFORMED.into());
    }
    Ok(same_contact(&phone))
}

/// The form in which two writings of an address or a number are the same: small letters, and numbers of Indonesia from `62` on.
#[must_use]
pub fn same_contact(checked: &str) -> String {
    if checked.contains('@') {
        return checked.to_lowercase();
    }
    match (checked.strip_prefix('+'), checked.strip_prefix('0')) {
        (Some(international), _) => international.to_owned(),
        (None, Some(national)) => format!("62{national}"),
        (None, None) => checked.to_owned(),
    }
}

fn source_url(text: &str) -> Result<String, Problem> {
    at_most(text, URL_CHARS_MAX, p::SOURCE_URL_MALFORMED)?;
    let url = text.trim();
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let good = url.is_empty()
        || host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
            && !url
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"'));
    if good {
        Ok(url.to_owned())
    } else {
        Err(p::SOURCE_URL_MALFORMED.into())
    }
}

fn event_date(text: &str, now: OffsetDateTime) -> Result<Date, Problem> {
    let date = Date::parse(text, &Iso8601::DATE).map_err(|_| p::EVENT_DATE_MALFORMED)?;
    if date > wib_date(now) {
        return Err(p::EVENT_DATE_IN_FUTURE.into());
    }
    if date.year() < EVENT_YEAR_MIN {
        return Err(p::EVENT_DATE_TOO_OLD.into());
    }
    Ok(date)
}

fn known<T: std::str::FromStr>(text: &str, otherwise: Invalid, exists: impl Fn(&T) -> bool) -> Result<T, Problem> {
    text.trim().parse().ok().filter(exists).ok_or_else(|| otherwise.into())
}

fn one_of(text: &str, allowed: &[&str], default: &str, otherwise: Invalid) -> Result<String, Problem> {
    match given(text) {
        None => Ok(default.to_owned()),
        Some(text) if allowed.contains(&text) => Ok(text.to_owned()),
        Some(_) => Err(otherwise.into()),
    }
}
