//! Style, script and icon, compiled in. Their address holds a stamp of their content, so that browsers keep them for good.

use std::{collections::BTreeMap, sync::LazyLock};

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest as _, Sha256};

const FOREVER: &str = "public, max-age=31536000, immutable";

struct Asset {
    content_type: &'static str,
    bytes: &'static [u8],
}

const FILES: &[(&str, Asset)] = &[
    (
        "app.css",
        Asset {
            content_type: "text/css; charset=utf-8",
            bytes: include_bytes!("../../static/app.css"),
        },
    ),
    (
        "app.js",
        Asset {
            content_type: "text/javascript; charset=utf-8",
            bytes: include_bytes!("../../static/app.js"),
        },
    ),
    (
        "htmx.min.js",
        Asset {
            content_type: "text/javascript; charset=utf-8",
            bytes: include_bytes!("../../static/htmx.min.js"),
        },
    ),
    (
        "icon.svg",
        Asset {
            content_type: "image/svg+xml",
            bytes: include_bytes!("../../static/icon.svg"),
        },
    ),
];

static ADDRESSES: LazyLock<BTreeMap<&'static str, String>> = LazyLock::new(|| {
    FILES
        .iter()
        .map(|(name, asset)| {
            let stamp = hex::encode(&Sha256::digest(asset.bytes)[..6]);
            (*name, format!("/static/{stamp}/{name}"))
        })
        .collect()
});

/// Address of a file.
#[must_use]
pub fn address(name: &str) -> &'static str {
    ADDRESSES.get(name).map_or("", String::as_str)
}

/// Serves a file. An old stamp gets the present content, but not for good.
pub async fn serve(Path((stamp, name)): Path<(String, String)>) -> Response {
    let Some((_, asset)) = FILES.iter().find(|(known, _)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let current = address(&name).contains(&format!("/{stamp}/"));
    let caching = if current { FOREVER } else { "no-cache" };
    (
        [
            (header::CONTENT_TYPE, asset.content_type),
            (header::CACHE_CONTROL, caching),
        ],
        asset.bytes,
    )
        .into_response()
}

/// Officers' pages and receipts are nothing for search engines.
pub async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /petugas/\nDisallow: /masuk\nDisallow: /lacak\n"
}
