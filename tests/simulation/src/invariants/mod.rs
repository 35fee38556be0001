//! What must hold once everything has healed and come to rest, whatever happened before.

mod cases;
mod log;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    database::Row,
    event::{Aggregate, Payload, Queue, Service, Topology},
    world::World,
};

/// Checks everything; what does not hold is noted in the world.
pub(crate) fn check(world: &mut World) {
    let found = published(world)
        .and_then(|()| filed(world))
        .and_then(|()| consumed(world))
        .and_then(|()| answered(world))
        .and_then(|()| desk(world))
        .and_then(|()| log::check(world))
        .and_then(|()| cases::check(world));
    if let Err(violation) = found {
        world.violated(|| violation);
    }
}

pub(crate) fn rows(world: &World) -> impl Iterator<Item = &Row> {
    Service::SOURCES
        .into_iter()
        .flat_map(|service| &world.databases[service as usize].outbox)
}

/// Every committed event was published at least once, to each of its addresses.
fn published(world: &World) -> Result<(), String> {
    for service in Service::SOURCES {
        let database = &world.databases[service as usize];
        let last = database.outbox.last().map_or(0, |row| row.seq);
        if database.cursor != last {
            return Err(format!("{service:?}'s cursor stands at {} of {last}", database.cursor));
        }
    }
    let lost = rows(world).find(|row| !world.truth.taken.contains(&(row.event.id, row.address)));
    lost.map_or(Ok(()), |row| {
        Err(format!(
            "event {} at {:?} was never published",
            row.event.id, row.address
        ))
    })
}

/// Every consumer has had the effects of each of its events exactly once.
fn consumed(world: &World) -> Result<(), String> {
    let mut expected = BTreeSet::new();
    for queue in Queue::ALL {
        let due = rows(world).filter(|row| Topology::get().takes(queue, row.address));
        expected.extend(due.map(|row| (queue, row.event.id)));
    }
    for key in &expected {
        let times = world.truth.effects.get(key).copied().unwrap_or(0);
        if times != 1 {
            return Err(format!("{:?} had the effects of event {} {times} times", key.0, key.1));
        }
    }
    let forgotten = &world.truth.forgotten;
    let mut others = world.truth.effects.keys().filter(|key| !expected.contains(key));
    match others.find(|(_, event)| !forgotten.contains(event)) {
        Some(key) => Err(format!(
            "{:?} had effects of event {}, which is none of its",
            key.0, key.1
        )),
        None => Ok(()),
    }
}

/// What was acknowledged is there, once, with its case.
fn filed(world: &World) -> Result<(), String> {
    let mut filings: BTreeMap<u32, u32> = BTreeMap::new();
    for row in &world.databases[Service::Intake as usize].outbox {
        if let Payload::Filed { report, .. } = &row.event.payload {
            *filings.entry(*report).or_default() += 1;
        }
    }
    let cases = &world.databases[Service::Routing as usize].cases;
    for report in &world.truth.filed {
        if !filings.contains_key(report) || !cases.contains_key(report) {
            return Err(format!("report {report} was acknowledged and is lost"));
        }
    }
    match filings.iter().find(|(_, times)| **times != 1) {
        Some((report, times)) => Err(format!("report {report} was filed {times} times")),
        None => Ok(()),
    }
}

/// Each filing has led to events of its case, and each command either to some or to one refusal.
fn answered(world: &World) -> Result<(), String> {
    let mut answers: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    let mut asked = Vec::new();
    let mut seen = BTreeSet::new();
    for row in rows(world).filter(|row| seen.insert(row.event.id)) {
        match (&row.event.payload, row.event.cause) {
            (Payload::Moved { .. }, Some(cause)) => answers.entry(cause).or_default().0 += 1,
            (Payload::Refused, Some(cause)) => answers.entry(cause).or_default().1 += 1,
            (Payload::Asked(_) | Payload::Filed { .. }, _) => asked.push(row.event.id),
            _ => {}
        }
    }
    for command in asked {
        let (moves, refusals) = answers.get(&command).copied().unwrap_or_default();
        if refusals > 1 || (moves > 0) == (refusals > 0) {
            return Err(format!(
                "command {command} led to {moves} events and {refusals} refusals"
            ));
        }
    }
    Ok(())
}

/// The desk has the last state of each of its cases, and stored them in order: without a gap as long as the case
/// stayed, unless it had waited long enough for the gap to close.
fn desk(world: &World) -> Result<(), String> {
    let mut last: BTreeMap<u32, u64> = BTreeMap::new();
    for row in &world.databases[Service::Routing as usize].outbox {
        if let (Aggregate::Case(case), true) = (
            row.event.aggregate,
            Topology::get().takes(Queue::DeskCases, row.address),
        ) {
            let seq = last.entry(case).or_default();
            *seq = row.event.seq.max(*seq);
        }
    }
    let states = &world.databases[Service::Desk as usize].states;
    for (case, seq) in last {
        let stored = states.get(&case).and_then(|row| row.stored).map(|stored| stored.seq);
        if stored != Some(seq) {
            return Err(format!(
                "the desk has state {stored:?} of case {case}, whose last is {seq}"
            ));
        }
    }
    for (case, stored) in &world.truth.stored {
        for pair in stored.windows(2) {
            let [before, after] = pair else { continue };
            let gap = after.seq != before.seq + 1 && !before.gone && !after.despite_gap;
            if after.seq <= before.seq || gap {
                let (before, after) = (before.seq, after.seq);
                return Err(format!("the desk stored state {after} of case {case} after {before}"));
            }
        }
    }
    Ok(())
}
