//! What is known of a case to an office: an agency's through its own desk, the centre's through routing.

use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::{
    case::v1::{Case, State as CaseState},
    desk::v1::{
        self as desk, CommandStatus, GetDraftRequest, GetDraftResponse, ListTemplatesRequest, ReportWords,
        Template as AnswerTemplate,
    },
    intake::v1::{GetWordsRequest, ListTextsRequest},
    routing::v1::{
        DispositionSuggestion, DuplicateSuggestion, GetCaseRequest, HistoryEntry, SuggestDispositionRequest,
    },
};

use crate::{accounts::User, platform::answer, web::Web};

/// Reports of a cluster whose words are shown.
const REPORTS_SHOWN_MAX: usize = 10;

/// What a page of a case is made of.
#[derive(Default)]
pub struct View {
    /// The case.
    pub case: Case,
    /// The reports' words.
    pub reports: Vec<ReportWords>,
    /// Links that the reports were taken from.
    pub sources: Vec<String>,
    /// Why the words are missing.
    pub words_unavailable: String,
    /// Commands of the desk that are not decided, or were refused.
    pub commands: Vec<CommandStatus>,
    /// What happened, oldest first; empty while routing is away.
    pub history: Vec<HistoryEntry>,
    /// Where it should go.
    pub suggestions: Vec<DispositionSuggestion>,
    /// Cases like it.
    pub duplicates: Vec<DuplicateSuggestion>,
    /// The agency's unreleased answer.
    pub draft: GetDraftResponse,
    /// The agency's templates.
    pub templates: Vec<AnswerTemplate>,
}

impl View {
    /// A case as an office may see it.
    ///
    /// # Errors
    /// `unknown_case` for what is not the office's to see, or a service is away.
    pub async fn of(web: &Web, user: &User, case_id: &str, at_least_seq: u64) -> Result<Self, Problem> {
        if user.is_of_agency() && !user.is_central() {
            of_desk(web, user, case_id, at_least_seq).await
        } else {
            of_routing(web, user, case_id, at_least_seq).await
        }
    }
}

async fn of_desk(web: &Web, user: &User, case_id: &str, at_least_seq: u64) -> Result<View, Problem> {
    let mut desk = web.platform.desk(&user.opd).ok_or_else(|| Problem::new(NOT_FOUND))?;
    let (mut for_draft, mut for_templates) = (desk.clone(), desk.clone());
    let officer = user.officer()?;
    let request = desk::GetCaseRequest {
        opd_code: user.opd.clone(),
        case_id: case_id.to_owned(),
        at_least_seq,
    };
    let draft = GetDraftRequest {
        opd_code: user.opd.clone(),
        case_id: case_id.to_owned(),
    };
    let templates = ListTemplatesRequest {
        opd_code: user.opd.clone(),
    };
    let (found, draft, templates, history) = tokio::join!(
        answer(desk.get_case(web.platform.request_as(officer, request)?)),
        answer(for_draft.get_draft(web.platform.request_as(officer, draft)?)),
        answer(for_templates.list_templates(web.platform.request_as(officer, templates)?)),
        history(web, user, case_id),
    );
    let found = found?;
    Ok(View {
        case: found
            .case
            .and_then(|one| one.case)
            .ok_or_else(|| Problem::new(NOT_FOUND))?,
        reports: found.reports,
        words_unavailable: found.words_unavailable,
        commands: found.commands,
        // An agency works with the centre away: what comes from there is left out then.
        history: history.unwrap_or_default(),
        draft: draft.unwrap_or_default(),
        templates: templates?.templates,
        ..View::default()
    })
}

async fn history(web: &Web, user: &User, case_id: &str) -> Result<Vec<HistoryEntry>, Problem> {
    let request = GetCaseRequest {
        case_id: case_id.to_owned(),
        with_history: true,
        ..GetCaseRequest::default()
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    Ok(answer(web.platform.cases().get_case(request)).await?.history)
}

async fn of_routing(web: &Web, user: &User, case_id: &str, at_least_seq: u64) -> Result<View, Problem> {
    let officer = user.officer()?;
    let request = GetCaseRequest {
        case_id: case_id.to_owned(),
        report_id: String::new(),
        at_least_seq,
        with_history: true,
    };
    let request = web.platform.request_as(officer, request)?;
    let found = answer(web.platform.cases().get_case(request)).await?;
    let case = found.case.ok_or_else(|| Problem::new(NOT_FOUND))?;
    let mut view = View {
        history: found.history,
        ..View::default()
    };
    for report_id in reports_of(&case) {
        match words_of(web, user, report_id).await {
            Ok((words, source)) => {
                view.reports.push(words);
                view.sources.push(source);
            }
            // The page without the words is better than no page.
            Err(problem) => problem.code().clone_into(&mut view.words_unavailable),
        }
    }
    let undecided = matches!(
        case.state(),
        CaseState::AwaitingVerification | CaseState::AwaitingDisposition
    );
    if undecided && user.is_central() {
        let request = SuggestDispositionRequest {
            case_id: case_id.to_owned(),
        };
        let request = web.platform.request_as(officer, request)?;
        match answer(web.platform.cases().suggest_disposition(request)).await {
            Ok(found) => (view.suggestions, view.duplicates) = (found.suggestions, found.duplicates),
            Err(problem) => tracing::warn!(%problem, "no suggestions"),
        }
    }
    view.case = case;
    Ok(view)
}

/// Reports that are in a case now, as many as are shown.
fn reports_of(case: &Case) -> impl Iterator<Item = &str> {
    case.members
        .iter()
        .filter(|member| member.moved_to.is_empty())
        .map(|member| member.report_id.as_str())
        .take(REPORTS_SHOWN_MAX)
}

/// The words of a report with its texts, and the link that it was taken from.
async fn words_of(web: &Web, user: &User, report_id: &str) -> Result<(ReportWords, String), Problem> {
    let officer = user.officer()?;
    let (mut for_words, mut for_texts) = (web.platform.vault(), web.platform.vault());
    let words = GetWordsRequest {
        report_id: report_id.to_owned(),
    };
    let texts = ListTextsRequest {
        report_id: report_id.to_owned(),
    };
    let (words, texts) = tokio::join!(
        answer(for_words.get_words(web.platform.request_as(officer, words)?)),
        answer(for_texts.list_texts(web.platform.request_as(officer, texts)?)),
    );
    let words = words?;
    let report = ReportWords {
        report_id: words.report_id,
        ticket: words.ticket,
        title: words.title,
        body: words.body,
        place: words.place,
        event_date: words.event_date,
        attachments: words.attachments,
        texts: texts?.texts,
    };
    Ok((report, words.source_url))
}
