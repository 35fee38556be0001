//! How long to wait before trying again: doubling, bounded, with jitter so that processes do not march in step.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

const FIRST: Duration = Duration::from_millis(50);
const RECONNECT_MAX: Duration = Duration::from_secs(2);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// A sequence of waits that never ends.
#[derive(Debug)]
pub struct Backoff {
    builder: ExponentialBuilder,
    max: Duration,
    waits: ExponentialBackoff,
}

impl Backoff {
    /// For reconnecting: at most 2 s, because an outage should not last longer than its cause.
    #[must_use]
    pub fn reconnect() -> Self {
        Self::up_to(RECONNECT_MAX)
    }

    /// For repeating work that failed: at most 10 s.
    #[must_use]
    pub fn retry() -> Self {
        Self::up_to(RETRY_MAX)
    }

    fn up_to(max: Duration) -> Self {
        let builder = ExponentialBuilder::default()
            .with_min_delay(FIRST)
            .with_max_delay(max)
            .with_jitter()
            .without_max_times();
        Self {
            waits: builder.build(),
            builder,
            max,
        }
    }

    /// How long to wait this time.
    #[must_use]
    pub fn wait(&mut self) -> Duration {
        self.waits.next().unwrap_or(self.max).min(self.max)
    }

    /// Starts over: something succeeded.
    pub fn reset(&mut self) {
        self.waits = self.builder.build();
    }
}
