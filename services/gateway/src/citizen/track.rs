//! Following a report with ticket and code. The code stays in a cookie of this browser alone; we keep it nowhere.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::{Cookie, CookieJar};
use serde::Deserialize;
use tuntas_proto::{
    case::v1::{Case, Clock, Outcome, State as CaseState},
    intake::v1::{CitizenCommandStatus, Receipt, TimelineEntry, TrackReportRequest, TrackReportResponse},
    wire_time,
};

use super::draft::fresh_key;
use crate::{
    directory::Directory,
    officer::row,
    platform::answer,
    web::{
        Web,
        fault::{Fault, sentence},
        format,
        page::{Page, cookie, html, html_with},
        peer::Peer,
    },
};

/// How long a browser may look at a report without typing the code again.
const OPEN_FOR: time::Duration = time::Duration::hours(12);
const COOKIE: &str = "tiket-";

#[derive(Template)]
#[template(path = "citizen/track_form.html")]
struct TrackForm {
    page: Page,
    ticket: String,
    trouble: Option<String>,
}

#[derive(Template)]
#[template(path = "citizen/track.html")]
struct TrackPage {
    page: Page,
    directory: Arc<Directory>,
    report: TrackReportResponse,
    /// Who has it now, in words.
    holder: String,
    acts: Acts,
    /// Of the form's acts: a form sent twice is one act.
    key: String,
}

/// What the reporter may do now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Acts {
    /// Add what was asked for.
    pub complete: bool,
    /// Take the report back.
    pub withdraw: bool,
    /// Say that the answer is not true or not enough.
    pub dispute: bool,
    /// Rate the handling.
    pub rate: bool,
    /// Object to a rejection, referral, lapse or merge.
    pub contest: bool,
}

/// What a link may fill in.
#[derive(Debug, Deserialize)]
pub struct Prefill {
    tiket: Option<String>,
}

/// The form's fields.
#[derive(Debug, Deserialize)]
pub struct Opening {
    tiket: String,
    kode: String,
}

/// What a redirect after an act says.
#[derive(Debug, Deserialize)]
pub struct After {
    perintah: Option<String>,
}

/// The cookie that opens a report in this browser.
#[must_use]
pub fn key(web: &Web, ticket: &str, code: &str) -> Cookie<'static> {
    cookie(web, format!("{COOKIE}{ticket}"), code.to_owned(), OPEN_FOR)
}

/// The receipt that this browser holds for a ticket.
#[must_use]
pub fn receipt_of(jar: &CookieJar, ticket: &str) -> Option<Receipt> {
    let code = jar.get(&format!("{COOKIE}{ticket}"))?.value().to_owned();
    Some(Receipt {
        ticket: ticket.to_owned(),
        receipt_code: code,
    })
}

/// Asks for ticket and code.
///
/// # Errors
/// The template failed.
pub async fn form(page: Page, Query(prefill): Query<Prefill>) -> Result<Response, Fault> {
    html(&TrackForm {
        page,
        ticket: prefill.tiket.unwrap_or_default(),
        trouble: None,
    })
}

/// Opens a report for this browser.
///
/// # Errors
/// The template failed.
pub async fn open(
    State(web): State<Web>,
    page: Page,
    peer: Peer,
    jar: CookieJar,
    Form(opening): Form<Opening>,
) -> Result<Response, Fault> {
    let ticket = opening.tiket.trim().to_uppercase();
    let request = TrackReportRequest {
        receipt: Some(Receipt {
            ticket: ticket.clone(),
            receipt_code: opening.kode.trim().to_owned(),
        }),
        after_command_id: String::new(),
    };
    match answer(
        web.platform
            .intake()
            .track_report(web.platform.request_from(peer, request)?),
    )
    .await
    {
        Ok(report) => {
            let jar = jar.add(key(&web, &report.ticket, opening.kode.trim()));
            Ok((jar, Redirect::to(&format!("/lacak/{}", report.ticket))).into_response())
        }
        Err(problem) => {
            let status = StatusCode::from_u16(problem.kind().http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let why = sentence(page.lang, problem.code()).unwrap_or(problem.text()).to_owned();
            html_with(
                status,
                &TrackForm {
                    page,
                    ticket,
                    trouble: Some(why),
                },
            )
        }
    }
}

/// Where a report stands.
///
/// # Errors
/// Intake is away, or the code is wrong any more.
pub async fn show(
    State(web): State<Web>,
    page: Page,
    peer: Peer,
    jar: CookieJar,
    Path(ticket): Path<String>,
    Query(after): Query<After>,
) -> Result<Response, Fault> {
    let Some(receipt) = receipt_of(&jar, &ticket) else {
        return Ok(Redirect::to(&format!("/lacak?tiket={}", clean(&ticket))).into_response());
    };
    let request = TrackReportRequest {
        receipt: Some(receipt),
        after_command_id: after.perintah.unwrap_or_default(),
    };
    let mut report = answer(
        web.platform
            .intake()
            .track_report(web.platform.request_from(peer, request)?),
    )
    .await?;
    report.timeline.reverse();
    let directory = web.directory.get().await?;
    let holder = report
        .case
        .as_ref()
        .map(|case| format::party(page.lang, case.holder.as_ref(), &directory))
        .unwrap_or_default();
    let acts = acts(&report, page.now);
    html(&TrackPage {
        page,
        directory,
        report,
        holder,
        acts,
        key: fresh_key(),
    })
}

/// Forgets a report in this browser.
pub async fn close(State(web): State<Web>, jar: CookieJar, Path(ticket): Path<String>) -> Response {
    let mut gone = key(&web, &clean(&ticket), "");
    gone.set_max_age(time::Duration::ZERO);
    (jar.add(gone), Redirect::to("/lacak")).into_response()
}

/// A ticket as it may stand in an address.
fn clean(ticket: &str) -> String {
    ticket
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(40)
        .collect()
}

fn acts(report: &TrackReportResponse, now: time::OffsetDateTime) -> Acts {
    let Some(case) = &report.case else {
        return Acts::default();
    };
    let Some(member) = case.members.iter().find(|member| member.report_id == report.report_id) else {
        return Acts::default();
    };
    if member.withdrawn {
        return Acts::default();
    }
    let state = CaseState::try_from(case.state).unwrap_or_default();
    let outcome = Outcome::try_from(case.outcome).unwrap_or_default();
    let until = member.dispute_until.as_ref().and_then(wire_time::instant);
    let answered = state == CaseState::Answered;
    let decided = matches!(
        outcome,
        Outcome::Rejected | Outcome::Referred | Outcome::Lapsed | Outcome::Merged
    );
    Acts {
        complete: state == CaseState::AwaitingCompletion,
        withdraw: !matches!(state, CaseState::Closed | CaseState::Answered),
        dispute: answered && until.is_none_or(|until| now < until),
        rate: member.rating == 0 && (answered || (state == CaseState::Closed && is_answer(outcome))),
        contest: state == CaseState::Closed && decided && case.contest.is_empty(),
    }
}

fn is_answer(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Resolved | Outcome::Clarified | Outcome::Informed | Outcome::NotedTakenUp | Outcome::NotedNotTakenUp
    )
}

impl TrackPage {
    fn case(&self) -> Option<&Case> {
        self.report.case.as_ref()
    }

    /// The deadline that comes first, unless it was missed: then [`Self::lateness`] says so.
    fn deadline(&self) -> Option<&Clock> {
        row::pressing(self.case()?).filter(|clock| clock.breached_at.is_none())
    }

    fn happened(&self, entry: &TimelineEntry) -> String {
        format::event(self.page.lang, &entry.r#type)
    }

    #[expect(clippy::unused_self, reason = "templates call it on the page")]
    fn is_late(&self, entry: &TimelineEntry) -> bool {
        format::is_late(&entry.r#type)
    }

    /// Commands that routing has not decided, and the refused ones.
    fn open_commands(&self) -> impl Iterator<Item = &CitizenCommandStatus> {
        self.report
            .commands
            .iter()
            .filter(|command| command.status != "accepted")
    }

    fn command(&self, kind: &str) -> &'static str {
        match kind {
            "complete" => self.page.lang.t("Kelengkapan", "Completion"),
            "withdraw" => self.page.lang.t("Pencabutan", "Withdrawal"),
            "dispute" => self.page.lang.t("Sanggahan", "Dispute"),
            "rate" => self.page.lang.t("Penilaian", "Rating"),
            "contest" => self.page.lang.t("Keberatan", "Contest"),
            _ => self.page.lang.t("Permintaan", "Request"),
        }
    }

    /// Who is asked to act and is late, in plain words; empty when nobody is.
    fn lateness(&self) -> Option<String> {
        let case = self.case()?;
        let late = case
            .clocks
            .iter()
            .filter(|clock| clock.stopped_at.is_none() && clock.breached_at.is_some() && !clock.paused)
            .min_by_key(|clock| clock.due_at.map(|due| due.seconds))?;
        let who = format::party(self.page.lang, late.party.as_ref(), &self.directory);
        Some(format!("{who}: {}", self.page.left(late.due_at.as_ref())))
    }
}
