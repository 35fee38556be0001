//! Notification: who is told what, when, and whether it arrived.
//!
//! Deliveries are planned from events in the transaction that claims the event ([`consume`], [`plan`]) and sent by
//! a loop of its own ([`sender`]). Names and addresses never touch this service's database or log: intake and
//! routing are asked at the moment of sending ([`contacts`]).

mod access;
pub mod config;
pub mod consume;
pub mod contacts;
pub mod digest;
pub mod facts;
pub mod grpc;
pub mod hook;
pub mod mailer;
mod manage_webhooks;
pub mod metrics;
pub mod outcome;
pub mod plan;
pub mod sender;
pub mod store;
pub mod template;
pub mod words;

use std::sync::Arc;

use sqlx::migrate::Migrator;
use tokio::sync::Notify;
use tuntas_kit::{
    app::{Boot, Service, ServiceSpec},
    broker, client,
    consumer::Consumer,
    directory::DirectoryReader,
    problem::Problem,
};
use tuntas_proto::{notification::v1::notification_server::NotificationServer, ops::v1::BookLine};

use crate::{
    config::NotificationConfig,
    consume::Planner,
    contacts::Contacts,
    digest::Digest,
    grpc::Api,
    hook::HookCaller,
    mailer::Mailer,
    metrics::Metrics,
    sender::Sender,
    store::{deliveries, sending},
};

/// Migrations of notification's own tables.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// What makes a process this service.
pub const SPEC: ServiceSpec = ServiceSpec {
    name: "notification",
    default_toml: config::DEFAULT_TOML,
    migrator: &MIGRATOR,
};

/// Builds the service.
///
/// # Errors
/// A URL, an address or a file of the configuration is not what it should be.
pub fn build(boot: Boot<NotificationConfig>) -> anyhow::Result<Service> {
    let config = &boot.config;
    let directory = DirectoryReader::default();
    let planned = Arc::new(Notify::new());
    let hooks = HookCaller::new(&config.webhook)?;
    let contacts = Contacts::new(
        client::channel(&config.intake.url)?,
        client::channel(&config.routing.url)?,
        boot.as_service()?,
    );
    let digest = Digest {
        pool: boot.pool.clone(),
        clock: boot.clock.clone(),
        directory: directory.clone(),
        contacts: contacts.clone(),
        settings: config.digest.clone(),
    };
    let sender = Sender {
        pool: boot.pool.clone(),
        clock: boot.clock.clone(),
        directory: directory.clone(),
        contacts,
        mailer: Mailer::new(&config.smtp)?,
        hooks: hooks.clone(),
        metrics: Metrics::register(&boot.metrics),
        settings: config.sender.clone(),
        portal_url: config.mail.portal_url.clone(),
        planned: planned.clone(),
    };
    let api = Api {
        pool: boot.pool.clone(),
        clock: boot.clock.clone(),
        trust: boot.trust.clone(),
        directory: directory.clone(),
        rules: hooks.rules(),
        webhooks_max: config.webhook.per_agency_max,
        planned: planned.clone(),
    };
    let planner = Planner {
        clock: boot.clock.clone(),
        directory,
        planned,
    };
    let (books_pool, due_pool) = (boot.pool.clone(), boot.pool.clone());
    Ok(boot
        .service()
        .grpc(NotificationServer::new(api))
        .consumer(Consumer::new(broker::NOTIFICATION_EVENTS, planner))
        .task("sender", move |stop| sender.run(stop))
        .task("morning mails", move |stop| digest.run(stop))
        .work_pending(move || {
            let pool = due_pool.clone();
            async move {
                let mut conn = pool.acquire().await?;
                Ok(sending::due(&mut conn).await?)
            }
        })
        .books(move || {
            let pool = books_pool.clone();
            async move { books(&pool).await }
        }))
}

/// One line per status with its count.
async fn books(pool: &sqlx::PgPool) -> Result<Vec<BookLine>, Problem> {
    let mut conn = pool.acquire().await?;
    let counts = deliveries::count_by_status(&mut conn).await?;
    Ok(counts
        .into_iter()
        .map(|(status, count)| BookLine {
            kind: "delivery".to_owned(),
            id: status,
            seq: count,
            ..BookLine::default()
        })
        .collect())
}
