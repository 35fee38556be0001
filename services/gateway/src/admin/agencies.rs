//! The first page of the administration, and agencies.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tuntas_proto::event::v1::{Agency, directory_changed::Change};

use super::{import, note, require_operator};
use crate::{
    accounts::store,
    citizen::draft::fresh_key,
    directory::Directory,
    web::{
        Web,
        fault::Fault,
        page::{Page, SignedIn, html},
        peer::Peer,
    },
};

/// Kinds of agencies.
const KINDS: [&str; 9] = [
    "sekretariat",
    "biro",
    "dinas",
    "badan",
    "inspektorat",
    "rumah_sakit",
    "satuan",
    "lainnya",
    "external",
];

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Agency to change.
    ubah: String,
    selesai: String,
}

/// A form of an agency.
#[derive(Debug, Deserialize)]
pub struct Entry {
    kunci: String,
    kode: String,
    jenis: String,
    singkatan: String,
    nama: String,
    #[serde(default)]
    eselon: String,
    #[serde(default)]
    wilayah: String,
    #[serde(default)]
    aktif: String,
}

#[derive(Template)]
#[template(path = "admin/home.html")]
struct HomePage {
    page: Page,
    agencies: usize,
    positions: usize,
    accounts: usize,
}

#[derive(Template)]
#[template(path = "admin/agencies.html")]
struct AgenciesPage {
    page: Page,
    directory: Arc<Directory>,
    chosen: Option<Agency>,
    kinds: Vec<String>,
    key: String,
    is_done: bool,
}

/// Where to begin.
///
/// # Errors
/// The page is not the office's, or the directory is not known.
pub async fn home(State(web): State<Web>, page: Page, SignedIn(user): SignedIn) -> Result<Response, Fault> {
    require_operator(&user)?;
    let directory = web.directory.get().await?;
    let accounts = store::accounts(web.accounts.pool()).await?.len();
    html(&HomePage {
        page,
        agencies: directory.own_agencies().count(),
        positions: directory.positions.values().filter(|position| position.active).count(),
        accounts,
    })
}

/// The agencies and other authorities.
///
/// # Errors
/// The page is not the office's, or the directory is not known.
pub async fn list(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    require_operator(&user)?;
    let directory = web.directory.get().await?;
    let mut kinds: Vec<String> = KINDS.iter().map(|kind| (*kind).to_owned()).collect();
    kinds.extend(directory.agencies.values().map(|agency| agency.kind.clone()));
    kinds.sort();
    kinds.dedup();
    html(&AgenciesPage {
        chosen: directory.agencies.get(&asked.ubah).cloned(),
        page,
        directory,
        kinds,
        key: fresh_key(),
        is_done: !asked.selesai.is_empty(),
    })
}

/// Adds or changes an agency.
///
/// # Errors
/// Routing refuses it, or is away.
pub async fn put(
    State(web): State<Web>,
    SignedIn(user): SignedIn,
    peer: Peer,
    Form(entry): Form<Entry>,
) -> Result<Response, Fault> {
    require_operator(&user)?;
    let text = |text: &str| text.trim().to_owned();
    let code = text(&entry.kode);
    let agency = Agency {
        code: code.clone(),
        kind: text(&entry.jenis),
        short_name: text(&entry.singkatan),
        official_name: text(&entry.nama),
        head_echelon: text(&entry.eselon),
        active: !entry.aktif.is_empty(),
        region_code: text(&entry.wilayah),
    };
    import(&web, &user, &entry.kunci, vec![Change::Agency(agency)], Vec::new()).await?;
    note(&web, &user, peer, "agency_put", &code).await?;
    Ok(Redirect::to("/admin/opd?selesai=1").into_response())
}
