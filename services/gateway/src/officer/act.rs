//! What an officer does with a case: the form becomes a command, at the desk or at routing.

use axum::{
    extract::{Multipart, Path, State},
    response::{IntoResponse, Redirect, Response},
};
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::{
    case::v1::{CaseCommand, case_command::Command},
    common::v1::TextRef,
    desk::v1::{GetCommandRequest, SaveDraftRequest, SubmitCommandRequest},
    intake::v1::StoreTextRequest,
    routing::v1::{ExecuteCommandRequest, GetCaseRequest},
};

use super::{
    case::{self, Entered},
    central_command, desk_command, preview,
};
use crate::{
    accounts::User,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        page::{Page, SignedIn},
        upload::{self, Form},
    },
};

/// Words of a command, to be sealed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// Kind of the text in intake.
    pub kind: &'static str,
    /// Field of the form with the text.
    pub field: &'static str,
    /// Field with the title, for a redaction.
    pub title_field: &'static str,
}

/// Does it, and shows the case again. What was refused comes back with all that was typed.
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
    let mut form = upload::read(&web, multipart).await?;
    let refused = form.refused.take().map(|(_, problem)| problem);
    let step = form.get("langkah").to_owned();
    if refused.is_none() && step == "pratinjau" {
        let previewed = preview::WITH_PREVIEW.into_iter().find(|known| *known == act);
        let previewed = previewed.ok_or_else(|| Fault::new(NOT_FOUND))?;
        return preview::show(&web, page, &user, &case_id, previewed, &form).await;
    }
    let again = |problem, form| Entered {
        act: act.clone(),
        form,
        problem,
    };
    if refused.is_none() && step == "ubah" {
        return case::show_again(&web, page, user, &case_id, again(None, form)).await;
    }
    let done = match refused {
        Some(problem) => Err(problem),
        None => carry_out(&web, &user, &case_id, &act, &form).await,
    };
    match done {
        Ok(seq) => Ok(Redirect::to(&format!("/petugas/kasus/{case_id}?seq={seq}&selesai={act}")).into_response()),
        // Nothing typed is lost for a refusal.
        Err(problem) if problem.kind().http < 500 && problem.kind() != NOT_FOUND => {
            case::show_again(&web, page, user, &case_id, again(Some(problem), form)).await
        }
        Err(problem) => Err(problem.into()),
    }
}

/// Does one act on one case, and gives the sequence of the case after it.
///
/// # Errors
/// What the domain refuses, or a service is away.
pub async fn carry_out(web: &Web, user: &User, case_id: &str, act: &str, form: &Form) -> Result<u64, Problem> {
    if act == "simpan-draf" {
        return save_draft(web, user, case_id, form).await;
    }
    if let Some(command) = desk_command::of(act, form) {
        return at_desk(web, user, case_id, command?, form).await;
    }
    let words = central_command::words_of(act, form).ok_or_else(|| Problem::new(NOT_FOUND))?;
    at_routing(web, user, case_id, act, words, form).await
}

async fn at_desk(web: &Web, user: &User, case_id: &str, command: Command, form: &Form) -> Result<u64, Problem> {
    const DECIDED_WITHIN: std::time::Duration = std::time::Duration::from_secs(3);
    let mut desk = web.platform.desk(&user.opd).ok_or_else(|| Problem::new(NOT_FOUND))?;
    let officer = user.officer()?;
    let request = SubmitCommandRequest {
        idempotency_key: form.get("kunci").to_owned(),
        opd_code: user.opd.clone(),
        command: Some(CaseCommand {
            case_id: case_id.to_owned(),
            command: Some(command),
        }),
        text: form.get("teks").to_owned(),
        attachment_ids: form.file_ids(),
        use_draft: false,
    };
    let submitted = answer(desk.submit_command(web.platform.request_as(officer, request)?)).await?;
    let mut status = submitted.command.unwrap_or_default();
    let started = std::time::Instant::now();
    while status.status == "pending" && started.elapsed() < DECIDED_WITHIN {
        let request = GetCommandRequest {
            command_id: status.command_id.clone(),
            wait: true,
        };
        status = answer(desk.get_command(web.platform.request_as(officer, request)?)).await?;
    }
    if status.status == "refused" {
        return Err(Problem::refusal(&status.code, status.message));
    }
    Ok(status.seq)
}

async fn save_draft(web: &Web, user: &User, case_id: &str, form: &Form) -> Result<u64, Problem> {
    let mut desk = web.platform.desk(&user.opd).ok_or_else(|| Problem::new(NOT_FOUND))?;
    let request = SaveDraftRequest {
        opd_code: user.opd.clone(),
        case_id: case_id.to_owned(),
        body: form.get("teks").to_owned(),
        claimed: desk_command::claim(form.get("hasil")).into(),
    };
    answer(desk.save_draft(web.platform.request_as(user.officer()?, request)?)).await?;
    Ok(0)
}

async fn at_routing(
    web: &Web,
    user: &User,
    case_id: &str,
    act: &str,
    words: Option<Words>,
    form: &Form,
) -> Result<u64, Problem> {
    let officer = user.officer()?;
    let text = match words {
        Some(words) if !form.get(words.field).is_empty() => Some(seal(web, user, case_id, words, form).await?),
        _ => None,
    };
    let command = central_command::of(act, form, text)?;
    let request = ExecuteCommandRequest {
        idempotency_key: form.get("kunci").to_owned(),
        command: Some(CaseCommand {
            case_id: case_id.to_owned(),
            command: Some(command),
        }),
    };
    let done = answer(
        web.platform
            .cases()
            .execute_command(web.platform.request_as(officer, request)?),
    )
    .await?;
    Ok(done.result.map(|result| result.seq).unwrap_or_default())
}

/// Seals the words of a form in intake, under the key of the case's first report.
///
/// # Errors
/// `not_found` for a case without reports, or intake's.
pub async fn seal(web: &Web, user: &User, case_id: &str, words: Words, form: &Form) -> Result<TextRef, Problem> {
    let officer = user.officer()?;
    let request = GetCaseRequest {
        case_id: case_id.to_owned(),
        ..GetCaseRequest::default()
    };
    let found = answer(
        web.platform
            .cases()
            .get_case(web.platform.request_as(officer, request)?),
    )
    .await?;
    let report_id = found
        .case
        .and_then(|case| case.members.into_iter().find(|member| member.moved_to.is_empty()))
        .map(|member| member.report_id)
        .ok_or_else(|| Problem::new(NOT_FOUND))?;
    let request = StoreTextRequest {
        idempotency_key: format!("{}-teks", form.get("kunci")),
        report_id,
        kind: words.kind.to_owned(),
        body: form.get(words.field).to_owned(),
        attachment_ids: form.file_ids(),
        title: form.get(words.title_field).to_owned(),
    };
    let stored = answer(
        web.platform
            .vault()
            .store_text(web.platform.request_as(officer, request)?),
    )
    .await?;
    stored
        .r#ref
        .ok_or_else(|| Problem::internal("intake gave no reference of a text"))
}
