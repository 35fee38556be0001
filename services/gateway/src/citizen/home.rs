//! The first page: how the service does, and where to go.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};

use crate::{
    figures::Province,
    web::{
        Web,
        fault::Fault,
        page::{Page, html},
    },
};

#[derive(Template)]
#[template(path = "citizen/home.html")]
struct HomePage {
    page: Page,
    /// None while they cannot be asked for.
    figures: Option<Arc<Province>>,
}

/// Shows it.
///
/// # Errors
/// The template failed.
pub async fn show(State(web): State<Web>, page: Page) -> Result<Response, Fault> {
    let figures = web.figures.of_this_year(page.now).await.ok();
    html(&HomePage { page, figures })
}
