//! Each case is what its events say, moved only as cases may, and its time adds up.

use time::{Duration, OffsetDateTime};
use tuntas_domain::{Case, CaseEvent, ClockKind, Party, State, due_commands, refusal::StateCode};

use crate::{
    database::CaseRow,
    event::{Aggregate, Payload, Service},
    province,
    world::World,
};

pub(super) fn check(world: &World) -> Result<(), String> {
    let cases = &world.databases[Service::Routing as usize].cases;
    for (number, row) in cases {
        one(row, world.now).map_err(|what| format!("case {number}: {what}"))?;
        published(world, *number, row).map_err(|what| format!("case {number}: {what}"))?;
    }
    Ok(())
}

fn one(row: &CaseRow, now: OffsetDateTime) -> Result<(), String> {
    let case = &row.case;
    if Case::replay(row.events.iter().map(AsRef::as_ref)).as_ref() != Some(case) {
        return Err("its state is not what its events lead to".to_owned());
    }
    let province = province::get();
    if !due_commands(case, now, &province.policies, &province.calendar).is_empty() {
        return Err("something is due and was not decided".to_owned());
    }
    let now = now.max(case.updated_at);
    let open = history(&row.events, case.filed_at, now)?;
    let mut parties: Vec<&Party> = Vec::new();
    for interval in &case.ledger {
        if !parties.contains(&&interval.party) {
            parties.push(&interval.party);
        }
    }
    let charged: Duration = parties.into_iter().map(|party| case.charged(party, now)).sum();
    if charged != open || case.age(now) != open {
        return Err(format!(
            "{charged} is charged, it is {} old and was open for {open}",
            case.age(now)
        ));
    }
    let holder = match case.taken_over_at {
        Some(_) => Some(Party::Ombudsman),
        None => case.due_party(),
    };
    if case.holder() != holder.as_ref() {
        return Err(format!("{:?} holds it and not {holder:?}", case.holder()));
    }
    for clock in case
        .clocks
        .iter()
        .filter(|clock| clock.is_undecided() && clock.is_counting())
    {
        let bases = std::iter::once(&clock.basis).chain(&clock.adopted);
        let due_at = bases.map(|basis| province.calendar.due_at(basis)).min();
        if due_at != Some(clock.due_at) {
            return Err(format!(
                "its {} clock falls due at another time than it counts to",
                clock.kind
            ));
        }
    }
    Ok(())
}

/// Goes through all states; answers for how long it was open.
fn history(
    events: &[std::rc::Rc<CaseEvent>],
    filed_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Duration, String> {
    let mut total = Duration::ZERO;
    let mut open_since = Some(filed_at);
    let mut case: Option<Case> = None;
    for (place, event) in events.iter().enumerate() {
        if event.seq != place as u64 + 1 {
            return Err(format!("event {} stands at place {}", event.seq, place + 1));
        }
        let before = case.as_ref().map(|case| case.state.code());
        match &mut case {
            Some(case) => case.apply(event),
            None => case = Case::open(event),
        }
        let Some(case) = &case else {
            return Err("its first event opens nothing".to_owned());
        };
        let after = case.state.code();
        if before.is_some_and(|before| before != after && !may_follow(before, after)) {
            return Err(format!("{} leads from {before:?} to {after:?}", event.name()));
        }
        paused(case)?;
        match (open_since, case.is_open()) {
            (Some(since), false) => {
                total += event.at - since;
                open_since = None;
            }
            (None, true) => open_since = Some(event.at),
            _ => {}
        }
    }
    Ok(total + open_since.map_or(Duration::ZERO, |since| now - since))
}

/// While the reporter completes what an agency asked for, the agency's time stands still; while the Ombudsman has the
/// case, everybody's does (rules M3, K4).
fn paused(case: &Case) -> Result<(), String> {
    let completing = case.state == State::AwaitingCompletion;
    let stands = |kind: ClockKind| {
        let agencys = matches!(
            kind,
            ClockKind::Resolution | ClockKind::Reopen | ClockKind::Contribution
        );
        case.taken_over_at.is_some() || completing && agencys
    };
    let mut counting = case
        .clocks
        .iter()
        .filter(|clock| clock.is_undecided() && clock.is_counting());
    match counting.find(|clock| stands(clock.kind)) {
        Some(clock) => Err(format!("its {} clock runs on in {:?}", clock.kind, case.state.code())),
        None => Ok(()),
    }
}

/// The moves of rule M1, written down a second time.
fn may_follow(before: StateCode, after: StateCode) -> bool {
    use StateCode as S;
    match before {
        S::AwaitingVerification => matches!(after, S::AwaitingCompletion | S::AwaitingDisposition | S::Closed),
        S::AwaitingCompletion => matches!(after, S::AwaitingVerification | S::InProgress | S::Closed),
        S::AwaitingDisposition => matches!(after, S::AwaitingAcceptance | S::InProgress | S::Closed),
        S::AwaitingAcceptance => matches!(after, S::AwaitingDisposition | S::InProgress | S::Closed),
        S::InProgress => matches!(
            after,
            S::AwaitingCompletion | S::AwaitingDisposition | S::AwaitingAcceptance | S::Answered | S::Closed
        ),
        S::Answered => matches!(after, S::Disputed | S::Closed),
        S::Disputed => matches!(after, S::Answered | S::InProgress | S::Closed),
        S::Closed => matches!(
            after,
            S::InProgress | S::AwaitingVerification | S::AwaitingDisposition | S::Disputed
        ),
    }
}

/// What was told of the case is what it has.
fn published(world: &World, number: u32, row: &CaseRow) -> Result<(), String> {
    let outbox = &world.databases[Service::Routing as usize].outbox;
    let told = outbox.iter().filter_map(|told| match &told.event.payload {
        Payload::Moved { event, .. } if told.event.aggregate == Aggregate::Case(number) => Some(event),
        _ => None,
    });
    let mut last = 0;
    for event in told {
        let own = usize::try_from(event.seq - 1)
            .ok()
            .and_then(|place| row.events.get(place));
        if own.map(AsRef::as_ref) != Some(event) {
            return Err(format!("event {} was told otherwise than it is stored", event.seq));
        }
        last = last.max(event.seq);
    }
    if last == row.case.seq {
        Ok(())
    } else {
        Err(format!("its events were told up to {last} of {}", row.case.seq))
    }
}
