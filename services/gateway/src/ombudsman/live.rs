//! The feed as it grows: an event for each new entry.

use std::{convert::Infallible, sync::Arc, time::Duration};

use askama::Template;
use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt as _};
use serde::Deserialize;
use tonic::Streaming;
use tuntas_proto::oversight::v1::{FeedEntry, FollowRequest};

use super::{
    require_reader,
    words::{self, Line},
};
use crate::{
    directory::Directory,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        page::{Page, SignedIn},
    },
};

/// A page connects again after this, and its right to read is looked at again.
const OPEN_FOR: Duration = Duration::from_mins(10);
/// How long a page waits before it connects again: each connection is a read that the log keeps.
const RETRY_AFTER: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// What the page has already.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    sesudah: u64,
}

#[derive(Template)]
#[template(path = "ombudsman/line.html")]
struct LineRow<'a> {
    page: &'a Page,
    line: Line,
}

/// The stream from the entry after the last one that the page has.
///
/// # Errors
/// The page is not the office's, or oversight is away.
pub async fn stream(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(after): Query<After>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    require_reader(&user)?;
    let had = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok()?.parse().ok())
        .unwrap_or(after.sesudah);
    let request = FollowRequest {
        from_position: had.saturating_add(1),
        until_head: false,
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let entries = answer(web.platform.feed().follow(request)).await?;
    let directory = web.directory.get().await?;
    let stopping = web.live.stopping();
    let until = async move {
        tokio::select! {
            () = tokio::time::sleep(OPEN_FOR) => {}
            () = stopping.cancelled_owned() => {}
        }
    };
    Ok(Sse::new(events(page, directory, entries).take_until(until))
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}

/// An event for each entry; the stream ends with the service's, and the page connects again.
fn events(
    page: Page,
    directory: Arc<Directory>,
    entries: Streaming<FeedEntry>,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let first = futures::stream::once(async { Ok(Event::default().retry(RETRY_AFTER).comment("")) });
    let told = entries
        .take_while(|entry| std::future::ready(entry.is_ok()))
        .filter_map(move |entry| {
            let shown = entry.ok().and_then(|entry| shown(&page, &directory, &entry));
            std::future::ready(shown.map(Ok))
        });
    first.chain(told)
}

fn shown(page: &Page, directory: &Directory, entry: &FeedEntry) -> Option<Event> {
    let line = words::tell(page.lang, directory, entry);
    let row = LineRow { page, line }.render().ok()?;
    let event = Event::default().id(entry.position.to_string()).event("entry");
    Some(event.data(row.replace(['\r', '\n'], " ")))
}
