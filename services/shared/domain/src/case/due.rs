//! What falls due on a case, and when (rule E3): routing keeps the earliest moment in an index.

use time::OffsetDateTime;

use super::Case;
use super::command::Command;
use crate::calendar::Calendar;
use crate::clock::CaseClock;
use crate::escalation::next_rung;
use crate::policy::PolicyBook;

/// The earliest moment at which something is due on the case: a breach, a rung, closing by silence, lapse.
/// None when nothing runs. Independent of the present, so that it can be stored with the case.
#[must_use]
pub fn next_due(case: &Case, policies: &PolicyBook, calendar: &Calendar) -> Option<OffsetDateTime> {
    let due = |clock: &CaseClock| clock_due(case, clock, policies, calendar).map(|(at, _)| at);
    case.clocks.iter().filter_map(due).min()
}

/// The commands that are due at `now`, in the order of their due times. Each may make more due;
/// the caller asks again after deciding them.
#[must_use]
pub fn due_commands(case: &Case, now: OffsetDateTime, policies: &PolicyBook, calendar: &Calendar) -> Vec<Command> {
    let mut due: Vec<(OffsetDateTime, Command)> = case
        .clocks
        .iter()
        .filter_map(|clock| clock_due(case, clock, policies, calendar))
        .filter(|(at, _)| *at <= now)
        .collect();
    due.sort_by_key(|(at, _)| *at);
    due.into_iter().map(|(_, command)| command).collect()
}

fn clock_due(
    case: &Case,
    clock: &CaseClock,
    policies: &PolicyBook,
    calendar: &Calendar,
) -> Option<(OffsetDateTime, Command)> {
    if !clock.is_running() {
        return None;
    }
    if clock.result.is_none() {
        let counting = !clock.is_paused();
        return counting.then_some((clock.due_at, Command::FallDue { clock: clock.id }));
    }
    let next = next_rung(case, clock, policies, calendar)?;
    Some((
        next.due_at,
        Command::Escalate {
            clock: clock.id,
            rung: next.number,
        },
    ))
}
