//! One case of the agency, with the words of its reports as long as intake gives them.

use std::time::Duration;

use futures::future::join_all;
use tuntas_domain::{CaseId, OpdCode};
use tuntas_kit::problem::{self, Problem, UNKNOWN_CASE};
use tuntas_proto::{
    case::v1::Case,
    desk::v1::{GetCaseRequest, GetCaseResponse, ReportWords},
    intake::v1::{GetWordsRequest, ListTextsRequest},
};

use crate::{
    caller::Caller,
    desk::Desk,
    part::Part,
    show,
    store::{
        cases::{self, StoredCase},
        commands,
    },
};

/// How long a reader waits for the sequence that they want.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Reports of a cluster whose words are shown.
const REPORTS_MAX: usize = 20;
/// Commands shown with a case.
const COMMANDS_MAX: i64 = 100;

/// Shows a case.
///
/// # Errors
/// `unknown_case` for a case that the agency does not have.
pub async fn get(desk: &Desk, caller: &Caller, request: &GetCaseRequest) -> Result<GetCaseResponse, Problem> {
    caller.own(&request.opd_code)?;
    let case_id: CaseId = request
        .case_id
        .parse()
        .map_err(|error| Problem::invalid("case_id", error))?;
    let stored = wait_for(desk, &caller.opd, case_id, request.at_least_seq).await?;
    let stored = stored.ok_or_else(|| Problem::new(UNKNOWN_CASE))?;
    let mut conn = desk.conn().await?;
    let pending = commands::pending(&mut conn, &caller.opd, &[case_id]).await?;
    let commands = commands::of_case(&mut conn, &caller.opd, case_id, COMMANDS_MAX).await?;
    drop(conn);
    let (reports, words_unavailable) = words_of(desk, caller, &stored.case).await;
    Ok(GetCaseResponse {
        case: Some(show::case(stored, &pending)),
        reports,
        words_unavailable,
        commands: commands.iter().map(show::command).collect(),
    })
}

/// The case, once it is at `at_least` or a second has passed.
async fn wait_for(desk: &Desk, opd: &OpdCode, case_id: CaseId, at_least: u64) -> Result<Option<StoredCase>, Problem> {
    let mut wait = desk.heard.wait(case_id.into_uuid(), WAIT_MAX);
    loop {
        let mut conn = desk.conn().await?;
        let stored = cases::get(&mut conn, opd, case_id)
            .await?
            .filter(|stored| stored.part != Part::Gone);
        drop(conn);
        let seq = stored.as_ref().map_or(0, |stored| stored.case.seq);
        if seq >= at_least || !wait.again().await {
            return Ok(stored);
        }
    }
}

/// The words of each report that is still in the case; what is missing is said by a code, and nothing fails for it.
async fn words_of(desk: &Desk, caller: &Caller, case: &Case) -> (Vec<ReportWords>, String) {
    let live = case
        .members
        .iter()
        .filter(|member| !member.withdrawn && member.moved_to.is_empty());
    let asked = live
        .take(REPORTS_MAX)
        .map(|member| words_of_report(desk, caller, &member.report_id));
    let mut missing = String::new();
    let mut reports = Vec::new();
    for answer in join_all(asked).await {
        match answer {
            Ok(words) => reports.push(words),
            Err(problem) => problem.code().clone_into(&mut missing),
        }
    }
    (reports, missing)
}

async fn words_of_report(desk: &Desk, caller: &Caller, report_id: &str) -> Result<ReportWords, Problem> {
    let (mut words_vault, mut texts_vault) = (desk.vault.clone(), desk.vault.clone());
    let words = desk.for_officer(
        GetWordsRequest {
            report_id: report_id.to_owned(),
        },
        &caller.token,
    )?;
    let texts = desk.for_officer(
        ListTextsRequest {
            report_id: report_id.to_owned(),
        },
        &caller.token,
    )?;
    let asked =
        async { tokio::try_join!(words_vault.get_words(words), texts_vault.list_texts(texts)).map_err(Problem::from) };
    let answered = tokio::time::timeout(desk.config.intake.timeout(), asked).await;
    let (words, texts) = answered.map_err(|_| Problem::new(problem::UNAVAILABLE))??;
    let (words, texts) = (words.into_inner(), texts.into_inner());
    Ok(ReportWords {
        report_id: words.report_id,
        ticket: words.ticket,
        title: words.title,
        body: words.body,
        place: words.place,
        event_date: words.event_date,
        attachments: words.attachments,
        texts: texts.texts,
    })
}
