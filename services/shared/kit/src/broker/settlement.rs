//! How a window of messages is settled: which of them are safe, from what the broker said about each.
//!
//! Pure, so that every order of confirms, returns and failures can be tried without a broker. The library attaches a
//! return to whichever confirm comes next, so a return is matched by the message it names, and only once all answers
//! of the window are in.

use std::{collections::HashSet, hash::Hash, ops::ControlFlow};

use super::{BrokerError, Settled, Stop};

/// What one confirm said.
#[derive(Debug)]
pub struct Answer<K> {
    /// The broker took it; false is a nack.
    pub acked: bool,
    /// The message of this window that was returned with this answer, which need not be the one confirmed.
    pub returned: Option<K>,
}

/// The answers to a window, in the order of its messages.
#[derive(Debug)]
pub struct Settlement<K> {
    outcomes: Vec<Result<bool, BrokerError>>,
    returned: HashSet<K>,
}

impl<K: Eq + Hash> Settlement<K> {
    /// Nothing is answered yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            outcomes: Vec::new(),
            returned: HashSet::new(),
        }
    }

    /// Takes the answer to the next message. After one that never came there is no sense in waiting for more.
    pub fn answer(&mut self, outcome: Result<Answer<K>, BrokerError>) -> ControlFlow<()> {
        let lost = matches!(outcome, Err(BrokerError::Timeout(_)));
        self.outcomes.push(outcome.map(|answer| {
            self.returned.extend(answer.returned);
            answer.acked
        }));
        if lost {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// What is safe: `keys` are the messages of the window, `unsent` is why sending stopped before its end, if it did.
    #[must_use]
    pub fn settled(self, keys: impl IntoIterator<Item = K>, unsent: Option<BrokerError>) -> Settled {
        // A return may hang on a confirm that never came: then nothing of the window counts as published.
        if let Some(Err(BrokerError::Timeout(_))) = self.outcomes.last() {
            return stopped(0, Stop::Broken(BrokerError::Timeout("a publish")));
        }
        let answered = self.outcomes.len();
        for (index, (key, outcome)) in keys.into_iter().zip(self.outcomes).enumerate() {
            match outcome {
                Err(error) => return stopped(index, Stop::Broken(error)),
                Ok(_) if self.returned.contains(&key) => return stopped(index, Stop::Returned),
                Ok(false) => return stopped(index, Stop::Nacked),
                Ok(true) => {}
            }
        }
        Settled {
            published: answered,
            stop: unsent.map(Stop::Broken),
        }
    }
}

impl<K: Eq + Hash> Default for Settlement<K> {
    fn default() -> Self {
        Self::new()
    }
}

fn stopped(published: usize, stop: Stop) -> Settled {
    Settled {
        published,
        stop: Some(stop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acked(returned: Option<u8>) -> Result<Answer<u8>, BrokerError> {
        Ok(Answer { acked: true, returned })
    }

    fn settle(answers: Vec<Result<Answer<u8>, BrokerError>>, unsent: Option<BrokerError>) -> Settled {
        let mut settlement = Settlement::new();
        for answer in answers {
            if settlement.answer(answer).is_break() {
                break;
            }
        }
        settlement.settled(0..8, unsent)
    }

    #[test]
    fn a_return_counts_for_the_message_it_names() {
        let settled = settle(vec![acked(None), acked(None), acked(Some(0))], None);
        assert_eq!(settled.published, 0);
        assert!(matches!(settled.stop, Some(Stop::Returned)));
    }

    #[test]
    fn nothing_counts_when_a_confirm_never_came() {
        let lost = Err(BrokerError::Timeout("a publish"));
        let settled = settle(vec![acked(None), lost, acked(Some(0))], None);
        assert_eq!(settled.published, 0);
        assert!(matches!(settled.stop, Some(Stop::Broken(BrokerError::Timeout(_)))));
    }

    #[test]
    fn what_was_confirmed_before_the_break_is_safe() {
        let settled = settle(vec![acked(None), Err(BrokerError::Closed), acked(None)], None);
        assert_eq!(settled.published, 1);
        let settled = settle(vec![acked(None), acked(None)], Some(BrokerError::Closed));
        assert_eq!(settled.published, 2);
        assert!(matches!(settled.stop, Some(Stop::Broken(BrokerError::Closed))));
        assert!(settle(vec![acked(None)], None).stop.is_none());
    }
}
