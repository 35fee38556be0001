//! Escalation: which rung of which ladder is next, and whom it addresses (rules E1–E3).

use time::OffsetDateTime;

use crate::authorization::Role;
use crate::calendar::Calendar;
use crate::case::Case;
use crate::clock::{CaseClock, ClockResult, FiredRung};
use crate::directory::Directory;
use crate::ids::{HolderId, OpdCode, PositionId};
use crate::party::Party;
use crate::policy::{Ladders, PolicyBook, Rung};

/// The next rung of a breached clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextRung {
    /// Its number in the ladder, from zero.
    pub number: u32,
    /// The rung.
    pub rung: Rung,
    /// When it is due.
    pub due_at: OffsetDateTime,
}

/// The ladder for breaches charged to a party (rule E1: manager's clocks start at the director).
#[must_use]
pub fn ladder<'a>(ladders: &'a Ladders, charged: &Party) -> &'a [Rung] {
    match charged {
        Party::Agency(_) => &ladders.agency,
        Party::Director => &ladders.director,
        Party::Patron | Party::Ombudsman => &ladders.patron,
        Party::Manager | Party::Reporter => &ladders.manager,
    }
}

/// The next rung of a clock: none when it is not breached, stopped, at the top of its ladder, or when the
/// clock beside it (rule K8) was breached before and is the one that escalates.
#[must_use]
pub fn next_rung(case: &Case, clock: &CaseClock, policies: &PolicyBook, calendar: &Calendar) -> Option<NextRung> {
    let breach = clock.breach().filter(|_| clock.is_running())?;
    if is_covered_by_other(case, clock) {
        return None;
    }
    let policy = policies.version(breach.ladder_version)?;
    let rungs = ladder(&policy.ladders, &breach.charged_to.party);
    let place = clock.rungs.len();
    let rung = rungs.get(place)?.clone();
    let by_days = calendar.add_working_days(breach.at, rung.after_working_days);
    // Rule E2: after a vacant position the next rung is due at once.
    let due_at = match clock.rungs.last() {
        Some(fired) if fired.holder.is_none() => by_days.min(fired.at),
        _ => by_days,
    };
    Some(NextRung {
        number: u32::try_from(place).ok()?,
        rung,
        due_at,
    })
}

/// Rule K8: of two clocks side by side the one that fell due earlier escalates.
fn is_covered_by_other(case: &Case, clock: &CaseClock) -> bool {
    let (Some(other), Some(breach)) = (clock.kind.side_by_side(), clock.breach()) else {
        return false;
    };
    case.clocks.iter().any(|beside| {
        beside.kind == other
            && beside.is_running()
            && match &beside.result {
                Some(ClockResult::Breached(earlier)) => (earlier.at, beside.id) < (breach.at, clock.id),
                _ => false,
            }
    })
}

/// Whom a rung addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The position; none when there is none with the role.
    pub position: Option<PositionId>,
    /// Its holder or acting holder; none when vacant (rule E2).
    pub holder: Option<HolderId>,
}

/// The position and holder that a role means for an agency at a moment (rule E2).
#[must_use]
pub fn target(directory: &Directory, role: Role, opd: Option<&OpdCode>, at: OffsetDateTime) -> Target {
    let opd = match role {
        Role::Liaison | Role::AccountableHead | Role::Executor => opd,
        _ => None,
    };
    let position = directory.position_with(role, opd, at);
    Target {
        position: position.map(|found| found.id.clone()),
        holder: position
            .and_then(|found| found.holder_at(at))
            .map(|term| term.holder.clone()),
    }
}

/// Makes the record of a rung that fires now.
#[must_use]
pub fn fire(next: &NextRung, charged: &Party, directory: &Directory, at: OffsetDateTime) -> FiredRung {
    let target = target(directory, next.rung.role, charged.opd(), at);
    FiredRung {
        rung: next.number,
        after_working_days: next.rung.after_working_days,
        role: next.rung.role,
        position: target.position,
        holder: target.holder,
        due_at: next.due_at,
        at,
        flags_ombudsman: next.rung.flags_ombudsman,
    }
}
