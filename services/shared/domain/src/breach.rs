//! Attribution of a breach: to which party, position and holder it is charged (rule V1).

use time::{Duration, OffsetDateTime};

use crate::authorization::Role;
use crate::calendar::{Calendar, DAY_SECONDS};
use crate::case::Case;
use crate::clock::{CaseClock, Charge, ClockKind};
use crate::directory::Directory;
use crate::party::Party;
use crate::policy::{Limit, Limits};

/// Charges a breach that falls due at `due_at` (rule V1).
#[must_use]
pub fn charge(
    case: &Case,
    clock: &CaseClock,
    due_at: OffsetDateTime,
    limits: &Limits,
    calendar: &Calendar,
    directory: &Directory,
) -> Charge {
    let party = party(case, clock, due_at, limits, calendar);
    responsible(case, clock, party, due_at, directory)
}

/// The position responsible for a clock within a party at a moment, and its holder then (rule V1).
#[must_use]
pub fn responsible(case: &Case, clock: &CaseClock, party: Party, at: OffsetDateTime, directory: &Directory) -> Charge {
    let role = responsible_role(case, clock, &party);
    let opd = match role {
        Role::Liaison | Role::AccountableHead | Role::Executor => party.opd(),
        _ => None,
    };
    let position = match (&case.executor, role) {
        (Some(executor), Role::Executor) => directory.positions.get(executor),
        _ => directory.position_with(role, opd, at),
    };
    Charge {
        party,
        position: position.map(|found| found.id.clone()),
        holder: position
            .and_then(|found| found.holder_at(at))
            .map(|term| term.holder.clone()),
        role,
    }
}

/// A stretch during which a party held the case while a clock ran, and the time it was allowed.
struct Held {
    party: Party,
    time: Duration,
    allowed: Duration,
}

fn party(case: &Case, clock: &CaseClock, due_at: OffsetDateTime, limits: &Limits, calendar: &Calendar) -> Party {
    // A clock that one step alone can meet is that step's; the long ones pass through many hands.
    if !clock.kind.is_long() {
        return clock.party.clone();
    }
    let path = path(case, clock, due_at, limits, calendar);
    let Some((last, before)) = path.split_last() else {
        return clock.party.clone();
    };
    let held_before: Duration = before.iter().map(|held| held.time).sum();
    let allowed_before: Duration = before.iter().map(|held| held.allowed).sum();
    if is_chargeable(&last.party) && held_before <= allowed_before {
        return last.party.clone();
    }
    largest_overrun(&path).unwrap_or_else(|| clock.party.clone())
}

fn is_chargeable(party: &Party) -> bool {
    !matches!(party, Party::Reporter | Party::Ombudsman)
}

/// The party whose holding exceeds its own limit most; of equals the earliest.
fn largest_overrun(path: &[Held]) -> Option<Party> {
    let mut totals: Vec<(Party, Duration)> = Vec::new();
    for held in path.iter().filter(|held| is_chargeable(&held.party)) {
        let overrun = held.time - held.allowed;
        match totals.iter_mut().find(|(party, _)| *party == held.party) {
            Some((_, total)) => *total += overrun,
            None => totals.push((held.party.clone(), overrun)),
        }
    }
    let mut worst: Option<(Party, Duration)> = None;
    for (party, overrun) in totals {
        if worst.as_ref().is_none_or(|(_, most)| overrun > *most) {
            worst = Some((party, overrun));
        }
    }
    worst.map(|(party, _)| party)
}

/// Who held the case from the start of the clock to its due time, in working time, with each party's own limit.
fn path(case: &Case, clock: &CaseClock, due_at: OffsetDateTime, limits: &Limits, calendar: &Calendar) -> Vec<Held> {
    let start = calendar.counting_from(clock.started_at());
    // A legal limit leaves an agency what the working-day limit beside it does.
    let total = match clock.basis.limit {
        Limit::WorkingDays(_) => clock.basis.limit,
        Limit::CalendarDays(_) => limits.resolution(case.kind, case.supervisory),
    };
    let mut path: Vec<Held> = Vec::new();
    let mut first_of_manager = true;
    for (place, interval) in case.ledger.iter().enumerate() {
        let from = interval.from.max(start);
        let to = interval.to.unwrap_or(due_at).min(due_at);
        let is_last = interval.to.is_none_or(|end| end > due_at);
        if to <= clock.started_at() || interval.from > due_at {
            continue;
        }
        let paused = matches!(interval.party, Party::Reporter | Party::Ombudsman);
        let time = calendar.working_time(from, to.max(from));
        let allowed = match &interval.party {
            Party::Manager | Party::Director | Party::Patron => {
                let limit = if first_of_manager {
                    limits.verification
                } else {
                    limits.redisposition
                };
                first_of_manager = false;
                working(limit)
            }
            Party::Agency(_) if had_to_pass_on(case, place) => working(limits.acceptance),
            Party::Agency(_) => working(total) - working(limits.verification),
            Party::Reporter | Party::Ombudsman => Duration::ZERO,
        };
        let held = Held {
            party: interval.party.clone(),
            time: if paused { Duration::ZERO } else { time },
            allowed,
        };
        path.push(held);
        if is_last {
            break;
        }
    }
    path
}

/// Whether an agency's interval ended by a return, or the case has gone to another agency since: an agency that
/// does not answer a case itself had the time of acceptance to say so.
fn had_to_pass_on(case: &Case, place: usize) -> bool {
    let Some(interval) = case.ledger.get(place) else {
        return false;
    };
    let takes_part = case.lead.as_ref() == interval.party.opd()
        || case
            .contributions
            .iter()
            .any(|part| Some(&part.opd) == interval.party.opd());
    let returned = case.returns.iter().any(|record| {
        !record.transfer_request && interval.to == Some(record.at) && interval.party.opd() == Some(&record.opd)
    });
    returned || !takes_part
}

fn working(limit: Limit) -> Duration {
    let (Limit::WorkingDays(days) | Limit::CalendarDays(days)) = limit;
    Duration::seconds(i64::from(days) * DAY_SECONDS)
}

/// The role responsible for the step, within the party (rule V1).
fn responsible_role(case: &Case, clock: &CaseClock, party: &Party) -> Role {
    match party {
        Party::Director => Role::Director,
        Party::Patron => Role::Patron,
        Party::Manager | Party::Reporter => Role::Manager,
        Party::Ombudsman => Role::Ombudsman,
        Party::Agency(opd) => {
            let is_lead = case.lead.as_ref() == Some(opd);
            match clock.kind {
                ClockKind::Rework | ClockKind::Reopen => Role::AccountableHead,
                ClockKind::Resolution | ClockKind::LegalDecision | ClockKind::FirstResponse
                    if is_lead && case.lead_done_at.is_some() && case.head_required() =>
                {
                    Role::AccountableHead
                }
                ClockKind::Resolution | ClockKind::LegalDecision | ClockKind::FirstResponse
                    if is_lead && case.executor.is_some() =>
                {
                    Role::Executor
                }
                _ => Role::Liaison,
            }
        }
    }
}
