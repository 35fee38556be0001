//! What an operator watches of the log.

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use tuntas_kit::metrics::Metrics as Registry;

/// Gauges and counters of the log. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// 1 while this process sequences.
    pub sequencing: Gauge,
    /// Events that got a position.
    pub appended: Counter,
    /// Events that wait for their predecessor or their cause.
    pub held_back: Gauge,
    /// Of these, those that have waited longer than the bound: raise an alarm above 0.
    pub held_back_overdue: Gauge,
    /// Streams of the feed that are open.
    pub followers: Gauge,
}

impl Metrics {
    /// Metrics that `registry` shows.
    #[must_use]
    pub fn registered(registry: &Registry) -> Self {
        let metrics = Self::default();
        registry.register(|r| {
            r.register(
                "oversight_sequencing",
                "1 while this process sequences",
                metrics.sequencing.clone(),
            );
            r.register(
                "oversight_appended",
                "Events appended to the log",
                metrics.appended.clone(),
            );
            r.register(
                "oversight_held_back",
                "Events held back for a predecessor or cause",
                metrics.held_back.clone(),
            );
            r.register(
                "oversight_held_back_overdue",
                "Events held back longer than the bound",
                metrics.held_back_overdue.clone(),
            );
            r.register(
                "oversight_followers",
                "Open streams of the feed",
                metrics.followers.clone(),
            );
        });
        metrics
    }
}
