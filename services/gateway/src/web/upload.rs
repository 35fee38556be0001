//! Forms with files: fields are kept, files go on to intake as they come in and are known by their ids from then on.

use std::collections::HashMap;

use axum::extract::Multipart;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::mpsc;
use tuntas_kit::problem::{INVALID_ARGUMENT, Kind, Problem};
use tuntas_proto::intake::v1::{AttachmentHeader, UploadAttachmentRequest, upload_attachment_request::Part};

use super::{Web, fault::FORM_TOO_LARGE};
use crate::platform::answer;

/// Longest text field, in bytes: a report of 10,000 characters with room for four bytes each.
const FIELD_BYTES_MAX: usize = 64 << 10;
const FIELDS_MAX: usize = 100;
const CHUNK_BYTES_MAX: usize = 64 << 10;
const CHUNKS_WAITING_MAX: usize = 4;
/// Name of the fields that hold files.
const FILES: &str = "berkas";
/// Name of the fields with files that were uploaded before: `id|name`.
pub const UPLOADED: &str = "lampiran";

const TOO_MANY: Kind = Kind {
    code: "too_many_attachments",
    grpc: tonic::Code::InvalidArgument,
    http: 422,
    message: "there are too many files",
};

/// A file that intake has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Id in intake.
    pub id: String,
    /// What it is called, for the person who chose it.
    pub name: String,
}

/// A form with its files already at intake.
#[derive(Debug, Default)]
pub struct Form {
    fields: HashMap<String, String>,
    /// Files, those of earlier tries first.
    pub files: Vec<Uploaded>,
    /// Why a file was not taken, with its name.
    pub refused: Option<(String, Problem)>,
}

impl Form {
    /// A form with these fields and no file.
    #[must_use]
    pub fn with<N: Into<String>>(fields: impl IntoIterator<Item = (N, String)>) -> Self {
        Self {
            fields: fields.into_iter().map(|(name, text)| (name.into(), text)).collect(),
            ..Self::default()
        }
    }

    /// A field, without blanks around it; empty when it is missing.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |text| text.trim())
    }

    /// All fields, in no order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Ids of the files.
    #[must_use]
    pub fn file_ids(&self) -> Vec<String> {
        self.files.iter().map(|file| file.id.clone()).collect()
    }
}

/// Reads a form. A file that intake does not take loses nothing else: see [`Form::refused`].
///
/// # Errors
/// The form is malformed or too large.
pub async fn read(web: &Web, mut multipart: Multipart) -> Result<Form, Problem> {
    let mut form = Form::default();
    while let Some(mut field) = multipart.next_field().await.map_err(malformed)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == FILES {
            let file_name = field.file_name().unwrap_or_default().to_owned();
            if file_name.is_empty() {
                continue;
            }
            if form.files.len() >= web.filing.attachments_max {
                form.refused = Some((file_name, Problem::new(TOO_MANY)));
                continue;
            }
            match stream(web, &file_name, field).await? {
                Ok(id) => form.files.push(Uploaded { id, name: file_name }),
                Err(problem) => form.refused = Some((file_name, problem)),
            }
            continue;
        }
        let mut text = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(malformed)? {
            text.extend_from_slice(&chunk);
            if text.len() > FIELD_BYTES_MAX {
                return Err(Problem::invalid("form", "a field is too long"));
            }
        }
        let text = String::from_utf8(text).map_err(|_| Problem::invalid("form", "a field is not UTF-8"))?;
        if name == UPLOADED {
            if form.files.len() >= web.filing.attachments_max {
                form.refused = Some((text, Problem::new(TOO_MANY)));
            } else if let Some((id, name)) = text.split_once('|') {
                form.files.push(Uploaded {
                    id: id.to_owned(),
                    name: name.to_owned(),
                });
            }
        } else if form.fields.len() < FIELDS_MAX {
            form.fields.insert(name, text);
        }
    }
    Ok(form)
}

/// Streams one file to intake.
///
/// # Errors
/// What intake says, or the form is malformed.
pub(crate) async fn send(web: &Web, name: &str, field: axum::extract::multipart::Field<'_>) -> Result<String, Problem> {
    stream(web, name, field).await?
}

/// Streams one file to intake, never holding more than a few chunks. Within it is what intake says.
async fn stream(
    web: &Web,
    name: &str,
    mut field: axum::extract::multipart::Field<'_>,
) -> Result<Result<String, Problem>, Problem> {
    let (chunks, waiting) = mpsc::channel::<UploadAttachmentRequest>(CHUNKS_WAITING_MAX);
    let part = |part| UploadAttachmentRequest { part: Some(part) };
    let header = part(Part::Header(AttachmentHeader {
        file_name: name.to_owned(),
    }));
    let stream = futures::stream::once(async move { header })
        .chain(futures::stream::unfold(waiting, async |mut waiting| {
            waiting.recv().await.map(|chunk| (chunk, waiting))
        }));
    let mut intake = web.platform.intake();
    let call = answer(intake.upload_attachment(stream));
    let feed = async move {
        while let Some(bytes) = field.chunk().await.map_err(malformed)? {
            for piece in pieces(bytes) {
                // Intake has stopped listening: its answer says why.
                if chunks.send(part(Part::Chunk(piece.to_vec()))).await.is_err() {
                    while field.chunk().await.map_err(malformed)?.is_some() {}
                    return Ok(());
                }
            }
        }
        Ok(())
    };
    let (sent, fed): (_, Result<(), Problem>) = tokio::join!(call, feed);
    fed?;
    Ok(sent.map(|sent| sent.attachment_id))
}

fn pieces(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || (!bytes.is_empty()).then(|| bytes.split_to(bytes.len().min(CHUNK_BYTES_MAX))))
}

fn malformed(error: axum::extract::multipart::MultipartError) -> Problem {
    if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(FORM_TOO_LARGE).caused_by(error);
    }
    Problem::new(INVALID_ARGUMENT)
        .message("the form cannot be read")
        .caused_by(error)
}
