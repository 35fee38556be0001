//! What went wrong, as a page in the reader's language.

use askama::Template;
use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use tonic::Status;
use tuntas_kit::problem::{INTERNAL, Kind, Problem};

use super::{Web, page::Page, refusal};
use crate::lang::Lang;

/// A form or a file larger than anything that is taken.
pub const FORM_TOO_LARGE: Kind = Kind {
    code: "form_too_large",
    grpc: tonic::Code::InvalidArgument,
    http: 413,
    message: "the form is larger than it may be",
};

/// A failed request. Handlers give it back; [`show`] makes the page.
#[derive(Debug)]
pub struct Fault(Problem);

#[derive(Clone)]
struct ToShow {
    code: String,
    text: String,
}

impl Fault {
    /// A fault of the common table.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self(Problem::new(kind))
    }

    /// The problem.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        Self(status.into())
    }
}

impl From<askama::Error> for Fault {
    fn from(error: askama::Error) -> Self {
        Self(Problem::internal(error))
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let kind = self.0.kind();
        let to_show = ToShow {
            code: self.0.code().to_owned(),
            text: self.0.text().to_owned(),
        };
        if kind == INTERNAL {
            tracing::error!(problem = ?self.0, "a page failed");
        }
        let status = StatusCode::from_u16(kind.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, format!("{}\n", to_show.code)).into_response();
        response.extensions_mut().insert(to_show);
        response
    }
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage<'a> {
    page: &'a Page,
    status: u16,
    code: &'a str,
    sentence: &'a str,
}

/// The layer that turns a [`Fault`] into a page.
pub async fn show(State(web): State<Web>, request: Request, next: Next) -> Response {
    let (headers, path) = (request.headers().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let Some(ToShow { code, text }) = response.extensions_mut().remove().or_else(|| unread(&response)) else {
        return response;
    };
    let page = Page::of(&web, &headers, &path).await;
    let sentence = sentence(page.lang, &code).unwrap_or(&text);
    let shown = FaultPage {
        page: &page,
        status: response.status().as_u16(),
        code: &code,
        sentence,
    };
    match shown.render() {
        Ok(html) => (response.status(), Html(html)).into_response(),
        Err(_) => response,
    }
}

/// What the framework refused before a handler saw it, which it says in the words of programmers.
fn unread(response: &Response) -> Option<ToShow> {
    let code = match response.status() {
        StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::UNPROCESSABLE_ENTITY => {
            "form_malformed"
        }
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => FORM_TOO_LARGE.code,
        _ => return None,
    };
    let content_type = response.headers().get(header::CONTENT_TYPE);
    content_type
        .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
        .then(|| ToShow {
            code: code.to_owned(),
            text: String::new(),
        })
}

/// What a code means to people, in plain words.
#[must_use]
pub fn sentence(lang: Lang, code: &str) -> Option<&'static str> {
    let (id, en) = match code {
        "not_found" | "unknown_case" | "unknown_report" => (
            "Halaman atau laporan ini tidak ada, atau Anda tidak berhak melihatnya.",
            "There is no such page or report, or it is not yours to see.",
        ),
        "unknown_ticket" => (
            "Nomor tiket dan kode rahasia tidak cocok. Periksa lagi keduanya pada tanda terima Anda.",
            "The ticket number and the secret code do not match. Check both on your receipt.",
        ),
        "rate_limited" => (
            "Terlalu banyak percobaan. Tunggu sebentar, lalu coba lagi.",
            "Too many tries. Wait a moment, then try again.",
        ),
        "unavailable" | "overloaded" | "deadline_exceeded" => (
            "Bagian ini sedang tidak dapat dihubungi. Tidak ada yang hilang; coba lagi beberapa saat lagi.",
            "This part cannot be reached right now. Nothing is lost; try again in a moment.",
        ),
        "forbidden" | "not_permitted" => (
            "Jabatan Anda tidak berwenang melakukan ini.",
            "Your position may not do this.",
        ),
        "own_unit" => (
            "Tidak seorang pun memutus tentang unitnya sendiri.",
            "Nobody decides on their own unit.",
        ),
        "head_required" => ("Ini memerlukan kepala OPD.", "This needs the head of the agency."),
        "illegal_move" | "stale" => (
            "Keadaan laporan sudah berubah, sehingga langkah ini tidak berlaku lagi. Muat ulang halamannya.",
            "The report has moved on, so this step no longer applies. Reload the page.",
        ),
        "title_empty" => ("Judul perlu diisi.", "A title is needed."),
        "title_too_long" => (
            "Judul lebih dari 200 karakter.",
            "The title has more than 200 characters.",
        ),
        "body_too_short" => (
            "Isi laporan paling sedikit 20 karakter.",
            "The report needs at least 20 characters.",
        ),
        "body_too_long" => (
            "Isi laporan lebih dari 10.000 karakter.",
            "The report has more than 10,000 characters.",
        ),
        "text_empty" => ("Tuliskan sesuatu lebih dahulu.", "Write something first."),
        "text_too_long" => (
            "Teks lebih dari 10.000 karakter.",
            "The text has more than 10,000 characters.",
        ),
        "unknown_category" => ("Pilih kategori.", "Choose a category."),
        "unknown_region" => ("Pilih kabupaten atau kota.", "Choose a regency or city."),
        "unknown_agency" => ("OPD ini tidak dikenal.", "This agency is unknown."),
        "event_date_malformed" => (
            "Tanggal kejadian tidak dapat dibaca.",
            "The date of the event cannot be read.",
        ),
        "event_date_in_future" => (
            "Tanggal kejadian belum tiba.",
            "The date of the event lies in the future.",
        ),
        "event_date_too_old" => (
            "Tanggal kejadian terlalu lama berlalu.",
            "The date of the event lies too far back.",
        ),
        "nik_malformed" => ("NIK terdiri atas 16 angka.", "A NIK has 16 digits."),
        "phone_malformed" => (
            "Nomor telepon tidak dapat dibaca.",
            "The telephone number cannot be read.",
        ),
        "email_malformed" => ("Alamat surel tidak dapat dibaca.", "The e-mail address cannot be read."),
        "coordinates_malformed" => ("Koordinat tidak dapat dibaca.", "The coordinates cannot be read."),
        "control_characters" => (
            "Teks berisi karakter yang tidak dapat disimpan.",
            "The text has characters that cannot be stored.",
        ),
        "window_closed" => ("Waktunya sudah lewat.", "The time for this is over."),
        "internal" => (
            "Terjadi kesalahan pada kami. Sudah tercatat.",
            "Something went wrong on our side. It has been noted.",
        ),
        other => return refusal::sentence(lang, other),
    };
    Some(lang.t(id, en))
}
