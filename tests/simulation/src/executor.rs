//! Runs the tasks of all processes, one step at a time in an order that the seed decides, kills processes at any of
//! their await points, and finds out when everything has come to rest.

use std::{
    collections::BTreeMap,
    pin::Pin,
    task::{Context, Waker},
};

use crate::{
    catch_up, consumer,
    event::{Queue, Service},
    faults, outside, relay, sequencer, services,
    world::{Seen, Sim},
};

/// Turns after which something turns round and round.
const TURNS_MAX: u64 = 40_000;
/// Operators look at the dead letters so often.
const REPLAYS_MAX: u32 = 20;

type Running = Pin<Box<dyn Future<Output = ()>>>;

struct Task {
    process: usize,
    name: &'static str,
    future: Running,
    label: &'static str,
    seen: Option<Seen>,
    wake_at: u64,
}

/// How a run went.
pub(crate) struct Ran {
    pub(crate) steps: u64,
    pub(crate) crashes: u32,
    /// How often a task was killed at which await point.
    pub(crate) killed_at: BTreeMap<(&'static str, &'static str), u32>,
}

pub(crate) struct Executor {
    sim: Sim,
    tasks: Vec<Task>,
    /// Until when each process is down.
    down_until: [u64; PROCESSES.len()],
    turn: u64,
    ran: Ran,
}

/// All processes; the last one is everybody outside, who is never killed.
const PROCESSES: [(&str, Option<Service>); 6] = [
    ("intake", Some(Service::Intake)),
    ("routing-1", Some(Service::Routing)),
    ("routing-2", Some(Service::Routing)),
    ("desk", Some(Service::Desk)),
    ("oversight", Some(Service::Oversight)),
    ("outside", None),
];

/// The number of the desk's process.
const DESK: usize = 3;

impl Executor {
    pub(crate) fn new(sim: Sim, reports: u32, moves: u32) -> Self {
        let mut tasks = Vec::with_capacity(32);
        for (process, (_, service)) in PROCESSES.iter().enumerate() {
            let started = match service {
                Some(service) => tasks_of(&sim, *service),
                None => outsiders(&sim, reports, moves),
            };
            tasks.extend(started.into_iter().map(|(name, future)| Task {
                process,
                name,
                future,
                label: "starting",
                seen: None,
                wake_at: 0,
            }));
        }
        Self {
            sim,
            tasks,
            down_until: [0; PROCESSES.len()],
            turn: 0,
            ran: Ran {
                steps: 0,
                crashes: 0,
                killed_at: BTreeMap::new(),
            },
        }
    }

    /// Runs with mishaps for so many turns, then until everything has come to rest.
    pub(crate) fn run(mut self, chaos_turns: u64) -> Ran {
        while self.turn < chaos_turns && !self.failed() {
            self.turn += 1;
            if let Some(process) = self.sim.with(|world| faults::perhaps(world, PROCESSES.len() - 1, DESK)) {
                self.kill(process);
            }
            if !self.poll_one() {
                self.sim.with(|world| world.tick += 1);
            }
        }
        self.sim.with(faults::heal);
        self.down_until = [0; PROCESSES.len()];
        let mut replays = 0;
        while !self.failed() {
            self.rest();
            if replays == REPLAYS_MAX || !self.sim.with(faults::replay) {
                break;
            }
            replays += 1;
        }
        self.ran.steps = self.turn;
        self.ran
    }

    /// Polls until nothing changes any more, however long everybody waits: also not by comparing with the sources twice.
    fn rest(&mut self) {
        let (mut changes, mut changed_at) = (0, 0);
        while !self.failed() {
            while self.poll_one() {
                self.turn += 1;
                if self.turn > TURNS_MAX {
                    let stuck = || "the platform never comes to rest".to_owned();
                    self.sim.with(|world| world.violated(stuck));
                }
                if self.failed() {
                    return;
                }
            }
            let (tick, now) = self.sim.with(|world| (world.tick, world.changes));
            if now != changes {
                (changes, changed_at) = (now, tick);
            }
            if self.sim.with(|world| world.offer_victim()) {
                continue;
            }
            if tick > changed_at + 2 * catch_up::EVERY {
                return;
            }
            let next = self.tasks.iter().map(|task| task.wake_at).filter(|at| *at > tick).min();
            let next = next.filter(|at| *at < u64::MAX).unwrap_or(tick + catch_up::EVERY);
            self.sim.with(|world| world.tick = next);
        }
    }

    fn failed(&self) -> bool {
        self.sim.with(|world| world.truth.violation.is_some())
    }

    /// Polls one task that may go on, which the seed chooses; false when there is none.
    fn poll_one(&mut self) -> bool {
        let count = self.tasks.len();
        let chosen = self.sim.with(|world| {
            let start = world.below(1 << 16) as usize % count;
            let mut places = (start..count).chain(0..start);
            let place = places.find(|place| {
                let task = &self.tasks[*place];
                task.wake_at <= world.tick
                    && task.seen.is_none_or(|seen| world.is_news(seen))
                    && self.down_until[task.process] <= world.tick
            })?;
            let task = &self.tasks[place];
            world.tick += 1;
            world.current = (PROCESSES[task.process].0, task.name);
            world.idle = None;
            world.wake_at = 0;
            Some(place)
        });
        let Some(task) = chosen.and_then(|place| self.tasks.get_mut(place)) else {
            return false;
        };
        let poll = task.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.sim.with(|world| {
            task.label = world.label;
            task.seen = world.idle;
            task.wake_at = if poll.is_ready() { u64::MAX } else { world.wake_at };
        });
        true
    }

    /// Ends a process as SIGKILL does, and lets its supervisor start it again after a while.
    fn kill(&mut self, process: usize) {
        let Some((name, Some(service))) = PROCESSES.get(process) else {
            return;
        };
        self.ran.crashes += 1;
        let down_for = self.sim.with(|world| {
            world.current = (name, "");
            world.note("killed", 0);
            world.tick + u64::from(world.below(60))
        });
        self.down_until[process] = down_for;
        let started = tasks_of(&self.sim, *service);
        let own = self.tasks.iter_mut().filter(|task| task.process == process);
        for (task, (_, future)) in own.zip(started) {
            *self.ran.killed_at.entry((task.name, task.label)).or_default() += 1;
            task.future = future;
            task.label = "starting";
            task.seen = None;
            task.wake_at = 0;
        }
    }
}

fn task(name: &'static str, future: impl Future<Output = ()> + 'static) -> (&'static str, Running) {
    (name, Box::pin(future))
}

fn tasks_of(sim: &Sim, service: Service) -> Vec<(&'static str, Running)> {
    let queues = Queue::ALL.into_iter().filter(|queue| queue.owner() == service);
    let mut tasks = Vec::new();
    for queue in queues {
        tasks.push(task("consumer", consumer::run(sim.clone(), queue)));
        tasks.push(task("catch-up", catch_up::run(sim.clone(), queue)));
    }
    if Service::SOURCES.contains(&service) {
        tasks.push(task("relay", relay::run(sim.clone(), service)));
        tasks.push(task("calls", services::serve(sim.clone(), service)));
        tasks.push(task("calls", services::serve(sim.clone(), service)));
    }
    match service {
        Service::Routing => tasks.push(task("due", services::due(sim.clone()))),
        Service::Oversight => tasks.push(task("sequencer", sequencer::run(sim.clone()))),
        Service::Desk => tasks.push(task("gaps", services::close_gaps(sim.clone()))),
        Service::Intake => {}
    }
    tasks
}

fn outsiders(sim: &Sim, reports: u32, moves: u32) -> Vec<(&'static str, Running)> {
    let lives = (1..=reports).map(|report| task("user", outside::live(sim.clone(), report, moves)));
    lives.chain([task("reader", outside::follow(sim.clone()))]).collect()
}
