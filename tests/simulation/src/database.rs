//! A database in memory, as far as the real statements go: its tables, and what a transaction leaves in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use tuntas_domain::{Case, CaseEvent};
use tuntas_oversight::store::log::Head;

use crate::{
    event::{Address, Aggregate, Event, Queue, Service},
    world::{Topic, World},
};

/// What a transaction or a session can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lock {
    /// The right to append to the outbox.
    Append,
    Claim(Queue, u32),
    Case(u32),
    Key(u32),
    /// The head of the log.
    Head,
    /// The session lock of the relay.
    Relay,
    /// The session lock of the sequencer.
    Sequencer,
}

/// A row of an outbox.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) seq: i64,
    pub(crate) event: Rc<Event>,
    pub(crate) address: Address,
    pub(crate) created: u64,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct InboxRow {
    pub(crate) handled: bool,
    pub(crate) tries: u32,
    /// It is among the dead letters.
    pub(crate) dead: bool,
}

/// A case with its events, as routing has it.
#[derive(Debug, Clone)]
pub(crate) struct CaseRow {
    pub(crate) case: Case,
    pub(crate) events: Vec<Rc<CaseEvent>>,
    pub(crate) next_due: Option<time::OffsetDateTime>,
}

/// A state of a case as the desk stored it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored {
    pub(crate) seq: u64,
    /// The case has left the agency with it.
    pub(crate) gone: bool,
    /// It was held back, and the gap before it did not close in time.
    pub(crate) despite_gap: bool,
}

/// What the desk knows of a case.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeskRow {
    pub(crate) stored: Option<Stored>,
    /// States that came before their predecessor, by number: whether the case has left with them.
    pub(crate) held: BTreeMap<u64, bool>,
    /// Since when the last of them is held.
    pub(crate) held_since: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) event: Rc<Event>,
    pub(crate) held: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) position: i64,
    pub(crate) event: Rc<Event>,
    pub(crate) chain: [u8; 32],
}

/// The tables of all services in one; each uses its own.
#[derive(Clone, Default)]
pub(crate) struct Database {
    /// Moves when the server restarts: older sessions are gone.
    pub(crate) epoch: u32,
    pub(crate) last_holder: u32,
    pub(crate) locks: BTreeMap<Lock, u32>,
    pub(crate) outbox: Vec<Row>,
    pub(crate) last_seq: i64,
    pub(crate) cursor: i64,
    pub(crate) inbox: BTreeMap<(Queue, u32), InboxRow>,
    pub(crate) compared: BTreeMap<(Queue, Service), i64>,
    /// Events that a request led to, by its idempotency key.
    pub(crate) answers: BTreeSet<u32>,
    pub(crate) cases: BTreeMap<u32, Rc<CaseRow>>,
    pub(crate) states: BTreeMap<u32, DeskRow>,
    pub(crate) arrivals: BTreeMap<i64, Waiting>,
    last_arrival: i64,
    pub(crate) log: Vec<Entry>,
    pub(crate) logged: BTreeSet<u32>,
    pub(crate) places: BTreeSet<(Aggregate, u64)>,
}

impl Database {
    pub(crate) fn head(&self) -> Head {
        self.log.last().map_or(
            Head {
                size: 0,
                chain_hash: tuntas_oversight::leaf::EMPTY_CHAIN,
            },
            |entry| Head {
                size: entry.position,
                chain_hash: entry.chain,
            },
        )
    }

    pub(crate) fn release(&mut self, holder: u32) {
        self.locks.retain(|_, owner| *owner != holder);
    }

    pub(crate) fn next_holder(&mut self) -> u32 {
        self.last_holder += 1;
        self.last_holder
    }
}

/// What a transaction writes.
#[derive(Default)]
pub(crate) struct Writes {
    pub(crate) claimed: Vec<(Queue, u32)>,
    pub(crate) effects: Vec<(Queue, u32)>,
    pub(crate) outbox: Vec<Row>,
    pub(crate) answers: Vec<u32>,
    pub(crate) cases: BTreeMap<u32, Rc<CaseRow>>,
    pub(crate) states: BTreeMap<u32, DeskRow>,
    /// What the desk stored, in order.
    pub(crate) stored: Vec<(u32, Stored)>,
    pub(crate) arrived: Vec<Rc<Event>>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) left: Vec<i64>,
    pub(crate) held: Vec<i64>,
}

impl World {
    pub(crate) fn apply(&mut self, service: Service, writes: Writes) {
        let written = [
            (Topic::Outbox(service), !writes.outbox.is_empty()),
            (Topic::Cases, !writes.cases.is_empty()),
            (
                Topic::Arrivals,
                !writes.arrived.is_empty() || !writes.entries.is_empty(),
            ),
            (Topic::Log, !writes.entries.is_empty()),
        ];
        self.changes += 1;
        let topics = written.into_iter().filter(|(_, some)| *some).map(|(topic, _)| topic);
        for effect in writes.effects {
            *self.truth.effects.entry(effect).or_default() += 1;
        }
        for (case, stored) in writes.stored {
            self.truth.stored.entry(case).or_default().push(stored);
        }
        let database = self.database(service);
        for key in writes.claimed {
            database.inbox.entry(key).or_default().handled = true;
        }
        for row in writes.outbox {
            let place = database.outbox.partition_point(|other| other.seq < row.seq);
            database.outbox.insert(place, row);
        }
        database.answers.extend(writes.answers);
        database.cases.extend(writes.cases);
        database.states.extend(writes.states);
        for event in writes.arrived {
            database.last_arrival += 1;
            let number = database.last_arrival;
            database.arrivals.insert(number, Waiting { event, held: false });
        }
        for number in writes.held {
            if let Some(waiting) = database.arrivals.get_mut(&number) {
                waiting.held = true;
            }
        }
        for number in writes.left {
            database.arrivals.remove(&number);
        }
        database.append_to_log(writes.entries);
        for topic in topics {
            self.changed(topic);
        }
    }
}

impl Database {
    /// Appends, and releases what was held back for one of the entries.
    fn append_to_log(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            let (id, aggregate, seq) = (entry.event.id, entry.event.aggregate, entry.event.seq);
            for waiting in self.arrivals.values_mut().filter(|waiting| waiting.held) {
                let follows = waiting.event.aggregate == aggregate && waiting.event.seq == seq + 1;
                if follows || waiting.event.cause == Some(id) {
                    waiting.held = false;
                }
            }
            self.logged.insert(id);
            self.places.insert((aggregate, seq));
            self.log.push(entry);
        }
    }
}
