//! A collector of traces: takes what services export over OTLP, and keeps it to be looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{AnyValue, any_value::Value},
    trace::v1::ResourceSpans,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

/// Largest export of one service that is taken.
const EXPORT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A running collector. It ends with the runtime.
#[derive(Clone)]
pub struct Collector {
    url: String,
    received: Arc<Mutex<Vec<ResourceSpans>>>,
    keeps: bool,
}

impl Collector {
    /// Listens on a free port.
    ///
    /// # Errors
    /// There is none.
    pub async fn start() -> anyhow::Result<Self> {
        Self::listen(true).await
    }

    /// Like [`start`](Self::start), but what is received is dropped: for measurements, which export more than memory holds.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn dropping() -> anyhow::Result<Self> {
        Self::listen(false).await
    }

    async fn listen(keeps: bool) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let collector = Self {
            url: format!("http://{}", listener.local_addr()?),
            received: Arc::default(),
            keeps,
        };
        let service = TraceServiceServer::new(collector.clone()).max_decoding_message_size(EXPORT_BYTES_MAX);
        tokio::spawn(
            Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        Ok(collector)
    }

    /// Where to export to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Services that took part in each trace, by trace id.
    #[must_use]
    pub fn services_by_trace(&self) -> BTreeMap<Vec<u8>, BTreeSet<String>> {
        let mut traces: BTreeMap<Vec<u8>, BTreeSet<String>> = BTreeMap::new();
        for resource in self.received().iter() {
            let service = service_name(resource);
            for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                traces.entry(span.trace_id.clone()).or_default().insert(service.clone());
            }
        }
        traces
    }

    /// All that was received, as text to search.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{:?}", self.received())
    }

    fn received(&self) -> std::sync::MutexGuard<'_, Vec<ResourceSpans>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        if self.keeps {
            self.received().extend(request.into_inner().resource_spans);
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn service_name(resource: &ResourceSpans) -> String {
    let attributes = resource.resource.iter().flat_map(|resource| &resource.attributes);
    attributes
        .filter(|attribute| attribute.key == "service.name")
        .find_map(|attribute| match &attribute.value {
            Some(AnyValue {
                value: Some(Value::StringValue(name)),
            }) => Some(name.clone()),
            _ => None,
        })
        .unwrap_or_default()
}
