//! Positions of an agency with who holds them.

use std::{collections::HashMap, sync::Arc};

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tuntas_domain::Role;
use tuntas_proto::{
    event::v1::{HolderTerm, Position, directory_changed::Change},
    routing::v1::ListDirectoryRequest,
};

use super::{days, directory_with_names, import, note, require_operator};
use crate::{
    citizen::draft::fresh_key,
    directory::Directory,
    web::{
        Web,
        fault::Fault,
        format,
        page::{Page, SignedIn, html},
        peer::Peer,
    },
};

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Agency; empty for positions of none.
    opd: String,
    /// Position to change.
    ubah: String,
    /// As the directory stands on this day.
    tanggal: String,
    selesai: String,
}

/// A form of a position.
#[derive(Debug, Deserialize)]
pub struct Entry {
    kunci: String,
    jabatan: String,
    #[serde(default)]
    opd: String,
    nama: String,
    #[serde(default)]
    eselon: String,
    /// Roles, separated by blanks or commas.
    peran: String,
    #[serde(default)]
    atasan: String,
    #[serde(default)]
    aktif: String,
}

/// A position with its terms.
struct Row {
    position: Position,
    terms: Vec<HolderTerm>,
}

#[derive(Template)]
#[template(path = "admin/positions.html")]
struct PositionsPage {
    page: Page,
    directory: Arc<Directory>,
    opd: String,
    day: String,
    rows: Vec<Row>,
    /// Names by person.
    names: HashMap<String, String>,
    chosen: Option<Row>,
    is_new: bool,
    key: String,
    is_done: bool,
}

impl PositionsPage {
    fn name<'a>(&'a self, holder: &'a str) -> &'a str {
        self.names.get(holder).map_or(holder, String::as_str)
    }

    fn roles(&self, position: &Position) -> String {
        let names = position.roles.iter().map(|role| format::role(self.page.lang, role));
        names.collect::<Vec<_>>().join(", ")
    }

    /// The position to be changed; an empty one for a new position.
    fn chosen_position(&self) -> Position {
        self.chosen.as_ref().map(|row| row.position.clone()).unwrap_or_default()
    }

    #[expect(clippy::unused_self, reason = "templates call it on the page")]
    fn known_roles(&self) -> [&'static str; 10] {
        Role::ALL.map(Role::code)
    }
}

/// The positions of one agency, with their holders on a day.
///
/// # Errors
/// The page is not the office's, or routing is away.
pub async fn list(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    require_operator(&user)?;
    let at = match asked.tanggal.as_str() {
        "" => None,
        day => days::end("tanggal", day)?.map(|mut end| {
            end.seconds -= 1;
            end
        }),
    };
    let request = ListDirectoryRequest {
        at,
        ..ListDirectoryRequest::default()
    };
    let listed = directory_with_names(&web, &user, request).await?;
    let names = listed
        .contacts
        .into_iter()
        .map(|contact| (contact.holder_id, contact.name));
    let row = |position: Position| {
        let terms = listed.holders.iter().filter(|term| term.position_id == position.id);
        Row {
            terms: terms.cloned().collect(),
            position,
        }
    };
    let all = listed.positions.into_iter();
    let rows: Vec<Row> = all.filter(|position| position.opd_code == asked.opd).map(row).collect();
    let (chosen, rows): (Vec<Row>, Vec<Row>) = match asked.ubah.as_str() {
        "" => (Vec::new(), rows),
        chosen => rows.into_iter().partition(|row| row.position.id == chosen),
    };
    let directory = web.directory.get().await?;
    html(&PositionsPage {
        day: if asked.tanggal.is_empty() {
            days::field(page.now)
        } else {
            asked.tanggal
        },
        page,
        directory,
        opd: asked.opd,
        rows,
        names: names.collect(),
        chosen: chosen.into_iter().next(),
        is_new: asked.ubah == "+",
        key: fresh_key(),
        is_done: !asked.selesai.is_empty(),
    })
}

/// Adds or changes a position.
///
/// # Errors
/// Routing refuses it, or is away.
pub async fn put(
    State(web): State<Web>,
    SignedIn(user): SignedIn,
    peer: Peer,
    Form(entry): Form<Entry>,
) -> Result<Response, Fault> {
    require_operator(&user)?;
    let id = entry.jabatan.trim().to_owned();
    let roles = entry.peran.split([' ', ',']).filter(|role| !role.is_empty());
    let position = Position {
        id: id.clone(),
        opd_code: entry.opd.clone(),
        title: entry.nama.trim().to_owned(),
        echelon: entry.eselon.trim().to_owned(),
        roles: roles.map(str::to_owned).collect(),
        superior_id: entry.atasan.trim().to_owned(),
        active: !entry.aktif.is_empty(),
    };
    import(&web, &user, &entry.kunci, vec![Change::Position(position)], Vec::new()).await?;
    note(&web, &user, peer, "position_put", &id).await?;
    Ok(Redirect::to(&back(&entry.opd, &id)).into_response())
}

/// The page of a position, after something was done to it.
#[must_use]
pub fn back(opd: &str, position: &str) -> String {
    let query = [("opd", opd), ("ubah", position), ("selesai", "1")];
    let query = serde_urlencoded::to_string(query).unwrap_or_default();
    format!("/admin/jabatan?{query}")
}
