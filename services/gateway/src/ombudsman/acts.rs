//! Lists of the Ombudsman's acts with their clocks: all of them, or those addressed to an agency.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::oversight::v1::{ListActsRequest, OmbudsmanAct};

use super::{require_reader, words};
use crate::{
    accounts::User,
    directory::Directory,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        page::{Page, SignedIn, html},
    },
};

/// The list asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    terbuka: String,
}

#[derive(Template)]
#[template(path = "ombudsman/acts.html")]
struct ActsPage {
    page: Page,
    directory: Arc<Directory>,
    acts: Vec<OmbudsmanAct>,
    path: &'static str,
    open_only: bool,
}

impl ActsPage {
    fn act(&self, act: &OmbudsmanAct) -> &'static str {
        words::act(self.page.lang, &act.kind)
    }

    fn status(&self, act: &OmbudsmanAct) -> &'static str {
        words::status(self.page.lang, &act.status)
    }

    fn judgement(&self, act: &OmbudsmanAct) -> &'static str {
        words::judgement(self.page.lang, &act.judgement)
    }
}

/// All acts.
///
/// # Errors
/// The page is not the office's, or oversight is away.
pub async fn all(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    require_reader(&user)?;
    list(&web, page, &user, &asked, "/ombudsman/tindakan").await
}

/// Those addressed to the own agency.
///
/// # Errors
/// The page is not the office's, or oversight is away.
pub async fn of_agency(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    if !user.answers_ombudsman() {
        return Err(Fault::new(NOT_FOUND));
    }
    list(&web, page, &user, &asked, "/petugas/tindakan").await
}

async fn list(web: &Web, page: Page, user: &User, asked: &Asked, path: &'static str) -> Result<Response, Fault> {
    let open_only = !asked.terbuka.is_empty();
    let mut acts = acts_of(web, user, "", open_only).await?;
    // What falls due first on top; what asks for nothing any more below, latest first.
    acts.sort_by_key(|act| {
        let waits = act.status == "open" || act.status == "overdue";
        let due = act.due_at.as_ref().map_or(i64::MAX, |due| due.seconds);
        let acted = act.acted_at.as_ref().map_or(0, |at| at.seconds);
        if waits { (0, due) } else { (1, -acted) }
    });
    let directory = web.directory.get().await?;
    html(&ActsPage {
        page,
        directory,
        acts,
        path,
        open_only,
    })
}

/// Acts that the office may see, of one case when it is named.
///
/// # Errors
/// Oversight's.
pub async fn acts_of(web: &Web, user: &User, case_id: &str, open_only: bool) -> Result<Vec<OmbudsmanAct>, Problem> {
    let request = ListActsRequest {
        case_id: case_id.to_owned(),
        open_only,
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    Ok(answer(web.platform.oversight().list_acts(request)).await?.acts)
}
