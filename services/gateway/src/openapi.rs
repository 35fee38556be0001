//! The description of every endpoint for programs, as OpenAPI 3.1.

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

use crate::web::Web;

/// The document.
pub const DOCUMENT: &str = include_str!("openapi.json");

/// Route of the document.
pub fn routes() -> Router<Web> {
    Router::new().route("/openapi.json", get(show))
}

async fn show() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, DOCUMENT).into_response()
}
