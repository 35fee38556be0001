//! Messages between reporter and officers. They pause nothing and decide nothing (rule M3).

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::Official;
use tuntas_kit::{idempotency, ids, outbox, problem::Problem, tx};
use tuntas_proto::{
    common::v1::{Actor, TextRef},
    event::v1::{MessageSent, event::Payload},
    intake::v1::{SendMessageRequest, SendMessageResponse, SendOfficerMessageRequest},
};
use uuid::Uuid;

use crate::{
    access,
    caller::{Caller, actor_of},
    citizen_command::keep_text,
    content::TextBody,
    facts::{self, What},
    intake::Intake,
    receipt::{self, Peer},
    store::{
        report,
        text::{self, StoredText},
    },
    validate,
};

const KIND: &str = "message";

/// A message of the reporter.
///
/// # Errors
/// `unknown_ticket`, the code of a field that is wrong, `report_erased`, `idempotency_key_reused`.
pub async fn send_message(
    intake: &Intake,
    request: SendMessageRequest,
    peer: Peer,
) -> Result<SendMessageResponse, Problem> {
    idempotency::check_key(&request.idempotency_key)?;
    let body = TextBody::new(String::new(), validate::text(&request.text)?);
    let mut conn = intake.conn().await?;
    let report = receipt::report_of(intake, &mut conn, request.receipt.as_ref(), peer)
        .await?
        .id;
    drop(conn);
    let blind = intake.secrets.blind(&request);
    let (intake, at) = (intake.clone(), intake.now());
    let pool = intake.pool.clone();
    tx::run(&pool, move |conn| {
        Box::pin(async move {
            let scope = format!("message:{report}");
            if let Some(answer) = idempotency::lookup(conn, &scope, &request.idempotency_key, &blind).await? {
                return Ok(answer);
            }
            let reference = keep_text(&intake, conn, report, KIND, &body, &[], at).await?;
            let answer = SendMessageResponse {
                text_id: reference.text_id.clone(),
            };
            idempotency::remember(conn, &scope, &request.idempotency_key, &blind, &answer).await?;
            tell(conn, report, reference, at, None).await?;
            Ok::<_, Problem>(answer)
        })
    })
    .await
}

/// A message of an officer who may read the report. Its reporter sees it at once.
///
/// # Errors
/// `unknown_report`, the code of a field that is wrong, `report_erased`, `idempotency_key_reused`.
pub async fn send_officer_message(
    intake: &Intake,
    caller: &Caller,
    request: SendOfficerMessageRequest,
) -> Result<SendMessageResponse, Problem> {
    idempotency::check_key(&request.idempotency_key)?;
    let body = TextBody::new(String::new(), validate::text(&request.text)?);
    let official = caller.officer()?.clone();
    let report_id = validate::id(&request.report_id)?;
    let report = access::readable(intake, caller, report_id).await?.report.id;
    let blind = intake.secrets.blind(&request);
    let (intake, at) = (intake.clone(), intake.now());
    let pool = intake.pool.clone();
    tx::run(&pool, move |conn| {
        Box::pin(async move {
            let scope = format!("officer_message:{report}:{}", official.position);
            if let Some(answer) = idempotency::lookup(conn, &scope, &request.idempotency_key, &blind).await? {
                return Ok(answer);
            }
            let key = intake.key_or_erased(conn, report).await?;
            let id = ids::new_id();
            text::insert(conn, &officers_text(&official, report, id, &key, &body, at)?).await?;
            let answer = SendMessageResponse {
                text_id: id.to_string(),
            };
            idempotency::remember(conn, &scope, &request.idempotency_key, &blind, &answer).await?;
            tell(conn, report, body.reference(id), at, Some(actor_of(&official))).await?;
            Ok::<_, Problem>(answer)
        })
    })
    .await
}

fn officers_text(
    official: &Official,
    report: Uuid,
    id: Uuid,
    key: &crate::seal::Key,
    body: &TextBody,
    at: OffsetDateTime,
) -> Result<StoredText, Problem> {
    Ok(StoredText {
        id,
        report_id: report,
        kind: KIND.to_owned(),
        sealed: body.seal(key, report, id)?,
        commitment: body.commitment().to_vec(),
        from_reporter: false,
        author_position: Some(official.position.to_string()),
        author_opd: official.opd.as_ref().map(ToString::to_string),
        written_at: at,
        audience: "reporter".to_owned(),
        released_at: Some(at),
    })
}

async fn tell(
    conn: &mut PgConnection,
    report: Uuid,
    text: TextRef,
    at: OffsetDateTime,
    officer: Option<Actor>,
) -> Result<(), Problem> {
    let seq = report::next_seq(conn, report).await?;
    let payload = Payload::MessageSent(MessageSent {
        report_id: report.to_string(),
        text: Some(text),
        from_reporter: officer.is_none(),
    });
    let actor = officer.unwrap_or_else(facts::citizen);
    outbox::append(conn, &[facts::fact(What::MessageSent, report, seq, at, actor, payload)]).await?;
    Ok(())
}
