//! Open311 GeoReport v2 with FixMyStreet's updates: any client of it can file here and follow.
//!
//! A service is a category of the directory, a request is a report, its id is the ticket. Only the register is read: words
//! that a verifier did not publish never leave. Where a report happened must be said as a regency or city (attribute
//! `wilayah`), because coordinates alone do not tell this edge which one it is.

pub mod discovery;
pub mod file;
pub mod filter;
pub mod page;
pub mod params;
pub mod region;
pub mod render;
pub mod request;
pub mod requests;
pub mod services;
pub mod tokens;
pub mod trouble;
pub mod updates;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{any, get},
};

use self::{params::Params, trouble::Trouble};
use crate::{
    api_keys::{OPEN311, store::ApiKey},
    web::{Web, peer::Peer},
};

/// Room for the fields of a form beside its files, in bytes.
const FIELDS_BYTES_MAX: usize = 1 << 20;

/// Routes for programs. Nothing here looks at a cookie, so a browser may call from any site.
pub fn routes(web: &Web) -> Router<Web> {
    let with_files = web.filing.attachments_max * web.filing.attachment_bytes_max + FIELDS_BYTES_MAX;
    Router::new()
        .route("/open311/discovery.json", get(discovery::show))
        .route("/open311/discovery.xml", get(discovery::show))
        .route("/open311/v2/discovery.json", get(discovery::show))
        .route("/open311/v2/discovery.xml", get(discovery::show))
        .route("/open311/v2/services.json", get(services::list))
        .route("/open311/v2/services.xml", get(services::list))
        .route("/open311/v2/services/{name}", get(services::show))
        .route("/open311/v2/requests.json", get(requests::list).post(file::file))
        .route("/open311/v2/requests.xml", get(requests::list).post(file::file))
        .route("/open311/v2/requests/{name}", get(requests::show))
        .route("/open311/v2/tokens/{name}", get(tokens::show))
        .route(
            "/open311/v2/servicerequestupdates.json",
            get(updates::list).post(updates::add),
        )
        .route(
            "/open311/v2/servicerequestupdates.xml",
            get(updates::list).post(updates::add),
        )
        .method_not_allowed_fallback(trouble::wrong_method)
        .route("/open311/{*rest}", any(trouble::unknown))
        .layer(DefaultBodyLimit::max(with_files))
}

/// The page about it, for people.
pub fn pages() -> Router<Web> {
    Router::new().route("/open311", get(page::show))
}

/// Checks what every request says, and counts it: against its address, and against its key when it has one.
///
/// # Errors
/// Too many requests, a key that opens nothing, or a jurisdiction that is not this one.
async fn admitted(web: &Web, peer: Peer, params: &Params) -> Result<Option<ApiKey>, Trouble> {
    // A guess at a key counts against the address too.
    web.reads.check(peer)?;
    let key = match params.get("api_key") {
        Some(given) => {
            let key = web.api_keys.of_key(given, web.clock.now()).await?;
            Some(
                key.filter(|key| key.purpose == OPEN311)
                    .ok_or_else(Trouble::forbidden)?,
            )
        }
        None => None,
    };
    let ours = &web.open311.jurisdiction_id;
    match params.get("jurisdiction_id") {
        Some(named) if !ours.is_empty() && named != ours => Err(Trouble::missing(format!(
            "jurisdiction_id was not found; this is {ours}"
        ))),
        _ => Ok(key),
    }
}

/// As [`admitted`], for what needs a key.
///
/// # Errors
/// As [`admitted`], and no key.
async fn admitted_with_key(web: &Web, peer: Peer, params: &Params) -> Result<ApiKey, Trouble> {
    admitted(web, peer, params).await?.ok_or_else(Trouble::forbidden)
}
