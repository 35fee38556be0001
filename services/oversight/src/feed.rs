//! The feed: pages of the log by position, then live.
//!
//! Each follower has its own task and its own bounded buffer. A slow reader fills its buffer and stops its own task;
//! when it reads on, the task goes on at the next position, however far the head is by then.

use std::sync::Arc;

use serde::Deserialize;
use sqlx::PgPool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tuntas_kit::problem::{OVERLOADED, Problem};
use tuntas_proto::oversight::v1 as wire;

use crate::{
    head::HeadWatch,
    metrics::Metrics,
    store::{self, log::Entry},
};

/// `[feed]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Settings {
    pub page_max: u16,
    pub buffer_max: u16,
    pub followers_max: u16,
    pub poll_ms: u64,
    pub case_entries_max: u32,
    pub service_readers: Vec<String>,
}

/// What a follower gets.
pub type EntryStream = ReceiverStream<Result<wire::FeedEntry, Status>>;

/// Serves followers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Feed {
    pool: PgPool,
    head: HeadWatch,
    settings: Settings,
    places: Arc<Semaphore>,
    metrics: Metrics,
    shutdown: CancellationToken,
}

/// Where a follower begins and whether it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First position wanted.
    pub from_position: u64,
    /// Stop at the head of the moment of asking.
    pub until_head: bool,
}

impl Feed {
    /// A feed of the log in `pool`, woken by `head`; its streams end with `shutdown`.
    #[must_use]
    pub fn new(
        pool: PgPool,
        head: HeadWatch,
        settings: Settings,
        metrics: Metrics,
        shutdown: CancellationToken,
    ) -> Self {
        let places = Arc::new(Semaphore::new(usize::from(settings.followers_max)));
        Self {
            pool,
            head,
            settings,
            places,
            metrics,
            shutdown,
        }
    }

    /// A stream of entries from a position on.
    ///
    /// # Errors
    /// `overloaded` when there are too many followers, or the database's.
    pub async fn follow(&self, range: Range) -> Result<EntryStream, Problem> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Problem::new(OVERLOADED).message("too many followers"))?;
        let next = i64::try_from(range.from_position.max(1)).unwrap_or(i64::MAX);
        let last = match range.until_head {
            true => Some(store::log::size(&mut *self.pool.acquire().await?).await?),
            false => None,
        };
        let (entries, stream) = mpsc::channel(usize::from(self.settings.buffer_max));
        let follower = Follower {
            feed: self.clone(),
            entries,
            next,
            last,
        };
        tokio::spawn(follower.run(place));
        Ok(ReceiverStream::new(stream))
    }
}

struct Follower {
    feed: Feed,
    entries: mpsc::Sender<Result<wire::FeedEntry, Status>>,
    next: i64,
    last: Option<i64>,
}

/// Why a follower goes no further.
enum End {
    /// It has everything it asked for, it hung up, or the process shuts down.
    Quiet,
    /// It is told.
    Failed(Problem),
}

impl Follower {
    async fn run(mut self, place: OwnedSemaphorePermit) {
        self.feed.metrics.followers.inc();
        if let Err(End::Failed(problem)) = self.stream().await {
            // A reader that has hung up meanwhile does not hear it, and need not.
            let _ = self.entries.try_send(Err(problem.into()));
        }
        self.feed.metrics.followers.dec();
        drop(place);
    }

    async fn stream(&mut self) -> Result<(), End> {
        let mut head = self.feed.head.subscribe();
        loop {
            let known = *head.borrow_and_update();
            let reachable = self.last.map_or(known, |last| known.max(last));
            if self.last.is_some_and(|last| self.next > last) {
                return Ok(());
            }
            if self.next <= reachable {
                self.send_page().await?;
                continue;
            }
            tokio::select! {
                changed = head.changed() => changed.map_err(|_| End::Quiet)?,
                () = self.feed.shutdown.cancelled() => return Err(End::Quiet),
                () = self.entries.closed() => return Err(End::Quiet),
            }
        }
    }

    async fn send_page(&mut self) -> Result<(), End> {
        let rows_max = i64::from(self.feed.settings.page_max);
        let rows_max = self.last.map_or(rows_max, |last| rows_max.min(last - self.next + 1));
        for entry in self.page(rows_max).await.map_err(End::Failed)? {
            if entry.position != self.next {
                let gap = format!(
                    "position {} is missing in the log; {} follows",
                    self.next, entry.position
                );
                return Err(End::Failed(Problem::internal(gap)));
            }
            tokio::select! {
                sent = self.entries.send(Ok(entry.into())) => sent.map_err(|_| End::Quiet)?,
                () = self.feed.shutdown.cancelled() => return Err(End::Quiet),
            }
            self.next += 1;
        }
        Ok(())
    }

    async fn page(&self, rows_max: i64) -> Result<Vec<Entry>, Problem> {
        let last = self.feed.head.last_entries(self.next, rows_max);
        if !last.is_empty() {
            return Ok(last);
        }
        let page = store::log::page(&mut *self.feed.pool.acquire().await?, self.next, rows_max).await?;
        if page.is_empty() {
            // The head said there is something.
            return Err(Problem::internal(format!(
                "position {} is missing in the log",
                self.next
            )));
        }
        Ok(page)
    }
}

impl From<Entry> for wire::FeedEntry {
    fn from(entry: Entry) -> Self {
        Self {
            position: entry.position.unsigned_abs(),
            event: entry.body,
            leaf_hash: entry.leaf_hash,
            chain_hash: entry.chain_hash,
        }
    }
}
