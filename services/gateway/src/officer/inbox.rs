//! What waits for an office, what falls due first on top.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize};
use tuntas_domain::Role;
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::{
    Timestamp,
    case::v1::{Case, Clock, FiredRung, State as CaseState},
    common::v1::PageRequest,
    desk::v1::ListCasesRequest,
    intake::v1::ResolveTicketRequest,
    routing::v1::ListInboxRequest,
};

use super::{bulk, row};
use crate::{
    accounts::User,
    citizen::draft::fresh_key,
    directory::Directory,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        format,
        page::{Page, SignedIn, html},
    },
};

/// Rows of a page, and rows asked for at a time while a filter leaves some out.
const ROWS: usize = 50;
const ASKED: u32 = 100;
/// Lists asked for at most to fill one page.
const LISTS_MAX: usize = 10;

/// States as they stand in an address.
pub const STATES: [(&str, CaseState); 8] = [
    ("verifikasi", CaseState::AwaitingVerification),
    ("kelengkapan", CaseState::AwaitingCompletion),
    ("disposisi", CaseState::AwaitingDisposition),
    ("penerimaan", CaseState::AwaitingAcceptance),
    ("penanganan", CaseState::InProgress),
    ("dijawab", CaseState::Answered),
    ("disanggah", CaseState::Disputed),
    ("selesai", CaseState::Closed),
];

/// What is asked for.
#[derive(Debug, Default, Clone, Deserialize, Serialize)]
#[serde(default)]
pub struct Asked {
    /// State.
    pub keadaan: String,
    /// Category.
    pub kategori: String,
    /// Only what is late, when set.
    pub terlambat: String,
    /// Only what is assigned to the office itself, when set.
    pub saya: String,
    /// Cursor of the page.
    pub lanjut: String,
}

impl Asked {
    fn state(&self) -> CaseState {
        let found = STATES.iter().find(|(code, _)| *code == self.keadaan);
        found.map_or(CaseState::Unspecified, |(_, state)| *state)
    }

    /// Whether a case is wanted. Closed ones are, when they are asked for.
    fn wants(&self, case: &Case, now: time::OffsetDateTime) -> bool {
        let late = || row::pressing(case).is_some_and(|clock| format::is_over(clock.due_at.as_ref(), now));
        let closed = case.state() == CaseState::Closed;
        (!closed || self.state() == CaseState::Closed)
            && (self.kategori.is_empty() || case.category_code == self.kategori)
            && (self.terlambat.is_empty() || late())
    }

    /// Address of the next page; empty on the last one.
    fn next(&self, path: &str, cursor: String) -> String {
        if cursor.is_empty() {
            return String::new();
        }
        let next = Self {
            lanjut: cursor,
            ..self.clone()
        };
        serde_urlencoded::to_string(next).map_or_else(|_| String::new(), |query| format!("{path}?{query}"))
    }
}

/// A row of an inbox.
pub struct Row {
    /// The case.
    pub case: Case,
    /// Commands on their way.
    pub pending: usize,
}

#[derive(Template)]
#[template(path = "officer/inbox.html")]
struct InboxPage {
    page: Page,
    directory: Arc<Directory>,
    rows: Vec<Row>,
    /// Path of this list.
    path: &'static str,
    asked: Asked,
    next: String,
    states: Vec<(&'static str, &'static str)>,
    /// What may be done with several cases at once.
    bulk: Vec<&'static str>,
    key: String,
}

impl InboxPage {
    fn holder(&self, case: &Case) -> String {
        format::party(self.page.lang, case.holder.as_ref(), &self.directory)
    }

    fn pressing<'a>(&self, case: &'a Case) -> Option<&'a Clock> {
        row::pressing(case)
    }

    fn charged(&self, case: &Case) -> String {
        format::seconds(self.page.lang, row::charged_s(case, self.page.now))
    }

    fn escalated<'a>(&self, case: &'a Case) -> Option<&'a FiredRung> {
        row::escalated(case)
    }

    fn next_escalation<'a>(&self, case: &'a Case) -> Option<&'a Timestamp> {
        row::next_escalation(case, self.page.now)
    }

    fn is_filtered(&self) -> bool {
        let asked = &self.asked;
        [&asked.keadaan, &asked.kategori, &asked.terlambat, &asked.saya]
            .iter()
            .any(|one| !one.is_empty())
    }

    fn assists(&self) -> bool {
        self.page.user.as_ref().is_some_and(User::assists)
    }

    /// Whether the office may take over a backlog.
    fn imports(&self) -> bool {
        self.page.has_role(Role::Manager) || self.page.has_role(Role::Verifier)
    }

    fn is_chosen(&self, case: &Case) -> bool {
        !self.bulk.is_empty() && bulk::fits(case, &self.bulk)
    }
}

/// The centre's: verifiers, manager, director, patron, auditor, Ombudsman.
///
/// # Errors
/// Routing is away.
pub async fn central(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    if !user.is_central() && !user.is_ombudsman() && user.is_of_agency() {
        return Ok(Redirect::to("/petugas/opd").into_response());
    }
    let mut rows = Vec::new();
    let mut cursor = asked.lanjut.clone();
    for _ in 0..LISTS_MAX {
        let (listed, next) = list_central(&web, &user, &asked, cursor).await?;
        rows.extend(listed.into_iter().filter(|row| asked.wants(&row.case, page.now)));
        cursor = next;
        if cursor.is_empty() || rows.len() >= ROWS {
            break;
        }
    }
    show(&web, page, &user, "/petugas", asked, rows, cursor).await
}

/// One page of the centre's list as routing gives it.
///
/// # Errors
/// Routing is away.
pub async fn list_central(
    web: &Web,
    user: &User,
    asked: &Asked,
    cursor: String,
) -> Result<(Vec<Row>, String), Problem> {
    let request = ListInboxRequest {
        page: Some(PageRequest { size: ASKED, cursor }),
        state: asked.state().into(),
        overdue_only: !asked.terlambat.is_empty(),
        ..ListInboxRequest::default()
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let listed = answer(web.platform.cases().list_inbox(request)).await?;
    let rows = listed.cases.into_iter().map(|case| Row { case, pending: 0 });
    Ok((rows.collect(), listed.next_cursor))
}

/// An agency's, from its own desk: it works while the centre is away.
///
/// # Errors
/// The desk is away, or the office is of no agency.
pub async fn agency(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    let mut rows = Vec::new();
    let mut cursor = asked.lanjut.clone();
    for _ in 0..LISTS_MAX {
        let (listed, next) = list_agency(&web, &user, &asked, cursor).await?;
        // What is closed has no deadline and stands last: nothing that is open comes after it.
        let all_closed = !listed.is_empty() && listed.iter().all(|row| row.case.state() == CaseState::Closed);
        rows.extend(listed.into_iter().filter(|row| asked.wants(&row.case, page.now)));
        cursor = next;
        if all_closed && asked.state() != CaseState::Closed {
            cursor.clear();
        }
        if cursor.is_empty() || rows.len() >= ROWS {
            break;
        }
    }
    show(&web, page, &user, "/petugas/opd", asked, rows, cursor).await
}

/// One page of an agency's list as its desk gives it.
///
/// # Errors
/// The desk is away, or the office is of no agency.
pub async fn list_agency(web: &Web, user: &User, asked: &Asked, cursor: String) -> Result<(Vec<Row>, String), Problem> {
    let mut desk = web.platform.desk(&user.opd).ok_or_else(|| Problem::new(NOT_FOUND))?;
    let request = ListCasesRequest {
        page: Some(PageRequest { size: ASKED, cursor }),
        state: asked.state().into(),
        assigned_to_me: !asked.saya.is_empty(),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let listed = answer(desk.list_cases(request)).await?;
    let row = |one: tuntas_proto::desk::v1::DeskCase| {
        Some(Row {
            pending: one.pending.len(),
            case: one.case?,
        })
    };
    Ok((listed.cases.into_iter().filter_map(row).collect(), listed.next_cursor))
}

async fn show(
    web: &Web,
    page: Page,
    user: &User,
    path: &'static str,
    asked: Asked,
    rows: Vec<Row>,
    cursor: String,
) -> Result<Response, Fault> {
    let directory = web.directory.get().await?;
    let states = STATES
        .iter()
        .map(|(code, state)| (*code, format::state(page.lang, (*state).into())))
        .collect();
    let bulk = bulk::offered(user, rows.iter().map(|row| &row.case));
    let next = asked.next(path, cursor);
    html(&InboxPage {
        page,
        directory,
        rows,
        path,
        asked,
        next,
        states,
        bulk,
        key: fresh_key(),
    })
}

/// A ticket number typed by an officer.
#[derive(Debug, Deserialize)]
pub struct Ticket {
    tiket: String,
}

/// Opens the case of a ticket.
///
/// # Errors
/// `unknown_ticket`, or intake is away.
pub async fn find(
    State(web): State<Web>,
    SignedIn(user): SignedIn,
    Form(ticket): Form<Ticket>,
) -> Result<Response, Fault> {
    let request = ResolveTicketRequest {
        ticket: ticket.tiket.trim().to_uppercase(),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let found = answer(web.platform.vault().resolve_ticket(request)).await?;
    if found.case_id.is_empty() {
        return Err(Fault::new(NOT_FOUND));
    }
    Ok(Redirect::to(&format!("/petugas/kasus/{}", found.case_id)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_leaves_out_what_is_closed_unless_it_is_asked_for() {
        let now = time::OffsetDateTime::UNIX_EPOCH;
        let closed = Case {
            state: CaseState::Closed.into(),
            category_code: "jalan".to_owned(),
            ..Case::default()
        };
        assert!(!Asked::default().wants(&closed, now));
        let asked = Asked {
            keadaan: "selesai".to_owned(),
            kategori: "jalan".to_owned(),
            ..Asked::default()
        };
        assert!(asked.wants(&closed, now));
        let other = Asked {
            kategori: "air".to_owned(),
            ..asked.clone()
        };
        assert!(!other.wants(&closed, now));
        assert_eq!(asked.next("/petugas", String::new()), "");
        assert!(asked.next("/petugas", "abc".to_owned()).contains("kategori=jalan"));
    }
}
