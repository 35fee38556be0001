//! The sequencer of the log, as the real one: around the real order and the real chain.

use std::collections::BTreeSet;

use tuntas_oversight::order::{self, Arrival};

use crate::{
    bug::Bug,
    database::{Database, Entry, Lock, Waiting},
    event::{Aggregate, Service, uuid_of},
    tx::{DbError, Session, Tx},
    world::{Sim, Topic},
};

/// Candidates of a batch at most; few, so that there are several batches.
const CANDIDATES_MAX: u32 = 8;
const ROWS_PER_CANDIDATE: usize = 4;

/// Sequences for ever.
pub(crate) async fn run(sim: Sim) {
    loop {
        sim.step("asking for the sequencer's lock").await;
        let Some(session) = Session::try_lock(&sim, Service::Oversight, Lock::Sequencer) else {
            sim.idle(Topic::Locks(Service::Oversight), "the sequencer waits for its lock")
                .await;
            continue;
        };
        loop {
            let arrived = sim.with(|world| world.seen(Topic::Arrivals));
            match batch(&sim).await {
                Ok(true) => {}
                Ok(false) => sim.idle_since(arrived, "the sequencer waits for arrivals").await,
                Err(_) => break,
            }
        }
        drop(session);
        sim.sleep("the sequencer waits for a session", 10).await;
    }
}

/// One batch in one transaction; answers whether there was something to look at.
async fn batch(sim: &Sim) -> Result<bool, DbError> {
    let candidates_max = 1 + sim.with(|world| world.below(CANDIDATES_MAX)) as usize;
    let mut tx = Tx::begin(sim, Service::Oversight).await?;
    tx.lock(Lock::Head).await?;
    let head = sim.with(|world| world.database(Service::Oversight).head());
    sim.step("reading arrivals").await;
    let waiting = sim.with(|world| next(world.database(Service::Oversight), candidates_max));
    if waiting.is_empty() {
        return Ok(false);
    }
    let arrivals: Vec<Arrival> = sim.with(|world| {
        let blind = world.has(Bug::CauseIgnored);
        let database = world.database(Service::Oversight);
        waiting.iter().map(|(_, one)| arrival(database, one, blind)).collect()
    });
    let order = order::order(&arrivals);
    let mut moved = head;
    if sim.with(|world| world.has(Bug::PositionBeforeCommit)) {
        moved.size = sim.with(|world| {
            let taken = world.positions;
            world.positions += i64::try_from(order.append.len()).unwrap_or(0);
            taken
        });
    }
    for (number, one) in order.append.iter().filter_map(|n| waiting.get(*n)) {
        (moved, _) = moved.after(&one.event.id.to_be_bytes());
        tx.writes.left.push(*number);
        tx.writes.entries.push(Entry {
            position: moved.size,
            event: one.event.clone(),
            chain: moved.chain_hash,
        });
    }
    let held_before = |n: usize| waiting.get(n).is_some_and(|(_, one)| one.held);
    tx.writes.held = order
        .newly_held(held_before)
        .filter_map(|n| waiting.get(n).map(|(number, _)| *number))
        .collect();
    tx.commit().await?;
    Ok(true)
}

/// What the real query reads: candidates in the order of their arrival, and what is held back for one of them, directly or
/// in a chain, up to a number of rows.
fn next(database: &Database, candidates_max: usize) -> Vec<(i64, Waiting)> {
    let candidates = database.arrivals.iter().filter(|(_, one)| !one.held);
    let mut wanted: Vec<i64> = candidates.map(|(number, _)| *number).take(candidates_max).collect();
    let mut seen: BTreeSet<i64> = wanted.iter().copied().collect();
    let mut place = 0;
    while let Some(one) = wanted.get(place).and_then(|number| database.arrivals.get(number)) {
        for (number, other) in database.arrivals.iter().filter(|(_, other)| other.held) {
            let follows = other.event.aggregate == one.event.aggregate && other.event.seq == one.event.seq + 1;
            if (follows || other.event.cause == Some(one.event.id)) && seen.insert(*number) {
                wanted.push(*number);
            }
        }
        place += 1;
    }
    wanted.truncate(candidates_max * ROWS_PER_CANDIDATE);
    wanted.sort_unstable();
    let rows = wanted.into_iter();
    rows.filter_map(|number| Some((number, database.arrivals.get(&number)?.clone())))
        .collect()
}

fn arrival(database: &Database, one: &Waiting, blind: bool) -> Arrival {
    let event = &one.event;
    let cause = if blind { None } else { event.cause };
    Arrival {
        event_id: event.uuid(),
        aggregate_id: aggregate_id(event.aggregate),
        aggregate_seq: i64::try_from(event.seq).unwrap_or(i64::MAX),
        causation_id: cause.map(uuid_of),
        predecessor_logged: event.seq == 1 || database.places.contains(&(event.aggregate, event.seq - 1)),
        cause_logged: cause.is_none_or(|cause| database.logged.contains(&cause)),
        place_taken: database.places.contains(&(event.aggregate, event.seq)),
    }
}

fn aggregate_id(aggregate: Aggregate) -> String {
    match aggregate {
        Aggregate::Report(number) => format!("report:{number}"),
        Aggregate::Case(number) => format!("case:{number}"),
        Aggregate::Command(number) => format!("command:{number}"),
    }
}
