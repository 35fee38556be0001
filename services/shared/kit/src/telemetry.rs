//! Logs, traces, and the W3C trace context that travels with calls and messages.
//!
//! Logs go to standard output, one JSON object a line. Traces are exported over OTLP when an endpoint is
//! configured; without one, spans still have ids, so that a trace context coming in goes out again.

use std::{error::Error as StdError, fmt::Write as _};

use opentelemetry::{
    Context, KeyValue,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFormat, Telemetry as TelemetryConfig};

/// Header and metadata key of the W3C trace context.
pub const TRACEPARENT: &str = "traceparent";

/// What [`start`] started. Keep it until the end and [`shut down`](Telemetry::shutdown), or the last spans
/// are lost.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
}

/// Starts logs and traces of this process.
///
/// # Errors
/// A filter that does not parse, an endpoint that is not a URL, or telemetry started twice.
pub fn start(service: &'static str, config: &TelemetryConfig) -> anyhow::Result<Telemetry> {
    let filter = EnvFilter::try_new(&config.log_filter)?;
    let resource = Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.namespace", "tuntas"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let mut provider = SdkTracerProvider::builder().with_resource(resource);
    if let Some(endpoint) = &config.otlp_endpoint {
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
        provider = provider.with_batch_exporter(exporter);
    }
    let provider = provider.build();
    let logs = match config.log_format {
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
        LogFormat::Pretty => tracing_subscriber::fmt::layer().compact().boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("tuntas")))
        .with(logs)
        .try_init()?;
    Ok(Telemetry { provider })
}

impl Telemetry {
    /// Exports what is left. Blocks for a few seconds at most.
    pub fn shutdown(self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(error = %error, "the last spans may not have been exported");
        }
    }
}

/// The `traceparent` of the current span, if it has a valid trace context.
#[must_use]
pub fn current_traceparent() -> Option<String> {
    traceparent_of(&Span::current())
}

/// The `traceparent` of `span`, if it has a valid trace context.
#[must_use]
pub fn traceparent_of(span: &Span) -> Option<String> {
    let mut carrier = Traceparent(None);
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.0
}

/// Makes `span` a child of the span that `traceparent` names: the caller's, or of a message the producer's.
pub fn set_parent(span: &Span, traceparent: Option<&str>) {
    if let Some(context) = remote_context(traceparent)
        && let Err(error) = span.set_parent(context)
    {
        tracing::debug!(error = %error, "no parent set");
    }
}

/// An error and all its sources in one line, for the one place where it is logged.
#[must_use]
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let line = cause.to_string();
        if !text.ends_with(&line) {
            let _ = write!(text, ": {line}");
        }
        source = cause.source();
    }
    text
}

fn remote_context(traceparent: Option<&str>) -> Option<Context> {
    let carrier = Traceparent(Some(traceparent?.to_owned()));
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    context.span().span_context().is_valid().then_some(context)
}

struct Traceparent(Option<String>);

impl Injector for Traceparent {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = Some(value);
        }
    }
}

impl Extractor for Traceparent {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0.as_deref()).flatten()
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REMOTE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn with_tracing(test: impl FnOnce()) {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), test);
    }

    #[test]
    fn a_call_or_a_message_goes_on_in_the_trace_it_came_with() {
        with_tracing(|| {
            let span = tracing::info_span!("rpc");
            set_parent(&span, Some(REMOTE));
            let own = span.in_scope(current_traceparent).unwrap_or_default();
            assert_eq!(own.get(3..35), REMOTE.get(3..35), "same trace");
            assert_ne!(own.get(36..52), REMOTE.get(36..52), "own span");
        });
    }

    #[test]
    fn nonsense_is_no_trace_context() {
        with_tracing(|| {
            let span = tracing::info_span!("rpc");
            set_parent(&span, Some("nonsense"));
            assert!(traceparent_of(&span).is_some(), "a new trace");
        });
        assert_eq!(current_traceparent(), None, "no telemetry, no trace");
    }

    #[test]
    fn a_chain_names_each_cause_once() {
        let error = anyhow::anyhow!("disk full")
            .context("cannot write")
            .context("cannot file");
        assert_eq!(chain(error.as_ref()), "cannot file: cannot write: disk full");
    }
}
