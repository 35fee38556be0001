//! A lost secret code: a new one goes to the contact that was given when filing. The page says the same whether ticket and
//! contact belong together or not.

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use tuntas_proto::intake::v1::RecoverReceiptRequest;

use crate::{
    platform::answer,
    web::{
        Web,
        fault::{Fault, sentence},
        page::{Page, html, html_with},
        peer::Peer,
    },
};

#[derive(Template)]
#[template(path = "citizen/recover.html")]
struct RecoverPage {
    page: Page,
    asked: Asked,
    is_sent: bool,
    trouble: Option<String>,
}

/// The form's fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    tiket: String,
    kontak: String,
}

/// Asks for ticket and contact.
///
/// # Errors
/// The template failed.
pub async fn form(page: Page, Query(asked): Query<Asked>) -> Result<Response, Fault> {
    html(&RecoverPage {
        page,
        asked,
        is_sent: false,
        trouble: None,
    })
}

/// Has a new code sent.
///
/// # Errors
/// The template failed.
pub async fn ask(State(web): State<Web>, page: Page, peer: Peer, Form(asked): Form<Asked>) -> Result<Response, Fault> {
    let request = RecoverReceiptRequest {
        ticket: asked.tiket.trim().to_uppercase(),
        contact: asked.kontak.trim().to_owned(),
        proven: false,
    };
    let request = web.platform.request_from(peer, request)?;
    match answer(web.platform.intake().recover_receipt(request)).await {
        Ok(_) => html(&RecoverPage {
            page,
            asked,
            is_sent: true,
            trouble: None,
        }),
        Err(problem) => {
            let status = StatusCode::from_u16(problem.kind().http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let trouble = match problem.code() {
                "unknown_ticket" => page.t(
                    "Ini bukan nomor tiket. Periksa lagi: bentuknya TTS-XXXXXXXX-X.",
                    "This is no ticket number. Check it: it looks like TTS-XXXXXXXX-X.",
                ),
                code => sentence(page.lang, code).unwrap_or(problem.text()),
            };
            let trouble = Some(trouble.to_owned());
            html_with(
                status,
                &RecoverPage {
                    page,
                    asked,
                    is_sent: false,
                    trouble,
                },
            )
        }
    }
}
