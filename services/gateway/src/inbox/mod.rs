//! Messages from gateways of SMS and WhatsApp: each becomes a report, or asks for a new secret code ("KODE" and a
//! ticket number), and the answer holds the text to send back.
//!
//! A request is signed as Standard Webhooks says, with a secret of the integration that the address names. The same message
//! (`webhook-id`) sent again is the same report with the same receipt.

pub mod message;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::{Deserialize, Serialize};
use standardwebhooks::{HEADER_WEBHOOK_ID, Webhook};
use tuntas_kit::problem::{INTERNAL, INVALID_ARGUMENT, Problem, UNAUTHENTICATED};
use tuntas_proto::intake::v1::{
    FileReportRequest, FileReportResponse, RecoverReceiptRequest, SuggestCategoriesRequest,
};

use self::message::{Message, Reading};
use crate::{
    api_keys::{ApiKeys, store::ApiKey},
    platform::answer,
    web::{Web, format, peer::Peer},
};

/// Largest message, in bytes: 10,000 characters with room for four bytes each.
const BODY_BYTES_MAX: usize = 64 << 10;
const NAME_CHARS_MAX: usize = 64;
const ID_CHARS_MAX: usize = 200;

/// Routes of the inbox.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/api/inbox", post(receive))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Whose request it is.
#[derive(Debug, Deserialize)]
pub struct Sender {
    integration: Option<String>,
}

/// What to send back.
#[derive(Debug, Serialize)]
pub struct Reply {
    /// Whether a report was filed.
    filed: bool,
    /// Ticket of the report.
    ticket: Option<String>,
    /// Text for the person.
    reply: String,
}

/// A problem as RFC 9457 writes it.
struct Refused(Problem);

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let kind = self.0.kind();
        if kind == INTERNAL {
            tracing::error!(problem = ?self.0, "a message was not taken");
        }
        let status = StatusCode::from_u16(kind.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "code": self.0.code(),
            "detail": self.0.text(),
        });
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
        }
        response
    }
}

async fn receive(
    State(web): State<Web>,
    peer: Peer,
    Query(sender): Query<Sender>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match take(&web, peer, &sender, &headers, &body).await {
        Ok(reply) => Json(reply).into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn take(web: &Web, peer: Peer, sender: &Sender, headers: &HeaderMap, body: &[u8]) -> Result<Reply, Refused> {
    web.reads.check(peer)?;
    let (key, id) = signed_by(&web.api_keys, sender, headers, body).await?;
    web.api_keys.count(&key, web.clock.now()).await?;
    let message: Message = serde_json::from_slice(body).map_err(|_| {
        Problem::new(INVALID_ARGUMENT).message("the body must be JSON with \"from\" and \"text\", both text")
    })?;
    let directory = web.directory.get().await?;
    let report = match message.read(&directory)? {
        Reading::Unclear(reply) => {
            return Ok(Reply {
                filed: false,
                ticket: None,
                reply,
            });
        }
        Reading::Code(ticket) => return new_code(web, ticket, message.from).await.map_err(Refused),
        Reading::Report(report) => report,
    };
    let token = web.api_keys.token_hash(&key, &["message", &id]);
    let request = FileReportRequest {
        idempotency_key: web.api_keys.idempotency_key(&token),
        category_code: category(web, &report.body).await,
        ..*report
    };
    let filed = answer(web.platform.intake().file_report(request)).await?;
    Ok(Reply {
        filed: true,
        reply: receipt(&filed, &web.edge.public_url),
        ticket: Some(filed.ticket),
    })
}

/// A new secret code, for who writes from the number that was given when filing.
async fn new_code(web: &Web, ticket: String, contact: String) -> Result<Reply, Problem> {
    let request = RecoverReceiptRequest {
        ticket: ticket.clone(),
        contact,
        proven: true,
    };
    let reply = match answer(web.platform.intake().recover_receipt(request)).await {
        Ok(recovered) => format!(
            "Kode rahasia baru untuk {ticket}: {}. Lacak: {}/lacak",
            recovered.receipt_code, web.edge.public_url
        ),
        Err(problem) if problem.kind().http < 500 && problem.code() != "rate_limited" => {
            "Tidak ada laporan dengan nomor tiket itu dari nomor ini.".to_owned()
        }
        Err(problem) => return Err(problem),
    };
    Ok(Reply {
        filed: false,
        ticket: None,
        reply,
    })
}

/// The integration that signed a request, and the id of its message. A name that does not exist and a signature that is wrong
/// look the same.
async fn signed_by(
    keys: &ApiKeys,
    sender: &Sender,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(ApiKey, String), Problem> {
    let refused = || Problem::new(UNAUTHENTICATED).message("the integration or the signature is not right");
    let name = sender.integration.as_deref().unwrap_or_default();
    if name.is_empty() || name.len() > NAME_CHARS_MAX || name.contains('\0') {
        return Err(refused());
    }
    let (key, secret) = keys.signing(name).await?.ok_or_else(refused)?;
    let webhook = Webhook::from_bytes(secret).map_err(Problem::internal)?;
    webhook.verify(body, headers).map_err(|_| refused())?;
    let id = headers.get(HEADER_WEBHOOK_ID).and_then(|id| id.to_str().ok());
    let id = id
        .filter(|id| (1..=ID_CHARS_MAX).contains(&id.len()))
        .ok_or_else(refused)?;
    Ok((key, id.to_owned()))
}

/// The category that the words lead to; the one for what fits nowhere when they lead to none, or nobody can say.
async fn category(web: &Web, words: &str) -> String {
    let request = SuggestCategoriesRequest { text: words.to_owned() };
    let found = answer(web.platform.intake().suggest_categories(request)).await;
    let best = found.ok().and_then(|found| found.suggestions.into_iter().next());
    best.map_or_else(|| web.inbox.other_category.clone(), |best| best.category_code)
}

fn receipt(filed: &FileReportResponse, public_url: &str) -> String {
    let due = format::at(crate::lang::Lang::Id, filed.verification_due_at.as_ref());
    format!(
        "Laporan diterima. Nomor tiket {}, kode rahasia {}. Diverifikasi paling lambat {due}. Lacak: {public_url}/lacak",
        filed.ticket, filed.receipt_code
    )
}
