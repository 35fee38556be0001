//! Prometheus metrics of a process, named after OpenTelemetry's semantic conventions.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// The registry of this process, with kit's own metrics. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    pub(crate) rpc_duration: Family<RpcLabels, Histogram>,
    pub(crate) published: Counter,
    pub(crate) publish_stopped: Family<ReasonLabels, Counter>,
    pub(crate) relay_connected: Gauge,
    pub(crate) outbox_depth: Gauge,
    pub(crate) consumed: Family<ConsumedLabels, Counter>,
    pub(crate) consumer_connected: Family<QueueLabels, Gauge>,
    pub(crate) consumer_in_flight: Family<QueueLabels, Gauge>,
}

/// Labels of `rpc_server_call_duration_seconds`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RpcLabels {
    pub(crate) rpc_method: String,
    pub(crate) rpc_response_status_code: String,
}

/// Labels of `messaging_publish_stopped_total`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReasonLabels {
    pub(crate) reason: String,
}

/// Labels of `messaging_client_consumed_messages_total`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ConsumedLabels {
    pub(crate) messaging_destination_name: String,
    pub(crate) outcome: String,
}

/// Labels of `messaging_consumer_connected` and `messaging_consumer_in_flight`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct QueueLabels {
    pub(crate) messaging_destination_name: String,
}

impl QueueLabels {
    pub(crate) fn of(queue: &str) -> Self {
        Self {
            messaging_destination_name: queue.to_owned(),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A registry with kit's metrics.
    #[must_use]
    pub fn new() -> Self {
        let metrics = Self {
            registry: Arc::default(),
            rpc_duration: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 15))),
            published: Counter::default(),
            publish_stopped: Family::default(),
            relay_connected: Gauge::default(),
            outbox_depth: Gauge::default(),
            consumed: Family::default(),
            consumer_connected: Family::default(),
            consumer_in_flight: Family::default(),
        };
        metrics.register(|r| {
            r.register(
                "rpc_server_call_duration_seconds",
                "Time a call took",
                metrics.rpc_duration.clone(),
            );
            r.register(
                "messaging_client_published_messages",
                "Messages confirmed by the broker and not returned",
                metrics.published.clone(),
            );
            r.register(
                "messaging_publish_stopped",
                "Times the relay stopped at a message",
                metrics.publish_stopped.clone(),
            );
            r.register(
                "messaging_relay_connected",
                "1 while this process relays and is connected",
                metrics.relay_connected.clone(),
            );
            r.register(
                "outbox_depth",
                "Events committed and not yet confirmed",
                metrics.outbox_depth.clone(),
            );
            r.register(
                "messaging_client_consumed_messages",
                "Messages consumed, by outcome",
                metrics.consumed.clone(),
            );
            r.register(
                "messaging_consumer_connected",
                "1 while the consumer is subscribed",
                metrics.consumer_connected.clone(),
            );
            r.register(
                "messaging_consumer_in_flight",
                "Messages delivered and not yet acknowledged",
                metrics.consumer_in_flight.clone(),
            );
        });
        metrics
    }

    /// Registers a service's own metrics.
    pub fn register<T>(&self, f: impl FnOnce(&mut Registry) -> T) -> T {
        f(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The text that Prometheus scrapes.
    ///
    /// # Errors
    /// A metric could not be written.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        encode(&mut text, &registry)?;
        Ok(text)
    }

    pub(crate) fn count_consumed(&self, queue: &str, outcome: &str, n: u64) {
        self.consumed
            .get_or_create(&ConsumedLabels {
                messaging_destination_name: queue.to_owned(),
                outcome: outcome.to_owned(),
            })
            .inc_by(n);
    }
}
