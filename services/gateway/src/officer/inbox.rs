//! What waits for an office, what falls due first on top.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::{
    case::v1::Case, common::v1::PageRequest, desk::v1::ListCasesRequest, intake::v1::ResolveTicketRequest,
    routing::v1::ListInboxRequest,
};

use crate::{
    directory::Directory,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        format,
        page::{Page, SignedIn, html},
    },
};

const ROWS: u32 = 50;

/// The page asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Place {
    lanjut: String,
    terlambat: String,
}

/// A row of an inbox.
struct Row {
    case: Case,
    /// Commands on their way.
    pending: usize,
}

#[derive(Template)]
#[template(path = "officer/inbox.html")]
struct InboxPage {
    page: Page,
    directory: Arc<Directory>,
    rows: Vec<Row>,
    /// Path of this list.
    path: &'static str,
    overdue_only: bool,
    next: String,
}

impl InboxPage {
    fn holder(&self, case: &Case) -> String {
        format::party(self.page.lang, case.holder.as_ref(), &self.directory)
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
    Query(place): Query<Place>,
) -> Result<Response, Fault> {
    let overdue_only = !place.terlambat.is_empty();
    let request = ListInboxRequest {
        page: Some(PageRequest {
            size: ROWS,
            cursor: place.lanjut,
        }),
        state: 0,
        overdue_only,
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let listed = answer(web.platform.cases().list_inbox(request)).await?;
    let directory = web.directory.get().await?;
    let rows = listed.cases.into_iter().map(|case| Row { case, pending: 0 }).collect();
    html(&InboxPage {
        page,
        directory,
        rows,
        path: "/petugas",
        overdue_only,
        next: listed.next_cursor,
    })
}

/// An agency's, from its own desk: it works while the centre is away.
///
/// # Errors
/// The desk is away, or the office is of no agency.
pub async fn agency(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(place): Query<Place>,
) -> Result<Response, Fault> {
    let mut desk = web.platform.desk(&user.opd).ok_or_else(|| Problem::new(NOT_FOUND))?;
    let request = ListCasesRequest {
        page: Some(PageRequest {
            size: ROWS,
            cursor: place.lanjut,
        }),
        ..ListCasesRequest::default()
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let listed = answer(desk.list_cases(request)).await?;
    let directory = web.directory.get().await?;
    let rows = listed
        .cases
        .into_iter()
        .filter_map(|one| {
            Some(Row {
                pending: one.pending.len(),
                case: one.case?,
            })
        })
        .collect();
    html(&InboxPage {
        page,
        directory,
        rows,
        path: "/petugas/opd",
        overdue_only: false,
        next: listed.next_cursor,
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
