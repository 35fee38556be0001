//! What the public will see, before it is released: an answer, or the verifier's words.

use askama::Template;
use axum::response::Response;
use tuntas_kit::problem::Problem;
use tuntas_proto::{
    case::v1::{Privacy, State as CaseState},
    intake::v1::{GetPublicReportRequest, PublicReport},
};

use super::{desk_command, view::View};
use crate::{
    accounts::User,
    citizen::{draft::fresh_key, personal_data},
    platform::answer,
    web::{
        Web,
        fault::Fault,
        format,
        page::{Page, html},
        upload::{Form, UPLOADED},
    },
};

/// Acts that have a preview.
pub const WITH_PREVIEW: [&str; 2] = ["jawab", "verifikasi"];
/// Fields that the page sets itself.
const OWN_FIELDS: [&str; 2] = ["langkah", "kunci"];

#[derive(Template)]
#[template(path = "officer/preview.html")]
struct PreviewPage {
    page: Page,
    case_id: String,
    act: &'static str,
    ticket: String,
    /// Whether the public sees it; else the reporter alone.
    is_public: bool,
    title: String,
    body: String,
    answer: String,
    outcome: &'static str,
    category: String,
    region: String,
    /// The reporter's own words, beside the redacted ones.
    original: Option<(String, String)>,
    /// What still looks like personal data, by name.
    findings: Vec<&'static str>,
    /// The place is published too.
    with_place: bool,
    /// The form, to be sent on.
    fields: Vec<(String, String)>,
    key: String,
    files: Vec<String>,
}

/// Shows the preview of an act's form.
///
/// # Errors
/// The case is not the office's, or a service is away.
pub async fn show(
    web: &Web,
    page: Page,
    user: &User,
    case_id: &str,
    act: &'static str,
    form: &Form,
) -> Result<Response, Fault> {
    let (view, directory) = tokio::join!(View::of(web, user, case_id, 0), web.directory.get());
    let (view, directory) = (view?, directory?);
    let report = view.reports.first().cloned().unwrap_or_default();
    let mut shown = PreviewPage {
        case_id: case_id.to_owned(),
        act,
        ticket: report.ticket.clone(),
        is_public: !view.case.supervisory && view.case.privacy() != Privacy::Confidential,
        title: String::new(),
        body: String::new(),
        answer: String::new(),
        outcome: "",
        category: page.category(&directory, &view.case.category_code).to_owned(),
        region: directory.region(&view.case.region_code).to_owned(),
        original: None,
        findings: Vec::new(),
        with_place: !form.get("publik-tempat").is_empty(),
        fields: carried(form),
        key: format!("{}-{act}", fresh_key()),
        files: form.files.iter().map(|file| file.name.clone()).collect(),
        page,
    };
    if act == "verifikasi" {
        shown.title = form.get("publik-judul").to_owned();
        shown.body = form.get("publik").to_owned();
        shown.is_public = shown.is_public && form.get("pengawasan").is_empty() && !shown.body.is_empty();
        shown.category = shown.page.category(&directory, form.get("kategori")).to_owned();
        shown.region = directory.region(form.get("wilayah")).to_owned();
        shown.original = Some((report.title, report.body));
    } else {
        let public = public_report(web, &report.ticket).await?;
        shown.is_public = shown.is_public && public.is_some();
        let public = public.unwrap_or_default();
        (shown.title, shown.body) = (public.title, public.body);
        form.get("teks").clone_into(&mut shown.answer);
        shown.outcome = format::outcome(shown.page.lang, desk_command::claim(form.get("hasil")).into());
    }
    let to_publish = format!("{}\n{}\n{}", shown.title, shown.body, shown.answer);
    let lang = shown.page.lang;
    let found = personal_data::find(&to_publish);
    shown.findings = found.into_iter().map(|finding| finding.name(lang)).collect();
    html(&shown)
}

impl PreviewPage {
    fn state(&self) -> &'static str {
        self.page.state(&CaseState::Answered.into())
    }
}

/// A report as the register has it; none when it is not listed.
async fn public_report(web: &Web, ticket: &str) -> Result<Option<PublicReport>, Problem> {
    let request = GetPublicReportRequest {
        ticket: ticket.to_owned(),
        ..GetPublicReportRequest::default()
    };
    match answer(web.platform.intake().get_public_report(request)).await {
        Ok(report) => Ok(Some(report)),
        Err(problem) if problem.kind().http < 500 => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The form's fields and files as hidden fields carry them on.
fn carried(form: &Form) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = form
        .fields()
        .filter(|(name, _)| !OWN_FIELDS.contains(name))
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect();
    fields.sort_unstable();
    fields.extend(
        form.files
            .iter()
            .map(|file| (UPLOADED.to_owned(), format!("{}|{}", file.id, file.name))),
    );
    fields
}
