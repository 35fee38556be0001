//! The log, latest entries on top, and all entries of one case.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use serde::Deserialize;
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::oversight::v1::{
    FeedEntry, FollowRequest, GetHeadRequest, GetHeadResponse, ListActsRequest, ListCaseEntriesRequest, OmbudsmanAct,
};

use super::{
    require_reader,
    words::{self, Line},
};
use crate::{
    accounts::User,
    directory::Directory,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        page::{Page, SignedIn, html},
    },
};

/// Entries of a page.
const ROWS: u64 = 40;

/// The page asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Place {
    /// Entries before this position; the latest ones when absent.
    sebelum: Option<u64>,
}

#[derive(Template)]
#[template(path = "ombudsman/feed.html")]
struct FeedPage {
    page: Page,
    head: GetHeadResponse,
    chain: String,
    lines: Vec<Line>,
    /// Entries before this one are older.
    older: Option<u64>,
    is_latest: bool,
    acts_open: usize,
    acts_overdue: usize,
    acts_unavailable: bool,
}

#[derive(Template)]
#[template(path = "ombudsman/case.html")]
struct CasePage {
    page: Page,
    case_id: String,
    lines: Vec<Line>,
}

/// The latest entries, or those before a position.
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
    let head = head(&web, &user).await?;
    let last = match place.sebelum {
        Some(before) => before.saturating_sub(1).min(head.size),
        None => head.size,
    };
    let first = last.saturating_sub(ROWS - 1).max(1);
    let (entries, acts, directory) = tokio::join!(
        entries(&web, &user, first, last),
        open_acts(&web, &user),
        web.directory.get()
    );
    let directory = directory?;
    let acts_unavailable = acts.is_err();
    let acts = acts.unwrap_or_default();
    html(&FeedPage {
        lines: lines(&page, &directory, &entries?),
        chain: hex::encode(&head.chain_hash),
        older: (first > 1).then_some(first),
        is_latest: last == head.size,
        acts_open: acts.len(),
        acts_overdue: acts.iter().filter(|act| act.status == "overdue").count(),
        acts_unavailable,
        head,
        page,
    })
}

/// Every entry of one case, oldest first.
///
/// # Errors
/// The page is not the office's, or oversight is away.
pub async fn of_case(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Path(case_id): Path<String>,
) -> Result<Response, Fault> {
    require_reader(&user)?;
    let request = ListCaseEntriesRequest {
        case_id: case_id.clone(),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let listed = answer(web.platform.feed().list_case_entries(request)).await?;
    if listed.entries.is_empty() {
        return Err(Fault::new(NOT_FOUND));
    }
    let directory = web.directory.get().await?;
    let mut lines = lines(&page, &directory, &listed.entries);
    lines.reverse();
    html(&CasePage { page, case_id, lines })
}

/// Entries in words, latest first.
fn lines(page: &Page, directory: &Arc<Directory>, entries: &[FeedEntry]) -> Vec<Line> {
    let told = entries
        .iter()
        .rev()
        .map(|entry| words::tell(page.lang, directory, entry));
    told.collect()
}

/// Size of the log.
///
/// # Errors
/// Oversight's.
pub async fn head(web: &Web, user: &User) -> Result<GetHeadResponse, Problem> {
    let request = web.platform.request_as(user.officer()?, GetHeadRequest {})?;
    answer(web.platform.feed().get_head(request)).await
}

/// Entries from one position to another, both included.
///
/// # Errors
/// Oversight's.
pub async fn entries(web: &Web, user: &User, first: u64, last: u64) -> Result<Vec<FeedEntry>, Problem> {
    if last < first {
        return Ok(Vec::new());
    }
    let request = FollowRequest {
        from_position: first,
        until_head: true,
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let mut stream = answer(web.platform.feed().follow(request)).await?;
    let mut entries = Vec::new();
    while let Some(entry) = stream.message().await? {
        let position = entry.position;
        entries.push(entry);
        if position >= last {
            break;
        }
    }
    Ok(entries)
}

async fn open_acts(web: &Web, user: &User) -> Result<Vec<OmbudsmanAct>, Problem> {
    let request = ListActsRequest {
        open_only: true,
        ..ListActsRequest::default()
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    Ok(answer(web.platform.oversight().list_acts(request)).await?.acts)
}
