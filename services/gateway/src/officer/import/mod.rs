//! Taking over a backlog: a file is read, its columns are named, a dry run says what is wrong with which row, and the rest is
//! filed. A second run of the same file adds nothing.

pub mod jobs;
pub mod mapping;
pub mod table;

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::{DefaultBodyLimit, Multipart, Path, Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use tuntas_domain::Role;
use tuntas_kit::problem::{FORBIDDEN, INVALID_ARGUMENT, Problem};
use uuid::Uuid;

use self::{
    jobs::{Job, Plan, Progress},
    mapping::{FIELDS, Mapping, Trouble},
    table::Table,
};
use crate::{
    accounts::User,
    directory::Directory,
    web::{
        Web,
        fault::{Fault, sentence},
        page::{Page, SignedIn, html},
    },
};

/// Largest file, in bytes.
const FILE_BYTES_MAX: usize = 20 << 20;
/// Rows with errors shown.
const TROUBLES_SHOWN_MAX: usize = 300;
const SOURCE_CHARS_MAX: usize = 30;

#[derive(Template)]
#[template(path = "officer/import.html")]
struct UploadPage {
    page: Page,
    trouble: Option<String>,
}

#[derive(Template)]
#[template(path = "officer/import_job.html")]
struct JobPage {
    page: Page,
    directory: Arc<Directory>,
    id: Uuid,
    job: Job,
    mapping: Mapping,
    /// The dry run, unless the columns are to be named (again).
    plan: Option<Arc<Plan>>,
    progress: Option<Progress>,
}

/// Whether the columns are to be named again.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Shown {
    kolom: String,
}

/// Routes of these pages.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/petugas/impor", get(form).post(upload))
        .route("/petugas/impor/{id}", get(show))
        .route("/petugas/impor/{id}/uji", post(check))
        .route("/petugas/impor/{id}/jalan", post(run))
        .layer(DefaultBodyLimit::max(FILE_BYTES_MAX + (1 << 16)))
}

impl JobPage {
    fn field(&self, field: &str) -> &'static str {
        field_name(&self.page, field)
    }

    fn fields(&self) -> impl Iterator<Item = &'static str> {
        FIELDS.iter().map(|(name, _)| *name)
    }

    fn is_column(&self, field: &str, place: &usize) -> bool {
        self.mapping.column(field) == place.to_string()
    }

    /// The first value of a column, as an example.
    fn example(&self, place: &usize) -> String {
        let value = self
            .job
            .table
            .rows
            .iter()
            .filter_map(|row| row.get(*place))
            .find(|text| !text.is_empty());
        value.map_or_else(String::new, |text| text.chars().take(40).collect())
    }

    fn troubles<'a>(&self, plan: &'a Plan) -> &'a [(usize, Vec<Trouble>)] {
        &plan.troubles[..plan.troubles.len().min(TROUBLES_SHOWN_MAX)]
    }

    fn why(&self, code: &str) -> String {
        let own = match code {
            "source_id_missing" => Some(self.page.t("Nomor asal kosong.", "The source's number is missing.")),
            "idempotency_key_reused" => Some(self.page.t(
                "Sudah masuk sebelumnya, dengan isi atau pemetaan lain.",
                "Taken over before, with other content or columns.",
            )),
            _ => None,
        };
        own.or_else(|| sentence(self.page.lang, code))
            .map_or_else(|| code.replace('_', " "), str::to_owned)
    }

    fn runs(&self) -> bool {
        self.progress.as_ref().is_some_and(|progress| !progress.finished)
    }
}

fn field_name(page: &Page, field: &str) -> &'static str {
    let (id, en) = match field {
        "nomor" => ("Nomor di sumber (wajib)", "Number at the source (required)"),
        "judul" => (
            "Judul (bila kosong: kalimat pertama)",
            "Title (when empty: the first sentence)",
        ),
        "isi" => ("Isi (wajib)", "Words (required)"),
        "kategori" => ("Kategori", "Category"),
        "wilayah" => ("Kabupaten atau kota", "Regency or city"),
        "tanggal" => ("Tanggal", "Date"),
        "opd" => ("OPD yang disebut", "Agency named"),
        "nama" => ("Nama pelapor", "Reporter's name"),
        "surel" => ("Surel pelapor", "Reporter's e-mail"),
        _ => ("Telepon pelapor", "Reporter's telephone"),
    };
    page.lang.t(id, en)
}

fn may_import(user: &User) -> Result<(), Fault> {
    if user.roles.contains(&Role::Manager) || user.roles.contains(&Role::Verifier) {
        return Ok(());
    }
    Err(Fault::new(FORBIDDEN))
}

/// Asks for a file.
///
/// # Errors
/// `forbidden` outside of the manager's office.
pub async fn form(page: Page, SignedIn(user): SignedIn) -> Result<Response, Fault> {
    may_import(&user)?;
    html(&UploadPage { page, trouble: None })
}

/// Takes a file.
///
/// # Errors
/// `forbidden`, or the form cannot be read.
pub async fn upload(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    mut multipart: Multipart,
) -> Result<Response, Fault> {
    may_import(&user)?;
    let unreadable = |error| Problem::new(INVALID_ARGUMENT).caused_by(error);
    let (mut source, mut file) = (String::new(), axum::body::Bytes::new());
    while let Some(field) = multipart.next_field().await.map_err(unreadable)? {
        match field.name() {
            Some("sumber") => source = field.text().await.map_err(unreadable)?,
            Some("csv") => file = field.bytes().await.map_err(unreadable)?,
            _ => {}
        }
    }
    let source: String = source.trim().chars().take(SOURCE_CHARS_MAX).collect();
    let source = if source.is_empty() { "LAPOR".to_owned() } else { source };
    let started = Table::read(&file).and_then(|table| web.imports.start(user.account_id, source, table));
    match started {
        Ok(id) => Ok(Redirect::to(&format!("/petugas/impor/{id}")).into_response()),
        Err(problem) => {
            let why = match problem.code() {
                "csv_too_large" => page.t(
                    "Berkas ini berisi lebih dari 20.000 baris. Bagilah lebih dahulu.",
                    "This file has more than 20,000 rows. Split it first.",
                ),
                "import_busy" => page.t(
                    "Terlalu banyak impor yang sedang berjalan. Coba lagi nanti.",
                    "Too many imports are under way. Try again later.",
                ),
                _ => page.t(
                    "Berkas ini tidak dapat dibaca sebagai CSV dengan baris judul.",
                    "This file cannot be read as CSV with a head.",
                ),
            };
            let trouble = Some(why.to_owned());
            html(&UploadPage { page, trouble })
        }
    }
}

/// Shows how far an import is: its columns, its dry run, or its progress.
///
/// # Errors
/// `forbidden`, or the directory was never reached.
pub async fn show(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Path(id): Path<Uuid>,
    Query(shown): Query<Shown>,
) -> Result<Response, Fault> {
    may_import(&user)?;
    let Some(job) = web.imports.get(id, user.account_id) else {
        return gone(page);
    };
    let directory = web.directory.get().await?;
    let plan = job.plan.clone().filter(|_| shown.kolom.is_empty());
    let mapping = job
        .plan
        .as_ref()
        .map_or_else(|| Mapping::guess(&job.table.columns), |plan| plan.mapping.clone());
    html(&JobPage {
        page,
        directory,
        id,
        mapping,
        plan,
        progress: job.progress(),
        job,
    })
}

fn gone(page: Page) -> Result<Response, Fault> {
    let why = page.t(
        "Impor ini sudah tidak ada di memori. Unggah berkasnya lagi: yang sudah masuk tidak akan masuk dua kali.",
        "This import is no longer in memory. Upload the file again: what was taken over is not taken over twice.",
    );
    let trouble = Some(why.to_owned());
    html(&UploadPage { page, trouble })
}

/// The dry run.
///
/// # Errors
/// `forbidden`, or the directory was never reached.
pub async fn check(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Path(id): Path<Uuid>,
    Form(mapping): Form<Mapping>,
) -> Result<Response, Fault> {
    may_import(&user)?;
    let Some(job) = web.imports.get(id, user.account_id) else {
        return gone(page);
    };
    let directory = web.directory.get().await?;
    web.imports.check(id, &job, mapping, &directory);
    Ok(Redirect::to(&format!("/petugas/impor/{id}")).into_response())
}

/// Files what the dry run found good.
///
/// # Errors
/// `forbidden`.
pub async fn run(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Response, Fault> {
    may_import(&user)?;
    if web.imports.get(id, user.account_id).is_none() {
        return gone(page);
    }
    web.imports.run(id, &web.platform, web.clock.now());
    Ok(Redirect::to(&format!("/petugas/impor/{id}")).into_response())
}
