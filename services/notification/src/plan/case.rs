//! What a case event calls for.

use time::OffsetDateTime;
use tuntas_domain::{CaseId, OpdCode, PositionId, Role};
use tuntas_kit::directory::Snapshot;
use tuntas_proto::{
    case::v1::{Case, CaseEvent, Clock},
    wire_time::instant,
};

use super::{Mail, Malformed, officer, reporter};
use crate::store::case_agencies::CaseAgencies;

/// A case event, looked at.
pub(super) struct Seen<'a> {
    pub(super) event: &'a CaseEvent,
    pub(super) case: &'a Case,
    pub(super) case_id: CaseId,
    pub(super) lead: Option<OpdCode>,
    pub(super) at: Option<OffsetDateTime>,
}

impl Seen<'_> {
    /// When the latest clock of a kind that runs falls due.
    pub(super) fn due(&self, kind: &str) -> Option<OffsetDateTime> {
        let running = |clock: &&Clock| clock.kind == kind && clock.stopped_at.is_none();
        self.case
            .clocks
            .iter()
            .rev()
            .find(running)
            .and_then(|clock| clock.due_at.as_ref())
            .and_then(instant)
    }

    /// Whether a dispute or contest was decided for the reporter.
    pub(super) fn upheld(&self) -> bool {
        self.event.details.as_ref().is_some_and(|details| details.upheld)
    }

    pub(super) fn closed_at(&self) -> Option<OffsetDateTime> {
        self.case.closed_at.as_ref().and_then(instant).or(self.at)
    }

    /// The clock that the event is about.
    fn clock(&self) -> Option<&Clock> {
        let details = self.event.details.as_ref()?;
        self.case
            .clocks
            .iter()
            .find(|clock| clock.instance == details.clock_instance && clock.kind == details.clock_kind)
    }
}

/// The agencies that a case concerns.
#[must_use]
pub fn agencies_of(case: &Case) -> CaseAgencies {
    let lead = std::iter::once(case.lead_opd.as_str());
    let contributors = case.contributions.iter().map(|part| part.opd_code.as_str());
    let mut opds: Vec<OpdCode> = lead.chain(contributors).filter_map(|code| code.parse().ok()).collect();
    opds.sort();
    opds.dedup();
    CaseAgencies {
        opds,
        hidden_from: if case.supervisory {
            case.complained_opd.parse().ok()
        } else {
            None
        },
    }
}

/// The mails that a case event calls for.
pub(super) fn mails(
    event: &CaseEvent,
    at: Option<OffsetDateTime>,
    directory: &Snapshot,
) -> Result<Vec<Mail>, Malformed> {
    let Some(case) = &event.case else { return Ok(Vec::new()) };
    let seen = Seen {
        event,
        case,
        case_id: case.case_id.parse().map_err(|_| Malformed("case_id"))?,
        lead: case.lead_opd.parse().ok(),
        at,
    };
    let mut mails = reporter::mails(&seen, directory)?;
    mails.extend(to_officers(&seen, directory));
    Ok(mails)
}

fn to_officers(seen: &Seen<'_>, directory: &Snapshot) -> Vec<Mail> {
    let facts = || officer::about(seen.case_id, seen.lead.as_ref(), directory);
    let told = |template, positions: Vec<PositionId>, facts| {
        officer::mails(template, positions, &facts, seen.case_id, directory)
    };
    let lead = |roles: &[Role]| -> Vec<PositionId> {
        let bearer = |role: &Role| officer::bearer(*role, seen.lead.as_ref()?, seen.at, directory);
        roles.iter().filter_map(bearer).collect()
    };
    let details = seen.event.details.clone().unwrap_or_default();
    match seen.event.r#type.as_str() {
        "disposed" | "bound" | "transferred" => {
            let due = seen.due("acceptance").or_else(|| seen.due("resolution"));
            let mut mails = told("officer_disposition", lead(&[Role::Liaison]), facts().at("due", due));
            mails.extend(to_contributors(seen, &details.opds, directory));
            mails
        }
        "contributor_added" => to_contributors(seen, &[details.to_opd], directory),
        "assigned" => {
            let due = seen
                .due("resolution")
                .or_else(|| seen.due("rework"))
                .or_else(|| seen.due("reopen"));
            let executor = seen.case.assigned_position_id.parse().into_iter().collect();
            told("officer_assigned", executor, facts().at("due", due))
        }
        "disputed" => {
            let due = seen.due("rework").or_else(|| seen.due("director_decision"));
            told(
                "officer_disputed",
                lead(&[Role::AccountableHead, Role::Liaison]),
                facts().at("due", due),
            )
        }
        "reopened" => told(
            "officer_reopened",
            lead(&[Role::AccountableHead]),
            facts().at("due", seen.due("reopen")),
        ),
        "contest_decided" if seen.upheld() => told(
            "officer_reopened",
            lead(&[Role::AccountableHead]),
            facts().at("due", seen.due("reopen")),
        ),
        "breached" => {
            let charged = seen.clock().map_or("", |clock| clock.charged_position_id.as_str());
            let charged = if charged.is_empty() {
                details.position_id.as_str()
            } else {
                charged
            };
            let about = facts()
                .code("clock", "clock", &details.clock_kind)
                .at("due", details.due_at.as_ref().and_then(instant));
            told("officer_breach", charged.parse().into_iter().collect(), about)
        }
        "escalated" => escalation(seen, directory),
        _ => Vec::new(),
    }
}

/// Each contributor's liaison is asked for its part (rule M5).
fn to_contributors(seen: &Seen<'_>, opds: &[String], directory: &Snapshot) -> Vec<Mail> {
    let mut mails = Vec::new();
    for opd in opds.iter().filter_map(|code| code.parse::<OpdCode>().ok()) {
        let part = seen
            .case
            .contributions
            .iter()
            .rev()
            .find(|part| part.opd_code == opd.as_str());
        let due = part.and_then(|part| part.due_at.as_ref()).and_then(instant);
        let facts = officer::about(seen.case_id, Some(&opd), directory).at("due", due);
        let liaison = officer::bearer(Role::Liaison, &opd, seen.at, directory);
        mails.extend(officer::mails(
            "officer_contribution",
            liaison,
            &facts,
            seen.case_id,
            directory,
        ));
    }
    mails
}

/// A rung of the ladder goes to its target, with a copy to the target's superior (rule E1).
fn escalation(seen: &Seen<'_>, directory: &Snapshot) -> Vec<Mail> {
    let details = seen.event.details.clone().unwrap_or_default();
    let Ok(target) = details.target_position_id.parse::<PositionId>() else {
        return Vec::new();
    };
    let breached_at = seen
        .clock()
        .and_then(|clock| clock.breached_at.as_ref())
        .and_then(instant);
    let facts = officer::about(seen.case_id, seen.lead.as_ref(), directory)
        .code("clock", "clock", &details.clock_kind)
        .at("due", breached_at.or_else(|| details.due_at.as_ref().and_then(instant)))
        .text("target", officer::title(&target, directory));
    let superior = officer::superior(&target, directory).filter(|superior| *superior != target);
    let mut mails = officer::mails("officer_escalation", [target], &facts, seen.case_id, directory);
    mails.extend(officer::mails(
        "officer_escalation_superior",
        superior,
        &facts,
        seen.case_id,
        directory,
    ));
    mails
}
