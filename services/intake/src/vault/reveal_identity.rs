//! Who the reporter is: for an officer who may read the report, with a reason. It is logged, and the reporter
//! sees it.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{Official, Privacy};
use tuntas_kit::{idempotency, ids, outbox, problem::Problem, tx};
use tuntas_proto::{
    common::v1::TextRef,
    event::v1::{IdentityRevealed, event::Payload},
    intake::v1::{RevealIdentityRequest, RevealIdentityResponse},
};
use uuid::Uuid;

use crate::{
    access,
    caller::{Caller, actor_of, is_ombudsman},
    content::{TextBody, open_identity},
    facts::{self, What},
    intake::Intake,
    problems::{IDENTITY_HIDDEN, REASON_LENGTH},
    seal::Key,
    store::{
        report,
        text::{self, Access, StoredText},
    },
    validate,
};

const REASON_CHARS: std::ops::RangeInclusive<usize> = 10..=500;

/// Shows an identity. The reason is written down before anything is shown; a retry shows it again and is one access.
///
/// # Errors
/// `reason_length`, `identity_hidden` when the reporter chose to stay unknown (the Ombudsman excepted) or left
/// nothing, `unknown_report`, `report_erased`, `idempotency_key_reused`, or the database's.
pub async fn reveal_identity(
    intake: &Intake,
    caller: &Caller,
    request: RevealIdentityRequest,
) -> Result<RevealIdentityResponse, Problem> {
    idempotency::check_key(&request.idempotency_key)?;
    let official = caller.officer()?.clone();
    let reason = reason(&request.reason)?;
    let report_id = validate::id(&request.report_id)?;
    let standing = access::readable(intake, caller, report_id).await?;
    if standing.privacy()? != Privacy::Open && !is_ombudsman(&official) {
        return Err(Problem::new(IDENTITY_HIDDEN));
    }
    let key = intake.key_or_erased(&mut *intake.conn().await?, report_id).await?;
    let sealed = standing
        .report
        .sealed_identity
        .ok_or_else(|| Problem::new(IDENTITY_HIDDEN))?;
    let identity = open_identity(&key, report_id, &sealed)?;
    let blind = intake.secrets.blind(&request);
    let at = intake.now();
    tx::run(&intake.pool, move |conn| {
        Box::pin(async move {
            let scope = format!("reveal:{report_id}:{}", official.position);
            let earlier: Option<TextRef> = idempotency::lookup(conn, &scope, &request.idempotency_key, &blind).await?;
            if earlier.is_some() {
                return Ok(());
            }
            let reference = note_access(conn, &official, report_id, &key, &reason, at).await?;
            idempotency::remember(conn, &scope, &request.idempotency_key, &blind, &reference).await?;
            let seq = report::next_seq(conn, report_id).await?;
            let payload = Payload::IdentityRevealed(IdentityRevealed {
                report_id: report_id.to_string(),
                reason: Some(reference),
            });
            let actor = actor_of(&official);
            outbox::append(
                conn,
                &[facts::fact(What::IdentityRevealed, report_id, seq, at, actor, payload)],
            )
            .await?;
            Ok::<_, Problem>(())
        })
    })
    .await?;
    Ok(RevealIdentityResponse {
        identity: Some(identity),
    })
}

fn reason(text: &str) -> Result<TextBody, Problem> {
    let text = validate::text(text).map_err(|_| REASON_LENGTH)?;
    if !REASON_CHARS.contains(&text.chars().count()) {
        return Err(REASON_LENGTH.into());
    }
    Ok(TextBody::new(String::new(), text))
}

/// The text that holds the reason is the officers'; its reporter sees it with the access.
async fn note_access(
    conn: &mut PgConnection,
    official: &Official,
    report_id: Uuid,
    key: &Key,
    reason: &TextBody,
    at: OffsetDateTime,
) -> Result<TextRef, Problem> {
    let id = ids::new_id();
    let stored = StoredText {
        id,
        report_id,
        kind: "reason".to_owned(),
        sealed: reason.seal(key, report_id, id)?,
        commitment: reason.commitment().to_vec(),
        from_reporter: false,
        author_position: Some(official.position.to_string()),
        author_opd: official.opd.as_ref().map(ToString::to_string),
        written_at: at,
        audience: "officers".to_owned(),
        released_at: None,
    };
    text::insert(conn, &stored).await?;
    let access = Access {
        at,
        position_id: official.position.to_string(),
        reason_text_id: id,
    };
    text::insert_access(conn, ids::new_id(), report_id, official.holder.as_str(), &access).await?;
    Ok(reason.reference(id))
}
