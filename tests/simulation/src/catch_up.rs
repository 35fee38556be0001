//! Catching up: what the broker did not bring is asked of its source, around the real comparison of both sides.

use tuntas_kit::consumer::compare::{self, Published};
use tuntas_proto::outbox::v1::ListPublishedResponse;
use uuid::Uuid;

use crate::{
    broker::{Link, Message},
    bug::Bug,
    consumer,
    event::{Queue, Service, Topology, id_of},
    tx::statement,
    world::{Sim, World},
};

/// Ticks between two rounds.
pub(crate) const EVERY: u64 = 600;
/// Ticks after which a row is compared.
const MIN_AGE: u64 = 150;
/// Rows of one page; few, so that there are several.
const ROWS_MAX: usize = 16;
const MESSAGES_MAX: usize = 4;

/// A round failed; the next one goes on where this one was.
struct Failed;

/// Counts a page of the desk's outbox for as long as it is being compared.
struct Comparing(Sim);

impl Comparing {
    fn new(sim: &Sim) -> Self {
        sim.with(|world| world.comparing += 1);
        Self(sim.clone())
    }
}

impl Drop for Comparing {
    fn drop(&mut self) {
        self.0.with(|world| world.comparing -= 1);
    }
}

/// Catches up for ever.
pub(crate) async fn run(sim: Sim, queue: Queue) {
    loop {
        sim.sleep("catching up waits for its time", EVERY).await;
        for source in queue.sources() {
            while let Ok(true) = page(&sim, queue, *source).await {}
        }
    }
}

/// One page; answers whether there is more.
async fn page(sim: &Sim, queue: Queue, source: Service) -> Result<bool, Failed> {
    let owner = queue.owner();
    let _comparing = (source == Service::Desk).then(|| Comparing::new(sim));
    sim.step("a page is asked for").await;
    let after = sim.with(|world| {
        world
            .database(owner)
            .compared
            .get(&(queue, source))
            .copied()
            .unwrap_or(0)
    });
    // The source reads its cursor first: what it counts as published is there to be seen by the next statement.
    let last = sim.with(|world| world.database(source).cursor);
    sim.step("a page is read").await;
    let page = sim.with(|world| list(world, queue, source, after, last));
    sim.step("a page has come").await;
    if compare::is_shorter(&page, after.unsigned_abs()) {
        sim.with(|world| world.unnoticed.remove(&queue));
        if !sim.with(|world| world.has(Bug::RestoreUnnoticed)) {
            set_compared(sim, queue, source, 0).await?;
            return Ok(true);
        }
    }
    let event_ids = compare::event_ids(&page).map_err(|_| Failed)?;
    let known = sim.with(|world| known(world, queue, &event_ids));
    let missing = compare::missing(&page, &event_ids, known);
    for seqs in missing.chunks(MESSAGES_MAX) {
        fetch(sim, queue, source, seqs).await?;
    }
    if last != after && sim.with(|world| world.has(Bug::ComparisonTooFar)) {
        set_compared(sim, queue, source, last).await?;
    } else if let Some(next) = compare::moves_to(&page, after.unsigned_abs()) {
        set_compared(sim, queue, source, i64::try_from(next).map_err(|_| Failed)?).await?;
    }
    Ok(page.more)
}

fn list(world: &mut World, queue: Queue, source: Service, after: i64, last: i64) -> ListPublishedResponse {
    let tick = world.tick;
    let outbox = &world.database(source).outbox;
    let first = outbox.partition_point(|row| row.seq <= after);
    let rows = outbox.iter().skip(first).take_while(|row| row.seq <= last);
    let rows: Vec<Published> = rows
        .take(ROWS_MAX)
        .map(|row| {
            let (exchange, routing_key) = row.address.text();
            Published {
                seq: row.seq,
                event_id: row.event.uuid(),
                exchange: exchange.to_owned(),
                routing_key: routing_key.to_owned(),
                old: row.created + MIN_AGE <= tick,
            }
        })
        .collect();
    compare::listing(&rows, after, last, rows.len() == ROWS_MAX, Topology::get().spec(queue))
}

/// Those that have come for good: handled, or dead. One that was only tried may be lost with the process that had it.
fn known(world: &mut World, queue: Queue, event_ids: &[Uuid]) -> Vec<Uuid> {
    let tried_too = world.has(Bug::TriedIsKnown);
    let inbox = &world.database(queue.owner()).inbox;
    let came = |event_id: &Uuid| {
        let row = inbox.get(&(queue, id_of(*event_id)));
        row.is_some_and(|row| row.handled || row.dead || tried_too)
    };
    event_ids.iter().copied().filter(came).collect()
}

async fn fetch(sim: &Sim, queue: Queue, source: Service, seqs: &[u64]) -> Result<(), Failed> {
    sim.step("missing events are asked for").await;
    let messages: Vec<Message> = sim.with(|world| {
        let rows = world.database(source).outbox.iter();
        rows.filter(|row| seqs.contains(&row.seq.unsigned_abs()) && Topology::get().takes(queue, row.address))
            .map(|row| Message {
                event: row.event.clone(),
                address: row.address,
            })
            .collect()
    });
    let link = Link::connect(sim).await.map_err(|_| Failed)?;
    consumer::settle(sim, queue, &link, &messages).await.map_err(|_| Failed)
}

async fn set_compared(sim: &Sim, queue: Queue, source: Service, seq: i64) -> Result<(), Failed> {
    let moved = |world: &mut World| {
        world.database(queue.owner()).compared.insert((queue, source), seq);
        world.changes += 1;
    };
    statement(sim, "the comparison moves on", moved)
        .await
        .map_err(|_| Failed)
}
