//! Filing a request: GeoReport's arguments become a report, filed at intake under the integration's name.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use tuntas_domain::calendar::wib_date;
use tuntas_kit::{ids::random_bytes, problem::Problem};
use tuntas_proto::{
    case::v1::{Privacy, ReportKind},
    intake::v1::{FileReportRequest, Identity, Place, Receipt},
};

use super::{
    admitted_with_key,
    filter::parse_moment,
    params::{self, Input, Params},
    region,
    render::{Format, Node},
    request::{ITEM, LIST},
    services::{DATE, KIND, KINDS, PRIVACIES, PRIVACY, REGION},
    trouble::{Trouble, or_trouble},
};
use crate::{
    api_keys::store::{self, ApiKey},
    directory::Directory,
    platform::answer,
    web::{Web, peer::Peer},
};

/// Channel in the report.
const CHANNEL: &str = "open311";
/// A body shorter than this is not taken; the name of the service before it may make it long enough.
const BODY_CHARS_MIN: usize = 20;
const TITLE_CHARS_MAX: usize = 200;
/// Characters of the words that make a title when none is given.
const TITLE_CHARS: usize = 80;
const MEDIA_URLS_MAX: usize = 10;
const URL_CHARS_MAX: usize = 2_000;
const TOKEN_CHARS_MAX: usize = 200;
/// Header with which a client names its request (IETF draft), beside the argument `token`.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Files a request, or tells of the one that was filed under the same token.
pub async fn file(State(web): State<Web>, format: Format, peer: Peer, request: Request) -> Response {
    let headers = request.headers().clone();
    let answer = async {
        let query = Params::parse(request.uri().query().unwrap_or_default().as_bytes())?;
        // A key in the address is looked at before any file is read.
        let early = match query.get("api_key") {
            Some(_) => Some(admitted_with_key(&web, peer, &query).await?),
            None => None,
        };
        let input = params::read(&web, request).await?;
        let key = match early {
            Some(key) => key,
            None => admitted_with_key(&web, peer, &input.params).await?,
        };
        let receipt = file_once(&web, &key, &input, &headers).await?;
        Ok(accepted(&receipt, &web.edge.public_url).answer(format, LIST, StatusCode::OK))
    };
    or_trouble(format, answer.await)
}

fn accepted(receipt: &Receipt, public_url: &str) -> Node {
    let notice = format!(
        "Laporan diterima. Kode rahasia untuk melengkapi, menyanggah atau menilai di {public_url}/lacak: {}",
        receipt.receipt_code
    );
    let filed = Node::Object(vec![
        ("service_request_id", Node::text(receipt.ticket.as_str())),
        ("service_notice", Node::text(notice)),
        ("account_id", Node::Null),
    ]);
    Node::List(ITEM, vec![filed])
}

async fn file_once(web: &Web, key: &ApiKey, input: &Input, headers: &HeaderMap) -> Result<Receipt, Trouble> {
    let directory = web.directory.get().await?;
    let report = report(input, &directory)?;
    let token_hash = token_hash(web, key, &input.params, headers)?;
    let keys = &web.api_keys;
    if let Some(filing) = store::filing_by_token(keys.pool(), key.api_key_id, &token_hash).await? {
        return Ok(keys.receipt(&filing)?);
    }
    let request = FileReportRequest {
        idempotency_key: keys.idempotency_key(&token_hash),
        attachment_ids: input.files.iter().map(|file| file.id.clone()).collect(),
        ..report
    };
    let filed = answer(web.platform.intake().file_report(request))
        .await
        .map_err(named)?;
    let receipt = Receipt {
        ticket: filed.ticket,
        receipt_code: filed.receipt_code,
    };
    keys.remember(key, token_hash, &receipt, web.clock.now()).await?;
    Ok(receipt)
}

/// What tells this report from the integration's others: its own token, or the device with the same words on the same day, or
/// nothing.
fn token_hash(web: &Web, key: &ApiKey, params: &Params, headers: &HeaderMap) -> Result<Vec<u8>, Trouble> {
    let header = headers.get(IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok());
    if let Some(token) = params.get("token").or(header).filter(|token| !token.is_empty()) {
        if token.chars().nth(TOKEN_CHARS_MAX).is_some() {
            return Err(Trouble::bad("token: more than 200 characters"));
        }
        return Ok(hash_of_token(web, key, token));
    }
    if let Some(device) = params.get("deviceid").or_else(|| params.get("device_id")) {
        let day = wib_date(web.clock.now()).to_string();
        let named = ["service_code", "description", "lat", "long", "address_string"].map(|name| params.text(name));
        let parts = [&["device", device, &day], named.as_slice()].concat();
        return Ok(web.api_keys.token_hash(key, &parts));
    }
    let random = hex::encode(random_bytes::<20>());
    Ok(web.api_keys.token_hash(key, &["random", &random]))
}

/// What is kept of a client's own token.
#[must_use]
pub fn hash_of_token(web: &Web, key: &ApiKey, token: &str) -> Vec<u8> {
    web.api_keys.token_hash(key, &["token", token])
}

/// The report that the arguments are, without key and files.
///
/// # Errors
/// An argument is missing or not what it should be.
pub fn report(input: &Input, directory: &Directory) -> Result<FileReportRequest, Trouble> {
    let params = &input.params;
    let code = params
        .get("service_code")
        .ok_or_else(|| Trouble::bad("service_code was not provided"))?;
    let category = directory.categories.get(code);
    let category = category.ok_or_else(|| Trouble::missing("service_code was not found"))?;
    let body = body(params, &category.name_id)?;
    let title = params.get("title").or_else(|| params.attribute("title"));
    let title = title.map_or_else(|| title_of(params.text("description")), str::to_owned);
    Ok(FileReportRequest {
        kind: chosen(params, KIND, &KINDS)?
            .map_or(ReportKind::Complaint, kind_of)
            .into(),
        privacy: chosen(params, PRIVACY, &PRIVACIES)?
            .map_or(Privacy::Anonymous, privacy_of)
            .into(),
        title: title.chars().take(TITLE_CHARS_MAX).collect(),
        body,
        category_code: code.to_owned(),
        region_code: region_of(params, directory)?.to_owned(),
        place: Some(place(params)?),
        event_date: event_date(params)?,
        identity: identity(params),
        channel: CHANNEL.to_owned(),
        language: "id".to_owned(),
        ..FileReportRequest::default()
    })
}

/// The words, with addresses of pictures after them. Nobody fetches these: an edge that visits what a stranger names could be
/// sent anywhere, also inside.
fn body(params: &Params, service_name: &str) -> Result<String, Trouble> {
    let words = params
        .get("description")
        .ok_or_else(|| Trouble::bad("description was not provided"))?;
    let mut body = if words.chars().count() < BODY_CHARS_MIN {
        format!("{service_name}: {words}")
    } else {
        words.to_owned()
    };
    if body.chars().count() < BODY_CHARS_MIN {
        return Err(Trouble::bad("description: at least 20 characters"));
    }
    for (n, url) in params.all("media_url").enumerate() {
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        if !is_web || url.chars().nth(URL_CHARS_MAX).is_some() || url.chars().any(char::is_whitespace) {
            return Err(Trouble::bad(
                "media_url: an http or https address of at most 2,000 characters",
            ));
        }
        if n >= MEDIA_URLS_MAX {
            return Err(Trouble::bad("media_url: more than 10 addresses"));
        }
        body.push_str("\n\nMedia: ");
        body.push_str(url);
    }
    Ok(body)
}

/// The beginning of the words, up to the end of a sentence or of a word.
#[must_use]
pub fn title_of(words: &str) -> String {
    let line = words.lines().next().unwrap_or_default().trim();
    let sentence = line.split_inclusive(['.', '!', '?']).next().unwrap_or(line);
    if sentence.chars().count() <= TITLE_CHARS {
        return sentence.trim_end_matches('.').to_owned();
    }
    let cut: String = line.chars().take(TITLE_CHARS).collect();
    let end = cut.rfind(char::is_whitespace).unwrap_or(cut.len());
    format!("{}…", cut[..end].trim_end())
}

fn region_of<'a>(params: &Params, directory: &'a Directory) -> Result<&'a str, Trouble> {
    let unknown = || {
        let codes: Vec<&str> = directory.regions.keys().map(String::as_str).collect();
        Trouble::bad(format!(
            "attribute[{REGION}]: the regency or city, one of {}",
            codes.join(", ")
        ))
    };
    if let Some(given) = params.attribute(REGION).or_else(|| params.get(REGION)) {
        return region::named(directory, given).ok_or_else(unknown);
    }
    // A client that knows no attributes may still have said it.
    params
        .get("address_id")
        .and_then(|id| region::named(directory, id))
        .or_else(|| region::in_text(directory, params.text("address_string")))
        .ok_or_else(unknown)
}

fn place(params: &Params) -> Result<Place, Trouble> {
    let number = |name: &str, max: f64| match params.get(name) {
        None => Ok(None),
        Some(text) => {
            let number = text.parse::<f64>().ok().filter(|number| number.abs() <= max);
            number
                .map(Some)
                .ok_or_else(|| Trouble::bad(format!("{name}: a number from -{max} to {max}")))
        }
    };
    let (latitude, longitude) = (number("lat", 90.0)?, number("long", 180.0)?);
    if latitude.is_some() != longitude.is_some() {
        return Err(Trouble::bad("lat and long: both or neither"));
    }
    let description = params.get("address_string").or_else(|| params.get("address_id"));
    if latitude.is_none() && description.is_none() {
        return Err(Trouble::bad(
            "lat and long, address_string or address_id: one of them is needed",
        ));
    }
    Ok(Place {
        description: description.unwrap_or_default().to_owned(),
        latitude,
        longitude,
    })
}

/// The day that an attribute names, as intake wants it.
fn event_date(params: &Params) -> Result<String, Trouble> {
    let Some(text) = params.attribute(DATE) else {
        return Ok(String::new());
    };
    let at = parse_moment(text).ok_or_else(|| Trouble::bad(format!("attribute[{DATE}]: a date such as 2026-11-24")))?;
    Ok(wib_date(at).to_string())
}

fn identity(params: &Params) -> Option<Identity> {
    let name = format!("{} {}", params.text("first_name"), params.text("last_name"));
    let identity = Identity {
        name: name.trim().to_owned(),
        phone: params.text("phone").to_owned(),
        email: params.text("email").to_owned(),
        ..Identity::default()
    };
    (identity != Identity::default()).then_some(identity)
}

fn chosen<'a>(params: &'a Params, code: &str, values: &[(&str, &str)]) -> Result<Option<&'a str>, Trouble> {
    let Some(value) = params.attribute(code) else {
        return Ok(None);
    };
    if values.iter().any(|(known, _)| *known == value) {
        return Ok(Some(value));
    }
    let known: Vec<&str> = values.iter().map(|(known, _)| *known).collect();
    Err(Trouble::bad(format!("attribute[{code}]: one of {}", known.join(", "))))
}

fn kind_of(value: &str) -> ReportKind {
    match value {
        "aspiration" => ReportKind::Aspiration,
        "information" => ReportKind::InformationRequest,
        _ => ReportKind::Complaint,
    }
}

fn privacy_of(value: &str) -> Privacy {
    if value == "open" {
        Privacy::Open
    } else {
        Privacy::Anonymous
    }
}

/// What intake says of a field, under the name that the client knows it by.
fn named(problem: Problem) -> Trouble {
    let field = match problem.code() {
        "title_empty" | "title_too_long" => "title",
        "body_too_short" | "body_too_long" | "control_characters" => "description",
        "phone_malformed" => "phone",
        "email_malformed" => "email",
        "name_too_long" => "first_name and last_name",
        "place_too_long" => "address_string",
        "event_date_malformed" | "event_date_in_future" | "event_date_too_old" => "attribute[tanggal]",
        _ => return problem.into(),
    };
    Trouble::bad(format!("{field}: {}", problem.text()))
}
