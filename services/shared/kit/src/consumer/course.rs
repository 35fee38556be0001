//! The course of a batch: what is attempted in one transaction, what a failure leads to, and which of its events are new.
//!
//! Pure, so that it can be tried against every failure at every moment.

use std::{collections::HashSet, ops::Range};

use uuid::Uuid;

use super::HandlerError;

/// Where the work on a batch stands: at first all of it together, and one by one once that has failed.
#[derive(Debug)]
pub struct Course {
    settled: usize,
    events: usize,
    together: bool,
}

/// What follows from a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The batch is handled one by one from now on, so that one bad event costs the others nothing.
    OneByOne,
    /// The same attempt again, after a while.
    Again,
    /// The try is counted; the event is dead when its tries are used up, else it is tried again.
    Count,
    /// The event is dead.
    Dead,
}

impl Course {
    /// A batch of so many events.
    #[must_use]
    pub const fn new(events: usize) -> Self {
        Self {
            settled: 0,
            events,
            together: events > 1,
        }
    }

    /// The events of the next transaction; none when all are settled.
    #[must_use]
    pub fn attempt(&self) -> Option<Range<usize>> {
        let end = if self.together { self.events } else { self.settled + 1 };
        (self.settled < self.events).then_some(self.settled..end)
    }

    /// The events of the attempt are handled, or dead.
    pub const fn settled(&mut self) {
        self.settled = if self.together { self.events } else { self.settled + 1 };
    }

    /// The attempt failed; nothing of it is committed.
    pub fn failed(&mut self, error: &HandlerError) -> Verdict {
        if std::mem::take(&mut self.together) {
            return Verdict::OneByOne;
        }
        match error {
            HandlerError::Retry(_) => Verdict::Again,
            HandlerError::Reject(_) => Verdict::Dead,
            HandlerError::Bounded(_) => Verdict::Count,
        }
    }
}

/// Whether an event that failed so often is dead.
#[must_use]
pub const fn used_up(tries: u32, tries_max: u32) -> bool {
    tries >= tries_max
}

/// Places of the events that are to be handled: those that this transaction has claimed, each once.
#[must_use]
pub fn fresh(event_ids: &[Uuid], claimed: Vec<Uuid>) -> Vec<usize> {
    let mut claimed: HashSet<Uuid> = claimed.into_iter().collect();
    let places = event_ids.iter().enumerate();
    places
        .filter(|(_, event_id)| claimed.remove(event_id))
        .map(|(place, _)| place)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_goes_together_and_after_a_failure_one_by_one() {
        let mut course = Course::new(3);
        assert_eq!(course.attempt(), Some(0..3));
        let bounded = || HandlerError::Bounded(anyhow::anyhow!("a fault"));
        assert_eq!(course.failed(&bounded()), Verdict::OneByOne);
        assert_eq!(course.attempt(), Some(0..1));
        course.settled();
        assert_eq!(course.attempt(), Some(1..2));
        assert_eq!(course.failed(&bounded()), Verdict::Count);
        assert_eq!(
            course.failed(&HandlerError::Retry(anyhow::anyhow!("away"))),
            Verdict::Again
        );
        assert_eq!(course.failed(&HandlerError::Reject(String::new())), Verdict::Dead);
        course.settled();
        course.settled();
        assert_eq!(course.attempt(), None);
        assert_eq!(Course::new(0).attempt(), None);
    }

    #[test]
    fn what_came_twice_is_handled_once_and_what_was_handled_is_not() {
        let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
        assert_eq!(fresh(&[a, b, a, c], vec![c, a]), [0, 3]);
    }
}
