//! Where the endpoint is and what it speaks (Open311 Service Discovery).

use axum::{extract::State, http::StatusCode, response::Response};

use super::render::{Format, Node};
use crate::web::Web;

/// When what is written here last changed.
const CHANGESET: &str = "2026-11-24T00:00:00+07:00";

/// The document.
pub async fn show(State(web): State<Web>, format: Format) -> Response {
    node(&web.edge.public_url, &web.open311.contact).answer(format, "discovery", StatusCode::OK)
}

/// The document of an edge at this address.
#[must_use]
pub fn node(public_url: &str, contact: &str) -> Node {
    let formats = ["application/json", "text/xml"].map(Node::text);
    let endpoint = Node::Object(vec![
        ("specification", Node::text("http://wiki.open311.org/GeoReport_v2")),
        ("url", Node::text(format!("{public_url}/open311/v2"))),
        ("changeset", Node::text(CHANGESET)),
        ("type", Node::text("production")),
        ("formats", Node::List("format", formats.to_vec())),
    ]);
    Node::Object(vec![
        ("changeset", Node::text(CHANGESET)),
        ("contact", Node::text(contact)),
        ("key_service", Node::text(format!("{public_url}/open311"))),
        ("endpoints", Node::List("endpoint", vec![endpoint])),
    ])
}
