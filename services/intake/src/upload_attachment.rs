//! Uploading: one file, before the report or text that will name it.
//!
//! The file is taken whole (it has at most 10 MiB), typed by content, freed of metadata, scanned when a scanner is
//! configured, sealed under a key of its own and stored. The row is written before the file: a crash between the
//! two leaves a row that is collected, never a file that nobody knows of.

use futures::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};
use tonic::Status;
use tuntas_kit::{ids, problem::Problem, tx};
use tuntas_proto::intake::v1::{UploadAttachmentRequest, UploadAttachmentResponse, upload_attachment_request::Part};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    attachment::{MediaType, clean, scan::Verdict},
    intake::Intake,
    problems as p,
    seal::{Column, Key},
    store::attachment::{self, Upload},
};

const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// A picture may grow when it is encoded anew, but not without end; the table's CHECK is the same.
const STORED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Takes one file.
///
/// # Errors
/// The code of what is wrong with the stream or the file, or `unavailable`.
pub async fn upload_attachment(
    intake: &Intake,
    parts: impl Stream<Item = Result<UploadAttachmentRequest, Status>> + Unpin,
) -> Result<UploadAttachmentResponse, Problem> {
    let content = receive(parts, intake.config.attachments.size_bytes_max).await?;
    let media_type = MediaType::of(&content).ok_or(p::UNSUPPORTED_MEDIA_TYPE)?;
    if let Some(scanner) = &intake.scanner
        && scanner.scan(&content).await.map_err(Problem::unavailable)? == Verdict::Refused
    {
        return Err(p::ATTACHMENT_REFUSED.into());
    }
    let content = cleaned(intake, media_type, content).await?;
    let size_bytes = i64::try_from(content.len()).map_err(Problem::internal)?;
    let id = random_uuid();
    let file_key = Key::generate();
    let sealed = file_key.seal(Column::File, Uuid::nil(), id, &content)?;
    let sha256: [u8; 32] = Sha256::digest(&sealed).into();
    let upload = Upload {
        id,
        media_type: media_type.name(),
        size_bytes,
        sha256: sha256.to_vec(),
        sealed_key: intake
            .master
            .key()
            .seal_key(Column::UnfiledFileKey, Uuid::nil(), id, &file_key)?,
        uploaded_at: intake.now(),
    };
    tx::run(&intake.pool, move |conn| {
        Box::pin(async move { attachment::insert(conn, &upload).await.map_err(Problem::from) })
    })
    .await?;
    intake.files.put(id, sealed).await.map_err(Problem::unavailable)?;
    Ok(UploadAttachmentResponse {
        attachment_id: id.to_string(),
        media_type: media_type.name().to_owned(),
        size_bytes: size_bytes.unsigned_abs(),
        sha256: sha256.to_vec(),
    })
}

/// The id goes outside, so it must not tell when it was made: a random UUID (version 4).
fn random_uuid() -> Uuid {
    uuid::Builder::from_random_bytes(ids::random_bytes()).into_uuid()
}

async fn receive(
    mut parts: impl Stream<Item = Result<UploadAttachmentRequest, Status>> + Unpin,
    size_bytes_max: usize,
) -> Result<Vec<u8>, Problem> {
    let mut content = Vec::new();
    let mut first = true;
    while let Some(part) = parts.next().await {
        match part?.part {
            Some(Part::Header(_)) if first => {}
            Some(Part::Chunk(chunk)) if !first => {
                if chunk.len() > CHUNK_BYTES_MAX {
                    return Err(p::CHUNK_TOO_LARGE.into());
                }
                if content.len() + chunk.len() > size_bytes_max {
                    return Err(p::ATTACHMENT_TOO_LARGE.into());
                }
                content.extend_from_slice(&chunk);
            }
            _ => return Err(p::HEADER_EXPECTED.into()),
        }
        first = false;
    }
    if first {
        return Err(p::HEADER_EXPECTED.into());
    }
    if content.is_empty() {
        return Err(p::ATTACHMENT_EMPTY.into());
    }
    Ok(content)
}

/// Decoding takes memory and a processor, so only a few pictures are decoded at once, away from the async threads.
async fn cleaned(intake: &Intake, media_type: MediaType, content: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let _permit = intake.decoding.acquire().await.map_err(Problem::internal)?;
    let pixels_max = intake.config.attachments.pixels_max;
    let cleaned = tokio::task::spawn_blocking(move || clean::clean(media_type, content, pixels_max))
        .await
        .map_err(Problem::internal)?
        .map_err(|_| p::ATTACHMENT_UNREADABLE)?;
    if cleaned.len() > STORED_BYTES_MAX {
        return Err(p::ATTACHMENT_TOO_LARGE.into());
    }
    Ok(Zeroizing::new(cleaned))
}
