//! What an officer does with the reporter rather than with the case: write to them, or look at who they are.

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tuntas_proto::intake::v1::{Identity, RevealIdentityRequest, SendOfficerMessageRequest};

use crate::{
    platform::answer,
    web::{
        Web,
        fault::Fault,
        page::{Page, SignedIn, html},
    },
};

/// A form about one report.
#[derive(Debug, Deserialize)]
pub struct About {
    kunci: String,
    laporan: String,
    teks: String,
}

#[derive(Template)]
#[template(path = "officer/identity.html")]
struct IdentityPage {
    page: Page,
    case_id: String,
    identity: Identity,
}

/// Sends a message; it pauses nothing.
///
/// # Errors
/// The text is no text, the report is not the office's, or intake is away.
pub async fn write(
    State(web): State<Web>,
    SignedIn(user): SignedIn,
    Path(case_id): Path<String>,
    Form(form): Form<About>,
) -> Result<Response, Fault> {
    let request = SendOfficerMessageRequest {
        idempotency_key: form.kunci,
        report_id: form.laporan,
        text: form.teks.trim().to_owned(),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    answer(web.platform.vault().send_officer_message(request)).await?;
    Ok(Redirect::to(&format!("/petugas/kasus/{case_id}?selesai=pesan")).into_response())
}

/// Shows who reported. The reason is written down first, and the reporter sees it.
///
/// # Errors
/// `reason_length`, `identity_hidden`, the report is not the office's, or intake is away.
pub async fn reveal(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Path(case_id): Path<String>,
    Form(form): Form<About>,
) -> Result<Response, Fault> {
    let request = RevealIdentityRequest {
        idempotency_key: form.kunci,
        report_id: form.laporan,
        reason: form.teks.trim().to_owned(),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let revealed = answer(web.platform.vault().reveal_identity(request)).await?;
    html(&IdentityPage {
        page,
        case_id,
        identity: revealed.identity.unwrap_or_default(),
    })
}
