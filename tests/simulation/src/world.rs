//! The simulated world: what exists outside the processes, one thing at a time, all of it following from the seed.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    rc::Rc,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use time::OffsetDateTime;

use crate::{
    broker::Broker,
    bug::Bug,
    database::{Database, Stored},
    event::{Address, Asked, Event, Queue, Service},
    province,
    restore::Backup,
};

/// A step of a task, or something that was done to the world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traced {
    tick: u64,
    process: &'static str,
    task: &'static str,
    what: &'static str,
    number: u64,
}

impl fmt::Display for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tick,
            process,
            task,
            what,
            number,
        } = self;
        write!(f, "{tick:>6} {process} {task}: {what}")?;
        if *number > 0 {
            write!(f, " {number}")?;
        }
        Ok(())
    }
}

/// What a task can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Rows of a service's outbox, and its connections.
    Outbox(Service),
    /// Messages of a queue, and its connections.
    Messages(Queue),
    /// Calls of a service.
    Calls(Service),
    /// Locks of a service's database.
    Locks(Service),
    /// Cases, and the time.
    Cases,
    Arrivals,
    Log,
}

impl Topic {
    const COUNT: usize = 19;

    const fn index(self) -> usize {
        match self {
            Self::Outbox(service) => service as usize,
            Self::Messages(queue) => 4 + queue as usize,
            Self::Calls(service) => 8 + service as usize,
            Self::Locks(service) => 12 + service as usize,
            Self::Cases => 16,
            Self::Arrivals => 17,
            Self::Log => 18,
        }
    }
}

/// A task waits for a change of a topic since it stood here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    topic: usize,
    version: u64,
}

/// Why a handler does not handle an event for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ailment {
    /// Something that it needs is away.
    Away,
    /// A fault, of the handler's or of the event's.
    Fault,
    /// It can never be handled, until somebody mends something.
    Rejected,
}

/// A call that somebody outside makes.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Idempotency key.
    pub(crate) key: u32,
    pub(crate) what: Wish,
}

#[derive(Debug, Clone)]
pub(crate) enum Wish {
    /// File the report of this number.
    File(u32),
    /// Give a command to a case.
    Ask(Asked),
}

/// What only the observer knows.
#[derive(Default)]
pub(crate) struct Truth {
    /// Rows of outboxes that the broker has put into at least one queue.
    pub(crate) taken: BTreeSet<(u32, Address)>,
    /// How often the effects of an event were committed.
    pub(crate) effects: BTreeMap<(Queue, u32), u32>,
    /// States of each case that the desk stored, in order.
    pub(crate) stored: BTreeMap<u32, Vec<Stored>>,
    /// Reports whose filing was acknowledged.
    pub(crate) filed: Vec<u32>,
    /// Events that a restored outbox does not know any more.
    pub(crate) forgotten: BTreeSet<u32>,
    /// All dead letters.
    pub(crate) dead: Vec<(Queue, u32)>,
    /// What does not hold.
    pub(crate) violation: Option<String>,
}

pub(crate) struct World {
    pub(crate) random: StdRng,
    pub(crate) bug: Option<Bug>,
    /// Something may still break.
    pub(crate) chaos: bool,
    /// Moves with every step.
    pub(crate) tick: u64,
    /// Moves with every change of a topic that somebody may wait for.
    versions: [u64; Topic::COUNT],
    /// How much has changed.
    pub(crate) changes: u64,
    /// The present, by which cases are decided.
    pub(crate) now: OffsetDateTime,
    pub(crate) databases: [Database; Service::COUNT],
    pub(crate) broker: Broker,
    pub(crate) truth: Truth,
    pub(crate) trace: Vec<Traced>,
    pub(crate) ailments: BTreeMap<(Queue, u32), (Ailment, u32)>,
    /// Calls that wait for a service to take them.
    pub(crate) requests: [Vec<Request>; Service::COUNT],
    pub(crate) answered: BTreeSet<u32>,
    pub(crate) backup: Option<Backup>,
    /// Queues whose consumers have not noticed yet that the desk was restored.
    pub(crate) unnoticed: BTreeSet<Queue>,
    /// Pages of the desk's outbox that are being compared.
    pub(crate) comparing: u32,
    /// One transaction that waits for a lock is to be aborted: nothing else moves.
    pub(crate) victim: bool,
    /// Transactions that wait for a lock.
    pub(crate) lock_waits: u32,
    /// Who is running: set by the executor, for the trace.
    pub(crate) current: (&'static str, &'static str),
    /// What the running task said about itself at its last await.
    pub(crate) label: &'static str,
    /// What it waits for, if it does.
    pub(crate) idle: Option<Seen>,
    pub(crate) wake_at: u64,
    /// The bug of positions that are taken outside a transaction keeps them here.
    pub(crate) positions: i64,
    last_event: u32,
    last_key: u32,
}

impl World {
    fn new(seed: u64, bug: Option<Bug>) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            bug,
            chaos: true,
            tick: 0,
            versions: [0; Topic::COUNT],
            changes: 0,
            now: province::BEGIN,
            databases: Default::default(),
            broker: Broker::default(),
            truth: Truth::default(),
            trace: Vec::with_capacity(1_024),
            ailments: BTreeMap::new(),
            requests: Default::default(),
            answered: BTreeSet::new(),
            backup: None,
            unnoticed: BTreeSet::new(),
            comparing: 0,
            victim: false,
            lock_waits: 0,
            current: ("world", ""),
            label: "",
            idle: None,
            wake_at: 0,
            positions: 0,
            last_event: 0,
            last_key: 0,
        }
    }

    pub(crate) fn database(&mut self, service: Service) -> &mut Database {
        &mut self.databases[service as usize]
    }

    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Something happens in so many of a thousand cases, while things may break.
    pub(crate) fn mishap(&mut self, per_mille: u32) -> bool {
        self.chaos && self.random.random_range(0..1_000) < per_mille
    }

    pub(crate) fn below(&mut self, end: u32) -> u32 {
        self.random.random_range(0..end)
    }

    /// Wakes those who wait for a change of the topic.
    pub(crate) fn changed(&mut self, topic: Topic) {
        self.changes += 1;
        self.versions[topic.index()] += 1;
    }

    /// Wakes those who wait for a lock.
    pub(crate) fn released(&mut self, service: Service) {
        self.versions[Topic::Locks(service).index()] += 1;
    }

    /// Wakes those who have a connection to the broker.
    pub(crate) fn disconnected(&mut self) {
        for service in Service::SOURCES {
            self.changed(Topic::Outbox(service));
        }
        for queue in Queue::ALL {
            self.changed(Topic::Messages(queue));
        }
    }

    pub(crate) fn seen(&self, topic: Topic) -> Seen {
        let topic = topic.index();
        Seen {
            topic,
            version: self.versions[topic],
        }
    }

    pub(crate) fn is_news(&self, seen: Seen) -> bool {
        self.versions[seen.topic] != seen.version
    }

    /// When nothing moves, transactions may wait for each other: one is aborted, as the database does. False when none
    /// waits.
    pub(crate) fn offer_victim(&mut self) -> bool {
        if self.lock_waits == 0 {
            return false;
        }
        self.victim = true;
        for service in Service::ALL {
            self.released(service);
        }
        true
    }

    /// Puts a line into the trace; `number` says which event, row or queue, if it is not zero.
    pub(crate) fn note(&mut self, what: &'static str, number: u64) {
        let (process, task) = self.current;
        self.trace.push(Traced {
            tick: self.tick,
            process,
            task,
            what,
            number,
        });
    }

    pub(crate) fn violated(&mut self, what: impl FnOnce() -> String) {
        if self.truth.violation.is_none() {
            self.truth.violation = Some(what());
        }
    }

    pub(crate) fn next_key(&mut self) -> u32 {
        self.last_key += 1;
        self.last_key
    }

    /// A number for an event; some are ill for one of their consumers.
    pub(crate) fn next_event(&mut self) -> u32 {
        self.last_event += 1;
        if self.mishap(60) {
            const FOR_EVER: u32 = u32::MAX;
            let queue = Queue::ALL[self.below(4) as usize];
            let times = 1 + self.below(2);
            let ailment = match self.below(8) {
                0 => (Ailment::Rejected, FOR_EVER),
                1 => (Ailment::Fault, FOR_EVER),
                2..5 => (Ailment::Fault, times),
                _ => (Ailment::Away, times),
            };
            self.ailments.insert((queue, self.last_event), ailment);
        }
        self.last_event
    }

    /// Whether handling the event fails this time.
    pub(crate) fn ails(&mut self, queue: Queue, event: &Event) -> Option<Ailment> {
        let (ailment, left) = self.ailments.get_mut(&(queue, event.id))?;
        if *left == 0 {
            return None;
        }
        if *left < u32::MAX {
            *left -= 1;
        }
        Some(*ailment)
    }
}

/// The world as tasks share it.
#[derive(Clone)]
pub(crate) struct Sim(Rc<RefCell<World>>);

impl Sim {
    pub(crate) fn new(seed: u64, bug: Option<Bug>) -> Self {
        Self(Rc::new(RefCell::new(World::new(seed, bug))))
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut World) -> R) -> R {
        f(&mut self.0.borrow_mut())
    }

    /// An await point: others may run now, and the process may be killed here.
    pub(crate) async fn step(&self, label: &'static str) {
        self.with(|world| {
            world.label = label;
            world.note(label, 0);
        });
        Once::default().await;
    }

    /// Waits until something changes.
    pub(crate) async fn idle(&self, topic: Topic, label: &'static str) {
        self.idle_since(self.with(|world| world.seen(topic)), label).await;
    }

    /// Waits until something has changed since a moment: what changed while it looked wakes it, too.
    pub(crate) async fn idle_since(&self, seen: Seen, label: &'static str) {
        self.with(|world| {
            world.label = label;
            world.idle = Some(seen);
        });
        Once::default().await;
    }

    /// Waits so many ticks.
    pub(crate) async fn sleep(&self, label: &'static str, ticks: u64) {
        self.with(|world| {
            world.label = label;
            world.wake_at = world.tick + ticks;
        });
        Once::default().await;
    }
}

/// Pending once.
#[derive(Default)]
struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    }
}
