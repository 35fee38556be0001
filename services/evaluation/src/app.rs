//! The service put together.

use std::process::ExitCode;

use serde::Deserialize;
use sqlx::migrate::Migrator;
use tuntas_kit::{
    app::{self, Boot, NoArgs, Service, ServiceSpec},
    client,
    directory::DirectoryReader,
};
use tuntas_proto::{evaluation::v1::evaluation_server::EvaluationServer, oversight::v1::feed_client::FeedClient};

use crate::{
    access::Access,
    apply::Applier,
    books,
    follow::{self, Follower},
    grpc::EvaluationService,
    metrics::Metrics,
    reconcile, scores,
};

static MIGRATOR: Migrator = sqlx::migrate!();

/// All keys of `default.toml` but the common sections.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    follow: follow::Settings,
    scores: scores::Settings,
    cases: reconcile::Settings,
}

/// The whole `main` of the service.
#[must_use]
pub fn main() -> ExitCode {
    let spec = ServiceSpec {
        name: "evaluation",
        default_toml: include_str!("../default.toml"),
        migrator: &MIGRATOR,
    };
    app::main(spec, async |boot: Boot<Settings, NoArgs>| build(&boot))
}

fn build(boot: &Boot<Settings, NoArgs>) -> anyhow::Result<Service> {
    let Settings { follow, scores, cases } = boot.config.clone();
    let (pool, clock) = (boot.pool.clone(), boot.clock.clone());
    let (metrics, directory) = (Metrics::registered(&boot.metrics), DirectoryReader::default());
    let follower = Follower {
        pool: pool.clone(),
        client: FeedClient::with_interceptor(client::channel(&follow.oversight_url)?, boot.as_service()?),
        applier: Applier {
            directory: directory.clone(),
            metrics: metrics.clone(),
        },
        batch_max: usize::from(follow.batch_max.max(1)),
        metrics,
    };
    let access = Access {
        pool: pool.clone(),
        trust: boot.trust.clone(),
        clock: clock.clone(),
        directory: directory.clone(),
        service_readers: scores.service_readers.into(),
    };
    let service = EvaluationService {
        access,
        list_max: cases.list_max,
        breaches_max: scores.breaches_max,
    };
    let (cases_pool, cases_clock) = (pool.clone(), clock.clone());
    let (books_pool, pending_pool) = (pool.clone(), pool);
    Ok(boot
        .service()
        .grpc(EvaluationServer::new(service))
        .relay()
        .task("log", async move |stop| {
            follower.run(stop).await;
            Ok(())
        })
        .task("cases", move |stop| {
            reconcile::run(cases_pool, cases_clock, directory, cases, stop)
        })
        .books(move || books::books(books_pool.clone()))
        .work_pending(move || books::work_pending(pending_pool.clone(), clock.clone())))
}
