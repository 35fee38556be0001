//! The log as a file: JSON lines with the very bytes of each leaf, so that its hashes can be computed again, or CSV.
//!
//! It is streamed from oversight as it is asked for; an interrupted download ends as one, not as a shorter file.

use std::sync::{Arc, LazyLock};

use askama::Template;
use axum::{
    body::{Body, Bytes},
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::{StreamExt as _, TryStreamExt as _};
use prost::{Message as _, Name as _};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde::Deserialize;
use tonic::Status;
use tuntas_kit::problem::Problem;
use tuntas_proto::{
    DESCRIPTORS,
    event::v1::Event,
    oversight::v1::{FeedEntry, FollowRequest},
};

use super::{feed, require_reader, words};
use crate::{
    accounts::User,
    directory::Directory,
    lang::Lang,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        page::{Page, SignedIn, html},
    },
};

static POOL: LazyLock<Option<DescriptorPool>> = LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).ok());

const CSV_HEAD: &str = "position,occurred_at,type,aggregate_id,aggregate_seq,position_id,holder_id,via,case_id,what,about,\
                        leaf_hash,chain_hash,event_base64\r\n";

/// What is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// First position.
    mulai: u64,
}

#[derive(Template)]
#[template(path = "ombudsman/export.html")]
struct ExportPage {
    page: Page,
    size: u64,
    chain: String,
}

/// Asks from where on.
///
/// # Errors
/// The page is not the office's, or oversight is away.
pub async fn choose(State(web): State<Web>, page: Page, SignedIn(user): SignedIn) -> Result<Response, Fault> {
    require_reader(&user)?;
    let head = feed::head(&web, &user).await?;
    html(&ExportPage {
        page,
        size: head.size,
        chain: hex::encode(&head.chain_hash),
    })
}

/// A line of JSON for each entry.
///
/// # Errors
/// The page is not the office's, or oversight is away.
pub async fn json_lines(
    State(web): State<Web>,
    SignedIn(user): SignedIn,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let body = lines(&web, &user, &wanted, String::new(), json_line).await?;
    Ok(download("application/x-ndjson", "tuntas-umpan.jsonl", body))
}

/// A row for each entry, with what happened in words.
///
/// # Errors
/// The page is not the office's, or oversight is away.
pub async fn csv(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let directory = web.directory.get().await?;
    let lang = page.lang;
    let row = move |entry: &FeedEntry| csv_row(lang, &directory, entry);
    let body = lines(&web, &user, &wanted, CSV_HEAD.to_owned(), row).await?;
    Ok(download("text/csv; charset=utf-8", "tuntas-umpan.csv", body))
}

fn download(media_type: &'static str, name: &str, body: Body) -> Response {
    let head = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (head, body).into_response()
}

async fn lines(
    web: &Web,
    user: &User,
    wanted: &Wanted,
    head: String,
    line: impl Fn(&FeedEntry) -> Result<String, Problem> + Send + 'static,
) -> Result<Body, Problem> {
    require_reader(user)?;
    let request = FollowRequest {
        from_position: wanted.mulai.max(1),
        until_head: true,
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let entries = answer(web.platform.feed().follow(request)).await?;
    let first = futures::stream::once(async { Ok::<_, Status>(Bytes::from(head)) });
    let rest = entries.and_then(move |entry| {
        let line = line(&entry).map(Bytes::from).map_err(Status::from);
        std::future::ready(line)
    });
    Ok(Body::from_stream(first.chain(rest)))
}

fn json_line(entry: &FeedEntry) -> Result<String, Problem> {
    let value = serde_json::json!({
        "position": entry.position,
        "leaf_hash": hex::encode(&entry.leaf_hash),
        "chain_hash": hex::encode(&entry.chain_hash),
        "event": event_json(&entry.event)?,
        "event_base64": STANDARD.encode(&entry.event),
    });
    Ok(format!("{value}\n"))
}

/// An event in protobuf's JSON form, with the names of the protocol.
fn event_json(bytes: &[u8]) -> Result<serde_json::Value, Problem> {
    let descriptor = POOL
        .as_ref()
        .and_then(|pool| pool.get_message_by_name(&Event::full_name()))
        .ok_or_else(|| Problem::internal("the event is not among the descriptors"))?;
    let message = DynamicMessage::decode(descriptor, bytes).map_err(Problem::internal)?;
    let options = SerializeOptions::new()
        .stringify_64_bit_integers(false)
        .use_proto_field_name(true);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(Problem::internal)
}

fn csv_row(lang: Lang, directory: &Arc<Directory>, entry: &FeedEntry) -> Result<String, Problem> {
    let event = Event::decode(entry.event.as_slice()).map_err(Problem::internal)?;
    let line = words::tell(lang, directory, entry);
    let actor = event.actor.unwrap_or_default();
    let at = event.occurred_at.map(|at| at.to_string()).unwrap_or_default();
    let fields = [
        entry.position.to_string(),
        at,
        event.r#type,
        event.aggregate_id,
        event.aggregate_seq.to_string(),
        actor.position_id,
        actor.holder_id,
        actor.via,
        line.case_id,
        line.what,
        line.about,
        line.leaf,
        hex::encode(&entry.chain_hash),
        STANDARD.encode(&entry.event),
    ];
    Ok(fields.map(|field| csv_field(&field)).join(",") + "\r\n")
}

/// A field (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe before it.
fn csv_field(text: &str) -> String {
    let text = match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ => text.to_owned(),
    };
    if text.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn a_field_is_never_two_and_never_a_formula() {
        assert_eq!(csv_field("biasa"), "biasa");
        assert_eq!(csv_field("satu, dua"), "\"satu, dua\"");
        assert_eq!(csv_field("kata \"itu\""), "\"kata \"\"itu\"\"\"");
        assert_eq!(csv_field("=1+1"), "'=1+1");
    }

    #[test]
    fn a_line_has_the_event_by_its_names_and_its_bytes() {
        let event = Event {
            r#type: "tuntas.case.disposed".to_owned(),
            aggregate_seq: 3,
            ..Event::default()
        };
        let entry = FeedEntry {
            position: 7,
            event: event.encode_to_vec(),
            leaf_hash: vec![0xab],
            chain_hash: vec![0xcd],
        };
        let value: serde_json::Value = serde_json::from_str(&json_line(&entry).unwrap()).unwrap();
        assert_eq!(value["position"], 7);
        assert_eq!(value["event"]["aggregate_seq"], 3);
        assert_eq!(value["leaf_hash"], "ab");
        let bytes = STANDARD.decode(value["event_base64"].as_str().unwrap()).unwrap();
        assert_eq!(bytes, entry.event);
    }
}
