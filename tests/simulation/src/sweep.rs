//! Many seeds on all processors.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crate::{Bug, Outcome, Violation, run};

/// Seeds that a thread takes at once.
const CHUNK: u64 = 64;

/// What a sweep found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Seeds that were run.
    pub seeds: u64,
    /// Turns, processes killed, rows of outboxes, events of cases and dead letters, in all.
    pub steps: u64,
    /// Processes killed.
    pub crashes: u64,
    /// Rows of outboxes.
    pub events: u64,
    /// Events of cases.
    pub case_events: u64,
    /// Dead letters.
    pub dead: u64,
    /// How often a task was killed at which await point.
    pub killed_at: BTreeMap<(&'static str, &'static str), u64>,
    /// The violation of the smallest seed that was found.
    pub violation: Option<Violation>,
}

/// Runs `count` seeds from `first` on, and stops soon after the first violation.
#[must_use]
pub fn sweep(first: u64, count: u64, bug: Option<Bug>) -> Swept {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (next, swept) = (AtomicU64::new(0), Mutex::new(Swept::default()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let begin = next.fetch_add(CHUNK, Ordering::Relaxed);
                    if begin >= count {
                        return;
                    }
                    let mut part = Swept::default();
                    for offset in begin..count.min(begin + CHUNK) {
                        part.add(run(first.wrapping_add(offset), bug));
                    }
                    if part.violation.is_some() {
                        next.store(count, Ordering::Relaxed);
                    }
                    swept.lock().unwrap_or_else(PoisonError::into_inner).merge(part);
                }
            });
        }
    });
    swept.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Swept {
    fn add(&mut self, ran: Result<Outcome, Violation>) {
        self.seeds += 1;
        match ran {
            Ok(outcome) => {
                self.steps += outcome.steps;
                self.crashes += u64::from(outcome.crashes);
                self.events += outcome.events as u64;
                self.case_events += outcome.case_events as u64;
                self.dead += outcome.dead as u64;
                for (place, times) in outcome.killed_at {
                    *self.killed_at.entry(place).or_default() += u64::from(times);
                }
            }
            Err(violation) => self.violation = self.violation.take().or(Some(violation)),
        }
    }

    /// Adds what another sweep found.
    pub fn merge(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.steps += other.steps;
        self.crashes += other.crashes;
        self.events += other.events;
        self.case_events += other.case_events;
        self.dead += other.dead;
        for (place, times) in other.killed_at {
            *self.killed_at.entry(place).or_default() += times;
        }
        let found = [self.violation.take(), other.violation].into_iter().flatten();
        self.violation = found.min_by_key(|violation| violation.seed);
    }
}
