//! A case event for the wire: its name, the state that results, and the details of its fact.

use tuntas_domain::{
    CaseEvent, ClockId, Party,
    case::{Case, CaseFact, ClaimedOutcome, Effect, Outcome},
};

use super::kinds::{outcome_to_wire, text_ref_to_wire};
use super::text_or_empty;
use crate::{
    case::v1::{self as wire, case_event::Details},
    common::v1::TextRef,
    wire_time::timestamp,
};

/// An event for the wire. `resulting` is the domain's case right after the event and `resulting_wire` its wire form;
/// `text` is the text that came with the command, for facts that do not name one themselves.
#[must_use]
pub fn case_event(
    event: &CaseEvent,
    resulting: &Case,
    resulting_wire: wire::Case,
    command_id: &str,
    text: Option<TextRef>,
) -> wire::CaseEvent {
    let mut details = details(&event.fact);
    details.text = details.text.or(text);
    for effect in &event.effects {
        add_effect(&mut details, effect, resulting);
    }
    wire::CaseEvent {
        r#type: event.name().to_owned(),
        case: Some(resulting_wire),
        details: Some(details),
        command_id: command_id.to_owned(),
    }
}

fn details(fact: &CaseFact) -> Details {
    match fact {
        CaseFact::Filed { report, .. }
        | CaseFact::Completed { report, .. }
        | CaseFact::Withdrawn { report, .. }
        | CaseFact::Disputed { report, .. }
        | CaseFact::DisputeJoined { report, .. }
        | CaseFact::Contested { report, .. } => of_report(report),
        CaseFact::AppealReferredToOmbudsman { report, outcome, .. } => with_outcome(of_report(report), Some(outcome)),
        CaseFact::Rated { report, score, .. } => Details {
            rating: u32::from(*score),
            ..of_report(report)
        },
        CaseFact::HandedUp { authority, .. } | CaseFact::Reclassified { authority, .. } => Details {
            reason_code: authority.code(),
            ..Details::default()
        },
        CaseFact::Rejected { reason, .. } => Details {
            reason_code: reason.code().to_owned(),
            ..Details::default()
        },
        CaseFact::MergedInto { into: other, .. }
        | CaseFact::Absorbed { from: other, .. }
        | CaseFact::Unmerged { from: other, .. }
        | CaseFact::SplitOff { case_id: other, .. } => Details {
            other_case_id: other.to_string(),
            ..Details::default()
        },
        CaseFact::DisputeDecided {
            upheld, text, outcome, ..
        } => with_outcome(
            Details {
                upheld: *upheld,
                ..of_text(text.as_ref())
            },
            outcome.as_ref(),
        ),
        CaseFact::ContestDecided { granted, text, .. } => Details {
            upheld: *granted,
            ..of_text(text.as_ref())
        },
        CaseFact::ClosedBySilence { outcome } => with_outcome(Details::default(), Some(outcome)),
        CaseFact::Verified { .. }
        | CaseFact::TransferDeclined
        | CaseFact::LeadDeclaredDone
        | CaseFact::Reopened
        | CaseFact::TakenOver
        | CaseFact::HandedBack
        | CaseFact::Breached { .. }
        | CaseFact::WindowEnded { .. }
        | CaseFact::Lapsed
        | CaseFact::Escalated { .. }
        | CaseFact::CalendarApplied { .. }
        | CaseFact::OutageCorrected { .. } => Details::default(),
        CaseFact::CompletionRequested { .. }
        | CaseFact::Referred { .. }
        | CaseFact::Disposed { .. }
        | CaseFact::Bound { .. }
        | CaseFact::Transferred { .. }
        | CaseFact::Recalled { .. }
        | CaseFact::ContributorAdded { .. }
        | CaseFact::Accepted { .. }
        | CaseFact::Returned { .. }
        | CaseFact::TransferRequested { .. }
        | CaseFact::Assigned { .. }
        | CaseFact::ProgressRecorded { .. }
        | CaseFact::ContributionDone { .. }
        | CaseFact::FirstResponseReleased { .. }
        | CaseFact::Answered { .. } => agency_details(fact),
    }
}

/// Facts about who has the case and what an agency did. `from_opd` is the agency that acts or loses the case,
/// `to_opd` the one that gets it.
fn agency_details(fact: &CaseFact) -> Details {
    let to = |opd: &tuntas_domain::OpdCode| Details {
        to_opd: opd.to_string(),
        ..Details::default()
    };
    let from = |opd: &tuntas_domain::OpdCode| Details {
        from_opd: opd.to_string(),
        ..Details::default()
    };
    match fact {
        CaseFact::CompletionRequested { by, text } => Details {
            from_opd: by.opd().map(ToString::to_string).unwrap_or_default(),
            ..of_text(text.as_ref())
        },
        CaseFact::Referred { to: opd, .. } | CaseFact::Bound { lead: opd } | CaseFact::ContributorAdded { opd } => {
            to(opd)
        }
        CaseFact::Disposed { lead, contributors } => Details {
            opds: contributors.iter().map(ToString::to_string).collect(),
            ..to(lead)
        },
        CaseFact::Transferred { from, to: opd } => Details {
            from_opd: from.to_string(),
            ..to(opd)
        },
        CaseFact::Recalled { from: opd } | CaseFact::Accepted { opd } => from(opd),
        CaseFact::Returned {
            opd,
            reason,
            text,
            suggested,
            ..
        }
        | CaseFact::TransferRequested {
            opd,
            reason,
            text,
            suggested,
            ..
        } => Details {
            from_opd: opd.to_string(),
            reason_code: reason.code().to_owned(),
            suggested_opd: text_or_empty(suggested.as_ref()),
            ..of_text(text.as_ref())
        },
        CaseFact::Assigned { executor } => Details {
            position_id: executor.to_string(),
            ..Details::default()
        },
        CaseFact::ProgressRecorded { opd, text } | CaseFact::ContributionDone { opd, text } => Details {
            from_opd: opd.to_string(),
            ..of_text(text.as_ref())
        },
        CaseFact::FirstResponseReleased { text } => of_text(Some(text)),
        CaseFact::Answered { text, outcome, opd, .. } => {
            let claimed: Outcome = claimed(*outcome);
            with_outcome(
                Details {
                    from_opd: opd.to_string(),
                    ..of_text(Some(text))
                },
                Some(&claimed),
            )
        }
        _ => Details::default(),
    }
}

/// What an event did to a clock that readers look for: the breach, the rung, the moved deadline, the flag.
fn add_effect(details: &mut Details, effect: &Effect, resulting: &Case) {
    match effect {
        Effect::ClockBreached { clock, breach } => {
            name_clock(details, *clock, resulting);
            details.due_at = Some(timestamp(breach.at));
            details.position_id = text_or_empty(breach.charged_to.position.as_ref());
            if let Party::Agency(opd) = &breach.charged_to.party {
                details.from_opd = opd.to_string();
            }
        }
        Effect::RungFired { clock, rung } => {
            name_clock(details, *clock, resulting);
            details.rung = rung.role.to_string();
            details.due_at = Some(timestamp(rung.due_at));
            details.target_position_id = text_or_empty(rung.position.as_ref());
        }
        Effect::DeadlineMoved { clock, from, to, .. } => {
            name_clock(details, *clock, resulting);
            details.previous_due_at = Some(timestamp(*from));
            details.due_at = Some(timestamp(*to));
        }
        Effect::BreachCorrected { clock, .. } => name_clock(details, *clock, resulting),
        Effect::FlaggedToOmbudsman { .. } => details.ombudsman_flag = true,
        Effect::ClockStarted { .. }
        | Effect::ClockPaused { .. }
        | Effect::ClockResumed { .. }
        | Effect::ClockStopped { .. }
        | Effect::ClockPassedTo { .. }
        | Effect::HeldBy { .. }
        | Effect::HeldByNobody { .. } => {}
    }
}

fn name_clock(details: &mut Details, clock: ClockId, resulting: &Case) {
    details.clock_instance = clock.0;
    details.clock_kind = resulting.clock(clock).map_or("", |clock| clock.kind.code()).to_owned();
}

fn of_report(report: &tuntas_domain::ReportId) -> Details {
    Details {
        report_id: report.to_string(),
        ..Details::default()
    }
}

fn of_text(text: Option<&tuntas_domain::case::TextRef>) -> Details {
    Details {
        text: text.map(text_ref_to_wire),
        ..Details::default()
    }
}

fn with_outcome(details: Details, outcome: Option<&Outcome>) -> Details {
    let outcome = outcome.map_or(wire::Outcome::Unspecified, outcome_to_wire);
    Details {
        outcome: outcome.into(),
        ..details
    }
}

fn claimed(outcome: ClaimedOutcome) -> Outcome {
    outcome.into()
}
