//! The relay of one database: session after session, window after window, as the real one, around the real pace, settlement
//! and cursor.

use tuntas_kit::{
    broker::{Settled, Stop, settlement::Settlement},
    relay::pace::{Pace, cursor_after},
};

use crate::{
    broker::{Key, Link, Message},
    bug::Bug,
    database::{Lock, Row},
    event::Service,
    tx::Session,
    world::{Sim, Topic, World},
};

/// Why a session ended.
struct Ended;

/// Relays for ever.
pub(crate) async fn run(sim: Sim, service: Service) {
    let mut pace = Pace::new();
    loop {
        let Ended = session(&sim, service, &mut pace).await;
        pace.failed();
        let wait = sim.with(|world| u64::from(world.below(20)));
        sim.sleep("the relay waits to reconnect", wait).await;
    }
}

async fn session(sim: &Sim, service: Service, pace: &mut Pace) -> Ended {
    let session = loop {
        sim.step("asking for the relay's lock").await;
        match Session::try_lock(sim, service, Lock::Relay) {
            Some(session) => break session,
            None => sim.idle(Topic::Locks(service), "the relay waits for its lock").await,
        }
    };
    let Ok(link) = Link::connect(sim).await else {
        return Ended;
    };
    loop {
        let committed = sim.with(|world| world.seen(Topic::Outbox(service)));
        let asked = pace.window();
        match window(sim, service, &session, &link, asked).await {
            Err(ended) => return ended,
            Ok(published) => {
                if published > 0 {
                    pace.succeeded();
                }
                if published < asked.unsigned_abs() {
                    if !link.is_connected() {
                        return Ended;
                    }
                    sim.idle_since(committed, "the relay waits for events").await;
                }
            }
        }
    }
}

async fn window(sim: &Sim, service: Service, session: &Session, link: &Link, rows_max: i64) -> Result<u64, Ended> {
    let read = |world: &mut World| next_rows(world, service, rows_max);
    let rows = session.statement("reading the outbox", read).await.map_err(|_| Ended)?;
    if rows.is_empty() {
        return Ok(0);
    }
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    if sim.with(|world| world.has(Bug::CursorBeforePublish)) {
        move_cursor(session, service, seqs.last().copied()).await?;
    }
    let mut settled = publish(sim, link, &rows).await;
    if sim.with(|world| world.has(Bug::CursorOverReturned)) && matches!(settled.stop, Some(Stop::Returned)) {
        settled.published += 1;
    }
    move_cursor(session, service, cursor_after(&seqs, &settled)).await?;
    match settled.stop {
        None => Ok(settled.published as u64),
        Some(_) => Err(Ended),
    }
}

fn next_rows(world: &mut World, service: Service, rows_max: i64) -> Vec<Row> {
    let database = world.database(service);
    let first = database.outbox.partition_point(|row| row.seq <= database.cursor);
    let rows = database.outbox.iter().skip(first);
    rows.take(usize::try_from(rows_max).unwrap_or(usize::MAX))
        .cloned()
        .collect()
}

async fn move_cursor(session: &Session, service: Service, to: Option<i64>) -> Result<(), Ended> {
    let Some(to) = to else { return Ok(()) };
    let moved = |world: &mut World| {
        let database = world.database(service);
        database.cursor = database.cursor.max(to);
        world.changes += 1;
    };
    session.statement("moving the cursor", moved).await.map_err(|_| Ended)
}

async fn publish(sim: &Sim, link: &Link, rows: &[Row]) -> Settled {
    let mut channel = link.channel();
    let mut unsent = None;
    for row in rows {
        sim.step("publishing").await;
        sim.with(|world| world.note("publishes event", u64::from(row.event.id)));
        let message = Message {
            event: row.event.clone(),
            address: row.address,
        };
        if let Err(error) = channel.send(&message) {
            unsent = Some(error);
            break;
        }
    }
    // A message that was lost with the connection has no confirm, as its send had no error.
    let sent = rows.len().min(channel.sent());
    let mut settlement = Settlement::new();
    for (index, row) in rows.iter().enumerate().take(sent) {
        let mut answer = channel.confirm(index).await;
        if let Ok(answer) = &mut answer
            && answer.returned.is_some()
            && sim.with(|world| world.has(Bug::ReturnByPosition))
        {
            answer.returned = Some(key_of(row));
        }
        if settlement.answer(answer).is_break() {
            break;
        }
    }
    if unsent.is_none() && sent < rows.len() {
        unsent = Some(tuntas_kit::broker::BrokerError::Closed);
    }
    settlement.settled(rows.iter().map(key_of), unsent)
}

fn key_of(row: &Row) -> Key {
    (row.event.id, row.address)
}
