//! The desk's database is restored from a backup: what it had told since is gone from its outbox, what it had taken since
//! is gone from its inbox, and the numbers of its outbox begin again where the backup ends.
//!
//! Two things are left out, because the product does not promise them. An event that is not everywhere yet when its outbox
//! forgets it is lost. And a source that tells more than it had told before, ere its consumers have compared, has them take
//! the new rows for those they know: users are let in again once they have, and no comparison is under way meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    database::{Database, Stored},
    event::{Queue, Service, Topology},
    world::{Topic, World},
};

pub(crate) struct Backup {
    database: Database,
    effects: BTreeMap<(Queue, u32), u32>,
    stored: BTreeMap<u32, Vec<Stored>>,
}

/// Takes a backup, or restores the one that was taken; answers whether it was restored.
pub(crate) fn back_up_or_restore(world: &mut World) -> bool {
    let Some(backup) = world.backup.take() else {
        let effects = world.truth.effects.iter();
        world.backup = Some(Backup {
            effects: effects
                .filter(|((queue, _), _)| *queue == Queue::DeskCases)
                .map(|(key, times)| (*key, *times))
                .collect(),
            stored: world.truth.stored.clone(),
            database: world.database(Service::Desk).clone(),
        });
        world.note("the desk is backed up", 0);
        return false;
    };
    if world.comparing > 0 || told_since(world, &backup).any(|(queue, event)| !has(world, queue, event)) {
        return false;
    }
    let forgotten: Vec<u32> = told_since(world, &backup).map(|(_, event)| event).collect();
    world.truth.forgotten.extend(forgotten);
    restore(world, backup);
    true
}

/// What the desk has told since the backup, for each queue that takes it.
fn told_since(world: &World, backup: &Backup) -> impl Iterator<Item = (Queue, u32)> {
    let kept: BTreeSet<u32> = backup.database.outbox.iter().map(|row| row.event.id).collect();
    let rows = world.databases[Service::Desk as usize].outbox.iter();
    rows.filter(move |row| !kept.contains(&row.event.id)).flat_map(|row| {
        let queues = Queue::ALL.into_iter();
        let takes = queues.filter(|queue| Topology::get().takes(*queue, row.address));
        takes.map(|queue| (queue, row.event.id))
    })
}

fn has(world: &World, queue: Queue, event: u32) -> bool {
    let inbox = &world.databases[queue.owner() as usize].inbox;
    inbox.get(&(queue, event)).is_some_and(|row| row.handled)
}

fn restore(world: &mut World, backup: Backup) {
    let last = backup.database.last_seq;
    let database = world.database(Service::Desk);
    let (epoch, holder) = (database.epoch, database.last_holder);
    *database = backup.database;
    database.epoch = epoch + 1;
    database.last_holder = holder;
    database.locks.clear();
    world.truth.stored = backup.stored;
    world.truth.effects.retain(|(queue, _), _| *queue != Queue::DeskCases);
    world.truth.effects.extend(backup.effects);
    for queue in Queue::ALL {
        let compared = &world.database(queue.owner()).compared;
        if compared.get(&(queue, Service::Desk)).is_some_and(|seq| *seq > last) {
            world.unnoticed.insert(queue);
        }
    }
    world.note("the desk is restored", 0);
    world.changed(Topic::Outbox(Service::Desk));
}
