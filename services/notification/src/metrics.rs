//! Notification's own metrics.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

/// Counts of tries. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    tries: Family<Labels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    recipient: String,
    outcome: String,
}

impl Metrics {
    /// Registers the metrics with the process's.
    #[must_use]
    pub fn register(kit: &tuntas_kit::metrics::Metrics) -> Self {
        let metrics = Self::default();
        kit.register(|registry| {
            registry.register(
                "notification_delivery_tries",
                "Tries to deliver, by kind of recipient and how they ended",
                metrics.tries.clone(),
            );
        });
        metrics
    }

    pub(crate) fn count(&self, recipient: &str, outcome: &str) {
        let labels = Labels {
            recipient: recipient.to_owned(),
            outcome: outcome.to_owned(),
        };
        self.tries.get_or_create(&labels).inc();
    }
}
