//! Readers who wait for what another transaction will bring, such as a sequence that they have seen elsewhere.
//!
//! Each look costs a query, and readers wait the longest when the database has the most to do: a crowd that looks at a fixed
//! step keeps a slow consumer slow. So whoever brings the news says so on a [`Board`] of the process, under the id of what it is
//! about, and wakes those who wait for that alone. What another process brings shows at the next look, and looks come ever
//! more rarely.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use uuid::Uuid;

/// Before the second look, when nobody says that there is news.
const STEP_FIRST: Duration = Duration::from_millis(40);
/// Each step is so many times as long as the one before: who has waited long is one of many, and news mostly comes by the board.
const STEP_FACTOR: u32 = 3;
/// Between looks, at most.
const STEP_MAX: Duration = Duration::from_secs(1);

/// Where news of this process is told. Cheap to clone; clones are one board.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<HashMap<Uuid, watch::Sender<()>>>>);

/// A wait that ends.
#[derive(Debug)]
pub struct Wait {
    board: Board,
    about: Uuid,
    news: watch::Receiver<()>,
    until: Instant,
    step: Duration,
}

impl Board {
    /// A wait of so long at most, from now on, for news about something. Begin it before the first look, so that nothing that
    /// is told in between is missed.
    #[must_use]
    pub fn wait(&self, about: Uuid, longest: Duration) -> Wait {
        let news = self
            .lock()
            .entry(about)
            .or_insert_with(|| watch::Sender::new(()))
            .subscribe();
        Wait {
            board: self.clone(),
            about,
            news,
            until: Instant::now() + longest,
            step: STEP_FIRST,
        }
    }

    /// Wakes those who wait for news about these. To be called once what it is about is committed.
    pub fn tell(&self, about: impl IntoIterator<Item = Uuid>) {
        let waited_for = self.lock();
        if waited_for.is_empty() {
            return;
        }
        for about in about {
            if let Some(news) = waited_for.get(&about) {
                news.send_replace(());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, watch::Sender<()>>> {
        // A panic while holding the lock leaves at worst somebody unwoken, who looks by themselves.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wait {
    /// Waits until there is news, or it is time for another look. `false`, at once, when the time is over.
    pub async fn again(&mut self) -> bool {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        // The sender is on the board as long as this waits.
        let _ = timeout(self.step.min(left), self.news.changed()).await;
        self.step = (self.step * STEP_FACTOR).min(STEP_MAX);
        true
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut waited_for = self.board.lock();
        if waited_for
            .get(&self.about)
            .is_some_and(|news| news.receiver_count() <= 1)
        {
            waited_for.remove(&self.about);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn news_wake_those_who_wait_for_them_and_nobody_else() {
        let board = Board::default();
        let [one, other] = [1, 2].map(Uuid::from_u128);
        let (mut wakes, mut sleeps) = (board.wait(one, LONG), board.wait(other, LONG));
        // As if both had looked for long.
        (wakes.step, sleeps.step) = (LONG, LONG);
        board.tell([one]);
        assert!(wakes.again().await, "told before it waited, and not missed");
        assert!(timeout(Duration::from_millis(20), sleeps.again()).await.is_err());
        drop((wakes, sleeps));
        assert!(board.lock().is_empty(), "nothing is kept of those who are gone");
    }

    #[tokio::test]
    async fn without_news_looks_come_ever_more_rarely_and_end_with_the_time() {
        const LONGEST: Duration = Duration::from_millis(200);
        let begun = Instant::now();
        let mut wait = Board::default().wait(Uuid::from_u128(1), LONGEST);
        let mut looks = 0;
        while wait.again().await {
            looks += 1;
        }
        // After 40, 160 and 200 ms, unless the machine was busy.
        assert!((1..=3).contains(&looks), "{looks} looks");
        assert!(begun.elapsed() >= LONGEST, "the last look is at the end");
    }
}
