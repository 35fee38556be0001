//! What happened to requests, and what those who filed them add (FixMyStreet's extension of GeoReport).

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use tuntas_kit::ids::random_bytes;
use tuntas_proto::{
    common::v1::PageRequest,
    intake::v1::{ListPublicUpdatesRequest, PublicUpdate, SendMessageRequest},
    wire_time::timestamp,
};

use super::{
    admitted, admitted_with_key,
    filter::{ROWS_MAX, moment},
    params::{self, Params},
    render::{Format, Node},
    request::{closed_status, time},
    trouble::{Trouble, or_trouble},
};
use crate::{
    api_keys::store::{self, ApiKey},
    directory::Directory,
    platform::answer,
    web::{Web, peer::Peer},
};

const LIST: &str = "service_request_updates";
const ITEM: &str = "request_update";
const PART_MAX: u32 = 200;
const WORDS_CHARS_MAX: usize = 10_000;
/// What FixMyStreet says of a report.
pub const STATUSES: [&str; 15] = [
    "OPEN",
    "CONFIRMED",
    "INVESTIGATING",
    "PLANNED",
    "IN_PROGRESS",
    "ACTION_SCHEDULED",
    "FIXED",
    "CLOSED",
    "DUPLICATE",
    "UNABLE_TO_FIX",
    "NO_FURTHER_ACTION",
    "NOT_COUNCILS_RESPONSIBILITY",
    "INTERNAL_REFERRAL",
    "FOR_TRIAGE",
    "REOPENED",
];
/// Events that the public is told of, the status they bring, and what is said when no words were released.
pub const EVENTS: [(&str, &str, &str); 19] = [
    ("verified", "OPEN", "Laporan diverifikasi dan dipublikasikan."),
    ("disposed", "INVESTIGATING", "Diteruskan kepada"),
    ("bound", "INVESTIGATING", "Ditugaskan kepada"),
    ("transferred", "INVESTIGATING", "Dialihkan kepada"),
    ("accepted", "IN_PROGRESS", "Diterima untuk ditangani oleh"),
    ("first_response_released", "IN_PROGRESS", "Tanggapan pertama dari"),
    ("answered", "IN_PROGRESS", "Dijawab oleh"),
    ("completion_requested", "OPEN", "Pelapor diminta melengkapi laporan."),
    ("completed", "OPEN", "Laporan dilengkapi oleh pelapor."),
    ("disputed", "INVESTIGATING", "Jawaban disanggah oleh pelapor."),
    ("reopened", "INVESTIGATING", "Laporan dibuka kembali."),
    ("closed_by_silence", CLOSING, "Laporan selesai."),
    ("rated", CLOSING, "Laporan dinilai oleh pelapor."),
    ("dispute_decided", CLOSING, "Sanggahan diputus."),
    ("rejected", CLOSING, "Laporan tidak dapat ditangani."),
    ("referred", CLOSING, "Laporan dirujuk kepada instansi lain."),
    ("merged_into", CLOSING, "Laporan digabung dengan laporan yang sama."),
    ("withdrawn", CLOSING, "Laporan ditarik oleh pelapor."),
    ("lapsed", CLOSING, "Laporan gugur karena tidak dilengkapi."),
];
/// Stands for the status that the outcome gives.
const CLOSING: &str = "";

/// The list, oldest first: at most 1,000, from which a client goes on with the time of the last one.
pub async fn list(State(web): State<Web>, format: Format, peer: Peer, params: Params) -> Response {
    let answer = async {
        admitted(&web, peer, &params).await?;
        let updates = find(&web, &params).await?;
        let directory = web.directory.get().await?;
        let updates = updates.iter().map(|update| node(update, &directory));
        Ok(Node::List(ITEM, updates.collect()).answer(format, LIST, StatusCode::OK))
    };
    or_trouble(format, answer.await)
}

async fn find(web: &Web, params: &Params) -> Result<Vec<PublicUpdate>, Trouble> {
    let from = moment(params, "start_date")?;
    let until = moment(params, "end_date")?.map(|at| at.replace_nanosecond(999_999_999).unwrap_or(at));
    let (mut updates, mut cursor) = (Vec::new(), String::new());
    while updates.len() < ROWS_MAX as usize {
        let request = ListPublicUpdatesRequest {
            from: from.map(timestamp),
            until: until.map(timestamp),
            ticket: params.text("service_request_id").to_owned(),
            types: EVENTS.iter().map(|(event, ..)| (*event).to_owned()).collect(),
            page: Some(PageRequest { size: PART_MAX, cursor }),
        };
        let found = answer(web.platform.intake().list_public_updates(request)).await?;
        updates.extend(found.updates);
        cursor = found.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    Ok(updates)
}

/// An update in either notation.
#[must_use]
pub fn node(update: &PublicUpdate, directory: &Directory) -> Node {
    let known = EVENTS.iter().find(|(event, ..)| *event == update.r#type);
    let (status, words) = known.map_or(("OPEN", ""), |(_, status, words)| (*status, *words));
    let decided = ["rated", "dispute_decided"].contains(&update.r#type.as_str());
    let status = match status {
        CLOSING if decided && update.outcome == 0 => "IN_PROGRESS",
        CLOSING => closed_status(update.outcome),
        status => status,
    };
    let description = if update.text.is_empty() {
        described(words, &update.opd_code, directory)
    } else {
        update.text.clone()
    };
    Node::Object(vec![
        ("update_id", Node::text(update.update_id.as_str())),
        ("service_request_id", Node::text(update.ticket.as_str())),
        ("status", Node::text(status)),
        ("updated_datetime", time(update.at.as_ref())),
        ("description", Node::text(description)),
        ("media_url", Node::Null),
    ])
}

/// A sentence without an end gets the agency's name.
fn described(words: &str, opd: &str, directory: &Directory) -> String {
    if words.ends_with('.') {
        return words.to_owned();
    }
    let agency = if opd.is_empty() { "OPD" } else { directory.agency(opd) };
    format!("{words} {agency}.")
}

/// Adds words to a request that was filed with the same key; officers and the reporter read them.
pub async fn add(State(web): State<Web>, format: Format, peer: Peer, request: Request) -> Response {
    let answer = async {
        let input = params::read(&web, request).await?;
        let key = admitted_with_key(&web, peer, &input.params).await?;
        if !input.files.is_empty() {
            return Err(Trouble::bad("an update takes media_url and no file"));
        }
        let id = send(&web, &key, &input.params).await?;
        let added = Node::Object(vec![("update_id", Node::text(id))]);
        Ok(Node::List(ITEM, vec![added]).answer(format, LIST, StatusCode::OK))
    };
    or_trouble(format, answer.await)
}

async fn send(web: &Web, key: &ApiKey, params: &Params) -> Result<String, Trouble> {
    let ticket = params.get("service_request_id");
    let ticket = ticket.ok_or_else(|| Trouble::bad("service_request_id was not provided"))?;
    let text = words(params)?;
    let keys = &web.api_keys;
    // Of another integration's requests nothing is told, not even that they are there.
    let filing = store::filing_by_ticket(keys.pool(), key.api_key_id, ticket).await?;
    let filing =
        filing.ok_or_else(|| Trouble::missing("service_request_id was not found among those of this api_key"))?;
    let own_id = params.get("update_id");
    let random = hex::encode(random_bytes::<20>());
    let token = keys.token_hash(key, &["update", ticket, own_id.unwrap_or(&random)]);
    let request = SendMessageRequest {
        idempotency_key: keys.idempotency_key(&token),
        receipt: Some(keys.receipt(&filing)?),
        text,
    };
    Ok(answer(web.platform.intake().send_message(request)).await?.text_id)
}

/// The words of an update: the description, after the status that the sender sees, before addresses of pictures.
///
/// # Errors
/// There are none, or the status is not one of FixMyStreet's.
pub fn words(params: &Params) -> Result<String, Trouble> {
    let description = params
        .get("description")
        .ok_or_else(|| Trouble::bad("description was not provided"))?;
    let mut text = String::new();
    if let Some(status) = params.get("status") {
        let status = status.to_ascii_uppercase();
        if !STATUSES.contains(&status.as_str()) {
            return Err(Trouble::bad(format!("status: one of {}", STATUSES.join(", "))));
        }
        if status != "OPEN" {
            text.push_str(&format!("[{status}] "));
        }
    }
    moment(params, "updated_datetime")?;
    text.push_str(description);
    for url in params.all("media_url") {
        text.push_str("\n\nMedia: ");
        text.push_str(url);
    }
    if text.chars().nth(WORDS_CHARS_MAX).is_some() {
        return Err(Trouble::bad("description: more than 10,000 characters"));
    }
    Ok(text)
}
