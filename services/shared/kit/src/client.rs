//! Calls to other services: a lazy channel, and what travels with every call.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use time::OffsetDateTime;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::Interceptor,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use crate::{
    auth::{self, Signer},
    clock::Clock,
    problem::Problem,
    telemetry,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// TLS of a client: what it trusts, and who it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTls {
    /// CA that signed the server's certificate, PEM.
    pub ca_file: Option<PathBuf>,
    /// Own certificate, PEM.
    pub cert_file: Option<PathBuf>,
    /// Its key, PEM.
    pub key_file: Option<PathBuf>,
}

/// A channel to `url` (`http://host:port`). It connects at the first call and again when it must; a call
/// while the other side is away fails with `unavailable` at once or after two seconds.
///
/// # Errors
/// `url` is not one.
pub fn channel(url: &str) -> anyhow::Result<Channel> {
    Ok(endpoint(url)?.connect_lazy())
}

/// Like [`channel`], over TLS (`https://host:port`).
///
/// # Errors
/// `url` is not one, a file cannot be read, or its content is not PEM.
pub fn tls_channel(url: &str, tls: &ClientTls) -> anyhow::Result<Channel> {
    let mut config = ClientTlsConfig::new();
    if let Some(ca) = &tls.ca_file {
        config = config.ca_certificate(Certificate::from_pem(std::fs::read(ca)?));
    }
    if let (Some(cert), Some(key)) = (&tls.cert_file, &tls.key_file) {
        config = config.identity(Identity::from_pem(std::fs::read(cert)?, std::fs::read(key)?));
    }
    Ok(endpoint(url)?.tls_config(config)?.connect_lazy())
}

fn endpoint(url: &str) -> anyhow::Result<Endpoint> {
    Ok(Endpoint::from_shared(url.to_owned())?
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true))
}

/// Adds the trace context, and this service's assertion unless the request already carries one:
/// `CasesClient::with_interceptor(channel, AsService::new(signer, "desk", clock))`.
#[derive(Debug, Clone)]
pub struct AsService {
    signer: Signer,
    service: String,
    clock: Clock,
    cached: Arc<Mutex<Option<Token>>>,
}

/// A signed token and when it was signed.
type Token = (MetadataValue<Ascii>, OffsetDateTime);

impl AsService {
    /// Asserts `service` with `signer` on every call.
    #[must_use]
    pub fn new(signer: Signer, service: impl Into<String>, clock: Clock) -> Self {
        Self {
            signer,
            service: service.into(),
            clock,
            cached: Arc::default(),
        }
    }

    /// A token for now: the last one until half of its life is over.
    fn token(&self) -> Result<MetadataValue<Ascii>, Problem> {
        let now = self.clock.now();
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((value, signed_at)) = &*cached
            && now - *signed_at < auth::LIFETIME / 2
        {
            return Ok(value.clone());
        }
        let token = self.signer.service(&self.service, now).map_err(Problem::internal)?;
        let value = bearer(&token)?;
        *cached = Some((value.clone(), now));
        Ok(value)
    }
}

impl Interceptor for AsService {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        add_trace_context(&mut request);
        if !request.metadata().contains_key(auth::AUTHORIZATION) {
            let token = self.token()?;
            request.metadata_mut().insert(auth::AUTHORIZATION, token);
        }
        Ok(request)
    }
}

/// A request in the name of the actor whose `token` this is: an officer's assertion handed on.
///
/// # Errors
/// The token is not one.
pub fn request_as<T>(message: T, token: &str) -> Result<Request<T>, Problem> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(auth::AUTHORIZATION, bearer(token)?);
    add_trace_context(&mut request);
    Ok(request)
}

fn bearer(token: &str) -> Result<MetadataValue<Ascii>, Problem> {
    format!("Bearer {token}").parse().map_err(Problem::internal)
}

fn add_trace_context<T>(request: &mut Request<T>) {
    if let Some(value) = telemetry::current_traceparent().and_then(|text| text.parse().ok()) {
        request.metadata_mut().insert(telemetry::TRACEPARENT, value);
    }
}
