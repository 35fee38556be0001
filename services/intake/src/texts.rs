//! Stored texts, opened for who may read them.

use std::collections::{HashMap, hash_map::Entry};

use sqlx::PgConnection;
use tuntas_kit::problem::Problem;
use tuntas_proto::{common::v1::TextRef, intake::v1::Text, wire_time::timestamp};
use uuid::Uuid;

use crate::{
    attach,
    content::TextBody,
    intake::Intake,
    seal::Key,
    store::{
        attachment::{self, Attachment},
        text::StoredText,
    },
};

/// Opens texts, those of the cluster's other reports too. A text of an erased report is left out.
///
/// # Errors
/// The database's, or a text that does not open.
pub async fn open_all(intake: &Intake, conn: &mut PgConnection, stored: &[StoredText]) -> Result<Vec<Text>, Problem> {
    let ids: Vec<Uuid> = stored.iter().map(|text| text.id).collect();
    let attachments = attachment::of_texts(conn, &ids).await?;
    let mut keys: HashMap<Uuid, Option<Key>> = HashMap::new();
    let mut texts = Vec::with_capacity(stored.len());
    for text in stored {
        let key = match keys.entry(text.report_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(intake.key(conn, text.report_id).await?),
        };
        if let Some(key) = key {
            texts.push(opened(key, text, &attachments)?);
        }
    }
    Ok(texts)
}

/// Opens one text; nothing of an erased report.
///
/// # Errors
/// The database's, or a text that does not open.
pub async fn open_one(
    intake: &Intake,
    conn: &mut PgConnection,
    text: &StoredText,
) -> Result<Option<TextBody>, Problem> {
    match intake.key(conn, text.report_id).await? {
        Some(key) => Ok(Some(TextBody::open(&key, text.report_id, text.id, &text.sealed)?)),
        None => Ok(None),
    }
}

fn opened(key: &Key, text: &StoredText, attachments: &[Attachment]) -> Result<Text, Problem> {
    let body = TextBody::open(key, text.report_id, text.id, &text.sealed)?;
    Ok(Text {
        r#ref: Some(TextRef {
            text_id: text.id.to_string(),
            commitment: text.commitment.clone(),
        }),
        kind: text.kind.clone(),
        body: body.body,
        at: Some(timestamp(text.released_at.unwrap_or(text.written_at))),
        from_reporter: text.from_reporter,
        opd_code: text.author_opd.clone().unwrap_or_default(),
        attachments: attachments
            .iter()
            .filter(|attachment| attachment.text_id == Some(text.id))
            .map(attach::to_wire)
            .collect(),
    })
}
