//! The trail of what was done to accounts and through these pages.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use tuntas_proto::wire_time::timestamp;

use super::require_operator;
use crate::{
    accounts::store::{self, AuditLine},
    directory::Directory,
    web::{
        Web,
        fault::Fault,
        page::{Page, SignedIn, html},
    },
};

/// Lines shown, latest first.
const LINES_SHOWN_MAX: i64 = 500;

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditPage {
    page: Page,
    directory: Arc<Directory>,
    lines: Vec<AuditLine>,
}

impl AuditPage {
    fn at(&self, line: &AuditLine) -> String {
        self.page.at(Some(&timestamp(line.at)))
    }

    fn action(&self, line: &AuditLine) -> String {
        let (id, en) = match line.action.as_str() {
            "logged_in" => ("masuk", "logged in"),
            "login_failed" => ("gagal masuk", "login failed"),
            "account_locked" => ("akun terkunci", "account locked"),
            "account_unlocked" => ("kunci akun dibuka", "account unlocked"),
            "account_created" => ("akun dibuat", "account created"),
            "account_reset" => ("sandi akun diatur ulang", "account reset"),
            "account_disabled" => ("akun dinonaktifkan", "account disabled"),
            "account_enabled" => ("akun diaktifkan", "account enabled"),
            "password_changed" => ("sandi diganti", "password changed"),
            "totp_set" => ("faktor kedua dipasang", "second factor set"),
            "totp_removed" => ("faktor kedua dilepas", "second factor removed"),
            "agency_put" => ("OPD diubah", "agency changed"),
            "position_put" => ("jabatan diubah", "position changed"),
            "category_put" => ("kategori diubah", "category changed"),
            "term_begun" => ("masa jabatan dimulai", "term begun"),
            "term_ended" => ("masa jabatan diakhiri", "term ended"),
            "acting_holder_named" => ("pejabat pelaksana ditunjuk", "acting holder named"),
            "policy_put" => ("versi kebijakan ditambah", "policy version added"),
            "holiday_put" => ("hari libur ditambah", "holiday added"),
            "holiday_removed" => ("hari libur dihapus", "holiday removed"),
            other => return other.replace('_', " "),
        };
        self.page.t(id, en).to_owned()
    }
}

/// The latest lines.
///
/// # Errors
/// The page is not the office's, or the database's.
pub async fn list(State(web): State<Web>, page: Page, SignedIn(user): SignedIn) -> Result<Response, Fault> {
    require_operator(&user)?;
    let lines = store::audit_lines(web.accounts.pool(), LINES_SHOWN_MAX).await?;
    let directory = web.directory.get().await?;
    html(&AuditPage { page, directory, lines })
}
