//! What the Ombudsman does with a case, and what an agency answers.

use axum::{
    extract::{Multipart, Path, State},
    response::{IntoResponse, Redirect, Response},
};
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::{
    case::v1::{
        CaseCommand,
        case_command::{Command, HandBack, Reopen, TakeOver},
    },
    common::v1::TextRef,
    oversight::v1::{ActRequest, AnswerActRequest, CloseActRequest},
    routing::v1::ExecuteCommandRequest,
};

use crate::{
    accounts::User,
    officer::{
        act::{Words, seal},
        case::{self, Entered},
    },
    platform::answer,
    web::{
        Web,
        fault::Fault,
        page::{Page, SignedIn},
        upload::{self, Form},
    },
};

/// Does an act on a case. What was refused comes back with all that was typed.
///
/// # Errors
/// The form cannot be read, or neither the act nor the page is possible.
pub async fn act(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Path((case_id, act)): Path<(String, String)>,
    multipart: Multipart,
) -> Result<Response, Fault> {
    let form = upload::read(&web, multipart).await?;
    let done = on_case(&web, &user, &case_id, &act, &form).await;
    shown(&web, page, user, &case_id, act, form, done).await
}

/// Answers an act, or closes it.
///
/// # Errors
/// As [`act`].
pub async fn on_act(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Path((act_id, act)): Path<(String, String)>,
    multipart: Multipart,
) -> Result<Response, Fault> {
    let form = upload::read(&web, multipart).await?;
    let case_id = form.get("kasus").to_owned();
    let done = match act.as_str() {
        "jawab-ombudsman" => reply(&web, &user, &case_id, &act_id, &form).await,
        "tutup-tindakan" => close(&web, &user, &case_id, &act_id, &form).await,
        _ => Err(Problem::new(NOT_FOUND)),
    };
    shown(&web, page, user, &case_id, act, form, done).await
}

async fn shown(
    web: &Web,
    page: Page,
    user: User,
    case_id: &str,
    act: String,
    form: Form,
    done: Result<u64, Problem>,
) -> Result<Response, Fault> {
    match done {
        Ok(seq) => Ok(Redirect::to(&format!("/petugas/kasus/{case_id}?seq={seq}&selesai={act}")).into_response()),
        Err(problem) if problem.kind().http < 500 && problem.kind() != NOT_FOUND => {
            let entered = Entered {
                act,
                form,
                problem: Some(problem),
            };
            case::show_again(web, page, user, case_id, entered).await
        }
        Err(problem) => Err(problem.into()),
    }
}

async fn on_case(web: &Web, user: &User, case_id: &str, act: &str, form: &Form) -> Result<u64, Problem> {
    match act {
        "penjelasan" => ask(web, user, case_id, "explanation_request", "explanation", form).await,
        "rekomendasi" => ask(web, user, case_id, "recommendation", "recommendation", form).await,
        "komentar" => ask(web, user, case_id, "comment", "explanation", form).await,
        "buka-kembali" => {
            let reason = sealed(web, user, case_id, "reason", form).await?;
            let reopen = Reopen { reason: Some(reason) };
            execute(web, user, case_id, Command::Reopen(reopen), form).await
        }
        "ambil-alih" => execute(web, user, case_id, Command::TakeOver(TakeOver {}), form).await,
        "serahkan-kembali" => execute(web, user, case_id, Command::HandBack(HandBack {}), form).await,
        _ => Err(Problem::new(NOT_FOUND)),
    }
}

async fn ask(
    web: &Web,
    user: &User,
    case_id: &str,
    kind: &str,
    text_kind: &'static str,
    form: &Form,
) -> Result<u64, Problem> {
    let text = sealed(web, user, case_id, text_kind, form).await?;
    let request = ActRequest {
        idempotency_key: form.get("kunci").to_owned(),
        case_id: case_id.to_owned(),
        kind: kind.to_owned(),
        addressed_opd: form.get("tujuan").to_owned(),
        text: Some(text),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    answer(web.platform.oversight().act(request)).await?;
    Ok(0)
}

async fn reply(web: &Web, user: &User, case_id: &str, act_id: &str, form: &Form) -> Result<u64, Problem> {
    let text = sealed(web, user, case_id, "explanation", form).await?;
    let request = AnswerActRequest {
        idempotency_key: form.get("kunci").to_owned(),
        act_id: act_id.to_owned(),
        text: Some(text),
        implemented: !form.get("dilaksanakan").is_empty(),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    answer(web.platform.oversight().answer_act(request)).await?;
    Ok(0)
}

async fn close(web: &Web, user: &User, case_id: &str, act_id: &str, form: &Form) -> Result<u64, Problem> {
    let text = sealed(web, user, case_id, "reason", form).await?;
    let request = CloseActRequest {
        idempotency_key: form.get("kunci").to_owned(),
        act_id: act_id.to_owned(),
        judgement: form.get("penilaian").to_owned(),
        text: Some(text),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    answer(web.platform.oversight().close_act(request)).await?;
    Ok(0)
}

async fn execute(web: &Web, user: &User, case_id: &str, command: Command, form: &Form) -> Result<u64, Problem> {
    let request = ExecuteCommandRequest {
        idempotency_key: form.get("kunci").to_owned(),
        command: Some(CaseCommand {
            case_id: case_id.to_owned(),
            command: Some(command),
        }),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let done = answer(web.platform.cases().execute_command(request)).await?;
    Ok(done.result.map(|result| result.seq).unwrap_or_default())
}

/// The words of the form, sealed in intake: oversight and routing get the reference alone.
async fn sealed(web: &Web, user: &User, case_id: &str, kind: &'static str, form: &Form) -> Result<TextRef, Problem> {
    if form.get("teks").is_empty() {
        return Err(Problem::refusal("text_empty", "a text is needed"));
    }
    let words = Words {
        kind,
        field: "teks",
        title_field: "",
    };
    seal(web, user, case_id, words, form).await
}
