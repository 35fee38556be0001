//! A limit on wrong tries per key, such as wrong receipt codes per ticket number and per address.
//!
//! Only failures count: a reporter who looks at the own report a hundred times is not locked out.

use std::{hash::Hash, num::NonZeroU32};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};

use crate::problem::{Problem, RATE_LIMITED};

/// Keys are forgotten at this number, after those that are at rest.
const KEYS_MAX: usize = 100_000;

/// A limiter with one budget of failures per key.
pub struct FailureLimit<K: Clone + Eq + Hash> {
    budget: DefaultKeyedRateLimiter<K>,
    blocked: std::sync::Mutex<std::collections::HashMap<K, std::time::Instant>>,
}

impl<K: Clone + Eq + Hash> FailureLimit<K> {
    /// `burst` failures at once, then `per_minute` (both at least 1).
    #[must_use]
    pub fn new(per_minute: u32, burst: u32) -> Self {
        let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(burst));
        Self {
            budget: RateLimiter::keyed(quota),
            blocked: std::sync::Mutex::default(),
        }
    }

    /// Whether the key may try.
    ///
    /// # Errors
    /// `rate_limited`, with `retry_after_s` in its metadata.
    pub fn check(&self, key: &K) -> Result<(), Problem> {
        let now = std::time::Instant::now();
        let blocked = self.lock();
        match blocked.get(key) {
            Some(until) if *until > now => {
                let seconds = (*until - now).as_secs() + 1;
                Err(Problem::new(RATE_LIMITED).with("retry_after_s", seconds.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Counts a failure of the key.
    pub fn failed(&self, key: &K) {
        let Err(not_until) = self.budget.check_key(key) else {
            return;
        };
        let wait = not_until.wait_time_from(governor::clock::DefaultClock::default().now());
        let now = std::time::Instant::now();
        let mut blocked = self.lock();
        if blocked.len() >= KEYS_MAX {
            blocked.retain(|_, until| *until > now);
            self.budget.retain_recent();
        }
        if blocked.len() < KEYS_MAX {
            blocked.insert(key.clone(), now + wait);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, std::collections::HashMap<K, std::time::Instant>> {
        self.blocked.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_count_and_only_against_their_own_key() {
        let limit = FailureLimit::new(1, 3);
        for _ in 0..100 {
            assert!(limit.check(&"a").is_ok());
        }
        for _ in 0..4 {
            limit.failed(&"a");
        }
        assert_eq!(
            limit.check(&"a").map_err(|p| p.code().to_owned()),
            Err("rate_limited".to_owned())
        );
        assert!(limit.check(&"b").is_ok());
    }
}
