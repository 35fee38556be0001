//! Mails to the reporters of a case: one for each report that is still in it.

use time::OffsetDateTime;
use tuntas_domain::{OpdCode, calendar::Calendar, clock::Basis};
use tuntas_kit::directory::Snapshot;
use tuntas_proto::{
    case::v1::{Case, CaseEvent, Member, Outcome, RejectReason, State},
    wire_time::instant,
};

use super::{Mail, Malformed, Recipient, case::Seen, officer};
use crate::facts::Facts;

/// The mails to reporters that a case event calls for.
pub(super) fn mails(seen: &Seen<'_>, directory: &Snapshot) -> Result<Vec<Mail>, Malformed> {
    let Some((template, facts)) = news(seen, directory) else {
        return Ok(Vec::new());
    };
    let mut mails = Vec::new();
    for member in told(seen.event, seen.case) {
        let report = member.report_id.parse().map_err(|_| Malformed("members.report_id"))?;
        let until = member
            .dispute_until
            .as_ref()
            .and_then(instant)
            .or_else(|| seen.due("reporter_silence"));
        mails.push(Mail {
            recipient: Recipient::Reporter(report),
            template,
            facts: facts.clone().at("dispute_until", until),
            case_id: Some(seen.case_id),
        });
    }
    Ok(mails)
}

/// Who is told: the reporter who acted where only they are concerned, else every report that is still in the case.
fn told<'a>(event: &'a CaseEvent, case: &'a Case) -> impl Iterator<Item = &'a Member> {
    let own = matches!(event.r#type.as_str(), "withdrawn" | "dispute_joined");
    let acting = event.details.as_ref().map_or("", |details| details.report_id.as_str());
    case.members.iter().filter(move |member| {
        if own {
            member.report_id == acting
        } else {
            !member.withdrawn && (member.moved_to.is_empty() || event.r#type == "merged_into")
        }
    })
}

/// Template and facts of the news in an event; none when it is no news for a reporter.
fn news(seen: &Seen<'_>, directory: &Snapshot) -> Option<(&'static str, Facts)> {
    let lead = seen.lead.as_ref();
    let by_agency = || officer::agency(Facts::new(), lead, directory);
    let decided = |vocabulary: &str, yes: &str, no: &str| {
        Facts::new().code("decision", vocabulary, if seen.upheld() { yes } else { no })
    };
    Some(match seen.event.r#type.as_str() {
        "completion_requested" => ("completion_requested", Facts::new().at("due", seen.due("completion"))),
        "disposed" | "bound" | "transferred" => ("disposed", by_agency()),
        "accepted" => (
            "accepted",
            by_agency().at("due", seen.due("resolution").or_else(|| seen.due("reopen"))),
        ),
        "first_response_released" => ("first_response", by_agency()),
        "answered" => {
            let answer = seen.case.answer.as_ref();
            let opd = answer.and_then(|answer| answer.opd_code.parse::<OpdCode>().ok());
            let facts = officer::agency(Facts::new(), opd.as_ref().or(lead), directory);
            let claimed = answer.map_or(Outcome::Unspecified, |answer| answer.claimed());
            ("answered", facts.code("outcome", "outcome", outcome_code(claimed)))
        }
        "disputed" | "dispute_joined" => {
            let due = seen.due("rework").or_else(|| seen.due("director_decision"));
            ("dispute_received", by_agency().at("due", due))
        }
        "dispute_decided" => ("dispute_decided", decided("dispute", "upheld", "dismissed")),
        "contest_decided" => ("contest_decided", decided("contest", "granted", "dismissed")),
        "closed_by_silence" | "appeal_referred_to_ombudsman" => (
            "closed",
            Facts::new().code("outcome", "outcome", outcome_code(seen.case.outcome())),
        ),
        "rejected" => {
            let facts = Facts::new().code("reason", "reject", reject_code(seen.case.reject_reason()));
            ("rejected", contestable(facts, seen, directory))
        }
        "referred" => {
            let authority = seen.case.referred_to.parse().ok();
            let name = authority
                .as_ref()
                .and_then(|code: &OpdCode| directory.agencies.get(code));
            let name = name.map_or_else(|| seen.case.referred_to.clone(), |agency| agency.official_name.clone());
            (
                "referred",
                contestable(Facts::new().text("authority", name), seen, directory),
            )
        }
        "merged_into" => ("merged", contestable(Facts::new(), seen, directory)),
        "lapsed" => ("lapsed", contestable(Facts::new(), seen, directory)),
        "withdrawn" => ("withdrawn", Facts::new()),
        "reopened" => ("reopened", Facts::new()),
        _ => return None,
    })
}

/// Adds until when the closing can be contested (rule M8), by the policy of the case and the calendar of today.
fn contestable(facts: Facts, seen: &Seen<'_>, directory: &Snapshot) -> Facts {
    let limits = seen
        .case
        .policy_version
        .parse()
        .ok()
        .and_then(|version| directory.policies.version(version))
        .or_else(|| seen.closed_at().and_then(|at| directory.policies.in_force(at)))
        .map(|policy| &policy.limits);
    let until = seen
        .closed_at()
        .zip(limits)
        .map(|(closed_at, limits)| due_after(&directory.calendar, closed_at, limits.contest_window));
    facts.at("contest_until", until)
}

fn due_after(calendar: &Calendar, from: OffsetDateTime, limit: tuntas_domain::policy::Limit) -> OffsetDateTime {
    calendar.due_at(&Basis {
        started_at: from,
        limit,
        pauses: Vec::new(),
    })
}

pub(super) const fn outcome_code(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unspecified => "unspecified",
        Outcome::Resolved => "resolved",
        Outcome::Clarified => "clarified",
        Outcome::Informed => "informed",
        Outcome::NotedTakenUp => "noted_taken_up",
        Outcome::NotedNotTakenUp => "noted_not_taken_up",
        Outcome::Rejected => "rejected",
        Outcome::Referred => "referred",
        Outcome::Merged => "merged",
        Outcome::Withdrawn => "withdrawn",
        Outcome::Lapsed => "lapsed",
    }
}

const fn reject_code(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::Unspecified => "unspecified",
        RejectReason::NotPublicService => "not_public_service",
        RejectReason::BeforeCourt => "before_court",
        RejectReason::Insufficient => "insufficient",
        RejectReason::Abusive => "abusive",
        RejectReason::Repeated => "repeated",
    }
}

/// Code of a state, as it is shown to an agency's own system.
pub(super) const fn state_code(state: State) -> &'static str {
    match state {
        State::Unspecified => "unspecified",
        State::AwaitingVerification => "awaiting_verification",
        State::AwaitingCompletion => "awaiting_completion",
        State::AwaitingDisposition => "awaiting_disposition",
        State::AwaitingAcceptance => "awaiting_acceptance",
        State::InProgress => "in_progress",
        State::Answered => "answered",
        State::Disputed => "disputed",
        State::Closed => "closed",
    }
}
