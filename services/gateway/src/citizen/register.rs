//! The public register: what people reported, in the verifier's words, and what became of it.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use serde::{Deserialize, Serialize};
use tuntas_proto::{
    case::v1::State as CaseState,
    common::v1::PageRequest,
    intake::v1::{GetPublicReportRequest, ListPublicPointsRequest, PublicReport, SearchRegisterRequest},
};

use super::map::{self, Map};
use crate::{
    directory::Directory,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        format,
        page::{Page, html},
    },
};

const ROWS: u32 = 20;
/// States as they stand in an address.
const STATES: [(&str, CaseState); 8] = [
    ("verifikasi", CaseState::AwaitingVerification),
    ("kelengkapan", CaseState::AwaitingCompletion),
    ("disposisi", CaseState::AwaitingDisposition),
    ("penerimaan", CaseState::AwaitingAcceptance),
    ("penanganan", CaseState::InProgress),
    ("dijawab", CaseState::Answered),
    ("disanggah", CaseState::Disputed),
    ("selesai", CaseState::Closed),
];

/// What is searched for.
#[derive(Debug, Default, Clone, Deserialize, Serialize)]
#[serde(default)]
pub struct Search {
    /// Words.
    pub kata: String,
    /// Category.
    pub kategori: String,
    /// Region.
    pub wilayah: String,
    /// Agency.
    pub opd: String,
    /// State.
    pub status: String,
    /// Cursor of the page.
    pub lanjut: String,
}

#[derive(Template)]
#[template(path = "citizen/register.html")]
struct RegisterPage {
    page: Page,
    directory: Arc<Directory>,
    search: Search,
    reports: Vec<PublicReport>,
    /// Address of the next page; empty on the last one.
    next: String,
    /// Where they are, as far as it is published.
    map: Option<Map>,
    states: Vec<(&'static str, &'static str)>,
}

impl RegisterPage {
    fn view_box(&self) -> String {
        format!("0 0 {} {}", map::WIDTH, map::HEIGHT)
    }
}

#[derive(Template)]
#[template(path = "citizen/public_report.html")]
struct PublicReportPage {
    page: Page,
    directory: Arc<Directory>,
    report: PublicReport,
}

/// Searches.
///
/// # Errors
/// Intake is away, or the search is not one.
pub async fn search(State(web): State<Web>, page: Page, Query(search): Query<Search>) -> Result<Response, Fault> {
    let directory = web.directory.get().await?;
    let state = STATES
        .iter()
        .find(|(code, _)| *code == search.status)
        .map_or(CaseState::Unspecified, |(_, state)| *state);
    let request = SearchRegisterRequest {
        query: search.kata.clone(),
        category_code: search.kategori.clone(),
        region_code: search.wilayah.clone(),
        opd_code: search.opd.clone(),
        state: state.into(),
        page: Some(PageRequest {
            size: ROWS,
            cursor: search.lanjut.clone(),
        }),
        ..SearchRegisterRequest::default()
    };
    let points = ListPublicPointsRequest {
        query: search.kata.clone(),
        category_code: search.kategori.clone(),
        region_code: search.wilayah.clone(),
        opd_code: search.opd.clone(),
        state: state.into(),
        size: 0,
    };
    let (mut for_reports, mut for_points) = (web.platform.intake(), web.platform.intake());
    let (found, points) = tokio::join!(
        answer(for_reports.search_register(request)),
        answer(for_points.list_public_points(points))
    );
    let found = found?;
    // The list is of use without its map.
    let points = points.map(|found| found.points).unwrap_or_default();
    let map = Map::of(&points, web.edge.map_tile_url.as_deref());
    let next = next_address(&search, found.next_cursor);
    let states = STATES
        .iter()
        .map(|(code, state)| (*code, format::state(page.lang, (*state).into())))
        .collect();
    html(&RegisterPage {
        page,
        directory,
        search,
        reports: found.reports,
        next,
        map,
        states,
    })
}

fn next_address(search: &Search, cursor: String) -> String {
    if cursor.is_empty() {
        return String::new();
    }
    let next = Search {
        lanjut: cursor,
        ..search.clone()
    };
    serde_urlencoded::to_string(next)
        .map(|query| format!("/laporan?{query}"))
        .unwrap_or_default()
}

/// One report with its answer.
///
/// # Errors
/// `not_found`, or intake is away.
pub async fn show(State(web): State<Web>, page: Page, Path(ticket): Path<String>) -> Result<Response, Fault> {
    let report = answer(web.platform.intake().get_public_report(GetPublicReportRequest {
        ticket,
        also_unlisted: false,
    }))
    .await?;
    let directory = web.directory.get().await?;
    html(&PublicReportPage {
        page,
        directory,
        report,
    })
}
