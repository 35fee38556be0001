//! One attachment, for an officer who may read its report.

use sha2::{Digest as _, Sha256};
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::intake::v1::ReadAttachmentRequest;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{access, caller::Caller, intake::Intake, seal::Column, store::attachment, validate};

/// A file, opened.
pub struct Content {
    /// Type by content.
    pub media_type: String,
    /// The file.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// The stored file is not the one whose hash was given out.
#[derive(Debug, thiserror::Error)]
#[error("a stored file was changed")]
struct Changed;

/// Opens a file.
///
/// # Errors
/// `not_found` (also before it is filed), `unknown_report`, `report_erased`, `forbidden`, or the store's.
pub async fn read_attachment(
    intake: &Intake,
    caller: &Caller,
    request: ReadAttachmentRequest,
) -> Result<Content, Problem> {
    let id = validate::id(&request.attachment_id)?;
    let mut conn = intake.conn().await?;
    let found = attachment::by_id(&mut conn, id).await?;
    let found = found.ok_or_else(|| Problem::new(NOT_FOUND))?;
    let report_id = found.report_id.ok_or_else(|| Problem::new(NOT_FOUND))?;
    drop(conn);
    let standing = access::readable(intake, caller, report_id).await?;
    let mut conn = intake.conn().await?;
    let key = intake.key_or_erased(&mut conn, report_id).await?;
    drop(conn);
    access::log_read(intake, caller, &standing).await?;
    let file_key = key.open_key(Column::FileKey, report_id, id, &found.sealed_key)?;
    let sealed = intake.files.get(id).await.map_err(Problem::unavailable)?;
    if Sha256::digest(&sealed).as_slice() != found.sha256.as_slice() {
        return Err(Problem::internal(Changed));
    }
    let bytes = file_key.open(Column::File, Uuid::nil(), id, &sealed)?;
    Ok(Content {
        media_type: found.media_type,
        bytes,
    })
}
