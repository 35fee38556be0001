//! Chance that repeats: the same seed plays the same demo.

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to vary a demo. Not for secrets.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice of a seed and a stream: each report has a stream of its own, so that adding one changes no other.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut dice = Self(seed ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high.saturating_sub(low)).unwrap_or(0).saturating_add(1);
        low.saturating_add(i64::try_from(self.next() % span).unwrap_or(0))
    }

    /// True in `percent` of the throws.
    pub fn percent(&mut self, percent: i64) -> bool {
        self.between(1, 100) <= percent
    }

    /// One of them; `None` of none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let last = i64::try_from(from.len()).unwrap_or(0).checked_sub(1)?;
        from.get(usize::try_from(self.between(0, last)).unwrap_or(0))
    }

    /// One of them, or the empty text of none.
    pub fn word<'a>(&mut self, from: &[&'a str]) -> &'a str {
        self.pick(from).copied().unwrap_or("")
    }

    /// One of them by weight; `None` of none.
    pub fn weighted<T: Copy>(&mut self, from: &[(T, i64)]) -> Option<T> {
        let total: i64 = from.iter().map(|(_, weight)| weight).sum();
        let mut throw = self.between(1, total.max(1));
        for (value, weight) in from {
            throw -= weight;
            if throw <= 0 {
                return Some(*value);
            }
        }
        from.last().map(|(value, _)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same_and_every_number_comes() {
        let throws = |seed| {
            (0..200)
                .map(|_| 0)
                .scan(Dice::new(seed, 7), |dice, _: i32| Some(dice.between(1, 6)))
                .collect::<Vec<_>>()
        };
        assert_eq!(throws(1), throws(1));
        assert_ne!(throws(1), throws(2));
        assert!((1..=6).all(|n| throws(1).contains(&n)));
    }
}
