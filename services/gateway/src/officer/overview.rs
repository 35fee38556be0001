//! What is late, with whom and by how much: for the head of an agency of the own one, for those above of all.
//!
//! Figures and breaches come from evaluation, which counts them from the log alone: what is shown here is what will be
//! held against somebody.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{extract::State, response::Response};
use time::OffsetDateTime;
use tuntas_domain::{Role, calendar::wib_date};
use tuntas_kit::problem::{FORBIDDEN, Problem};
use tuntas_proto::{
    evaluation::v1::{Breach, ListBreachesRequest, Score},
    wire_time::instant,
};

use crate::{
    accounts::User,
    directory::Directory,
    figures::Province,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        format,
        page::{Page, SignedIn, html},
    },
};

/// Rows shown of what is late.
const LATE_SHOWN_MAX: usize = 50;
/// Roles that see all agencies.
const SEE_ALL: [Role; 5] = [
    Role::Director,
    Role::Patron,
    Role::Auditor,
    Role::Manager,
    Role::Ombudsman,
];

/// What one position has that is late.
#[derive(Debug, Default, PartialEq, Eq)]
struct Holder {
    position: String,
    cases: usize,
    longest_s: u64,
}

#[derive(Template)]
#[template(path = "officer/overview.html")]
struct OverviewPage {
    page: Page,
    directory: Arc<Directory>,
    /// Own agency; empty for all.
    opd: String,
    figures: Arc<Province>,
    agencies: Vec<Score>,
    holders: Vec<Holder>,
    late: Vec<Breach>,
    late_total: usize,
}

impl OverviewPage {
    fn percent(&self, score: &Score) -> String {
        let ratio = score.resolution_on_time.unwrap_or_default();
        let percent = (ratio.kept * 100).checked_div(ratio.all);
        percent.map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"))
    }

    fn by(&self, seconds: &u64) -> String {
        format::seconds(self.page.lang, *seconds)
    }

    fn late_by(&self, breach: &Breach) -> String {
        format::seconds(self.page.lang, late_s(breach, self.page.now))
    }

    fn median(&self, score: &Score) -> String {
        match score.charged_median_s {
            0 => "–".to_owned(),
            seconds => format::seconds(self.page.lang, seconds),
        }
    }
}

/// Shows it.
///
/// # Errors
/// `forbidden` for offices that oversee nothing, or evaluation is away.
pub async fn show(State(web): State<Web>, page: Page, SignedIn(user): SignedIn) -> Result<Response, Fault> {
    let opd = scope(&user).ok_or_else(|| Fault::new(FORBIDDEN))?;
    let year = wib_date(page.now).year();
    let (figures, directory, this_year, last_year) = tokio::join!(
        web.figures.of_this_year(page.now),
        web.directory.get(),
        breaches(&web, &user, year, opd),
        breaches(&web, &user, year - 1, opd),
    );
    let (figures, directory) = (figures?, directory?);
    let mut late: Vec<Breach> = last_year?.into_iter().chain(this_year?).filter(is_open).collect();
    late.sort_by_key(|breach| breach.due_at.map(|due| due.seconds));
    late.dedup_by(|a, b| (&a.case_id, &a.clock_kind, a.log_position) == (&b.case_id, &b.clock_kind, b.log_position));
    let holders = holders(&late, page.now);
    let mut agencies: Vec<Score> = figures
        .agencies
        .iter()
        .filter(|score| (opd.is_empty() || score.subject_id == opd) && (score.open > 0 || score.received > 0))
        .cloned()
        .collect();
    agencies.sort_by_key(|score| (std::cmp::Reverse(score.overdue), std::cmp::Reverse(score.open)));
    let late_total = late.len();
    late.truncate(LATE_SHOWN_MAX);
    html(&OverviewPage {
        page,
        directory,
        opd: opd.to_owned(),
        figures,
        agencies,
        holders,
        late,
        late_total,
    })
}

/// Whose cases an office oversees: all (empty), or one agency's; none for the others.
fn scope(user: &User) -> Option<&str> {
    if SEE_ALL.iter().any(|role| user.roles.contains(role)) {
        return Some("");
    }
    let oversees = user.roles.contains(&Role::AccountableHead) || user.roles.contains(&Role::Liaison);
    (oversees && !user.opd.is_empty()).then_some(user.opd.as_str())
}

async fn breaches(web: &Web, user: &User, year: i32, opd: &str) -> Result<Vec<Breach>, Problem> {
    let request = ListBreachesRequest {
        period: year.to_string(),
        subject_id: opd.to_owned(),
        per: if opd.is_empty() { "province" } else { "opd" }.to_owned(),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    Ok(answer(web.platform.evaluation().list_breaches(request)).await?.breaches)
}

/// A breach that still runs.
fn is_open(breach: &Breach) -> bool {
    breach.stopped_at.is_none() && !breach.corrected
}

fn late_s(breach: &Breach, now: OffsetDateTime) -> u64 {
    let due = breach.due_at.as_ref().and_then(instant);
    due.map_or(0, |due| (now - due).whole_seconds().max(0).unsigned_abs())
}

/// Who has it that is late, most cases first.
fn holders(late: &[Breach], now: OffsetDateTime) -> Vec<Holder> {
    let mut found: BTreeMap<&str, (std::collections::BTreeSet<&str>, u64)> = BTreeMap::new();
    for breach in late {
        let (cases, longest) = found.entry(&breach.position_id).or_default();
        cases.insert(&breach.case_id);
        *longest = (*longest).max(late_s(breach, now));
    }
    let mut holders: Vec<Holder> = found
        .into_iter()
        .map(|(position, (cases, longest_s))| Holder {
            position: position.to_owned(),
            cases: cases.len(),
            longest_s,
        })
        .collect();
    holders.sort_by_key(|holder| std::cmp::Reverse((holder.cases, holder.longest_s)));
    holders
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use tuntas_proto::wire_time::timestamp;

    use super::*;

    #[test]
    fn who_has_most_that_is_late_comes_first() {
        let breach = |position: &str, case: &str, due| Breach {
            position_id: position.to_owned(),
            case_id: case.to_owned(),
            due_at: Some(timestamp(due)),
            ..Breach::default()
        };
        let day = datetime!(2026-11-01 0:00 UTC);
        let late = [
            breach("a.kepala", "1", day),
            breach("b.kepala", "2", day),
            breach("b.kepala", "3", datetime!(2026-11-02 0:00 UTC)),
            breach("b.kepala", "3", datetime!(2026-11-02 0:00 UTC)),
        ];
        let found = holders(&late, datetime!(2026-11-03 0:00 UTC));
        assert_eq!(found[0].position, "b.kepala");
        assert_eq!((found[0].cases, found[0].longest_s), (2, 2 * 86_400));
        let mut stopped = late[0].clone();
        stopped.stopped_at = Some(timestamp(day));
        assert!(!is_open(&stopped));
    }
}
