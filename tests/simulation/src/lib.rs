//! A simulated platform: relay, consumers, catching up, sequencer and cases, run by seed in a world that breaks.
//!
//! The decisions are the product's own: the relay's pace and cursor, the settlement of a window, the course of a batch, the
//! comparison with a source, the order and the chain of the log, the desk's rule of gaps, and the domain's `decide` and
//! `apply`. Simulated is what is around them: databases whose transactions are there as a whole or not at all, a broker that
//! confirms, returns, refuses, forgets and delivers again, and processes that can be killed at every await point. Everything
//! follows from the seed, so that what was found once is found again.

mod broker;
mod bug;
mod catch_up;
mod consumer;
mod database;
mod event;
mod executor;
mod faults;
mod invariants;
mod outside;
mod province;
mod relay;
mod restore;
mod sequencer;
mod services;
mod sweep;
mod tx;
mod world;

use std::{collections::BTreeMap, fmt};

use crate::{executor::Executor, world::Sim};

pub use crate::{
    bug::{Bug, UnknownBug},
    sweep::{Swept, sweep},
};

/// Lines of the trace that a violation shows.
const TRACE_LINES: usize = 120;

/// How a run went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Turns that were taken.
    pub steps: u64,
    /// Processes that were killed.
    pub crashes: u32,
    /// Rows of all outboxes.
    pub events: usize,
    /// Events of cases.
    pub case_events: usize,
    /// Dead letters, all put back in the end.
    pub dead: usize,
    /// How often a task was killed at which await point.
    pub killed_at: BTreeMap<(&'static str, &'static str), u32>,
}

/// Something does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Violation {
    /// The seed that shows it again.
    pub seed: u64,
    /// What does not hold.
    pub what: String,
    /// The last steps before, and what was done to the world.
    pub trace: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}", self.seed, self.what)?;
        self.trace.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// Runs one seed, with a bug or without.
///
/// # Errors
/// Something does not hold.
pub fn run(seed: u64, bug: Option<Bug>) -> Result<Outcome, Violation> {
    let sim = Sim::new(seed, bug);
    let (reports, moves, chaos_turns) = sim.with(|world| {
        (
            1 + world.below(3),
            2 + world.below(5),
            u64::from(200 + world.below(1_500)),
        )
    });
    let ran = Executor::new(sim.clone(), reports, moves).run(chaos_turns);
    sim.with(|world| {
        if world.truth.violation.is_none() {
            invariants::check(world);
        }
        if let Some(what) = world.truth.violation.take() {
            let skipped = world.trace.len().saturating_sub(TRACE_LINES);
            let lines = world.trace.iter().skip(skipped);
            return Err(Violation {
                seed,
                what,
                trace: lines.map(ToString::to_string).collect(),
            });
        }
        Ok(Outcome {
            steps: ran.steps,
            crashes: ran.crashes,
            events: invariants::rows(world).count(),
            case_events: world
                .database(event::Service::Routing)
                .cases
                .values()
                .map(|row| row.events.len())
                .sum(),
            dead: world.truth.dead.len(),
            killed_at: ran.killed_at,
        })
    })
}
