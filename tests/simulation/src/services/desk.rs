//! The desk: stores the states of its cases around the real rule of gaps, and passes its officials' commands on.

use std::rc::Rc;

use tuntas_desk::{
    apply_case::{Applied, place},
    part::Part,
};
use tuntas_kit::consumer::HandlerError;

use super::intake::is_new;
use crate::{
    bug::Bug,
    consumer::away,
    database::{DeskRow, Lock, Stored},
    event::{Address, Aggregate, Event, Payload, Service},
    tx::{DbError, Tx},
    world::{Request, Sim, Wish},
};

/// Ticks for which a gap is waited for, and between two looks.
const GAP_HOLD: u64 = 500;
const LOOK_EVERY: u64 = 200;

pub(super) async fn handle(tx: &mut Tx, events: &[Rc<Event>]) -> Result<(), HandlerError> {
    for event in events {
        let (Aggregate::Case(case), Payload::Moved { gone, .. }) = (event.aggregate, &event.payload) else {
            continue;
        };
        let mut row = lock(tx, case).await.map_err(away)?;
        let (hasty, now) = tx.sim.with(|world| (world.has(Bug::GapIgnored), world.tick));
        let stored = apply(&mut row, event.seq, *gone, hasty, now);
        tx.writes.stored.extend(stored.into_iter().map(|one| (case, one)));
        tx.writes.states.insert(case, row);
    }
    Ok(())
}

async fn lock(tx: &mut Tx, case: u32) -> Result<DeskRow, DbError> {
    tx.lock(Lock::Case(case)).await?;
    Ok(match tx.writes.states.remove(&case) {
        Some(row) => row,
        None => tx.sim.with(|world| {
            let states = &world.database(Service::Desk).states;
            states.get(&case).cloned().unwrap_or_default()
        }),
    })
}

/// As `apply_case::apply`: answers what is stored now, in order.
fn apply(row: &mut DeskRow, seq: u64, gone: bool, hasty: bool, now: u64) -> Vec<Stored> {
    let part = |stored: Stored| if stored.gone { Part::Gone } else { Part::Lead };
    let mut stored = Vec::new();
    match place(row.stored.map(|stored| (stored.seq, part(stored))), seq) {
        Applied::Old => {}
        Applied::HeldBack if !hasty => {
            row.held.entry(seq).or_insert(gone);
            row.held_since = now;
        }
        Applied::HeldBack | Applied::Stored => {
            let mut next = Some((seq, gone));
            while let Some((seq, gone)) = next {
                let despite_gap = false;
                stored.push(Stored { seq, gone, despite_gap });
                next = row.held.remove(&(seq + 1)).map(|gone| (seq + 1, gone));
            }
            row.stored = stored.last().copied();
            row.held = row.held.split_off(&row.stored.map_or(0, |stored| stored.seq));
        }
    }
    stored
}

/// Goes on, for ever, with cases whose gap did not close: every state is complete, so the latest one holds.
pub(crate) async fn close_gaps(sim: Sim) {
    loop {
        sim.sleep("waiting for gaps to close", LOOK_EVERY).await;
        let overdue = sim.with(|world| {
            let now = world.tick;
            let mut states = world.database(Service::Desk).states.iter();
            let overdue = states.find(|(_, row)| !row.held.is_empty() && row.held_since + GAP_HOLD < now);
            overdue.map(|(case, _)| *case)
        });
        if let Some(case) = overdue {
            // What fails is overdue at the next look, too.
            let _closed = close_gap(&sim, case).await;
        }
    }
}

async fn close_gap(sim: &Sim, case: u32) -> Result<(), DbError> {
    let mut tx = Tx::begin(sim, Service::Desk).await?;
    let mut row = lock(&mut tx, case).await?;
    for (seq, gone) in std::mem::take(&mut row.held) {
        let despite_gap = true;
        let stored = Stored { seq, gone, despite_gap };
        row.stored = Some(stored);
        tx.writes.stored.push((case, stored));
    }
    tx.writes.states.insert(case, row);
    tx.commit().await
}

pub(super) async fn answer(sim: &Sim, request: &Request) -> Result<(), DbError> {
    let Wish::Ask(asked) = &request.what else { return Ok(()) };
    let mut tx = Tx::begin(sim, Service::Desk).await?;
    tx.lock(Lock::Key(request.key)).await?;
    if !is_new(sim, request.key) {
        return Ok(());
    }
    let event = sim.with(|world| {
        let id = world.next_event();
        Rc::new(Event {
            id,
            aggregate: Aggregate::Command(id),
            seq: 1,
            cause: None,
            payload: Payload::Asked(asked.clone()),
        })
    });
    tx.writes.answers.push(request.key);
    tx.append(vec![(event, Address::DeskCommand)]).await?;
    tx.commit().await
}
