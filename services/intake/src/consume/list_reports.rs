//! Lists reports in the register under the verifier's text, unless they are not for the public.
//!
//! It comes after the states of the cases are stored, so that a report is found under the newest.

use std::collections::{BTreeMap, HashMap, btree_map::Entry};

use sqlx::PgConnection;
use tuntas_kit::{consumer::HandlerError, problem::Problem};
use uuid::Uuid;

use super::happened::Happened;
use crate::{
    content::TextBody,
    intake::Intake,
    seal::Key,
    store::{
        point::{self, PointRow},
        register::{self, Listing},
        report,
        text::StoredText,
    },
    words,
};

/// A redaction that an event names.
pub(super) struct Redaction<'a> {
    /// The event's place among those of its batch.
    pub(super) place: usize,
    pub(super) case: &'a Happened<'a>,
    pub(super) text: &'a StoredText,
}

/// Takes the reports of supervisory cases off the register, and lists those that are redacted. Of a report the last
/// event that does either decides.
pub(super) async fn list_reports(
    intake: &Intake,
    conn: &mut PgConnection,
    cases: &[&Happened<'_>],
    mut redactions: Vec<Redaction<'_>>,
) -> Result<(), HandlerError> {
    // Each with the last place at which it is hidden.
    let mut hidden: BTreeMap<Uuid, usize> = BTreeMap::new();
    for (place, case) in cases.iter().enumerate().filter(|(_, case)| !case.may_be_listed()) {
        hidden.extend(case.members().map(|report| (report, place)));
    }
    register::remove(conn, &hidden.keys().copied().collect::<Vec<_>>()).await?;
    redactions.retain(|redaction| {
        let last = hidden.get(&redaction.text.report_id);
        redaction.case.may_be_listed() && last.is_none_or(|last| *last < redaction.place)
    });
    if redactions.is_empty() {
        return Ok(());
    }
    let keys = keys_of_public(intake, conn, &redactions).await?;
    let mut listed: BTreeMap<Uuid, (Listing, Option<PointRow>)> = BTreeMap::new();
    for redaction in &redactions {
        let Some(key) = keys.get(&redaction.text.report_id) else {
            continue;
        };
        let (mut listing, point) = redaction.case.span.in_scope(|| open(redaction, key))?;
        match listed.entry(listing.report_id) {
            Entry::Vacant(free) => {
                free.insert((listing, point));
            }
            Entry::Occupied(mut earlier) => {
                // The last text stands, and the report is listed since the first one.
                listing.listed_at = earlier.get().0.listed_at;
                earlier.insert((listing, point));
            }
        }
    }
    let (listings, points): (Vec<Listing>, Vec<Option<PointRow>>) = listed.into_values().unzip();
    let nowhere = listings.iter().zip(&points).filter(|(_, point)| point.is_none());
    let nowhere: Vec<Uuid> = nowhere.map(|(listing, _)| listing.report_id).collect();
    register::put(conn, &listings).await?;
    point::put(conn, &points.into_iter().flatten().collect::<Vec<_>>()).await?;
    point::remove(conn, &nowhere).await?;
    Ok(())
}

async fn keys_of_public(
    intake: &Intake,
    conn: &mut PgConnection,
    redactions: &[Redaction<'_>],
) -> Result<HashMap<Uuid, Key>, Problem> {
    let reports: Vec<Uuid> = redactions.iter().map(|redaction| redaction.text.report_id).collect();
    let wrapped = report::keys_of_public(conn, &reports).await?;
    wrapped
        .into_iter()
        .map(|(report, wrapped)| Ok((report, intake.master.unwrap(report, &wrapped)?)))
        .collect()
}

fn open(redaction: &Redaction<'_>, key: &Key) -> Result<(Listing, Option<PointRow>), Problem> {
    let text = redaction.text;
    let opened = TextBody::open(key, text.report_id, text.id, &text.sealed)?;
    let point = opened.place.map(|place| PointRow {
        report_id: text.report_id,
        latitude_e3: place.latitude_e3,
        longitude_e3: place.longitude_e3,
    });
    let listing = Listing {
        report_id: text.report_id,
        words: words::normal_form(&format!("{} {}", opened.title, opened.body)),
        title: opened.title,
        body: opened.body,
        listed_at: redaction.case.entry.at,
    };
    Ok((listing, point))
}
