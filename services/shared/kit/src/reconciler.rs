//! Loops without input that do what is due: they look, do it, and look again later.
//!
//! What such a loop does may be done twice without harm, so that several processes may run it and any of them may die.

use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{problem::Problem, telemetry};

/// Whether to look again at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There may be more to do.
    AtOnce,
    /// When the time comes, or somebody wakes it.
    Later,
}

impl Next {
    /// After a round that did `done` of at most `max`: as many as it may, so there may be more.
    #[must_use]
    pub const fn after(done: usize, max: usize) -> Self {
        if done == max { Self::AtOnce } else { Self::Later }
    }
}

/// Does rounds until `stop`: one every `every`, at once when something was left, and when `woken`. A round that fails is logged,
/// and the next one does its work.
///
/// # Errors
/// None: it is a task of the app.
pub async fn run<F, Fut>(
    what: &'static str,
    every: Duration,
    woken: &Notify,
    stop: CancellationToken,
    mut round: F,
) -> anyhow::Result<()>
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = Result<Next, Problem>> + Send,
{
    while !stop.is_cancelled() {
        match round().await {
            Ok(Next::AtOnce) => continue,
            Ok(Next::Later) => {}
            Err(problem) => tracing::warn!(
                reconciler = what,
                error.chain = %telemetry::chain(&problem),
                "what is due has to wait"
            ),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = woken.notified() => {}
            () = tokio::time::sleep(every) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::*;
    use crate::problem::UNAVAILABLE;

    /// Runs until there were so many rounds; the first leaves something, the second fails.
    async fn rounds(every: Duration, woken: Arc<Notify>, wanted: u32) {
        let done = Arc::new(AtomicU32::new(0));
        let stop = CancellationToken::new();
        let (counted, stopped) = (done.clone(), stop.clone());
        let ran = run("test", every, &woken, stop, move || {
            let round = counted.fetch_add(1, Ordering::SeqCst);
            if round + 1 == wanted {
                stopped.cancel();
            }
            async move {
                match round {
                    0 => Ok(Next::AtOnce),
                    1 => Err(Problem::new(UNAVAILABLE)),
                    _ => Ok(Next::Later),
                }
            }
        });
        tokio::time::timeout(Duration::from_secs(10), ran)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(done.load(Ordering::SeqCst), wanted);
    }

    #[tokio::test]
    async fn it_goes_on_at_once_when_there_is_more_and_after_a_failure_when_the_time_comes() {
        rounds(Duration::from_hours(1), Arc::default(), 2).await;
        rounds(Duration::from_millis(1), Arc::default(), 4).await;
    }

    #[tokio::test]
    async fn it_is_woken_before_its_time() {
        let woken = Arc::new(Notify::new());
        woken.notify_one();
        rounds(Duration::from_hours(1), woken, 3).await;
    }
}
