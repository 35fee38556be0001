//! The agency's templates of answers, kept by its desk.

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::desk::v1::{
    DeleteTemplateRequest, ListTemplatesRequest, PutTemplateRequest, Template as AnswerTemplate,
};

use crate::{
    citizen::draft::fresh_key,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        page::{Page, SignedIn, html},
    },
};

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Template to change.
    ubah: String,
    selesai: String,
}

/// A form of a template.
#[derive(Debug, Deserialize)]
pub struct Entry {
    #[serde(default)]
    kunci: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    nama: String,
    #[serde(default)]
    isi: String,
}

#[derive(Template)]
#[template(path = "officer/templates.html")]
struct TemplatesPage {
    page: Page,
    templates: Vec<AnswerTemplate>,
    chosen: AnswerTemplate,
    key: String,
    is_done: bool,
}

/// The templates.
///
/// # Errors
/// The office is of no agency, or its desk is away.
pub async fn list(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    if !user.is_of_agency() {
        return Err(Fault::new(NOT_FOUND));
    }
    let mut desk = web.platform.desk(&user.opd).ok_or_else(|| Problem::new(NOT_FOUND))?;
    let request = ListTemplatesRequest {
        opd_code: user.opd.clone(),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let templates = answer(desk.list_templates(request)).await?.templates;
    let chosen = templates.iter().find(|template| template.template_id == asked.ubah);
    html(&TemplatesPage {
        page,
        chosen: chosen.cloned().unwrap_or_default(),
        templates,
        key: fresh_key(),
        is_done: !asked.selesai.is_empty(),
    })
}

/// Adds or changes a template.
///
/// # Errors
/// The desk refuses it, or is away.
pub async fn put(
    State(web): State<Web>,
    SignedIn(user): SignedIn,
    Form(entry): Form<Entry>,
) -> Result<Response, Fault> {
    let mut desk = web.platform.desk(&user.opd).ok_or_else(|| Problem::new(NOT_FOUND))?;
    let template = AnswerTemplate {
        template_id: entry.id,
        opd_code: user.opd.clone(),
        name: entry.nama.trim().to_owned(),
        body: entry.isi.trim().to_owned(),
    };
    let request = PutTemplateRequest {
        idempotency_key: entry.kunci,
        template: Some(template),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    answer(desk.put_template(request)).await?;
    Ok(Redirect::to("/petugas/templat?selesai=1").into_response())
}

/// Deletes a template; deleting it again changes nothing.
///
/// # Errors
/// The desk refuses it, or is away.
pub async fn delete(
    State(web): State<Web>,
    SignedIn(user): SignedIn,
    Form(entry): Form<Entry>,
) -> Result<Response, Fault> {
    let mut desk = web.platform.desk(&user.opd).ok_or_else(|| Problem::new(NOT_FOUND))?;
    let request = DeleteTemplateRequest {
        opd_code: user.opd.clone(),
        template_id: entry.id,
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    answer(desk.delete_template(request)).await?;
    Ok(Redirect::to("/petugas/templat?selesai=1").into_response())
}
