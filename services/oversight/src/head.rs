//! How far the log goes, as this process knows it, and its last entries: what wakes the followers, and what those that are at the head
//! read without asking the database.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::store::{self, log::Entry};

/// Entries kept in memory: some of a follower's pages behind is still at the head.
const TAIL_MAX: usize = 256;

/// Tells followers of a new head. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HeadWatch {
    size: watch::Sender<i64>,
    /// The last entries that this process has appended and committed, without a gap between them.
    tail: Arc<Mutex<VecDeque<Entry>>>,
    /// This process appends, so that nobody else does.
    appending: Arc<AtomicBool>,
}

impl HeadWatch {
    /// A log whose size is not known yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            size: watch::Sender::new(0),
            tail: Arc::default(),
            appending: Arc::default(),
        }
    }

    /// The log has at least `size` entries.
    pub fn reached(&self, size: i64) {
        self.size.send_if_modified(|known| {
            let grown = size > *known;
            *known = size.max(*known);
            grown
        });
    }

    /// These entries were committed, in this order.
    pub fn appended(&self, entries: Vec<Entry>) {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return;
        };
        let (first, size) = (first.position, last.position);
        {
            let mut tail = self.tail();
            // Another process has appended in between.
            if tail.back().is_some_and(|last| last.position + 1 != first) {
                tail.clear();
            }
            tail.extend(entries);
            let surplus = tail.len().saturating_sub(TAIL_MAX);
            tail.drain(..surplus);
        }
        self.reached(size);
    }

    /// Entries from a position on, at most `rows_max`; none when the position is not among the last.
    #[must_use]
    pub fn last_entries(&self, from_position: i64, rows_max: i64) -> Vec<Entry> {
        let tail = self.tail();
        let behind = tail.front().map_or(-1, |first| from_position - first.position);
        let Ok(behind) = usize::try_from(behind) else {
            return Vec::new();
        };
        let rows_max = usize::try_from(rows_max).unwrap_or(0);
        tail.iter().skip(behind).take(rows_max).cloned().collect()
    }

    /// Whether this process appends from now on.
    pub fn appends(&self, yes: bool) {
        self.appending.store(yes, Ordering::Relaxed);
    }

    /// Follows the head.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<i64> {
        self.size.subscribe()
    }

    /// Asks the database for the head, again and again, while another process may be the one that appends. Ends with
    /// `shutdown`.
    pub async fn poll(self, pool: PgPool, interval: Duration, shutdown: CancellationToken) {
        loop {
            if !self.appending.load(Ordering::Relaxed) {
                match size(&pool).await {
                    Ok(size) => self.reached(size),
                    Err(error) => tracing::warn!(%error, "the head of the log could not be read; trying again"),
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
            }
        }
    }

    fn tail(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        // A panic while holding the lock leaves at worst fewer entries.
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for HeadWatch {
    fn default() -> Self {
        Self::new()
    }
}

async fn size(pool: &PgPool) -> sqlx::Result<i64> {
    store::log::size(&mut *pool.acquire().await?).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(positions: std::ops::RangeInclusive<i64>) -> Vec<Entry> {
        let entry = |position| Entry {
            position,
            body: Vec::new(),
            leaf_hash: Vec::new(),
            chain_hash: Vec::new(),
        };
        positions.map(entry).collect()
    }

    fn positions(head: &HeadWatch, from_position: i64, rows_max: i64) -> Vec<i64> {
        let last = head.last_entries(from_position, rows_max);
        last.iter().map(|entry| entry.position).collect()
    }

    #[test]
    fn the_last_entries_are_there_without_a_gap() {
        let head = HeadWatch::new();
        assert!(positions(&head, 1, 10).is_empty());
        head.appended(entries(1..=3));
        head.appended(entries(4..=5));
        assert_eq!(*head.subscribe().borrow(), 5);
        assert_eq!(positions(&head, 2, 3), [2, 3, 4]);
        assert_eq!(positions(&head, 5, 10), [5]);
        assert!(positions(&head, 6, 10).is_empty());
        // Another process had its turn.
        head.appended(entries(9..=10));
        assert!(positions(&head, 5, 10).is_empty());
        assert!(positions(&head, 8, 10).is_empty());
        assert_eq!(positions(&head, 9, 10), [9, 10]);
        head.appended(entries(11..=10 + TAIL_MAX as i64));
        assert!(positions(&head, 10, 10).is_empty());
        assert_eq!(positions(&head, 11, 2), [11, 12]);
    }
}
