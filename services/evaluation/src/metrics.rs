//! What an operator watches of evaluation.

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use tuntas_kit::metrics::Metrics as Registry;

/// Gauges and counters. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// 1 while the stream of the log is open.
    pub following: Gauge,
    /// Position committed with the measures.
    pub position: Gauge,
    /// Times that the log could not be followed because it is broken: raise an alarm above 0.
    pub log_broken: Counter,
    /// Entries that could not be read.
    pub unreadable: Counter,
}

impl Metrics {
    /// Metrics that `registry` shows.
    #[must_use]
    pub fn registered(registry: &Registry) -> Self {
        let metrics = Self::default();
        registry.register(|r| {
            r.register(
                "evaluation_following",
                "1 while the log is followed",
                metrics.following.clone(),
            );
            r.register(
                "evaluation_log_position",
                "Position committed with the measures",
                metrics.position.clone(),
            );
            r.register(
                "evaluation_log_broken",
                "Times the log was found broken",
                metrics.log_broken.clone(),
            );
            r.register(
                "evaluation_unreadable_entries",
                "Entries that could not be read",
                metrics.unreadable.clone(),
            );
        });
        metrics
    }
}
