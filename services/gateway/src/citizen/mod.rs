//! Pages for everybody: file a report, follow it, search the public register, see how agencies do.

pub mod acts;
pub mod draft;
pub mod facts;
pub mod file;
pub mod home;
pub mod language;
pub mod map;
pub mod personal_data;
pub mod receipt;
pub mod recover;
pub mod register;
pub mod statistics;
pub mod track;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};

use crate::web::Web;

/// Room for the fields of a form beside its files, in bytes.
const FIELDS_BYTES_MAX: usize = 1 << 20;

/// Routes of these pages.
pub fn routes(web: &Web) -> Router<Web> {
    let with_files = web.filing.attachments_max * web.filing.attachment_bytes_max + FIELDS_BYTES_MAX;
    let forms = Router::new()
        .route("/lapor", get(file::form).post(file::submit))
        .route(file::ASSISTED, get(file::assisted_form).post(file::assisted_submit))
        .route("/lacak/{ticket}/{act}", post(acts::act))
        .layer(DefaultBodyLimit::max(with_files));
    Router::new()
        .merge(forms)
        .route("/", get(home::show))
        .route("/bahasa", post(language::choose))
        .route("/lacak", get(track::form).post(track::open))
        .route("/lacak/kode", get(recover::form).post(recover::ask))
        .route("/lacak/{ticket}", get(track::show))
        .route("/lacak/{ticket}/tutup", post(track::close))
        .route("/laporan", get(register::search))
        .route("/laporan/{ticket}", get(register::show))
        .route("/fakta", get(facts::list))
        .route("/statistik", get(statistics::show))
        .route("/statistik.csv", get(statistics::csv))
}
