//! Pages for officers: what waits for them, one case with all that can be done, and how they are evaluated.

pub mod act;
pub mod case;
pub mod central_command;
pub mod desk_command;
pub mod files;
pub mod inbox;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};

use crate::web::Web;

/// Room for a form with evidence, in bytes.
const EVIDENCE_BYTES_MAX: usize = 52 << 20;

/// Routes of these pages.
pub fn routes() -> Router<Web> {
    let acts = Router::new()
        .route("/petugas/kasus/{case_id}/{act}", post(act::act))
        .layer(DefaultBodyLimit::max(EVIDENCE_BYTES_MAX));
    Router::new()
        .merge(acts)
        .route("/petugas", get(inbox::central))
        .route("/petugas/opd", get(inbox::agency))
        .route("/petugas/cari", post(inbox::find))
        .route("/petugas/kasus/{case_id}", get(case::show))
        .route("/petugas/lampiran/{attachment_id}", get(files::read))
}
