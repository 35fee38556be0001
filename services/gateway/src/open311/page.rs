//! The page about Open311 for people who connect a system.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};

use crate::{
    directory::Directory,
    web::{
        Web,
        fault::Fault,
        page::{Page, html},
    },
};

#[derive(Template)]
#[template(path = "open311/about.html")]
struct AboutPage {
    page: Page,
    directory: Arc<Directory>,
    base: String,
    jurisdiction: String,
    contact: String,
}

/// What it is, its addresses, how to get a key.
///
/// # Errors
/// The directory was never reached.
pub async fn show(State(web): State<Web>, page: Page) -> Result<Response, Fault> {
    html(&AboutPage {
        page,
        directory: web.directory.get().await?,
        base: format!("{}/open311/v2", web.edge.public_url),
        jurisdiction: web.open311.jurisdiction_id.clone(),
        contact: web.open311.contact.clone(),
    })
}
