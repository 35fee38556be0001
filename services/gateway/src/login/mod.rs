//! Logging in here or at a provider, and out; the choice of an office, the own password and second factor.

pub mod absence;
pub mod account;
pub mod enter;
pub mod oidc;
pub mod provider;

use axum::{
    Router,
    routing::{get, post},
};

use crate::web::Web;

/// Routes of these pages.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/masuk", get(enter::form).post(enter::log_in))
        .route("/masuk/oidc", get(oidc::depart))
        .route("/masuk/oidc/kembali", get(oidc::arrive))
        .route("/keluar", post(enter::log_out))
        .route("/masuk/jabatan", get(enter::offices).post(enter::choose))
        .route(
            "/masuk/sandi",
            get(account::password_form).post(account::change_password),
        )
        .route("/akun", get(account::show))
        .route("/akun/pengganti", get(absence::show).post(absence::appoint))
        .route("/akun/totp", post(account::begin_totp))
        .route("/akun/totp/pasang", post(account::confirm_totp))
        .route("/akun/totp/lepas", post(account::remove_totp))
}
