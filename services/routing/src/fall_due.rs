//! The reconciler of the clocks: finds what is due, oldest first, and lets it happen (rules E1–E3).
//!
//! It has no input and no memory: what is due is in the index over `next_due_at`. Cases that somebody else is moving
//! are left out and found again; a case that cannot be moved is put aside with its reason and holds up nobody.

use std::time::Duration;

use futures::future::try_join_all;
use prometheus_client::metrics::gauge::Gauge;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tuntas_domain::{Actor, CaseId};
use tuntas_kit::{
    database::{ANSWER_WITHIN, within},
    ids,
    metrics::Metrics,
    outbox,
    problem::{INTERNAL, Problem},
    telemetry,
    tx::{self, TxError},
};

use crate::{
    Routing,
    command_error::CommandError,
    commit_command::{Moves, Order, decide_command},
    store,
};

/// Steps of one case in one transaction; what is more comes in the next.
const STEPS_MAX: usize = 200;
/// How often a moved demo clock is noticed.
const CLOCK_POLL: Duration = Duration::from_millis(20);
/// A rung that is overdue for longer than this is late (rule E3).
const LATE_AFTER: time::Duration = time::Duration::seconds(60);

/// What operators watch.
#[derive(Debug, Clone, Default)]
pub struct DueGauges {
    due: Gauge,
    late: Gauge,
    stuck: Gauge,
}

impl DueGauges {
    /// Gauges in the registry of the process.
    #[must_use]
    pub fn registered(metrics: &Metrics) -> Self {
        let gauges = Self::default();
        metrics.register(|registry| {
            registry.register("routing_cases_due", "Cases due and not done", gauges.due.clone());
            registry.register(
                "routing_cases_late",
                "Cases due for more than 60 s (rule E3: zero)",
                gauges.late.clone(),
            );
            registry.register(
                "routing_cases_stuck",
                "Cases that the reconciler could not move",
                gauges.stuck.clone(),
            );
        });
        gauges
    }
}

/// Runs until the process stops.
///
/// # Errors
/// Never; what fails is logged and tried again.
pub async fn run(routing: Routing, gauges: DueGauges, stop: CancellationToken) -> anyhow::Result<()> {
    retry_stuck(&routing).await;
    while !stop.is_cancelled() {
        let outcome = tokio::select! {
            // Nothing is lost: a transaction goes to its end in its own task.
            () = stop.cancelled() => return Ok(()),
            outcome = settle_all(&routing) => outcome,
        };
        let measured = match outcome {
            Ok(_) => measure(&routing, &gauges).await,
            Err(problem) => Err(problem),
        };
        if let Err(problem) = measured {
            tracing::warn!(error.chain = %telemetry::chain(&problem), "the clocks could not be looked at");
        }
        wait(&routing, &stop).await;
    }
    Ok(())
}

/// Lets everything happen that is due now, by several workers at once; answers how many cases were moved. One worker's
/// decisions are made while the database stores another's.
///
/// # Errors
/// The database's.
pub async fn settle_all(routing: &Routing) -> Result<u64, Problem> {
    let workers = (0..routing.config.reconciler.workers.max(1)).map(|_| settle_batches(routing));
    Ok(try_join_all(workers).await?.into_iter().sum())
}

/// Batch by batch until nothing is due that nobody else has taken.
async fn settle_batches(routing: &Routing) -> Result<u64, Problem> {
    let batch_max = routing.config.reconciler.claim_batch_max.max(1);
    let mut total = 0;
    let mut singly: usize = 0;
    loop {
        let size = if singly > 0 { 1 } else { batch_max };
        match batch(routing, size).await {
            Ok(0) => return Ok(total),
            Ok(moved) => total += moved as u64,
            Err(failed) => singly = set_aside(routing, failed).await?,
        }
        singly = singly.saturating_sub(1);
    }
}

/// A failed batch is repeated case by case; a case that fails alone is put aside. Answers how many to take singly.
async fn set_aside(routing: &Routing, failed: BatchFailed) -> Result<usize, Problem> {
    let BatchFailed { cases, problem } = failed;
    if problem.kind() != INTERNAL || cases.is_empty() {
        return Err(problem);
    }
    let [case_id] = cases.as_slice() else {
        return Ok(cases.len() + 1);
    };
    let reason = telemetry::chain(&problem);
    tracing::error!(case.id = %case_id, error.chain = %reason, "a case is stuck: it cannot be moved");
    let noted = within(ANSWER_WITHIN, async {
        store::cases::set_stuck(&mut *routing.pool.acquire().await?, *case_id, &reason).await
    });
    noted.await?;
    Ok(0)
}

/// What was put aside before the process was started anew (perhaps with a correction) gets another try.
async fn retry_stuck(routing: &Routing) {
    let retried = within(ANSWER_WITHIN, async {
        store::cases::retry_stuck(&mut *routing.pool.acquire().await?).await
    });
    match retried.await {
        Ok(0) => {}
        Ok(cases) => tracing::info!(cases, "cases that were stuck get another try"),
        Err(error) => {
            tracing::warn!(error.chain = %telemetry::chain(&error), "stuck cases could not be looked at");
        }
    }
}

struct BatchFailed {
    cases: Vec<CaseId>,
    problem: Problem,
}

impl From<sqlx::Error> for BatchFailed {
    fn from(error: sqlx::Error) -> Self {
        Self {
            cases: Vec::new(),
            problem: error.into(),
        }
    }
}

impl TxError for BatchFailed {
    fn database_error(&self) -> Option<&sqlx::Error> {
        self.problem.database_error()
    }
}

/// One transaction; answers how many cases it took.
async fn batch(routing: &Routing, batch_max: u32) -> Result<usize, BatchFailed> {
    let context = routing.clone();
    tx::run(&routing.pool, move |conn| {
        Box::pin(async move {
            let mut cases = Vec::new();
            match take(conn, &context, batch_max, &mut cases).await {
                Ok(()) => Ok(cases.len()),
                Err(problem) => Err(BatchFailed { cases, problem }),
            }
        })
    })
    .await
}

async fn take(
    conn: &mut PgConnection,
    routing: &Routing,
    batch_max: u32,
    cases: &mut Vec<CaseId>,
) -> Result<(), Problem> {
    let now = routing.clock.now();
    let mut moves = Moves::begin(conn, &routing.directory, now).await?;
    let mut stuck = Vec::new();
    for loaded in store::cases::claim_due(conn, now, batch_max).await? {
        let case_id = loaded.case_id;
        cases.push(case_id);
        let settled = match loaded.case {
            Ok(case) => {
                moves.track(case);
                settle(&mut moves, case_id)
            }
            Err(error) => Err(error.to_string()),
        };
        if let Err(reason) = settled {
            stuck.push((case_id, reason));
        }
    }
    let unmoved = moves.unmoved();
    let events = moves.save(conn).await?;
    for (case_id, next_due_at) in unmoved {
        if next_due_at.is_some_and(|at| at <= now) {
            stuck.push((case_id, "it is due and nothing happens".to_owned()));
        }
        store::cases::set_next_due(conn, case_id, next_due_at).await?;
    }
    for (case_id, reason) in stuck {
        tracing::error!(case.id = %case_id, reason, "a case is stuck: it cannot be moved");
        store::cases::set_stuck(conn, case_id, &reason).await?;
    }
    outbox::append(conn, &events).await?;
    Ok(())
}

/// Lets everything happen that is due on one case. One step may make more due: a rung after a vacant position.
fn settle(moves: &mut Moves, case_id: CaseId) -> Result<(), String> {
    for _ in 0..STEPS_MAX {
        let Some(command) = moves.due(case_id).into_iter().next() else {
            return Ok(());
        };
        let order = Order {
            case_id,
            command,
            actor: Actor::System,
            command_id: ids::new_id(),
            causation_id: None,
            issued_at: moves.now(),
            text: None,
        };
        decide_command(moves, &order, &[]).map_err(|error| match error {
            CommandError::Refused(refusal) => {
                format!("{} is refused: {refusal}", order.command.kind())
            }
            CommandError::Failed(problem) => problem.to_string(),
        })?;
    }
    Ok(())
}

async fn measure(routing: &Routing, gauges: &DueGauges) -> Result<(), Problem> {
    let now = routing.clock.now();
    let counted = within(ANSWER_WITHIN, async {
        store::cases::count_due(&mut *routing.pool.acquire().await?, now, now - LATE_AFTER).await
    });
    let counts = counted.await?;
    gauges.due.set(counts.due.cast_signed());
    gauges.late.set(counts.late.cast_signed());
    gauges.stuck.set(counts.stuck.cast_signed());
    Ok(())
}

/// Sleeps for the interval, or until the demo clock is moved.
async fn wait(routing: &Routing, stop: &CancellationToken) {
    let seen = routing.clock.now();
    let interval = Duration::from_millis(routing.config.reconciler.interval_ms);
    let until = Instant::now() + interval;
    while Instant::now() < until && !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(CLOCK_POLL.min(interval)) => {}
        }
        if has_jumped(seen, routing.clock.now(), interval) {
            return;
        }
    }
}

/// Whether the clock has moved by more than time alone can.
fn has_jumped(seen: OffsetDateTime, now: OffsetDateTime, interval: Duration) -> bool {
    now - seen > interval * 2
}

/// How many cases are due and not done: what must be zero before a demo clock moves on.
///
/// # Errors
/// The database's.
pub async fn pending(routing: &Routing) -> Result<u64, Problem> {
    let now = routing.clock.now();
    let mut conn = routing.pool.acquire().await?;
    Ok(store::cases::count_due(&mut conn, now, now - LATE_AFTER).await?.due)
}
