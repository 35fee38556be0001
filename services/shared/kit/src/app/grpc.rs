//! The gRPC server: limits, TLS, health, reflection, and a span and a measurement for each call.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::{
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use tonic::{
    service::RoutesBuilder,
    transport::{Certificate, Identity, Server, ServerTlsConfig, server::TcpIncoming},
};
use tonic_health::ServingStatus;
use tracing::{Instrument as _, field::Empty, info_span};

use crate::{
    config,
    lifecycle::Lifecycle,
    metrics::{Metrics, RpcLabels},
    telemetry,
};

const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections end at this age, so that clients find new replicas.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(15 * 60);
const CONNECTION_AGE_GRACE: Duration = Duration::from_secs(30);

pub(super) async fn start(
    config: &config::Grpc,
    routes: RoutesBuilder,
    names: &[&'static str],
    metrics: &Metrics,
    lifecycle: &Lifecycle,
) -> anyhow::Result<()> {
    let incoming = TcpIncoming::bind(config.listen)
        .with_context(|| format!("grpc.listen {}", config.listen))?
        .with_nodelay(Some(true));
    let at_once = config.concurrency_per_connection_max;
    // When a client has hung up on more calls than this before we came to them, HTTP/2 closes its connection (rapid reset,
    // CVE-2023-44487), with every other call on it. The library's twenty are what a gateway reaches whose visitors go away while the
    // cores are busy.
    let mut server = Server::builder()
        .timeout(Duration::from_millis(config.timeout_ms))
        .concurrency_limit_per_connection(at_once)
        .load_shed(true)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .http2_max_pending_accept_reset_streams(Some(at_once))
        .max_connection_age(CONNECTION_AGE_MAX)
        .max_connection_age_grace(CONNECTION_AGE_GRACE);
    if let Some(tls) = tls(config)? {
        server = server.tls_config(tls)?;
    }
    let mut routes = routes;
    let (reporter, health) = tonic_health::server::health_reporter();
    routes.add_service(health);
    for name in names {
        reporter.set_service_status(*name, ServingStatus::Serving).await;
    }
    if config.reflection {
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(tuntas_proto::DESCRIPTORS)
            .build_v1()?;
        routes.add_service(reflection);
    }
    let router = routes
        .routes()
        .into_axum_router()
        .layer(middleware::from_fn_with_state(metrics.clone(), observe));
    let router = server.add_routes(RoutesBuilder::from(router).routes());
    let stop = lifecycle.stop();
    lifecycle.spawn("grpc", async move {
        router
            .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
            .await?;
        drop(reporter);
        Ok(())
    });
    Ok(())
}

fn tls(config: &config::Grpc) -> anyhow::Result<Option<ServerTlsConfig>> {
    let (Some(cert), Some(key)) = (&config.tls_cert_file, &config.tls_key_file) else {
        return Ok(None);
    };
    let read = |path: &std::path::Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let mut tls = ServerTlsConfig::new().identity(Identity::from_pem(read(cert)?, read(key)?));
    if let Some(ca) = &config.tls_client_ca_file {
        tls = tls.client_ca_root(Certificate::from_pem(read(ca)?));
    }
    Ok(Some(tls))
}

/// A span per call, child of the caller's, and its duration by method and status.
async fn observe(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let method: Arc<str> = request.uri().path().trim_start_matches('/').into();
    let span = info_span!(
        "rpc",
        otel.name = %method,
        otel.kind = "server",
        rpc.system.name = "grpc",
        rpc.method = %method,
        rpc.response.status_code = Empty,
    );
    let traceparent = request
        .headers()
        .get(telemetry::TRACEPARENT)
        .and_then(|value| value.to_str().ok());
    telemetry::set_parent(&span, traceparent);
    let started = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let code = status_of(&response);
    span.record("rpc.response.status_code", code);
    metrics
        .rpc_duration
        .get_or_create(&RpcLabels {
            rpc_method: method.to_string(),
            rpc_response_status_code: code.to_owned(),
        })
        .observe(started.elapsed().as_secs_f64());
    response
}

/// An error without a body has its status in the headers; what has a body is well so far.
fn status_of(response: &Response) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    response
        .headers()
        .get("grpc-status")
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok())
        .map_or("OK", |code| NAMES.get(code).copied().unwrap_or("UNKNOWN"))
}
