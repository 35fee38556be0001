//! "Fakta": reports that were not true, answered with the facts.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;
use tuntas_proto::{
    case::v1::{Outcome, State as CaseState},
    common::v1::PageRequest,
    intake::v1::{PublicReport, SearchRegisterRequest},
};

use crate::{
    directory::Directory,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        page::{Page, html},
    },
};

const ROWS: u32 = 20;

/// The page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Place {
    lanjut: String,
}

#[derive(Template)]
#[template(path = "citizen/facts.html")]
struct FactsPage {
    page: Page,
    directory: Arc<Directory>,
    reports: Vec<PublicReport>,
    next: String,
}

/// Lists them, newest first.
///
/// # Errors
/// Intake is away.
pub async fn list(State(web): State<Web>, page: Page, Query(place): Query<Place>) -> Result<Response, Fault> {
    let request = SearchRegisterRequest {
        state: CaseState::Closed.into(),
        outcome: Outcome::Clarified.into(),
        page: Some(PageRequest {
            size: ROWS,
            cursor: place.lanjut,
        }),
        ..SearchRegisterRequest::default()
    };
    let found = answer(web.platform.intake().search_register(request)).await?;
    let directory = web.directory.get().await?;
    html(&FactsPage {
        page,
        directory,
        reports: found.reports,
        next: found.next_cursor,
    })
}
