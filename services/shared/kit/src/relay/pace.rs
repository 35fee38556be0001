//! What the relay does next: how wide its next window is, and which row the cursor moves to.
//!
//! Pure, so that it can be tried against every way in which a window can be settled.

use std::time::Duration;

use crate::{backoff::Backoff, broker::Settled};

/// Rows of the widest window.
pub const WINDOW_MAX: i64 = 1_000;

/// How fast to go on after a failure, over all connections.
///
/// After a failure the window is one message and doubles with each success. What was published behind the
/// message that failed is published again, and a channel that the broker closes takes the confirms of the
/// messages before it along: with a wide window, one message that can never be published would have its
/// neighbours published anew at every try.
#[derive(Debug)]
pub struct Pace {
    backoff: Backoff,
    window: i64,
}

impl Pace {
    /// Full speed.
    #[must_use]
    pub fn new() -> Self {
        Self {
            backoff: Backoff::reconnect(),
            window: WINDOW_MAX,
        }
    }

    /// Rows of the next window.
    #[must_use]
    pub const fn window(&self) -> i64 {
        self.window
    }

    /// A window was published.
    pub fn succeeded(&mut self) {
        self.backoff.reset();
        self.window = (self.window * 2).min(WINDOW_MAX);
    }

    /// The session ended; answers how long to wait before the next one.
    pub fn failed(&mut self) -> Duration {
        self.window = 1;
        self.backoff.wait()
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::new()
    }
}

/// The row that the cursor moves to: the last that is published without a gap; none when the first is not.
#[must_use]
pub fn cursor_after(seqs: &[i64], settled: &Settled) -> Option<i64> {
    let last = settled.published.checked_sub(1)?;
    seqs.get(last).copied()
}
