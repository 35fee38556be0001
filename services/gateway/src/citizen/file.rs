//! Filing a report: one page with everything, then a look at what it will be, then it is filed.
//!
//! The form has a key of its own from the start. A form that is sent again, because the line broke or a finger slipped,
//! is the same report with the same receipt.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Multipart, Query, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use tuntas_kit::problem::{FORBIDDEN, Problem};
use tuntas_proto::intake::v1::{PublicReport, SuggestCategoriesRequest, SuggestSimilarRequest};

use super::{draft::Draft, personal_data, receipt};
use crate::{
    accounts::User,
    directory::Directory,
    platform::answer,
    web::{
        Web,
        fault::{Fault, sentence},
        page::{Page, SignedIn, html, html_with},
        peer::Peer,
        upload,
    },
};

const SIMILAR_MAX: usize = 5;
const CATEGORIES_MAX: usize = 4;
/// Category of what fits no other.
const OTHER: &str = "lainnya";

/// What stands above a form that needs another look.
struct Trouble {
    sentence: String,
    field: &'static str,
}

#[derive(Template)]
#[template(path = "citizen/file.html")]
struct FilePage {
    page: Page,
    directory: Arc<Directory>,
    draft: Draft,
    trouble: Option<Trouble>,
}

impl FilePage {
    fn is_assisted(&self) -> bool {
        is_assisted(&self.page)
    }

    fn at_fault(&self, field: &str) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.field == field)
    }
}

#[derive(Template)]
#[template(path = "citizen/check.html")]
struct CheckPage {
    page: Page,
    directory: Arc<Directory>,
    draft: Draft,
    /// Codes, best first; the chosen one, when the person chose.
    categories: Vec<String>,
    similar: Vec<PublicReport>,
    /// What looks like personal data, by name.
    findings: Vec<&'static str>,
}

/// What a link may fill in.
#[derive(Debug, Deserialize)]
pub struct Prefill {
    kategori: Option<String>,
    wilayah: Option<String>,
    serupa: Option<String>,
}

/// The empty form.
///
/// # Errors
/// The directory was never reached.
pub async fn form(State(web): State<Web>, page: Page, Query(prefill): Query<Prefill>) -> Result<Response, Fault> {
    let directory = web.directory.get().await?;
    let draft = Draft {
        category: prefill.kategori.unwrap_or_default(),
        region: prefill.wilayah.unwrap_or_default(),
        same_as: prefill.serupa.unwrap_or_default(),
        ..Draft::new()
    };
    html(&FilePage {
        page,
        directory,
        draft,
        trouble: None,
    })
}

/// The empty form for an officer who writes down what somebody said, sent or posted.
///
/// # Errors
/// The directory was never reached.
pub async fn assisted_form(
    web: State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    prefill: Query<Prefill>,
) -> Result<Response, Fault> {
    may_assist(&user)?;
    form(web, page, prefill).await
}

/// The filled form of an officer.
///
/// # Errors
/// As [`submit`], or the office takes no reports.
pub async fn assisted_submit(
    web: State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    peer: Peer,
    multipart: Multipart,
) -> Result<Response, Fault> {
    may_assist(&user)?;
    submit(web, page, peer, multipart).await
}

fn may_assist(user: &User) -> Result<(), Fault> {
    if user.assists() {
        return Ok(());
    }
    Err(Fault::new(FORBIDDEN))
}

/// The filled form: shows what it will be, or files it.
///
/// # Errors
/// The form cannot be read, or intake is away before anything was typed into it that could be lost.
pub async fn submit(State(web): State<Web>, page: Page, peer: Peer, multipart: Multipart) -> Result<Response, Fault> {
    let directory = web.directory.get().await?;
    let form = upload::read(&web, multipart).await?;
    let draft = Draft::of(&form);
    let again = |page: Page, draft: Draft, status, sentence: String, field| {
        let trouble = Some(Trouble { sentence, field });
        html_with(
            status,
            &FilePage {
                page,
                directory: directory.clone(),
                draft,
                trouble,
            },
        )
    };
    if let Some((name, problem)) = &form.refused {
        let why = sentence(page.lang, problem.code()).unwrap_or(problem.text());
        let status = match problem.kind().http {
            500.. => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        return again(page, draft, status, format!("{name}: {why}"), "berkas");
    }
    if let Some((code, field)) = draft.missing() {
        let why = sentence(page.lang, code).unwrap_or(code).to_owned();
        return again(page, draft, StatusCode::UNPROCESSABLE_ENTITY, why, field);
    }
    match form.get("langkah") {
        "kirim" => {
            // An office enters many reports from one address.
            let allowed = if is_assisted(&page) {
                Ok(())
            } else {
                web.filings.check(peer)
            };
            let filed = match allowed {
                Ok(()) => file(&web, &page, &draft).await,
                Err(problem) => Err(problem),
            };
            match filed {
                Ok(filed) => receipt::show(&web, page, &filed),
                Err(problem) => {
                    let (status, why) = unfiled(&page, &problem);
                    again(page, draft, status, why, field_of(problem.code()))
                }
            }
        }
        "ubah" => html(&FilePage {
            page,
            directory,
            draft,
            trouble: None,
        }),
        _ => check(&web, page, directory, draft).await,
    }
}

/// Path of the form for officers.
pub const ASSISTED: &str = "/petugas/lapor";

fn is_assisted(page: &Page) -> bool {
    page.is_here(ASSISTED)
}

async fn file(web: &Web, page: &Page, draft: &Draft) -> Result<tuntas_proto::intake::v1::FileReportResponse, Problem> {
    let channel = if is_assisted(page) { "assisted" } else { "web" };
    let request = draft.request(page.lang.code(), channel)?;
    answer(web.platform.intake().file_report(request)).await
}

/// What to say when a report was not filed: the form stays filled in, and sending it again cannot make two of it.
fn unfiled(page: &Page, problem: &Problem) -> (StatusCode, String) {
    let status = StatusCode::from_u16(problem.kind().http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_server_error() {
        tracing::warn!(?problem, "a report was not filed");
        let why = page.t(
            "Laporan belum terkirim karena sistem penerimaan sedang tidak dapat dihubungi. Isian Anda masih ada di bawah ini: \
             tekan kirim lagi sebentar lagi. Laporan tidak akan tercatat dua kali.",
            "The report was not sent: the intake cannot be reached right now. What you wrote is still here: press send again \
             in a moment. It will not be recorded twice.",
        );
        return (status, why.to_owned());
    }
    let why = sentence(page.lang, problem.code()).unwrap_or(problem.text());
    (status, why.to_owned())
}

/// The field of the form that a code is about.
fn field_of(code: &str) -> &'static str {
    match code {
        "title_empty" | "title_too_long" => "judul",
        "body_too_short" | "body_too_long" | "control_characters" => "isi",
        "unknown_category" => "kategori",
        "unknown_region" => "wilayah",
        "unknown_agency" => "opd",
        "event_date_malformed" | "event_date_in_future" | "event_date_too_old" => "tanggal",
        "source_url_malformed" => "sumber",
        "place_too_long" | "coordinates_malformed" => "tempat",
        "name_too_long" => "nama",
        "nik_malformed" => "nik",
        "phone_malformed" => "telepon",
        "email_malformed" => "surel",
        "address_too_long" => "alamat",
        "too_many_attachments" | "unknown_attachment" => "berkas",
        _ => "",
    }
}

async fn check(web: &Web, page: Page, directory: Arc<Directory>, draft: Draft) -> Result<Response, Fault> {
    let text = format!("{}\n{}", draft.title, draft.body);
    let (mut for_similar, mut for_categories) = (web.platform.intake(), web.platform.intake());
    let similar = for_similar.suggest_similar(SuggestSimilarRequest {
        text: text.clone(),
        category_code: draft.category.clone(),
        region_code: draft.region.clone(),
    });
    let categories = for_categories.suggest_categories(SuggestCategoriesRequest { text: text.clone() });
    // Suggestions are a help: filing goes on without them.
    let (similar, categories) = tokio::join!(answer(similar), answer(categories));
    let mut similar = similar.map(|found| found.reports).unwrap_or_default();
    similar.truncate(SIMILAR_MAX);
    let categories = if draft.category.is_empty() {
        let found = categories.map(|found| found.suggestions).unwrap_or_default();
        let mut codes: Vec<String> = found
            .into_iter()
            .map(|one| one.category_code)
            .take(CATEGORIES_MAX)
            .collect();
        if directory.categories.contains_key(OTHER) && !codes.iter().any(|code| code == OTHER) {
            codes.push(OTHER.to_owned());
        }
        codes
    } else {
        vec![draft.category.clone()]
    };
    let found = personal_data::find(&text);
    let findings = found.into_iter().map(|finding| finding.name(page.lang)).collect();
    html(&CheckPage {
        page,
        directory,
        draft,
        categories,
        similar,
        findings,
    })
}
