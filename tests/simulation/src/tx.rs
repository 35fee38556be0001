//! Sessions, statements and transactions of a database: a transaction is there as a whole, or it has never been; and after a
//! lost answer nobody knows which.

use std::rc::Rc;

use uuid::Uuid;

use crate::{
    bug::Bug,
    database::{Lock, Row, Writes},
    event::{Address, Event, Queue, Service, id_of, uuid_of},
    world::{Sim, Topic, World},
};

/// The database did not do it, or nobody knows whether it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DbError {
    #[error("the session is gone")]
    Gone,
    #[error("aborted to resolve a deadlock")]
    Deadlock,
}

/// A lock of a session, held until it ends.
pub(crate) struct Session {
    sim: Sim,
    service: Service,
    holder: u32,
    epoch: u32,
}

impl Session {
    /// Opens a session that holds a lock; none while another one does.
    pub(crate) fn try_lock(sim: &Sim, service: Service, lock: Lock) -> Option<Self> {
        sim.with(|world| {
            let database = world.database(service);
            if database.locks.contains_key(&lock) {
                return None;
            }
            let holder = database.next_holder();
            database.locks.insert(lock, holder);
            Some(Self {
                sim: sim.clone(),
                service,
                holder,
                epoch: database.epoch,
            })
        })
    }

    /// One statement, committed by itself.
    pub(crate) async fn statement<R>(
        &self,
        label: &'static str,
        f: impl FnOnce(&mut World) -> R,
    ) -> Result<R, DbError> {
        let gone = |world: &mut World| world.database(self.service).epoch != self.epoch;
        self.sim.step(label).await;
        if self.sim.with(gone) {
            return Err(DbError::Gone);
        }
        statement(&self.sim, label, f).await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.sim.with(|world| {
            world.database(self.service).release(self.holder);
            world.released(self.service);
        });
    }
}

/// Counts a transaction that waits for a lock, for as long as it does.
struct Waits(Sim);

impl Waits {
    fn new(sim: &Sim) -> Self {
        sim.with(|world| world.lock_waits += 1);
        Self(sim.clone())
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.with(|world| world.lock_waits -= 1);
    }
}

/// One statement over a connection of the pool, committed by itself.
pub(crate) async fn statement<R>(
    sim: &Sim,
    label: &'static str,
    f: impl FnOnce(&mut World) -> R,
) -> Result<R, DbError> {
    if sim.with(|world| world.mishap(3)) {
        return Err(DbError::Gone);
    }
    let done = sim.with(f);
    sim.step(label).await;
    if sim.with(|world| world.mishap(3)) {
        return Err(DbError::Gone);
    }
    Ok(done)
}

/// A transaction. Dropped before its commit, it has never been.
pub(crate) struct Tx {
    pub(crate) sim: Sim,
    pub(crate) service: Service,
    holder: u32,
    epoch: u32,
    pub(crate) writes: Writes,
}

impl Drop for Tx {
    fn drop(&mut self) {
        self.sim.with(|world| {
            world.database(self.service).release(self.holder);
            world.released(self.service);
        });
    }
}

impl Tx {
    pub(crate) async fn begin(sim: &Sim, service: Service) -> Result<Self, DbError> {
        sim.step("a transaction begins").await;
        let (holder, epoch) = sim.with(|world| {
            let database = world.database(service);
            (database.next_holder(), database.epoch)
        });
        Ok(Self {
            sim: sim.clone(),
            service,
            holder,
            epoch,
            writes: Writes::default(),
        })
    }

    fn alive(&self) -> Result<(), DbError> {
        let gone = self.sim.with(|world| {
            let restarted = world.database(self.service).epoch != self.epoch;
            restarted || world.mishap(3)
        });
        if gone { Err(DbError::Gone) } else { Ok(()) }
    }

    /// Waits for a lock, which is held until the transaction ends.
    pub(crate) async fn lock(&mut self, lock: Lock) -> Result<(), DbError> {
        loop {
            self.alive()?;
            let holder = self.holder;
            let free = self.sim.with(|world| {
                let locks = &mut world.database(self.service).locks;
                *locks.entry(lock).or_insert(holder) == holder
            });
            if free {
                return Ok(());
            }
            if self.sim.with(|world| std::mem::take(&mut world.victim)) {
                return Err(DbError::Deadlock);
            }
            let waits = Waits::new(&self.sim);
            self.sim.idle(Topic::Locks(self.service), "waiting for a lock").await;
            drop(waits);
        }
    }

    /// `INSERT INTO inbox ... ON CONFLICT DO UPDATE ... WHERE handled_at IS NULL`: answers what was not handled.
    pub(crate) async fn claim(&mut self, queue: Queue, event_ids: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
        self.sim.step("claiming").await;
        let mut sorted: Vec<u32> = event_ids.iter().copied().map(id_of).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut claimed = Vec::with_capacity(sorted.len());
        for event in sorted {
            self.lock(Lock::Claim(queue, event)).await?;
            let handled = self.sim.with(|world| {
                let row = world.database(self.service).inbox.get(&(queue, event));
                row.is_some_and(|row| row.handled)
            });
            if !handled {
                self.writes.claimed.push((queue, event));
                claimed.push(uuid_of(event));
            }
        }
        Ok(claimed)
    }

    /// Appends to the outbox. A number that is taken stays taken, also after a rollback.
    pub(crate) async fn append(&mut self, events: Vec<(Rc<Event>, Address)>) -> Result<(), DbError> {
        if events.is_empty() {
            return Ok(());
        }
        if !self.sim.with(|world| world.has(Bug::AppendUnlocked)) {
            self.lock(Lock::Append).await?;
        }
        self.sim.step("appending to the outbox").await;
        self.alive()?;
        for (event, address) in events {
            let (seq, created) = self.sim.with(|world| {
                let created = world.tick;
                let database = world.database(self.service);
                database.last_seq += 1;
                (database.last_seq, created)
            });
            self.writes.outbox.push(Row {
                seq,
                event,
                address,
                created,
            });
        }
        Ok(())
    }

    /// Commits. After an error nobody knows whether it did.
    pub(crate) async fn commit(mut self) -> Result<(), DbError> {
        self.sim.step("committing").await;
        self.alive()?;
        let writes = std::mem::take(&mut self.writes);
        let answer_lost = self.sim.with(|world| {
            world.apply(self.service, writes);
            world.database(self.service).release(self.holder);
            world.released(self.service);
            world.mishap(6)
        });
        self.sim.step("committed").await;
        if answer_lost { Err(DbError::Gone) } else { Ok(()) }
    }

    /// Commits what was claimed alone, for the bug that does.
    pub(crate) fn commit_claims(&mut self) {
        let claimed = std::mem::take(&mut self.writes.claimed);
        self.sim.with(|world| {
            let writes = Writes {
                claimed,
                ..Writes::default()
            };
            world.apply(self.service, writes);
        });
    }
}
