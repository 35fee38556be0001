//! One case, with the reporter's words, what happened, and what the office may do now.

use std::{borrow::Borrow, collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Deserialize;
use tuntas_kit::problem::{FORBIDDEN, Problem};
use tuntas_proto::{
    case::v1::{Clock, Party, State as CaseState},
    desk::v1::{CommandStatus, ReportWords, Template as AnswerTemplate},
    intake::v1::Text,
};

use super::{
    history::{self, Step},
    offers,
    view::View,
};
use crate::{
    accounts::User,
    citizen::{draft::fresh_key, personal_data},
    directory::Directory,
    ombudsman::panel::Panel,
    web::{
        Web,
        fault::{Fault, sentence},
        format,
        page::{Page, SignedIn, html_with},
        upload::{Form, Uploaded},
    },
};

#[derive(Template)]
#[template(path = "officer/case.html")]
struct CasePage {
    page: Page,
    user: User,
    directory: Arc<Directory>,
    view: View,
    steps: Vec<Step>,
    /// The Ombudsman's part.
    panel: Panel,
    /// Texts that belong to no step.
    loose: Vec<Text>,
    /// Acts that are offered, most likely first.
    offers: Vec<&'static str>,
    key: String,
    /// What looks like personal data in the words that would be published.
    findings: Vec<&'static str>,
    entered: Entered,
    /// What was done just now.
    done: Option<&'static str>,
    /// A template chosen for the answer, filled in.
    chosen_template: String,
}

/// A form that comes back to be changed.
#[derive(Default)]
pub struct Entered {
    /// Its act.
    pub act: String,
    /// What was typed.
    pub form: Form,
    /// Why it was not done.
    pub problem: Option<Problem>,
}

/// What a redirect after an act, or a link, says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    seq: u64,
    /// Act that was done.
    selesai: String,
    /// Template to start the answer with.
    contoh: String,
}

impl CasePage {
    /// Whether an act's form stands open.
    fn is_open(&self, act: &str) -> bool {
        match self.entered.act.as_str() {
            "" => self.offers.first() == Some(&act),
            entered => entered == act,
        }
    }

    fn act(&self, act: &str) -> &'static str {
        offers::name(self.page.lang, act)
    }

    /// What was typed into a field of an act, or what it starts with.
    fn typed<'a>(&'a self, act: &str, field: &str, otherwise: &'a str) -> &'a str {
        if self.entered.act == act {
            self.entered.form.get(field)
        } else {
            otherwise
        }
    }

    fn is_typed(&self, act: &str, field: &str, value: &str, otherwise: impl Borrow<bool>) -> bool {
        if self.entered.act == act {
            self.entered.form.get(field) == value
        } else {
            *otherwise.borrow()
        }
    }

    /// Files that an act's form has already.
    fn files(&self, act: &str) -> &[Uploaded] {
        if self.entered.act == act {
            &self.entered.form.files
        } else {
            &[]
        }
    }

    fn trouble(&self) -> Option<&str> {
        let problem = self.entered.problem.as_ref()?;
        Some(sentence(self.page.lang, problem.code()).unwrap_or(problem.text()))
    }

    fn holder(&self) -> String {
        self.party(&self.view.case.holder)
    }

    fn command(&self, command: &CommandStatus) -> String {
        format::desk_command(self.page.lang, &command.kind)
    }

    fn refusal<'a>(&self, command: &'a CommandStatus) -> &'a str {
        sentence(self.page.lang, &command.code).unwrap_or(&command.message)
    }

    fn text_kind(&self, kind: &str) -> String {
        format::text_kind(self.page.lang, kind)
    }

    /// Whether the case has an outcome: while it is worked on, an earlier answer's claim says nothing.
    fn has_outcome(&self) -> bool {
        matches!(self.view.case.state(), CaseState::Closed | CaseState::Answered)
    }

    /// The agency suggested first.
    fn suggested(&self) -> &str {
        let own = self.view.suggestions.iter().find(|suggestion| !suggestion.referral);
        own.map_or("", |suggestion| suggestion.code.as_str())
    }

    fn first(&self) -> Option<&ReportWords> {
        self.view.reports.first()
    }

    fn has_coordinates(&self) -> bool {
        let place = self.first().and_then(|report| report.place.as_ref());
        place.is_some_and(|place| place.latitude.is_some() && place.longitude.is_some())
    }

    fn source(&self, place: &usize) -> &str {
        self.view.sources.get(*place).map_or("", String::as_str)
    }

    /// What the answer starts with: the chosen template, else the draft.
    fn answer_start(&self) -> &str {
        if self.chosen_template.is_empty() {
            &self.view.draft.body
        } else {
            &self.chosen_template
        }
    }

    fn clocks(&self) -> Vec<&Clock> {
        let running = |clock: &&Clock| clock.stopped_at.is_none();
        self.view.case.clocks.iter().filter(running).collect()
    }

    fn party(&self, party: &Option<Party>) -> String {
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

/// Shows a case as the office may see it.
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
    let reads_log = user.may_read_log();
    match render(&web, page, user, &case_id, after, Entered::default()).await {
        // Who may not read the words reads what the log says.
        Err(fault) if reads_log && fault.problem().kind() == FORBIDDEN => {
            Ok(Redirect::to(&format!("/ombudsman/kasus/{case_id}")).into_response())
        }
        shown => shown,
    }
}

/// Shows a case with a form as it was typed, to be changed or sent again.
///
/// # Errors
/// As [`show`].
pub async fn show_again(web: &Web, page: Page, user: User, case_id: &str, entered: Entered) -> Result<Response, Fault> {
    render(web, page, user, case_id, After::default(), entered).await
}

async fn render(
    web: &Web,
    page: Page,
    user: User,
    case_id: &str,
    after: After,
    entered: Entered,
) -> Result<Response, Fault> {
    let (view, directory) = tokio::join!(View::of(web, &user, case_id, after.seq), web.directory.get());
    let (view, directory) = (view?, directory?);
    let panel = Panel::of(web, page.lang, &user, &view).await;
    let (steps, mut loose) = history::tell(page.lang, &directory, &view.history, &view.reports);
    loose.retain(|text| {
        let id = text.r#ref.as_ref().map_or("", |found| found.text_id.as_str());
        !panel.text_ids().any(|shown| shown == id)
    });
    let mut offers = offers::of(&user, &view.case);
    if view.duplicates.is_empty() {
        offers.retain(|act| *act != "gabung");
    }
    let findings = findings(&page, &view.reports);
    let status = entered.problem.as_ref().map_or(StatusCode::OK, |problem| {
        StatusCode::from_u16(problem.kind().http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    });
    let chosen_template = view
        .templates
        .iter()
        .find(|template| template.template_id == after.contoh)
        .map(|template| filled_in(template, &view, &directory))
        .unwrap_or_default();
    let done = (!after.selesai.is_empty()).then(|| offers::name(page.lang, &after.selesai));
    html_with(
        status,
        &CasePage {
            page,
            user,
            directory,
            view,
            steps,
            panel,
            loose,
            offers,
            key: fresh_key(),
            findings,
            entered,
            done,
            chosen_template,
        },
    )
}

fn findings(page: &Page, reports: &[ReportWords]) -> Vec<&'static str> {
    let Some(report) = reports.first() else {
        return Vec::new();
    };
    let found = personal_data::find(&format!("{}\n{}", report.title, report.body));
    found.into_iter().map(|finding| finding.name(page.lang)).collect()
}

fn filled_in(template: &AnswerTemplate, view: &View, directory: &Directory) -> String {
    let report = view.reports.first();
    fill(
        &template.body,
        report.map_or("", |report| &report.ticket),
        report.map_or("", |report| &report.title),
        directory.agency(&view.case.lead_opd),
    )
}

/// A template with its marks replaced. What comes in is not looked at for marks again.
fn fill(body: &str, ticket: &str, title: &str, agency: &str) -> String {
    let mut filled = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(start) = rest.find("{{") {
        let Some(end) = rest[start..].find("}}").map(|end| start + end) else {
            break;
        };
        filled.push_str(&rest[..start]);
        match rest[start + 2..end].trim() {
            "ticket" => filled.push_str(ticket),
            "title" => filled.push_str(title),
            "agency" => filled.push_str(agency),
            _ => filled.push_str(&rest[start..end + 2]),
        }
        rest = &rest[end + 2..];
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_replaced_once_and_unknown_ones_stay() {
        let filled = fill(
            "{{ticket}} ({{ title }}) oleh {{agency}} {{lain}} {{",
            "TTS-1",
            "{{agency}}",
            "Dishub",
        );
        assert_eq!(filled, "TTS-1 ({{agency}}) oleh Dishub {{lain}} {{");
    }
}
