//! The desk's own metrics.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

/// Counts. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    gaps: Counter,
    snapshots: Family<Labels, Counter>,
    commands: Family<Labels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: String,
}

impl Metrics {
    /// Registers the metrics with the process's.
    #[must_use]
    pub fn register(kit: &tuntas_kit::metrics::Metrics) -> Self {
        let metrics = Self::default();
        kit.register(|registry| {
            registry.register(
                "desk_gaps",
                "Cases whose missing events did not come in time",
                metrics.gaps.clone(),
            );
            registry.register(
                "desk_snapshots",
                "Snapshots asked of routing, by outcome",
                metrics.snapshots.clone(),
            );
            registry.register(
                "desk_commands",
                "Commands issued, confirmed and refused",
                metrics.commands.clone(),
            );
        });
        metrics
    }

    pub(crate) fn count_gap(&self) {
        self.gaps.inc();
    }

    pub(crate) fn count_snapshot(&self, outcome: &str) {
        self.snapshots
            .get_or_create(&Labels {
                outcome: outcome.to_owned(),
            })
            .inc();
    }

    pub(crate) fn count_command(&self, outcome: &str) {
        self.commands
            .get_or_create(&Labels {
                outcome: outcome.to_owned(),
            })
            .inc();
    }
}
