//! The receipt: shown once, to be kept.

use askama::Template;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::CookieJar;
use tuntas_proto::intake::v1::FileReportResponse;

use super::{file, track};
use crate::{
    qr,
    web::{
        Web,
        fault::Fault,
        page::{Page, html},
    },
};

#[derive(Template)]
#[template(path = "citizen/receipt.html")]
struct ReceiptPage<'a> {
    page: Page,
    receipt: &'a FileReportResponse,
    address: String,
    qr: String,
    assisted: bool,
}

/// Shows a receipt, and opens the report for this browser.
///
/// # Errors
/// The template failed.
pub fn show(web: &Web, page: Page, receipt: &FileReportResponse) -> Result<Response, Fault> {
    let address = format!("{}/lacak", web.edge.public_url);
    // Behind the #, which a browser never sends: the code reaches no log.
    let with_code = format!("{address}?tiket={}#{}", receipt.ticket, receipt.receipt_code);
    let qr = qr::svg(&with_code)?;
    // An officer hands the receipt on: the report is the citizen's, and is not opened in the office's browser.
    let assisted = page.is_here(file::ASSISTED);
    let page = html(&ReceiptPage {
        page,
        receipt,
        address,
        qr,
        assisted,
    })?;
    if assisted {
        return Ok(page);
    }
    let jar = CookieJar::new().add(track::key(web, &receipt.ticket, &receipt.receipt_code));
    Ok((jar, page).into_response())
}
