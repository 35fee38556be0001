//! What is overdue anywhere, and what came into the Ombudsman's alerts.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;
use tuntas_kit::problem::NOT_FOUND;
use tuntas_proto::{
    case::v1::{Case, Clock, FiredRung},
    common::v1::PageRequest,
    routing::v1::ListInboxRequest,
};

use super::{require_reader, words};
use crate::{
    directory::Directory,
    officer::row,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        format,
        page::{Page, SignedIn, html},
    },
};

const ROWS: u32 = 50;

/// The list asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// `eskalasi`: cases in alert; else what is overdue.
    jenis: String,
    lanjut: String,
}

#[derive(Template)]
#[template(path = "ombudsman/attention.html")]
struct AttentionPage {
    page: Page,
    directory: Arc<Directory>,
    cases: Vec<Case>,
    in_alert: bool,
    next: String,
}

impl AttentionPage {
    fn holder(&self, case: &Case) -> String {
        format::party(self.page.lang, case.holder.as_ref(), &self.directory)
    }

    /// Why it is in the alerts, and how often.
    fn flags(&self, case: &Case) -> Vec<(String, usize)> {
        let mut told: Vec<(String, usize)> = Vec::new();
        for flag in &case.flags {
            let reason = words::flag(self.page.lang, &flag.reason);
            match told.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, times)) => *times += 1,
                None => told.push((reason, 1)),
            }
        }
        told
    }

    #[expect(clippy::unused_self, reason = "templates call it on the page")]
    fn pressing<'a>(&self, case: &'a Case) -> Option<&'a Clock> {
        row::pressing(case)
    }

    /// The highest rung that has fired.
    #[expect(clippy::unused_self, reason = "templates call it on the page")]
    fn rung<'a>(&self, case: &'a Case) -> Option<&'a FiredRung> {
        let fired = case.clocks.iter().flat_map(|clock| &clock.rungs);
        fired.max_by_key(|rung| rung.fired_at.as_ref().map(|at| (at.seconds, at.nanos)))
    }
}

/// Lists the cases, what fell due first on top.
///
/// # Errors
/// The page is not the office's, or routing is away.
pub async fn show(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    require_reader(&user)?;
    // An auditor reads the log, and of the cases only some.
    if !user.sees_all_cases() {
        return Err(Fault::new(NOT_FOUND));
    }
    let in_alert = asked.jenis == "eskalasi";
    let request = ListInboxRequest {
        page: Some(PageRequest {
            size: ROWS,
            cursor: asked.lanjut,
        }),
        overdue_only: !in_alert,
        among: if in_alert { "flagged" } else { "open" }.to_owned(),
        ..ListInboxRequest::default()
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let listed = answer(web.platform.cases().list_inbox(request)).await?;
    let directory = web.directory.get().await?;
    html(&AttentionPage {
        page,
        directory,
        cases: listed.cases,
        in_alert,
        next: listed.next_cursor,
    })
}
