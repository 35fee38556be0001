//! A broker in memory: it confirms, refuses, returns and loses confirms, drops connections, and delivers again.

use std::{
    collections::{BTreeSet, VecDeque},
    rc::Rc,
};

use tuntas_kit::broker::{BrokerError, settlement::Answer};

use crate::{
    event::{Address, Event, Queue, Topology},
    world::{Sim, Topic, World},
};

/// By what the relay knows a message again: two rows may carry the same event to two addresses.
pub(crate) type Key = (u32, Address);

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) event: Rc<Event>,
    pub(crate) address: Address,
}

#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) tag: u64,
    pub(crate) message: Message,
}

#[derive(Default)]
struct Line {
    ready: VecDeque<Message>,
    unacked: Vec<(u32, Delivery)>,
    dead: Vec<Message>,
    /// Addresses whose binding was dropped.
    unbound: BTreeSet<Address>,
}

#[derive(Default)]
pub(crate) struct Broker {
    lines: [Line; 4],
    connections: BTreeSet<u32>,
    last_connection: u32,
    last_tag: u64,
    /// It refuses connections until then.
    pub(crate) away_until: u64,
}

impl World {
    fn line(&mut self, queue: Queue) -> &mut Line {
        &mut self.broker.lines[queue as usize]
    }

    /// Puts a message into every queue that is bound for it; false when there is none.
    fn route(&mut self, message: &Message) -> bool {
        let mut taken = false;
        for queue in Queue::ALL {
            let line = &mut self.broker.lines[queue as usize];
            if Topology::get().takes(queue, message.address) && !line.unbound.contains(&message.address) {
                line.ready.push_back(message.clone());
                self.changed(Topic::Messages(queue));
                taken = true;
            }
        }
        if taken {
            self.truth.taken.insert((message.event.id, message.address));
        }
        taken
    }

    /// What a connection had and did not acknowledge is ready again: before the others, but not always.
    pub(crate) fn break_connection(&mut self, connection: u32) {
        if !self.broker.connections.remove(&connection) {
            return;
        }
        for queue in Queue::ALL {
            let line = &mut self.broker.lines[queue as usize];
            let (back, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut line.unacked)
                .into_iter()
                .partition(|(owner, _)| *owner == connection);
            line.unacked = kept;
            let shuffled = !back.is_empty() && self.mishap(300);
            for (_, delivery) in back.into_iter().rev() {
                let ready = &mut self.broker.lines[queue as usize].ready;
                if shuffled {
                    ready.push_back(delivery.message);
                } else {
                    ready.push_front(delivery.message);
                }
            }
        }
        self.disconnected();
    }

    pub(crate) fn break_all_connections(&mut self) {
        for connection in self.broker.connections.clone() {
            self.break_connection(connection);
        }
    }

    /// Acknowledged is only what is handled or dead: the broker forgets it.
    fn check_acked(&mut self, queue: Queue, event: u32) {
        let row = self.database(queue.owner()).inbox.get(&(queue, event)).copied();
        if !row.is_some_and(|row| row.handled) && !self.truth.dead.contains(&(queue, event)) {
            self.violated(|| format!("{queue:?} acknowledges event {event}, which is neither handled nor dead"));
        }
    }

    /// All that is in a queue is gone.
    pub(crate) fn lose_queue(&mut self, queue: Queue) {
        let line = self.line(queue);
        line.ready.clear();
        line.unacked.clear();
    }

    pub(crate) fn drop_binding(&mut self, queue: Queue, address: Address) {
        self.line(queue).unbound.insert(address);
    }

    pub(crate) fn restore_bindings(&mut self) {
        for line in &mut self.broker.lines {
            line.unbound.clear();
        }
    }

    /// The operator puts dead letters back into their queue; answers which.
    pub(crate) fn replay_dead(&mut self, queue: Queue) -> Vec<u32> {
        let line = self.line(queue);
        let dead = std::mem::take(&mut line.dead);
        let events = dead.iter().map(|message| message.event.id).collect();
        line.ready.extend(dead);
        self.changed(Topic::Messages(queue));
        events
    }
}

/// A connection. Dropped with its process, it closes.
pub(crate) struct Link {
    sim: Sim,
    id: u32,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.sim.with(|world| world.break_connection(self.id));
    }
}

impl Link {
    pub(crate) async fn connect(sim: &Sim) -> Result<Self, BrokerError> {
        sim.step("connecting to the broker").await;
        sim.with(|world| {
            if world.tick < world.broker.away_until {
                return Err(BrokerError::Closed);
            }
            world.broker.last_connection += 1;
            let id = world.broker.last_connection;
            world.broker.connections.insert(id);
            Ok(Self { sim: sim.clone(), id })
        })
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.sim.with(|world| world.broker.connections.contains(&self.id))
    }

    /// A message that has arrived, if there is one.
    pub(crate) fn ready(&self, queue: Queue) -> Result<Option<Delivery>, BrokerError> {
        if !self.is_connected() {
            return Err(BrokerError::Closed);
        }
        Ok(self.sim.with(|world| {
            world.broker.last_tag += 1;
            let tag = world.broker.last_tag;
            let line = world.line(queue);
            let message = line.ready.pop_front()?;
            let delivery = Delivery { tag, message };
            line.unacked.push((self.id, delivery.clone()));
            Some(delivery)
        }))
    }

    /// Acknowledges up to a message; nobody hears whether that arrived.
    pub(crate) fn ack_up_to(&self, queue: Queue, tag: u64) -> Result<(), BrokerError> {
        if !self.is_connected() {
            return Err(BrokerError::Closed);
        }
        self.sim.with(|world| {
            if world.mishap(10) {
                world.break_connection(self.id);
                return;
            }
            let own = |(owner, delivery): &(u32, Delivery)| *owner == self.id && delivery.tag <= tag;
            let unacked = std::mem::take(&mut world.line(queue).unacked);
            let (acked, kept): (Vec<_>, Vec<_>) = unacked.into_iter().partition(own);
            world.line(queue).unacked = kept;
            for (_, delivery) in acked {
                world.check_acked(queue, delivery.message.event.id);
            }
        });
        Ok(())
    }

    /// Publishes a dead letter.
    pub(crate) async fn publish_dead(&self, queue: Queue, message: &Message) -> Result<(), BrokerError> {
        self.sim.step("publishing a dead letter").await;
        if !self.is_connected() {
            return Err(BrokerError::Closed);
        }
        let confirmed = self.sim.with(|world| {
            world.line(queue).dead.push(message.clone());
            world.truth.dead.push((queue, message.event.id));
            !world.mishap(30)
        });
        self.sim.step("a dead letter is settled").await;
        if confirmed { Ok(()) } else { Err(BrokerError::Closed) }
    }

    pub(crate) fn channel(&self) -> Channel<'_> {
        Channel {
            link: self,
            confirms: Vec::new(),
            returns: VecDeque::new(),
        }
    }
}

enum Confirm {
    Pending { acked: bool },
    Lost,
    Came { acked: bool, returned: Option<Key> },
}

/// A channel in confirm mode, for one window.
pub(crate) struct Channel<'l> {
    link: &'l Link,
    confirms: Vec<Confirm>,
    /// Returns that have come and hang on no confirm yet.
    returns: VecDeque<Key>,
}

impl Channel<'_> {
    pub(crate) fn send(&mut self, message: &Message) -> Result<(), BrokerError> {
        if !self.link.is_connected() {
            return Err(BrokerError::Closed);
        }
        self.link.sim.with(|world| {
            if world.mishap(8) {
                // The message may have got through before the connection broke.
                if world.mishap(500) {
                    world.route(message);
                }
                world.break_connection(self.link.id);
                return;
            }
            let refused = world.mishap(15);
            // Of several queues one may have it when another refuses.
            let routed = (refused && world.mishap(500)) || world.route(message);
            if !routed {
                self.returns.push_back((message.event.id, message.address));
            }
            self.confirms.push(if world.mishap(8) {
                Confirm::Lost
            } else {
                Confirm::Pending { acked: !refused }
            });
        });
        Ok(())
    }

    pub(crate) fn sent(&self) -> usize {
        self.confirms.len()
    }

    /// Waits for the confirm of a message: meanwhile those of others come, each taking a return along that waits.
    pub(crate) async fn confirm(&mut self, index: usize) -> Result<Answer<Key>, BrokerError> {
        let link = self.link;
        loop {
            link.sim.step("waiting for a confirm").await;
            match self.confirms.get(index) {
                Some(Confirm::Came { acked, returned }) => {
                    return Ok(Answer {
                        acked: *acked,
                        returned: *returned,
                    });
                }
                Some(Confirm::Lost) if link.is_connected() => return Err(BrokerError::Timeout("a publish")),
                Some(Confirm::Pending { .. }) if link.is_connected() => self.one_comes(),
                _ => return Err(BrokerError::Closed),
            }
        }
    }

    fn one_comes(&mut self) {
        let count = self.confirms.len();
        let start = self
            .link
            .sim
            .with(|world| world.below(u32::try_from(count).unwrap_or(1).max(1)));
        for offset in 0..count {
            let place = (start as usize + offset) % count;
            if let Some(confirm) = self.confirms.get_mut(place)
                && let Confirm::Pending { acked } = *confirm
            {
                let returned = self.returns.pop_front();
                *confirm = Confirm::Came { acked, returned };
                return;
            }
        }
    }
}
