//! The plain HTTP port: `/livez`, `/readyz`, `/metrics`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use sqlx::PgPool;

use crate::{config, lifecycle::Lifecycle, metrics::Metrics};

const PING_TIMEOUT: Duration = Duration::from_secs(1);
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether the service takes calls. A broker that is away does not make it unready: filing goes on.
#[derive(Clone)]
pub(super) struct Readiness {
    ready: Arc<AtomicBool>,
    pool: PgPool,
}

impl Readiness {
    pub(super) fn new(pool: PgPool) -> Self {
        Self {
            ready: Arc::default(),
            pool,
        }
    }

    /// From now until the process is told to stop.
    pub(super) fn set_ready(&self, lifecycle: &Lifecycle) {
        self.ready.store(true, Ordering::SeqCst);
        let (ready, stop) = (self.ready.clone(), lifecycle.stop());
        lifecycle.spawn("readiness", async move {
            stop.cancelled().await;
            ready.store(false, Ordering::SeqCst);
            Ok(())
        });
    }

    async fn check(&self) -> Result<(), &'static str> {
        if !self.ready.load(Ordering::SeqCst) {
            return Err("starting or stopping");
        }
        match tokio::time::timeout(PING_TIMEOUT, self.pool.acquire()).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err("the database is away"),
        }
    }
}

pub(super) async fn start(
    config: &config::Http,
    readiness: Readiness,
    metrics: Metrics,
    lifecycle: &Lifecycle,
) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("http.listen {}", config.listen))?;
    let router = Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz).with_state(readiness))
        .route("/metrics", get(scrape).with_state(metrics));
    let stop = lifecycle.stop();
    lifecycle.spawn("http", async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await?;
        Ok(())
    });
    Ok(())
}

async fn readyz(State(readiness): State<Readiness>) -> Response {
    match readiness.check().await {
        Ok(()) => "ready\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn scrape(State(metrics): State<Metrics>) -> Response {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
