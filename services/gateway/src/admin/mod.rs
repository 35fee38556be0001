//! Administration: agencies, positions and who holds them, categories, accounts, versions of the policy, the calendar,
//! and the trail of what was done here. The services decide whether the operator may; what was done is written down.

pub mod accounts;
pub mod agencies;
pub mod audit;
pub mod calendar;
pub mod categories;
pub mod days;
pub mod diff;
pub mod policies;
pub mod positions;
pub mod terms;

use axum::{
    Router,
    routing::{get, post},
};
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::{
    event::v1::{DirectoryChanged, directory_changed::Change},
    routing::v1::{HolderContact, ImportDirectoryRequest, ListDirectoryRequest, ListDirectoryResponse},
};

use crate::{
    accounts::{User, store},
    platform::answer,
    web::{Web, peer::Peer},
};

/// Routes of these pages.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/admin", get(agencies::home))
        .route("/admin/opd", get(agencies::list).post(agencies::put))
        .route("/admin/jabatan", get(positions::list).post(positions::put))
        .route("/admin/jabatan/pejabat", post(terms::begin))
        .route("/admin/jabatan/akhiri", post(terms::end))
        .route("/admin/jabatan/pelaksana", post(terms::appoint))
        .route("/admin/kategori", get(categories::list).post(categories::put))
        .route("/admin/akun", get(accounts::list).post(accounts::create))
        .route("/admin/akun/{username}/{act}", post(accounts::act))
        .route("/admin/kebijakan", get(policies::list).post(policies::put))
        .route("/admin/kalender", get(calendar::list).post(calendar::put))
        .route("/admin/jejak", get(audit::list))
}

/// For others the pages do not exist.
fn require_operator(user: &User) -> Result<(), Problem> {
    if user.is_operator() {
        return Ok(());
    }
    Err(Problem::new(NOT_FOUND))
}

/// Writes down what was done, by whom and from where.
async fn note(web: &Web, user: &User, peer: Peer, action: &str, subject: &str) -> Result<(), Problem> {
    let actor = user.officer()?.position.to_string();
    let at = web.clock.now();
    let peer = peer.0.to_string();
    store::audit(web.accounts.pool(), at, &actor, &user.holder, action, subject, &peer).await
}

/// The directory with the names of its people, which the common copy does not hold.
async fn directory_with_names(
    web: &Web,
    user: &User,
    request: ListDirectoryRequest,
) -> Result<ListDirectoryResponse, Problem> {
    let request = web.platform.request_as(user.officer()?, request)?;
    answer(web.platform.directory().list_directory(request)).await
}

/// Changes entries of the directory; nothing changes when one of them does not hold together with the rest.
async fn import(
    web: &Web,
    user: &User,
    key: &str,
    changes: Vec<Change>,
    contacts: Vec<HolderContact>,
) -> Result<(), Problem> {
    let entries = changes
        .into_iter()
        .map(|change| DirectoryChanged { change: Some(change) });
    let request = ImportDirectoryRequest {
        idempotency_key: key.to_owned(),
        entries: entries.collect(),
        contacts,
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    answer(web.platform.directory().import_directory(request)).await?;
    web.directory.forget();
    Ok(())
}
