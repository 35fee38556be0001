//! The service put together.

use std::{process::ExitCode, time::Duration};

use serde::Deserialize;
use sqlx::migrate::Migrator;
use tuntas_kit::{
    app::{self, Boot, NoArgs, Service, ServiceSpec},
    broker,
    consumer::Consumer,
    directory::DirectoryReader,
};
use tuntas_proto::oversight::v1::{feed_server::FeedServer, oversight_server::OversightServer};

use crate::{
    access::Access,
    books,
    consume::Arrivals,
    feed::{self, Feed},
    grpc::{FeedService, OversightService},
    head::HeadWatch,
    metrics::Metrics,
    reconcile, sequencer,
};

static MIGRATOR: Migrator = sqlx::migrate!();

/// All keys of `default.toml` but the common sections.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    sequencer: sequencer::Settings,
    feed: feed::Settings,
    acts: reconcile::Settings,
}

/// The whole `main` of the service.
#[must_use]
pub fn main() -> ExitCode {
    let spec = ServiceSpec {
        name: "oversight",
        default_toml: include_str!("../default.toml"),
        migrator: &MIGRATOR,
    };
    app::main(spec, async |boot: Boot<Settings, NoArgs>| Ok(build(&boot)))
}

fn build(boot: &Boot<Settings, NoArgs>) -> Service {
    let Settings {
        sequencer: sequencing,
        feed: feeding,
        acts,
    } = boot.config.clone();
    let (pool, clock, stop) = (boot.pool.clone(), boot.clock.clone(), boot.lifecycle.stop());
    let (head, metrics, directory) = (
        HeadWatch::new(),
        Metrics::registered(&boot.metrics),
        DirectoryReader::default(),
    );
    let access = Access {
        pool: pool.clone(),
        trust: boot.trust.clone(),
        clock: clock.clone(),
        directory: directory.clone(),
        service_readers: feeding.service_readers.clone().into(),
    };
    let case_entries_max = feeding.case_entries_max;
    let poll = Duration::from_millis(feeding.poll_ms);
    let feed = Feed::new(pool.clone(), head.clone(), feeding, metrics.clone(), stop);
    let oversight = OversightService {
        access: access.clone(),
        list_max: acts.list_max,
    };
    let (poll_pool, poll_head) = (pool.clone(), head.clone());
    let (sequencing_pool, acts_pool, acts_clock) = (pool.clone(), pool.clone(), clock.clone());
    let (books_pool, pending_pool) = (pool.clone(), pool);
    boot.service()
        .grpc(FeedServer::new(FeedService {
            access,
            feed,
            case_entries_max,
        }))
        .grpc(OversightServer::new(oversight))
        .relay()
        // Events of later releases, too: the log leaves nothing out.
        .consumer(Consumer::new(broker::OVERSIGHT_EVENTS, Arrivals).unknown_too())
        .task("head", async move |stop| {
            poll_head.poll(poll_pool, poll, stop).await;
            Ok(())
        })
        .task("sequencer", async move |stop| {
            sequencer::run(sequencing_pool, sequencing, head, metrics, stop).await;
            Ok(())
        })
        .task("acts", move |stop| {
            reconcile::run(acts_pool, acts_clock, directory, acts, stop)
        })
        .books(move || books::books(books_pool.clone()))
        .work_pending(move || books::work_pending(pending_pool.clone(), clock.clone()))
}
