//! Who acts for an absent officer: named by the head of the agency for its other positions, by the Sekda or the
//! Governor for every one. Routing decides whether the appointment stands.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tuntas_domain::Role;
use tuntas_proto::{
    event::v1::{HolderTerm, Position},
    routing::v1::ListDirectoryRequest,
};

use crate::{
    accounts::User,
    admin::{
        days,
        terms::{Span, name_acting},
    },
    citizen::draft::fresh_key,
    directory::Directory,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        page::{Page, SignedIn, html},
    },
};

/// What was done just now.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    selesai: String,
}

/// An appointment.
#[derive(Debug, Deserialize)]
pub struct Entry {
    kunci: String,
    jabatan: String,
    orang: String,
    mulai: String,
    sampai: String,
}

/// Somebody who may act for another.
struct Person {
    holder: String,
    name: String,
    office: String,
}

#[derive(Template)]
#[template(path = "login/absence.html")]
struct AbsencePage {
    page: Page,
    directory: Arc<Directory>,
    /// Positions that the reader may name somebody for; none when they may not.
    positions: Vec<Position>,
    people: Vec<Person>,
    acting: Vec<(HolderTerm, String)>,
    today: String,
    key: String,
    is_done: bool,
}

/// Who acts for whom now, and the form for those who may name somebody.
///
/// # Errors
/// Routing is away.
pub async fn show(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(after): Query<After>,
) -> Result<Response, Fault> {
    let request = web
        .platform
        .request_as(user.officer()?, ListDirectoryRequest::default())?;
    let listed = answer(web.platform.directory().list_directory(request)).await?;
    let directory = web.directory.get().await?;
    let name = |holder: &str| {
        let contact = listed.contacts.iter().find(|contact| contact.holder_id == holder);
        contact.map_or_else(|| holder.to_owned(), |contact| contact.name.clone())
    };
    let positions: Vec<Position> = listed
        .positions
        .iter()
        .filter(|position| position.active && may_name(&user, position))
        .cloned()
        .collect();
    let concerns = |position: &str| {
        let own = user
            .officer
            .as_ref()
            .is_some_and(|officer| officer.position.as_str() == position);
        own || positions.iter().any(|one| one.id == position)
    };
    let acting = listed
        .holders
        .iter()
        .filter(|term| term.acting && concerns(&term.position_id));
    let acting = acting.map(|term| (term.clone(), name(&term.holder_id))).collect();
    let in_reach = |term: &&HolderTerm| {
        let position = directory.positions.get(&term.position_id);
        !term.acting && position.is_some_and(|position| user.opd.is_empty() || position.opd_code == user.opd)
    };
    let mut people: Vec<Person> = listed
        .holders
        .iter()
        .filter(in_reach)
        .map(|term| Person {
            holder: term.holder_id.clone(),
            name: name(&term.holder_id),
            office: directory.position(&term.position_id).to_owned(),
        })
        .collect();
    people.sort_by(|a, b| a.office.cmp(&b.office));
    html(&AbsencePage {
        today: days::field(page.now),
        page,
        directory,
        positions,
        people,
        acting,
        key: fresh_key(),
        is_done: !after.selesai.is_empty(),
    })
}

/// As routing decides it: this only spares people a form that would be refused.
fn may_name(user: &User, position: &Position) -> bool {
    let anywhere = [Role::Patron, Role::Director];
    if anywhere.iter().any(|role| user.roles.contains(role)) {
        return true;
    }
    let own = user
        .officer
        .as_ref()
        .is_some_and(|officer| officer.position.as_str() == position.id);
    user.roles.contains(&Role::AccountableHead) && !user.opd.is_empty() && position.opd_code == user.opd && !own
}

/// Names an acting holder.
///
/// # Errors
/// Routing refuses it, or is away.
pub async fn appoint(
    State(web): State<Web>,
    SignedIn(user): SignedIn,
    Form(entry): Form<Entry>,
) -> Result<Response, Fault> {
    let span = Span {
        position: entry.jabatan,
        holder: entry.orang,
        from: days::beginning("mulai", &entry.mulai)?,
        until: days::end("sampai", &entry.sampai)?,
    };
    name_acting(&web, &user, &entry.kunci, span).await?;
    Ok(Redirect::to("/akun/pengganti?selesai=1").into_response())
}
