//! How long things took.

use std::time::Duration;

/// Percentile by nearest rank, in milliseconds; not a number when nothing was measured, so that no bound holds.
#[must_use]
pub fn percentile_ms(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100).max(1) - 1;
    times.get(rank).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
}
