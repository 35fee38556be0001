//! Tying uploads to a report or to one of its texts: their keys are sealed anew, under the report's.

use sqlx::PgConnection;
use tuntas_kit::problem::Problem;
use tuntas_proto::intake::v1::Attachment as WireAttachment;
use uuid::Uuid;

use crate::{
    intake::Intake,
    problems::UNKNOWN_ATTACHMENT,
    seal::{Column, Key},
    store::attachment::{self, Attachment},
};

/// The uploads of these ids, in this order, all of which must be free.
///
/// # Errors
/// `unknown_attachment`, or the database's.
pub async fn unfiled(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Attachment>, Problem> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found = attachment::unfiled(conn, ids).await?;
    ids.iter()
        .map(|id| {
            found
                .iter()
                .find(|upload| upload.id == *id)
                .cloned()
                .ok_or_else(|| UNKNOWN_ATTACHMENT.into())
        })
        .collect()
}

/// Seals the keys of uploads under the key of the report that they go with.
///
/// # Errors
/// A key does not open.
pub fn reseal(
    intake: &Intake,
    report: Uuid,
    key: &Key,
    uploads: &[Attachment],
) -> Result<Vec<(Uuid, Vec<u8>)>, Problem> {
    let master = intake.master.key();
    uploads
        .iter()
        .map(|upload| {
            let file_key = master.open_key(Column::UnfiledFileKey, Uuid::nil(), upload.id, &upload.sealed_key)?;
            Ok((upload.id, key.seal_key(Column::FileKey, report, upload.id, &file_key)?))
        })
        .collect()
}

/// Files uploads with a text of a report, in the transaction that writes the text.
///
/// # Errors
/// `unknown_attachment`, or the database's.
pub async fn file_with_text(
    intake: &Intake,
    conn: &mut PgConnection,
    report: Uuid,
    key: &Key,
    text: Uuid,
    ids: &[Uuid],
) -> Result<(), Problem> {
    let uploads = unfiled(conn, ids).await?;
    for (place, (id, sealed_key)) in (0..).zip(reseal(intake, report, key, &uploads)?) {
        if !attachment::file(conn, id, report, Some(text), place, &sealed_key).await? {
            return Err(UNKNOWN_ATTACHMENT.into());
        }
    }
    Ok(())
}

/// An attachment for the wire.
#[must_use]
pub fn to_wire(attachment: &Attachment) -> WireAttachment {
    WireAttachment {
        attachment_id: attachment.id.to_string(),
        media_type: attachment.media_type.clone(),
        size_bytes: attachment.size_bytes.unsigned_abs(),
        sha256: attachment.sha256.clone(),
    }
}
