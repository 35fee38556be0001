//! One case, with the reporter's words, what happened, and what the office may do now.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use serde::Deserialize;
use tuntas_domain::Role;
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

use crate::{
    accounts::User,
    citizen::draft::fresh_key,
    citizen::personal_data,
    directory::Directory,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        format,
        page::{Page, SignedIn, html},
    },
};

/// Reports of a cluster whose words are shown.
const REPORTS_SHOWN_MAX: usize = 10;

/// What a page of a case is made of.
#[derive(Default)]
pub struct View {
    /// The case.
    pub case: Case,
    /// The reports' words.
    pub reports: Vec<ReportWords>,
    /// Why the words are missing.
    pub words_unavailable: String,
    /// Commands of the desk that are not decided, or were refused.
    pub commands: Vec<CommandStatus>,
    /// What happened; only the centre sees it whole.
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

#[derive(Template)]
#[template(path = "officer/case.html")]
struct CasePage {
    page: Page,
    user: User,
    directory: Arc<Directory>,
    view: View,
    offers: Vec<&'static str>,
    key: String,
    /// Words of the first report's texts by id, for the history.
    findings: Vec<&'static str>,
}

/// What a redirect after an act says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    seq: u64,
}

impl CasePage {
    fn offers(&self, act: &str) -> bool {
        self.offers.contains(&act)
    }

    fn holder(&self) -> String {
        format::party(self.page.lang, self.view.case.holder.as_ref(), &self.directory)
    }

    fn happened(&self, entry: &HistoryEntry) -> String {
        format::event(self.page.lang, &entry.r#type)
    }

    #[expect(clippy::unused_self, reason = "templates call it on the page")]
    fn is_late(&self, entry: &HistoryEntry) -> bool {
        format::is_late(&entry.r#type)
    }

    /// The agency suggested first.
    fn suggested(&self) -> &str {
        let own = self.view.suggestions.iter().find(|suggestion| !suggestion.referral);
        own.map_or("", |suggestion| suggestion.code.as_str())
    }

    fn first(&self) -> Option<&ReportWords> {
        self.view.reports.first()
    }

    fn clocks(&self) -> Vec<&tuntas_proto::case::v1::Clock> {
        self.view
            .case
            .clocks
            .iter()
            .filter(|clock| clock.stopped_at.is_none())
            .collect()
    }

    fn party(&self, party: &Option<tuntas_proto::case::v1::Party>) -> String {
        format::party(self.page.lang, party.as_ref(), &self.directory)
    }

    /// How long each party has had the case, longest first.
    fn charged(&self) -> Vec<(String, String)> {
        let mut totals: BTreeMap<String, i64> = BTreeMap::new();
        let now = self.page.now.unix_timestamp();
        for interval in &self.view.case.ledger {
            let from = interval.from.as_ref().map_or(now, |from| from.seconds);
            let to = interval.to.as_ref().map_or(now, |to| to.seconds);
            *totals.entry(self.party(&interval.party)).or_default() += (to - from).max(0);
        }
        let mut totals: Vec<(String, i64)> = totals.into_iter().collect();
        totals.sort_by_key(|(_, seconds)| -seconds);
        totals
            .into_iter()
            .map(|(party, seconds)| (party, format::seconds(self.page.lang, seconds.unsigned_abs())))
            .collect()
    }
}

/// Shows a case as the office may see it: an agency's through its desk, the centre's through routing.
///
/// # Errors
/// `unknown_case` for what is not the office's to see, or a service is away.
pub async fn show(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Path(case_id): Path<String>,
    Query(after): Query<After>,
) -> Result<Response, Fault> {
    let mut view = if user.is_of_agency() && !user.is_central() {
        of_desk(&web, &user, &case_id, after.seq).await?
    } else {
        of_routing(&web, &user, &case_id, after.seq).await?
    };
    view.history.reverse();
    let directory = web.directory.get().await?;
    let offers = offers(&user, &view.case);
    let words = view
        .reports
        .first()
        .map(|report| format!("{}\n{}", report.title, report.body));
    let findings = words.map(|words| personal_data::find(&words)).unwrap_or_default();
    let findings = findings.into_iter().map(|finding| finding.name(page.lang)).collect();
    html(&CasePage {
        page,
        user,
        directory,
        view,
        offers,
        key: fresh_key(),
        findings,
    })
}

async fn of_desk(web: &Web, user: &User, case_id: &str, at_least_seq: u64) -> Result<View, Problem> {
    let mut desk = web.platform.desk(&user.opd).ok_or_else(|| Problem::new(NOT_FOUND))?;
    let officer = user.officer()?;
    let request = desk::GetCaseRequest {
        opd_code: user.opd.clone(),
        case_id: case_id.to_owned(),
        at_least_seq,
    };
    let found = answer(desk.get_case(web.platform.request_as(officer, request)?)).await?;
    let draft = GetDraftRequest {
        opd_code: user.opd.clone(),
        case_id: case_id.to_owned(),
    };
    let draft = answer(desk.get_draft(web.platform.request_as(officer, draft)?))
        .await
        .unwrap_or_default();
    let templates = ListTemplatesRequest {
        opd_code: user.opd.clone(),
    };
    let templates = answer(desk.list_templates(web.platform.request_as(officer, templates)?)).await?;
    Ok(View {
        case: found
            .case
            .and_then(|one| one.case)
            .ok_or_else(|| Problem::new(NOT_FOUND))?,
        reports: found.reports,
        words_unavailable: found.words_unavailable,
        commands: found.commands,
        draft,
        templates: templates.templates,
        ..View::default()
    })
}

async fn of_routing(web: &Web, user: &User, case_id: &str, at_least_seq: u64) -> Result<View, Problem> {
    let officer = user.officer()?;
    let request = GetCaseRequest {
        case_id: case_id.to_owned(),
        report_id: String::new(),
        at_least_seq,
        with_history: true,
    };
    let found = answer(
        web.platform
            .cases()
            .get_case(web.platform.request_as(officer, request)?),
    )
    .await?;
    let case = found.case.ok_or_else(|| Problem::new(NOT_FOUND))?;
    let mut view = View {
        history: found.history,
        ..View::default()
    };
    for member in case
        .members
        .iter()
        .filter(|member| member.moved_to.is_empty())
        .take(REPORTS_SHOWN_MAX)
    {
        match words_of(web, user, &member.report_id).await {
            Ok(words) => view.reports.push(words),
            // The page without the words is better than no page.
            Err(problem) => problem.code().clone_into(&mut view.words_unavailable),
        }
    }
    let state = CaseState::try_from(case.state).unwrap_or_default();
    if matches!(state, CaseState::AwaitingVerification | CaseState::AwaitingDisposition) && user.is_central() {
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

async fn words_of(web: &Web, user: &User, report_id: &str) -> Result<ReportWords, Problem> {
    let officer = user.officer()?;
    let request = GetWordsRequest {
        report_id: report_id.to_owned(),
    };
    let words = answer(
        web.platform
            .vault()
            .get_words(web.platform.request_as(officer, request)?),
    )
    .await?;
    let request = ListTextsRequest {
        report_id: report_id.to_owned(),
    };
    let texts = answer(
        web.platform
            .vault()
            .list_texts(web.platform.request_as(officer, request)?),
    )
    .await?;
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

/// What the page offers. The domain decides again, by its own table: this only spares people useless forms.
fn offers(user: &User, case: &Case) -> Vec<&'static str> {
    let state = CaseState::try_from(case.state).unwrap_or_default();
    let mut offers = Vec::new();
    if [Role::Verifier, Role::Manager, Role::Director, Role::Patron]
        .iter()
        .any(|role| user.roles.contains(role))
    {
        offers.extend_from_slice(match state {
            CaseState::AwaitingVerification => &["verifikasi", "minta", "tolak", "rujuk", "gabung"],
            CaseState::AwaitingDisposition => &["disposisi", "tetapkan", "rujuk", "gabung"],
            CaseState::AwaitingAcceptance => &["tarik"],
            CaseState::InProgress if case.transfer_requested => &["alihkan", "tolak-alih"],
            CaseState::InProgress => &["alihkan"],
            CaseState::Disputed => &["putus-sanggah"],
            CaseState::Closed if case.contest == "open" => &["putus-keberatan"],
            _ => &[],
        });
    }
    if user.is_of_agency() && case.lead_opd == user.opd {
        offers.extend_from_slice(match state {
            CaseState::AwaitingAcceptance if case.returnable => &["terima", "kembalikan"],
            CaseState::AwaitingAcceptance => &["terima"],
            CaseState::InProgress => &["tugaskan", "catat", "tanggapan", "minta-lengkap", "jawab", "minta-alih"],
            CaseState::Disputed if user.roles.contains(&Role::AccountableHead) => &["putus-sanggah"],
            _ => &[],
        });
    }
    let contributes = case
        .contributions
        .iter()
        .any(|one| one.opd_code == user.opd && one.done_at.is_none() && one.ended_at.is_none());
    if user.is_of_agency() && contributes {
        offers.push("kontribusi");
    }
    offers
}
