//! How far the log goes, as this process knows it: what wakes the followers.

use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::store;

/// Tells followers of a new head. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HeadWatch(watch::Sender<i64>);

impl HeadWatch {
    /// A log whose size is not known yet.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// The log has at least `size` entries.
    pub fn reached(&self, size: i64) {
        self.0.send_if_modified(|known| {
            let grown = size > *known;
            *known = size.max(*known);
            grown
        });
    }

    /// Follows the head.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<i64> {
        self.0.subscribe()
    }

    /// Asks the database for the head, again and again: another process may be the one that appends. Ends with
    /// `shutdown`.
    pub async fn poll(self, pool: PgPool, interval: Duration, shutdown: CancellationToken) {
        loop {
            match size(&pool).await {
                Ok(size) => self.reached(size),
                Err(error) => tracing::warn!(%error, "the head of the log could not be read; trying again"),
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
            }
        }
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
