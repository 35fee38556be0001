//! An officer gives a command: checked, its words sealed in intake, stored and sent in one transaction, pending until
//! routing decides.
//!
//! Routing is not asked here: with routing or the broker away everything but the confirmation works.

use sha2::{Digest as _, Sha256};
use tonic::Code;
use tuntas_domain::{CaseId, OpdCode};
use tuntas_kit::{
    event::EventDraft,
    idempotency, ids, outbox,
    problem::{Problem, UNKNOWN_CASE},
    tx,
};
use tuntas_proto::{
    case::v1::{Case, CaseCommand, Outcome, case_command::Command},
    common::v1::{Actor, TextRef},
    desk::v1::{SubmitCommandRequest, SubmitCommandResponse},
    event::v1::{CaseCommandIssued, event::Payload},
    intake::v1::StoreTextRequest,
    wire_time::timestamp,
};

use crate::{
    caller::Caller,
    desk::Desk,
    part::Part,
    precheck, show,
    store::{
        cases,
        commands::{self, NewCommand, Status, StoredCommand},
        texts,
    },
    words,
};

const TEXT_CHARS_MAX: usize = 10_000;
const ATTACHMENTS_MAX: usize = 10;

/// A command that has passed the checks, but for its text.
struct Checked {
    case_id: CaseId,
    name: &'static str,
    command: CaseCommand,
    /// Words to be sealed: their kind, and themselves.
    text: Option<(&'static str, String)>,
    /// Report under whose key they are sealed.
    report_id: String,
}

/// Takes a command.
///
/// # Errors
/// `unknown_case` for a case of another agency, a refusal by its stable code, `invalid_argument`, `unavailable` when
/// words are to be sealed and intake is away.
pub async fn submit(
    desk: &Desk,
    caller: &Caller,
    request: SubmitCommandRequest,
) -> Result<SubmitCommandResponse, Problem> {
    caller.own(&request.opd_code)?;
    let scope = scope(&caller.opd);
    if let Some(answer) = answered(desk, &scope, &request).await? {
        return Ok(answer);
    }
    let mut checked = check(desk, caller, &request).await?;
    if let Some((kind, text)) = checked.text.take() {
        let text = seal(desk, caller, &request, &checked.report_id, kind, text).await?;
        set_text(&mut checked.command, text);
    }
    let answer = store(desk, caller, scope, request, checked).await?;
    desk.metrics.count_command("issued");
    Ok(answer)
}

/// The answer to a repetition, found before any words are sealed once more.
async fn answered(
    desk: &Desk,
    scope: &str,
    request: &SubmitCommandRequest,
) -> Result<Option<SubmitCommandResponse>, Problem> {
    let mut conn = desk.conn().await?;
    idempotency::peek(&mut conn, scope, &request.idempotency_key, request).await
}

fn scope(opd: &OpdCode) -> String {
    format!("SubmitCommand {opd}")
}

async fn check(desk: &Desk, caller: &Caller, request: &SubmitCommandRequest) -> Result<Checked, Problem> {
    let mut command = request
        .command
        .clone()
        .ok_or_else(|| Problem::invalid("command", "is missing"))?;
    let asked = command
        .command
        .as_ref()
        .ok_or_else(|| Problem::invalid("command", "names no command"))?;
    let name = precheck::name_of(asked).ok_or_else(|| Problem::invalid("command", "is not an agency's command"))?;
    let case_id: CaseId = command
        .case_id
        .parse()
        .map_err(|error| Problem::invalid("case_id", error))?;
    let mut conn = desk.conn().await?;
    let stored = cases::get(&mut conn, &caller.opd, case_id)
        .await?
        .filter(|stored| stored.part != Part::Gone);
    let case = stored.ok_or_else(|| Problem::new(UNKNOWN_CASE))?.case;
    let pending = commands::pending(&mut conn, &caller.opd, &[case_id]).await?;
    precheck::check(&caller.official, &case, &pending, &command, &caller.directory)
        .map_err(|refusal| Problem::refusal(refusal.code(), refusal.to_string()))?;
    let text = text_of(&mut conn, caller, request, case_id, &mut command).await?;
    drop(conn);
    if text.is_some() {
        // Stands for the reference that intake will give, so that everything else is checked before.
        set_text(
            &mut command,
            TextRef {
                text_id: ids::new_id().to_string(),
                commitment: vec![0; 32],
            },
        );
    }
    precheck::check_form(&command, caller.at)?;
    let report_id = live_report(&case).ok_or_else(|| Problem::new(UNKNOWN_CASE))?;
    Ok(Checked {
        case_id,
        name,
        command,
        text,
        report_id,
    })
}

/// The words of a command: given with it, or taken from the draft. None when it takes none, or names a text that is
/// sealed already.
async fn text_of(
    conn: &mut sqlx::PgConnection,
    caller: &Caller,
    request: &SubmitCommandRequest,
    case_id: CaseId,
    command: &mut CaseCommand,
) -> Result<Option<(&'static str, String)>, Problem> {
    if request.attachment_ids.len() > ATTACHMENTS_MAX {
        return Err(Problem::invalid("attachment_ids", "at most 10"));
    }
    let Some(asked) = command.command.as_mut() else {
        return Ok(None);
    };
    let Some(slot) = words::slot(asked) else {
        if request.text.is_empty() {
            return Ok(None);
        }
        return Err(Problem::invalid("text", "this command takes no text"));
    };
    let mut text = request.text.clone();
    if text.is_empty() && request.use_draft {
        let draft = texts::draft(conn, &caller.opd, case_id).await?;
        let draft = draft.ok_or_else(|| Problem::invalid("use_draft", "the case has no draft"))?;
        if let Command::ReleaseAnswer(answer) = asked
            && answer.claimed() == Outcome::Unspecified
        {
            let claimed = draft
                .claimed
                .as_deref()
                .and_then(Outcome::from_str_name)
                .unwrap_or_default();
            answer.set_claimed(claimed);
        }
        text = draft.body;
    }
    if text.trim().is_empty() {
        let sealed = words::reference(asked).is_some_and(|reference| reference.is_some());
        if slot.required && !sealed {
            return Err(Problem::invalid("text", "this command needs a text"));
        }
        return Ok(None);
    }
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(Problem::invalid("text", "at most 10,000 characters"));
    }
    Ok(Some((slot.kind, text)))
}

/// The report under whose key a text of the case is sealed: the first one that is still in it.
fn live_report(case: &Case) -> Option<String> {
    let live = |member: &&tuntas_proto::case::v1::Member| !member.withdrawn && member.moved_to.is_empty();
    case.members
        .iter()
        .find(live)
        .or(case.members.first())
        .map(|member| member.report_id.clone())
}

fn set_text(command: &mut CaseCommand, text: TextRef) {
    if let Some(reference) = command.command.as_mut().and_then(words::reference) {
        *reference = Some(text);
    }
}

/// Seals words in intake. The key derives from the request's, so that a repetition gets the same reference.
async fn seal(
    desk: &Desk,
    caller: &Caller,
    request: &SubmitCommandRequest,
    report_id: &str,
    kind: &str,
    body: String,
) -> Result<TextRef, Problem> {
    let message = StoreTextRequest {
        idempotency_key: text_key(&caller.opd, &request.idempotency_key),
        report_id: report_id.to_owned(),
        kind: kind.to_owned(),
        body,
        attachment_ids: request.attachment_ids.clone(),
        title: String::new(),
    };
    let call = desk.for_officer(message, &caller.token)?;
    let answer = desk
        .vault
        .clone()
        .store_text(call)
        .await
        .map_err(|status| match status.code() {
            // The case is ours, or we would not be here: intake has not heard of it yet.
            Code::NotFound => {
                Problem::unavailable(status).message("intake has not heard yet that this agency has the case")
            }
            _ => Problem::from(status),
        })?;
    answer
        .into_inner()
        .r#ref
        .ok_or_else(|| Problem::internal("intake sealed a text and gave no reference"))
}

fn text_key(opd: &OpdCode, key: &str) -> String {
    hex::encode(Sha256::digest(format!("{}/{key}", scope(opd))))
}

async fn store(
    desk: &Desk,
    caller: &Caller,
    scope: String,
    request: SubmitCommandRequest,
    checked: Checked,
) -> Result<SubmitCommandResponse, Problem> {
    let caller = caller.clone();
    tx::run(&desk.pool, move |conn| {
        Box::pin(async move {
            let key = request.idempotency_key.clone();
            if let Some(answer) = idempotency::lookup(conn, &scope, &key, &request).await? {
                return Ok(answer);
            }
            let command_id = ids::new_id();
            let stored = StoredCommand {
                command_id,
                opd: caller.opd.clone(),
                case_id: checked.case_id,
                kind: checked.name.to_owned(),
                issued_at: caller.at,
                status: Status::Pending,
            };
            let answer = SubmitCommandResponse {
                command: Some(show::command(&stored)),
            };
            idempotency::remember(conn, &scope, &key, &request, &answer).await?;
            let new = NewCommand {
                command_id,
                opd: &caller.opd,
                case_id: checked.case_id,
                kind: checked.name,
                issued_at: caller.at,
                position: &caller.official.position,
                holder: &caller.official.holder,
                command: &checked.command,
            };
            // As late as can be: it locks the agency's number, for which its other commands wait.
            let issue = commands::issue(conn, &new).await?;
            let payload = Payload::CaseCommandIssued(CaseCommandIssued {
                opd_code: caller.opd.to_string(),
                command: Some(checked.command),
                issued_at: Some(timestamp(caller.at)),
                assertion: caller.token.clone(),
            });
            let source = format!("desk:{}", caller.opd);
            let event = EventDraft::new(
                "tuntas.command.issued",
                source,
                issue.aggregate_id,
                issue.seq,
                caller.at,
                payload,
            )
            .with_id(command_id)
            .actor(actor(&caller))
            .seal();
            outbox::append(conn, &[event.to_commands(&caller.opd)]).await?;
            Ok(answer)
        })
    })
    .await
}

fn actor(caller: &Caller) -> Actor {
    Actor {
        position_id: caller.official.position.to_string(),
        holder_id: caller.official.holder.to_string(),
        via: "officer".to_owned(),
    }
}
