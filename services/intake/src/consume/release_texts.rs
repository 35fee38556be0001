//! Shows the texts that events name to whom they are for.

use std::collections::{BTreeMap, BTreeSet, HashMap, btree_map::Entry};

use sqlx::PgConnection;
use tuntas_proto::{case::v1::Case, common::v1::TextRef};
use uuid::Uuid;

use super::{happened::Happened, list_reports::Redaction};
use crate::store::text::{self, PUBLIC, Release, StoredText};

/// The texts that the events of a batch name.
pub(super) struct Texts(HashMap<Uuid, StoredText>);

impl Texts {
    pub(super) async fn named_in(conn: &mut PgConnection, cases: &[&Happened<'_>]) -> sqlx::Result<Self> {
        let references = cases.iter().flat_map(|case| case.texts());
        let ids: BTreeSet<Uuid> = references.filter_map(|(text, _)| text.text_id.parse().ok()).collect();
        let texts = text::by_ids(conn, &ids.into_iter().collect::<Vec<_>>()).await?;
        Ok(Self(texts.into_iter().map(|text| (text.id, text)).collect()))
    }

    /// The text behind a reference, if it belongs to a report of this case and is the one that was committed to.
    pub(super) fn of(&self, state: &Case, reference: &TextRef) -> Option<&StoredText> {
        let id: Uuid = reference.text_id.parse().ok()?;
        let Some(text) = self.0.get(&id) else {
            // After a restore routing may know of texts that this database has lost.
            tracing::warn!(text.id = %id, case.id = %state.case_id, "an event names a text that is not here");
            return None;
        };
        let report = text.report_id.to_string();
        let of_this_case = state.members.iter().any(|member| member.report_id == report);
        if !of_this_case || text.commitment != reference.commitment {
            tracing::warn!(text.id = %id, case.id = %state.case_id, "an event names a text that is not its own");
            return None;
        }
        Some(text)
    }
}

/// Releases what the events show, and answers the redactions that they name, which go to the register.
pub(super) async fn release_texts<'a>(
    conn: &mut PgConnection,
    cases: &[&'a Happened<'_>],
    texts: &'a Texts,
) -> sqlx::Result<Vec<Redaction<'a>>> {
    let mut releases = BTreeMap::new();
    let mut redactions = Vec::new();
    for (place, &case) in cases.iter().enumerate() {
        let _entered = case.span.enter();
        for (reference, fact) in case.texts() {
            let Some(text) = texts.of(case.state, reference) else {
                continue;
            };
            if text.kind == "redaction" {
                redactions.push(Redaction { place, case, text });
            } else if let Some(audience) = case.audience(text, fact) {
                show(&mut releases, text.id, audience, case);
            }
        }
    }
    text::release(conn, &releases.into_values().collect::<Vec<_>>()).await?;
    Ok(redactions)
}

/// As the table would have it release by release: the first time counts, and what was shown to everybody stays so.
fn show(releases: &mut BTreeMap<Uuid, Release>, id: Uuid, audience: &'static str, case: &Happened<'_>) {
    let release = Release {
        id,
        case_id: case.entry.case_id,
        audience,
        at: case.entry.at,
    };
    match releases.entry(id) {
        Entry::Vacant(free) => {
            free.insert(release);
        }
        Entry::Occupied(mut earlier) if earlier.get().audience != PUBLIC => {
            let at = earlier.get().at;
            earlier.insert(Release { at, ..release });
        }
        Entry::Occupied(_) => {}
    }
}
