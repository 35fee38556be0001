//! Reading an attachment: streamed from intake, shown only as what it is.

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use futures::TryStreamExt as _;
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::intake::v1::ReadAttachmentRequest;

use crate::{
    platform::answer,
    web::{Web, fault::Fault, page::SignedIn},
};

/// Streams a file.
///
/// # Errors
/// It is not the office's to see, or intake is away.
pub async fn read(
    State(web): State<Web>,
    SignedIn(user): SignedIn,
    Path(attachment_id): Path<String>,
) -> Result<Response, Fault> {
    let request = web
        .platform
        .request_as(user.officer()?, ReadAttachmentRequest { attachment_id })?;
    let mut stream = answer(web.platform.vault().read_attachment(request)).await?;
    let first = stream.message().await?.ok_or_else(|| Problem::new(NOT_FOUND))?;
    // Whatever it is: never a page of this site.
    let disposition = match first.media_type.as_str() {
        "image/jpeg" | "image/png" | "image/webp" => "inline",
        _ => "attachment",
    };
    let head = [
        (header::CONTENT_TYPE, first.media_type.clone()),
        (header::CONTENT_DISPOSITION, disposition.to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox".to_owned(),
        ),
    ];
    let rest = stream.map_ok(|part| Bytes::from(part.chunk));
    let all = futures::stream::once(async move { Ok(Bytes::from(first.chunk)) }).chain(rest);
    Ok((head, Body::from_stream(all)).into_response())
}

use futures::StreamExt as _;
