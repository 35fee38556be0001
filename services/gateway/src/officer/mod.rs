//! Pages for officers: what waits for them, one case with all that can be done, and how they are evaluated.

pub mod act;
pub mod bulk;
pub mod case;
pub mod central_command;
pub mod compare;
pub mod desk_command;
pub mod evaluation;
pub mod files;
pub mod history;
pub mod import;
pub mod inbox;
pub mod live;
pub mod offers;
pub mod overview;
pub mod preview;
pub mod reporter;
pub mod row;
pub mod templates;
pub mod view;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};

use crate::web::Web;

/// Room for a form with evidence, in bytes.
pub(crate) const EVIDENCE_BYTES_MAX: usize = 52 << 20;

/// Routes of these pages.
pub fn routes() -> Router<Web> {
    let acts = Router::new()
        .route("/petugas/kasus/{case_id}/{act}", post(act::act))
        .layer(DefaultBodyLimit::max(EVIDENCE_BYTES_MAX));
    Router::new()
        .merge(acts)
        .merge(import::routes())
        .route("/petugas", get(inbox::central))
        .route("/petugas/evaluasi", get(evaluation::show))
        .route("/petugas/evaluasi/rincian", get(evaluation::details))
        .route("/petugas/evaluasi/{evaluation_case_id}/jawab", post(evaluation::reply))
        .route("/petugas/evaluasi/{evaluation_case_id}/putus", post(evaluation::decide))
        .route("/petugas/templat", get(templates::list).post(templates::put))
        .route("/petugas/templat/hapus", post(templates::delete))
        .route("/petugas/opd", get(inbox::agency))
        .route("/petugas/massal", post(bulk::act))
        .route("/petugas/langsung", get(live::stream))
        .route("/petugas/banding/{one}/{other}", get(compare::show))
        .route("/petugas/ringkasan", get(overview::show))
        .route("/petugas/cari", post(inbox::find))
        .route("/petugas/kasus/{case_id}", get(case::show))
        .route("/petugas/kasus/{case_id}/pesan", post(reporter::write))
        .route("/petugas/kasus/{case_id}/identitas", post(reporter::reveal))
        .route("/petugas/lampiran/{attachment_id}", get(files::read))
}
