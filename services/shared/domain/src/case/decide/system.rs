//! The platform's own commands: due times, rungs, calendar, outages (rules E1–E3, K3, K7).

use super::clocks::due_of;
use super::draft::{Draft, Ending};
use crate::Refusal;
use crate::authorization::CommandKind;
use crate::case::command::{Command, Outage};
use crate::case::event::{CaseFact, DeadlineCause, Effect};
use crate::case::states::Outcome;
use crate::clock::{CaseClock, ClockId, ClockKind, Correction, CorrectionCause};
use crate::escalation::next_rung;

pub(super) fn decide(draft: &mut Draft<'_>, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::FallDue { clock } => fall_due(draft, *clock),
        Command::Escalate { clock, rung } => escalate(draft, *clock, *rung),
        Command::ApplyCalendar => apply_calendar(draft),
        Command::CorrectForOutage { outage } => correct_for_outage(draft, *outage),
        other => Err(draft.illegal(other.kind())),
    }
}

fn fall_due(draft: &mut Draft<'_>, id: ClockId) -> Result<(), Refusal> {
    let kind = draft
        .case
        .clock(id)
        .filter(|clock| clock.is_undecided() && clock.is_counting() && clock.due_at <= draft.now)
        .map(|clock| clock.kind)
        .ok_or(Refusal::NotDue)?;
    match kind {
        ClockKind::Completion => {
            draft.fact(CaseFact::Lapsed);
            draft.stop_clock(id, Ending::Expired);
            draft.end_all();
        }
        ClockKind::ReporterSilence => silence(draft, id)?,
        _ => {
            draft.fact(CaseFact::Breached { clock: id });
            draft.breach(id);
            draft.fire_rung(id);
        }
    }
    Ok(())
}

/// Silence closes when nobody's window is open any more (rule M6).
fn silence(draft: &mut Draft<'_>, id: ClockId) -> Result<(), Refusal> {
    let open = draft.running(|clock| clock.kind == ClockKind::ReporterSilence && clock.id != id);
    if !open.is_empty() {
        draft.fact(CaseFact::WindowEnded { clock: id });
        draft.stop_clock(id, Ending::Expired);
        return Ok(());
    }
    let claimed = draft.case.answer().map(|answer| Outcome::from(answer.outcome));
    let outcome = claimed.ok_or_else(|| draft.illegal(CommandKind::FallDue))?;
    draft.fact(CaseFact::ClosedBySilence { outcome });
    draft.stop_clock(id, Ending::Expired);
    draft.end_all();
    Ok(())
}

fn escalate(draft: &mut Draft<'_>, id: ClockId, rung: u32) -> Result<(), Refusal> {
    let next = draft
        .case
        .clock(id)
        .and_then(|clock| next_rung(&draft.case, clock, draft.context.policies, draft.context.calendar));
    if !next.is_some_and(|next| next.number == rung && next.due_at <= draft.now) {
        return Err(Refusal::NotDue);
    }
    draft.fact(CaseFact::Escalated { clock: id });
    draft.fire_rung(id);
    Ok(())
}

/// Clocks not yet due move; those that are due stay as they are (rule K3).
fn apply_calendar(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let now = draft.now;
    let movable = |clock: &CaseClock| clock.is_undecided() && clock.is_counting() && clock.due_at > now;
    let mut moved = Vec::new();
    for id in draft.running(movable) {
        let Some(clock) = draft.case.clock(id) else { continue };
        // A day that stops being a holiday makes nothing due in the past.
        let to = due_of(clock, draft.context).max(now);
        let provisional = draft.context.calendar.is_provisional(to);
        if to != clock.due_at || provisional != clock.provisional {
            moved.push(Effect::DeadlineMoved {
                clock: id,
                from: clock.due_at,
                to,
                provisional,
                cause: DeadlineCause::Calendar,
                adopted: Vec::new(),
            });
        }
    }
    if moved.is_empty() {
        return Err(Refusal::NothingChanges);
    }
    let calendar_version = draft.context.calendar.version();
    draft.fact(CaseFact::CalendarApplied { calendar_version });
    for effect in moved {
        draft.effect(effect);
    }
    Ok(())
}

/// Mends breaches of clocks whose stop was issued in time, inside an outage of routing (rule K7).
fn correct_for_outage(draft: &mut Draft<'_>, outage: Outage) -> Result<(), Refusal> {
    let mended: Vec<(ClockId, Correction)> = draft
        .case
        .clocks
        .iter()
        .filter_map(|clock| {
            let breach = clock.breach()?;
            let issued_at = clock.stop_issued_at?;
            (outage.covers(issued_at) && issued_at <= breach.at).then(|| {
                let correction = Correction {
                    at: draft.now,
                    cause: CorrectionCause::RoutingOutage,
                    was: breach.clone(),
                };
                (clock.id, correction)
            })
        })
        .collect();
    if mended.is_empty() {
        return Err(Refusal::NothingChanges);
    }
    draft.fact(CaseFact::OutageCorrected { outage });
    for (clock, correction) in mended {
        draft.effect(Effect::BreachCorrected { clock, correction });
    }
    Ok(())
}
