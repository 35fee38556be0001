//! What the Ombudsman read, as the log has it: whoever oversees is seen as well.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use prost::Message as _;
use serde::Deserialize;
use tuntas_proto::{
    Timestamp,
    event::v1::{Event, event::Payload},
};

use super::{feed, require_reader, words};
use crate::web::{
    Web,
    fault::Fault,
    page::{Page, SignedIn, html},
};

/// Entries of the log that one page looks through.
const WINDOW: u64 = 5_000;

/// The page asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Place {
    sebelum: Option<u64>,
}

struct Read {
    position: u64,
    at: Option<Timestamp>,
    what: String,
    who: String,
    case_id: String,
}

#[derive(Template)]
#[template(path = "ombudsman/reads.html")]
struct ReadsPage {
    page: Page,
    reads: Vec<Read>,
    first: u64,
    last: u64,
}

/// The reads within a stretch of the log, latest first.
///
/// # Errors
/// The page is not the office's, or oversight is away.
pub async fn show(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(place): Query<Place>,
) -> Result<Response, Fault> {
    require_reader(&user)?;
    let size = feed::head(&web, &user).await?.size;
    let last = place.sebelum.map_or(size, |before| before.saturating_sub(1).min(size));
    let first = last.saturating_sub(WINDOW - 1).max(1);
    let directory = web.directory.get().await?;
    let mut reads = Vec::new();
    for entry in feed::entries(&web, &user, first, last).await? {
        let Ok(event) = Event::decode(entry.event.as_slice()) else {
            continue;
        };
        if let Some(Payload::OmbudsmanRead(read)) = event.payload {
            let position = event.actor.map(|actor| actor.position_id).unwrap_or_default();
            reads.push(Read {
                position: entry.position,
                at: event.occurred_at,
                what: words::what_was_read(page.lang, &read),
                who: directory.position(&position).to_owned(),
                case_id: read.case_id,
            });
        }
    }
    reads.reverse();
    html(&ReadsPage {
        page,
        reads,
        first,
        last,
    })
}
