//! Loops that take what has come and do it at once: consumers, the relay, the sequencer.
//!
//! Each round costs a transaction whatever is in it. A loop that begins the next as soon as one event is there does one event a
//! round, exactly when there are the most: the machine is busy with rounds, and what is to come waits for it. So after a round a loop
//! rests as long as the round took. What comes meanwhile is done together; the first after a pause is not held up.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A rest, at most: what a reader who waits does not notice.
const REST_MAX: Duration = Duration::from_millis(20);
/// A shorter one is not worth the timer.
const REST_MIN: Duration = Duration::from_millis(1);

/// Rests after a round that began then, unless `stop` comes first.
pub async fn after(begun: Instant, stop: &CancellationToken) {
    let Some(rest) = length(begun.elapsed()) else { return };
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(rest) => {}
    }
}

/// How long to rest after a round of this length.
fn length(round: Duration) -> Option<Duration> {
    let rest = round.min(REST_MAX);
    (rest >= REST_MIN).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_is_as_long_as_the_round_and_never_longer_than_the_longest() {
        let milliseconds = |round| length(Duration::from_micros(round)).map(|rest| rest.as_millis());
        assert_eq!(milliseconds(900), None);
        assert_eq!(milliseconds(7_000), Some(7));
        assert_eq!(milliseconds(500_000), Some(20));
    }

    #[tokio::test]
    async fn who_stops_does_not_rest() {
        let stop = CancellationToken::new();
        stop.cancel();
        let begun = Instant::now();
        while begun.elapsed() < REST_MAX {
            std::hint::spin_loop();
        }
        let ended = Instant::now();
        after(begun, &stop).await;
        assert!(ended.elapsed() < REST_MAX, "it rested");
    }
}
