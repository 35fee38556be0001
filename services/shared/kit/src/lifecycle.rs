//! Named background tasks. One that ends before the process stops is a crash: the process exits non-zero and
//! its supervisor starts it again.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use crate::telemetry;

/// Where tasks are started. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    stop: CancellationToken,
    tracker: TaskTracker,
    ended: mpsc::UnboundedSender<Ended>,
    ends: Arc<Mutex<mpsc::UnboundedReceiver<Ended>>>,
}

/// A task that ended when it should not have.
#[derive(Debug)]
pub struct Ended {
    /// Its name.
    pub task: String,
    /// What it says.
    pub why: String,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new()
    }
}

impl Lifecycle {
    /// No tasks yet.
    #[must_use]
    pub fn new() -> Self {
        let (ended, ends) = mpsc::unbounded_channel();
        Self {
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
            ended,
            ends: Arc::new(Mutex::new(ends)),
        }
    }

    /// Cancelled when the process stops. A task drains and ends then; a streaming answer ends itself
    /// (`stream.take_until(stop.cancelled_owned())`), because the server does not end it.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts a task that runs until the process stops.
    pub fn spawn(&self, name: impl Into<String>, task: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
        let name = name.into();
        let span = tracing::info_span!(parent: None, "task", task = %name);
        let work = self.tracker.spawn(task.instrument(span));
        let (stop, ended) = (self.stop.clone(), self.ended.clone());
        self.tracker.spawn(async move {
            let why = match work.await {
                Ok(Ok(())) if stop.is_cancelled() => return,
                Ok(Ok(())) => "it returned".to_owned(),
                Ok(Err(error)) => telemetry::chain(error.as_ref()),
                Err(error) => error.to_string(),
            };
            // Nobody listens any more only when the process is already ending.
            let _ = ended.send(Ended { task: name, why });
        });
    }

    /// Waits for a task to end when it should not.
    pub async fn crashed(&self) -> Ended {
        match self.ends.lock().await.recv().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }

    /// Tells all tasks to end, and waits for it.
    pub async fn drain(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a task that panics is what is tested")]
    use super::*;

    #[tokio::test]
    async fn a_task_that_returns_fails_or_panics_is_a_crash() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn("returns", async { Ok(()) });
        assert_eq!(lifecycle.crashed().await.task, "returns");
        lifecycle.spawn("fails", async { anyhow::bail!("no reason") });
        assert_eq!(lifecycle.crashed().await.why, "no reason");
        lifecycle.spawn("panics", async { panic!("at the disco") });
        assert!(lifecycle.crashed().await.why.contains("panic"));
    }

    #[tokio::test]
    async fn draining_waits_for_tasks_that_finish_their_work() {
        let lifecycle = Lifecycle::new();
        let (sent, mut received) = mpsc::channel(1);
        let stop = lifecycle.stop();
        lifecycle.spawn("drains", async move {
            stop.cancelled().await;
            sent.send("done").await?;
            Ok(())
        });
        lifecycle.drain().await;
        assert_eq!(received.try_recv(), Ok("done"));
    }
}
