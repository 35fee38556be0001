//! Pages of the Ombudsman: the log as it grows, what is overdue and what escalated, acts with their clocks, every read
//! of their own. Those who see all cases by their office may look at them too; acting is the Ombudsman's.

pub mod act;
pub mod acts;
pub mod attention;
pub mod export;
pub mod feed;
pub mod live;
pub mod panel;
pub mod reads;
pub mod words;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use tuntas_kit::problem::{NOT_FOUND, Problem};

use crate::{accounts::User, officer::EVIDENCE_BYTES_MAX, web::Web};

/// Routes of these pages.
pub fn routes() -> Router<Web> {
    let acts = Router::new()
        .route("/ombudsman/kasus/{case_id}/{act}", post(act::act))
        .route("/ombudsman/tindakan/{act_id}/{act}", post(act::on_act))
        .layer(DefaultBodyLimit::max(EVIDENCE_BYTES_MAX));
    Router::new()
        .merge(acts)
        .route("/ombudsman", get(feed::show))
        .route("/ombudsman/kasus/{case_id}", get(feed::of_case))
        .route("/ombudsman/langsung", get(live::stream))
        .route("/ombudsman/perhatian", get(attention::show))
        .route("/ombudsman/tindakan", get(acts::all))
        .route("/ombudsman/pembacaan", get(reads::show))
        .route("/ombudsman/ekspor", get(export::choose))
        .route("/ombudsman/ekspor.jsonl", get(export::json_lines))
        .route("/ombudsman/ekspor.csv", get(export::csv))
        .route("/petugas/tindakan", get(acts::of_agency))
}

/// For others the pages do not exist.
fn require_reader(user: &User) -> Result<(), Problem> {
    if user.may_read_log() {
        return Ok(());
    }
    Err(Problem::new(NOT_FOUND))
}
