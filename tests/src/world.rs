//! One timeline for many journeys: each runs until it has to wait for a day to pass; when all wait, the platform's clock
//! moves to the earliest moment that one of them waits for.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;
use tokio::{
    sync::{Notify, oneshot},
    task::{LocalSet, spawn_local},
};
use tuntas_ctl::{directory::Directory, platform::Platform, quiet, wib};

const SETTLE_WITHIN: Duration = Duration::from_secs(90);

/// A platform and its timeline.
pub struct World {
    /// The platform.
    pub platform: Platform,
    /// Its directory.
    pub directory: Arc<Directory>,
    gate: Mutex<Gate>,
    changed: Notify,
}

#[derive(Default)]
struct Gate {
    live: usize,
    waiting: Vec<(OffsetDateTime, oneshot::Sender<()>)>,
}

/// How a journey ended.
pub struct Ending {
    /// Name of the journey.
    pub name: &'static str,
    /// What went wrong.
    pub failure: Option<String>,
}

impl World {
    /// The world of a platform.
    ///
    /// # Errors
    /// Its directory cannot be read.
    pub async fn of(platform: Platform) -> anyhow::Result<Arc<Self>> {
        let directory = platform.directory().await?;
        Ok(Arc::new(Self {
            platform,
            directory,
            gate: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the platform's clock has reached a moment.
    ///
    /// # Errors
    /// The timeline has ended.
    pub async fn until(&self, at: OffsetDateTime) -> anyhow::Result<()> {
        if self.platform.now() >= at {
            return Ok(());
        }
        let (sender, receiver) = oneshot::channel();
        self.gate().waiting.push((at, sender));
        self.changed.notify_one();
        Ok(receiver.await?)
    }

    /// Waits until so many working days have passed in full, and a few minutes.
    ///
    /// # Errors
    /// The timeline has ended.
    pub async fn working_days(&self, days: u16) -> anyhow::Result<()> {
        let calendar = wib::shipped_calendar();
        let at = calendar.add_working_days(calendar.counting_from(self.platform.now()), days);
        self.until(at + time::Duration::minutes(5)).await
    }

    /// Waits for hours to pass.
    ///
    /// # Errors
    /// The timeline has ended.
    pub async fn hours(&self, hours: i64) -> anyhow::Result<()> {
        self.until(self.platform.now() + time::Duration::hours(hours)).await
    }

    /// Waits until nothing is under way.
    ///
    /// # Errors
    /// Something still is at the deadline.
    pub async fn settle(&self) -> anyhow::Result<()> {
        quiet::settle(&self.platform, SETTLE_WITHIN).await?;
        Ok(())
    }

    /// Waits until every replica of the directory knows a holder: a desk learns it by an event.
    ///
    /// # Errors
    /// Something is still under way at the deadline.
    pub async fn settle_directory(&self, position: &str, holder: &str) -> anyhow::Result<()> {
        self.settle().await?;
        let directory = self.platform.directory().await?;
        anyhow::ensure!(
            directory.holder(position, self.platform.now()) == Some(holder),
            "{position} is not held by {holder}"
        );
        Ok(())
    }

    /// Runs journeys on the timeline, all at once, and tells how each ended.
    pub async fn run<F>(self: &Arc<Self>, journeys: Vec<(&'static str, F)>) -> Vec<Ending>
    where
        F: Future<Output = anyhow::Result<()>> + 'static,
    {
        // All on this thread: journeys wait for the platform, they do not compute.
        LocalSet::new().run_until(self.run_here(journeys)).await
    }

    async fn run_here<F>(self: &Arc<Self>, journeys: Vec<(&'static str, F)>) -> Vec<Ending>
    where
        F: Future<Output = anyhow::Result<()>> + 'static,
    {
        self.gate().live = journeys.len();
        let mut tasks = Vec::new();
        for (name, journey) in journeys {
            let leaving = Leaving(Arc::clone(self));
            let task = spawn_local(async move {
                let _leaving = leaving;
                journey.await
            });
            tasks.push((name, task));
        }
        let kept = self.keep_time().await;
        if kept.is_err() {
            // Nobody moves the clock any more: whoever waits for it is told.
            self.gate().waiting.clear();
        }
        let mut endings = Vec::new();
        for (name, task) in tasks {
            let failure = match task.await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(format!("{error:#}")),
                Err(panic) => Some(panic.to_string()),
            };
            endings.push(Ending { name, failure });
        }
        if let Err(error) = kept {
            endings.push(Ending {
                name: "the clock",
                failure: Some(format!("{error:#}")),
            });
        }
        endings
    }

    async fn keep_time(&self) -> anyhow::Result<()> {
        loop {
            let next = {
                let gate = self.gate();
                if gate.live == 0 {
                    return Ok(());
                }
                let all_wait = gate.waiting.len() == gate.live;
                if all_wait {
                    gate.waiting.iter().map(|(at, _)| *at).min()
                } else {
                    None
                }
            };
            let Some(next) = next else {
                self.changed.notified().await;
                continue;
            };
            self.settle().await?;
            quiet::advance(&self.platform, next, false).await?;
            self.settle().await?;
            let now = self.platform.now();
            let mut gate = self.gate();
            for (at, sender) in std::mem::take(&mut gate.waiting) {
                if at <= now {
                    // A journey that was given up does not listen any more.
                    let _ = sender.send(());
                } else {
                    gate.waiting.push((at, sender));
                }
            }
        }
    }
}

/// Tells the timeline that a journey has ended, in whatever way.
struct Leaving(Arc<World>);

impl Drop for Leaving {
    fn drop(&mut self) {
        let mut gate = self.0.gate();
        gate.live = gate.live.saturating_sub(1);
        drop(gate);
        self.0.changed.notify_one();
    }
}
