//! Categories of reports and the agency to which each goes by default.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tuntas_proto::event::v1::{Category, directory_changed::Change};

use super::{import, note, require_operator};
use crate::{
    citizen::draft::fresh_key,
    directory::Directory,
    web::{
        Web,
        fault::Fault,
        page::{Page, SignedIn, html},
        peer::Peer,
    },
};

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Category to change.
    ubah: String,
    selesai: String,
}

/// A form of a category.
#[derive(Debug, Deserialize)]
pub struct Entry {
    kunci: String,
    kode: String,
    nama: String,
    nama_en: String,
    #[serde(default)]
    tujuan: String,
    kewenangan: String,
    #[serde(default)]
    contoh: String,
}

#[derive(Template)]
#[template(path = "admin/categories.html")]
struct CategoriesPage {
    page: Page,
    directory: Arc<Directory>,
    chosen: Option<Category>,
    key: String,
    is_done: bool,
}

impl CategoriesPage {
    fn competence(&self, code: &str) -> &'static str {
        let (id, en) = match code {
            "provinsi" => ("provinsi", "province"),
            "kabupaten_kota" => ("kabupaten/kota", "regency or city"),
            "instansi_vertikal" => ("instansi pusat", "national authority"),
            _ => ("", ""),
        };
        self.page.t(id, en)
    }
}

/// The categories.
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
    html(&CategoriesPage {
        chosen: directory.categories.get(&asked.ubah).cloned(),
        page,
        directory,
        key: fresh_key(),
        is_done: !asked.selesai.is_empty(),
    })
}

/// Adds or changes a category.
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
    let code = entry.kode.trim().to_owned();
    let examples = entry.contoh.lines().map(str::trim).filter(|line| !line.is_empty());
    let category = Category {
        code: code.clone(),
        name_id: entry.nama.trim().to_owned(),
        name_en: entry.nama_en.trim().to_owned(),
        default_opd: entry.tujuan,
        competence: entry.kewenangan,
        examples_id: examples.map(str::to_owned).collect(),
    };
    import(&web, &user, &entry.kunci, vec![Change::Category(category)], Vec::new()).await?;
    note(&web, &user, peer, "category_put", &code).await?;
    Ok(Redirect::to("/admin/kategori?selesai=1").into_response())
}
