//! Holidays: days that do not count. A change moves the deadlines that have not passed (rule K3).

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tuntas_domain::calendar::wib;
use tuntas_proto::{
    event::v1::CalendarChanged,
    routing::v1::{ListHolidaysRequest, PutHolidaysRequest},
};

use super::{days, note, require_operator};
use crate::{
    citizen::draft::fresh_key,
    platform::answer,
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
    tahun: Option<u32>,
    /// Deadlines that the last change moved.
    bergeser: Option<u32>,
}

/// A day to add or to take back.
#[derive(Debug, Deserialize)]
pub struct Entry {
    kunci: String,
    tanggal: String,
    #[serde(default)]
    jenis: String,
    #[serde(default)]
    nama: String,
    #[serde(default)]
    hapus: String,
}

#[derive(Template)]
#[template(path = "admin/calendar.html")]
struct CalendarPage {
    page: Page,
    year: u32,
    holidays: Vec<CalendarChanged>,
    key: String,
    moved: Option<u32>,
}

impl CalendarPage {
    fn kind(&self, day: &CalendarChanged) -> &'static str {
        let (id, en) = match day.kind.as_str() {
            "national" => ("libur nasional", "national holiday"),
            "collective_leave" => ("cuti bersama", "collective leave"),
            _ => ("libur daerah", "local holiday"),
        };
        self.page.t(id, en)
    }

    fn day(&self, day: &CalendarChanged) -> String {
        match days::beginning("date", &day.date) {
            Ok(mut at) => {
                at.seconds += 1;
                format::day(self.page.lang, Some(&at))
            }
            Err(_) => day.date.clone(),
        }
    }
}

/// The holidays of a year.
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
    let this_year = page.now.to_offset(wib()).year().unsigned_abs();
    let year = asked.tahun.unwrap_or(this_year);
    let request = web.platform.request_as(user.officer()?, ListHolidaysRequest { year })?;
    let listed = answer(web.platform.directory().list_holidays(request)).await?;
    html(&CalendarPage {
        page,
        year,
        holidays: listed.holidays,
        key: fresh_key(),
        moved: asked.bergeser,
    })
}

/// Adds a holiday, or makes a day a working day again.
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
    days::beginning("tanggal", &entry.tanggal)?;
    let removed = !entry.hapus.is_empty();
    let day = CalendarChanged {
        date: entry.tanggal.clone(),
        kind: entry.jenis,
        name: entry.nama.trim().to_owned(),
        removed,
    };
    let request = PutHolidaysRequest {
        idempotency_key: entry.kunci,
        holidays: vec![day],
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let done = answer(web.platform.directory().put_holidays(request)).await?;
    let action = if removed { "holiday_removed" } else { "holiday_put" };
    note(&web, &user, peer, action, &entry.tanggal).await?;
    let year = entry.tanggal.get(..4).unwrap_or_default();
    let moved = done.deadlines_moved;
    Ok(Redirect::to(&format!("/admin/kalender?tahun={year}&bergeser={moved}")).into_response())
}
