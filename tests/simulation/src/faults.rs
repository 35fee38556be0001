//! What happens to the world: processes are killed, servers restart, bindings and queues are lost; and how it is mended.

use crate::{
    event::{Address, Queue, Service, Topology},
    restore,
    world::{Ailment, Topic, World},
};

/// Of a thousand turns, so many bring a fault.
const FAULTS_PER_MILLE: u32 = 20;

/// Perhaps one fault; answers which of so many processes is killed, if one is: `desk` is the number of the desk's.
pub(crate) fn perhaps(world: &mut World, processes: usize, desk: usize) -> Option<usize> {
    if !world.mishap(FAULTS_PER_MILLE) {
        return None;
    }
    let (kind, which) = (world.below(24), world.below(1 << 16) as usize);
    if kind < 11 {
        return Some(which % processes);
    }
    world.current = ("world", "");
    let queue = Queue::ALL[which % 4];
    match kind {
        11..13 => restart_broker(world),
        13..15 => restart_database(world, which % Service::COUNT),
        15..17 => drop_binding(world, queue, which / 4),
        17..19 => {
            world.note("bindings are restored", 0);
            world.restore_bindings();
        }
        19 => lose_queue(world, queue),
        _ => return restore::back_up_or_restore(world).then_some(desk),
    }
    None
}

fn restart_broker(world: &mut World) {
    let away = u64::from(world.below(60));
    world.note("the broker restarts", 0);
    world.broker.away_until = world.tick + away;
    world.break_all_connections();
}

fn restart_database(world: &mut World, service: usize) {
    world.note("a database restarts: that of service", service as u64);
    if let Some(service) = Service::ALL.get(service) {
        world.database(*service).epoch += 1;
        world.released(*service);
        world.changed(Topic::Outbox(*service));
    }
}

fn drop_binding(world: &mut World, queue: Queue, which: usize) {
    let bound = Address::ALL
        .into_iter()
        .filter(|address| Topology::get().takes(queue, *address));
    let bound: Vec<Address> = bound.collect();
    if let Some(address) = bound.get(which % bound.len().max(1)) {
        world.note(
            "a binding is dropped: of queue, and address",
            queue as u64 * 10 + *address as u64,
        );
        world.drop_binding(queue, *address);
    }
}

/// A queue is lost and declared again: all that waits in it is gone.
fn lose_queue(world: &mut World, queue: Queue) {
    world.lose_queue(queue);
    world.note("a queue is lost: number", queue as u64);
}

/// Ends all faults but those that only an operator ends.
pub(crate) fn heal(world: &mut World) {
    world.note("the world heals", 0);
    world.chaos = false;
    world.broker.away_until = 0;
    world.restore_bindings();
}

/// The operator mends what made events die and puts them back into their queues; false when there is none.
pub(crate) fn replay(world: &mut World) -> bool {
    let mut any = false;
    for queue in Queue::ALL {
        let events = world.replay_dead(queue);
        any |= !events.is_empty();
        for event in events {
            if let Some((ailment, left)) = world.ailments.get_mut(&(queue, event))
                && *ailment != Ailment::Away
            {
                *left = 0;
            }
            let inbox = &mut world.database(queue.owner()).inbox;
            if let Some(row) = inbox.get_mut(&(queue, event)).filter(|row| !row.handled) {
                row.tries = 0;
                row.dead = false;
            }
        }
    }
    any
}
