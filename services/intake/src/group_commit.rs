//! Filings that wait are committed together.
//!
//! Every commit waits for the disk, and appending to the outbox lets only one transaction commit at a time. So
//! filings queue here: a task that is there as long as some wait takes all of them (at most 512) into one transaction,
//! one statement for all. One task, not one per filing: a crowd that waits for its turn holds hundreds of megabytes of
//! futures, and most of it finds its filing written when its turn comes. A retry or a taken attachment is found by the
//! statements and fails only its own filing; if the transaction itself fails, each filing is tried alone, so that one
//! that surprises the database costs the others nothing.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sqlx::{PgConnection, PgPool};
use tokio::sync::oneshot;
use tracing::{Instrument as _, info_span};
use tuntas_kit::{
    event::OutboxEvent,
    outbox,
    problem::{OVERLOADED, Problem},
    tx,
};
use uuid::Uuid;

use crate::{
    intake::Intake,
    store::{
        attachment,
        filing::{self, Filed, NewReport},
    },
};

const BATCH_MAX: usize = 512;
const WAITING_MAX: usize = 4_096;

/// A filing that needs only to be written.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The report, sealed.
    pub report: NewReport,
    /// Uploads in order, each with its key sealed under the report's.
    pub attachments: Vec<(Uuid, Vec<u8>)>,
    /// What to tell the others.
    pub event: OutboxEvent,
}

/// What became of a filing.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It is written.
    Written,
    /// There is one under the same key.
    Earlier(Filed),
    /// An attachment was filed meanwhile, or collected.
    AttachmentTaken,
    /// The random ticket number is in use; it may be written with another.
    TicketTaken(Box<Prepared>),
}

struct Job {
    prepared: Prepared,
    answer: oneshot::Sender<Result<Outcome, Problem>>,
}

/// The queue.
#[derive(Default)]
pub struct GroupCommit {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    /// Whether a task is there that writes them.
    writing: bool,
}

/// The task that was to answer is gone: the process is stopping.
#[derive(Debug, thiserror::Error)]
#[error("the process is stopping")]
struct Stopping;

impl GroupCommit {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a filing; answers whether somebody has to start writing.
    fn enqueue(&self, job: Job) -> Result<bool, Problem> {
        let mut queue = self.lock();
        if queue.waiting.len() >= WAITING_MAX {
            return Err(Problem::new(OVERLOADED));
        }
        queue.waiting.push_back(job);
        Ok(!std::mem::replace(&mut queue.writing, true))
    }

    /// What waits; when nothing does, the writer's work is over, and the next filing starts another.
    fn take(&self) -> Option<Vec<Job>> {
        let mut queue = self.lock();
        let size = queue.waiting.len().min(BATCH_MAX);
        if size == 0 {
            queue.writing = false;
            return None;
        }
        Some(queue.waiting.drain(..size).collect())
    }
}

/// Whoever writes, until nothing waits.
struct Writer(Intake);

impl Writer {
    async fn run(self) {
        while let Some(jobs) = self.0.filings.take() {
            let (filings, answers): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.prepared, job.answer)).unzip();
            // Of no filing's trace: it is for all of them.
            let span = info_span!(parent: None, "commit filings", filings = filings.len());
            let outcomes = write_each(&self.0.pool, filings.into()).instrument(span).await;
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // Whose caller hung up asks again under the same key.
                drop(answer.send(outcome));
            }
        }
    }
}

impl Drop for Writer {
    /// One that panics must not leave the queue to nobody. What it had taken is answered `unavailable`; what waits is written with
    /// the next filing.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.filings.lock().writing = false;
        }
    }
}

/// Writes a filing together with those that wait. It is written to its end even if the caller goes away.
///
/// # Errors
/// `overloaded`, or the database's; then the same request may be sent again.
pub async fn write(intake: &Intake, prepared: Prepared) -> Result<Outcome, Problem> {
    let (answer, outcome) = oneshot::channel();
    if intake.filings.enqueue(Job { prepared, answer })? {
        tokio::spawn(Writer(intake.clone()).run());
    }
    outcome.await.map_err(|_| Problem::unavailable(Stopping))?
}

async fn write_each(pool: &PgPool, filings: Arc<[Prepared]>) -> Vec<Result<Outcome, Problem>> {
    match commit(pool, filings.clone()).await {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(problem) if filings.len() == 1 => vec![Err(problem)],
        Err(_) => one_by_one(pool, &filings).await,
    }
}

async fn one_by_one(pool: &PgPool, filings: &[Prepared]) -> Vec<Result<Outcome, Problem>> {
    let mut outcomes = Vec::with_capacity(filings.len());
    for filing in filings {
        let alone = commit(pool, Arc::from([filing.clone()])).await;
        let outcome = alone.map(|outcomes| outcomes.into_iter().next());
        outcomes.push(outcome.map(|outcome| outcome.unwrap_or_else(|| Outcome::TicketTaken(Box::new(filing.clone())))));
    }
    outcomes
}

async fn commit(pool: &PgPool, filings: Arc<[Prepared]>) -> Result<Vec<Outcome>, Problem> {
    tx::run(pool, move |conn| {
        Box::pin(async move { write_all(conn, &filings).await })
    })
    .await
}

async fn write_all(conn: &mut PgConnection, filings: &[Prepared]) -> Result<Vec<Outcome>, Problem> {
    let complete = with_their_attachments(conn, filings).await?;
    let reports: Vec<&NewReport> = filings
        .iter()
        .filter(|filing| complete.contains(&filing.report.id))
        .map(|filing| &filing.report)
        .collect();
    let written: HashSet<Uuid> = filing::insert(conn, &reports).await?.into_iter().collect();
    let (kept, left): (Vec<_>, Vec<_>) = filings.iter().partition(|filing| written.contains(&filing.report.id));
    for filing in &kept {
        file_attachments(conn, filing).await?;
    }
    let mut earlier = Vec::new();
    if !left.is_empty() {
        let keys: Vec<Vec<u8>> = left.iter().map(|filing| filing.report.filing_key.clone()).collect();
        earlier = filing::by_filing_keys(conn, &keys).await?;
    }
    let events: Vec<OutboxEvent> = kept.iter().map(|filing| filing.event.clone()).collect();
    if !events.is_empty() {
        outbox::append(conn, &events).await?;
    }
    Ok(filings
        .iter()
        .map(|filing| outcome_of(filing, &written, &complete, &earlier))
        .collect())
}

fn outcome_of(filing: &Prepared, written: &HashSet<Uuid>, complete: &HashSet<Uuid>, earlier: &[Filed]) -> Outcome {
    if written.contains(&filing.report.id) {
        return Outcome::Written;
    }
    match earlier
        .iter()
        .find(|filed| filed.filing_key == filing.report.filing_key)
    {
        Some(filed) => Outcome::Earlier(filed.clone()),
        None if !complete.contains(&filing.report.id) => Outcome::AttachmentTaken,
        None => Outcome::TicketTaken(Box::new(filing.clone())),
    }
}

/// Filings whose attachments are all free, now locked. Of two that name the same one, the first gets it.
async fn with_their_attachments(conn: &mut PgConnection, filings: &[Prepared]) -> Result<HashSet<Uuid>, Problem> {
    let wanted: Vec<Uuid> = filings
        .iter()
        .flat_map(|filing| filing.attachments.iter().map(|(id, _)| *id))
        .collect();
    let mut free: HashSet<Uuid> = HashSet::new();
    if !wanted.is_empty() {
        free.extend(attachment::lock_unfiled(conn, &wanted).await?);
    }
    let mut complete = HashSet::new();
    for filing in filings {
        if filing.attachments.iter().all(|(id, _)| free.contains(id)) {
            for (id, _) in &filing.attachments {
                free.remove(id);
            }
            complete.insert(filing.report.id);
        }
    }
    Ok(complete)
}

async fn file_attachments(conn: &mut PgConnection, filing: &Prepared) -> Result<(), Problem> {
    for (place, (id, sealed_key)) in (0..).zip(&filing.attachments) {
        attachment::file(conn, *id, filing.report.id, None, place, sealed_key).await?;
    }
    Ok(())
}
