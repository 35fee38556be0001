//! Desk: one agency's handling of its cases, or that of several agencies.
//!
//! Cases come in from `opd.<code>.cases` ([`consume`], [`apply_case`]), commands go out as durable messages
//! ([`submit_command`]) and are shown as pending until routing's answer comes back. Words are fetched from intake
//! for each look ([`get_case`]) and never kept. With routing or the broker away, everything but the confirmation
//! works; with intake away, everything but words.

pub mod apply_case;
pub mod caller;
pub mod config;
pub mod consume;
pub mod desk;
pub mod drafts;
pub mod get_case;
pub mod get_command;
mod grpc;
pub mod learnt;
pub mod list_cases;
pub mod metrics;
pub mod part;
pub mod precheck;
pub mod reconcile;
pub mod show;
pub mod snapshot;
pub mod store;
pub mod submit_command;
pub mod templates;
pub mod words;

use std::sync::Arc;

use sqlx::{PgPool, migrate::Migrator};
use tuntas_kit::{
    app::{Boot, Service, ServiceSpec},
    client,
    directory::DirectoryReader,
    problem::Problem,
    wait::Board,
};
use tuntas_proto::{
    desk::v1::desk_server::DeskServer,
    intake::v1::vault_client::VaultClient,
    ops::v1::BookLine,
    routing::v1::{cases_client::CasesClient, directory_client::DirectoryClient},
};

use crate::{
    config::{DeskArgs, DeskConfig, Scope},
    desk::Desk,
    learnt::Learnt,
    metrics::Metrics,
    reconcile::Reconciler,
    store::{cases, commands},
};

/// Migrations of the desk's own tables.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// What makes a process this service.
pub const SPEC: ServiceSpec = ServiceSpec {
    name: "desk",
    default_toml: config::DEFAULT_TOML,
    migrator: &MIGRATOR,
};

/// Builds the service.
///
/// # Errors
/// A URL, an agency's code or a file of the configuration is not what it should be.
pub fn build(boot: Boot<DeskConfig, DeskArgs>) -> anyhow::Result<Service> {
    let as_service = boot.as_service()?;
    let intake = client::channel(&boot.config.intake.url)?;
    let routing = client::channel(&boot.config.routing.url)?;
    let desk = Desk {
        pool: boot.pool.clone(),
        clock: boot.clock.clone(),
        trust: boot.trust.clone(),
        directory: DirectoryReader::default(),
        scope: Scope::new(&boot.config.desk, &boot.args)?,
        vault: VaultClient::with_interceptor(intake, as_service.clone()),
        metrics: Metrics::register(&boot.metrics),
        heard: Board::default(),
        learnt: Learnt::default(),
        config: Arc::new(boot.config.clone()),
    };
    let service = boot.service().relay();
    let reconciler = Reconciler::new(
        desk.clone(),
        CasesClient::with_interceptor(routing.clone(), as_service.clone()),
        DirectoryClient::with_interceptor(routing, as_service),
        Some(service.consumers()),
        boot.args.rebuild,
    );
    let pool = boot.pool.clone();
    Ok(service
        .grpc(DeskServer::new(desk))
        .task("reconciler", move |stop| reconciler.run(stop))
        .books(move || {
            let pool = pool.clone();
            async move { books(&pool).await }
        }))
}

/// One line per case, and one per agency and status of commands.
async fn books(pool: &PgPool) -> Result<Vec<BookLine>, Problem> {
    let mut conn = pool.acquire().await?;
    let cases = cases::books(&mut conn)
        .await?
        .into_iter()
        .map(|(opd, case_id, seq, state)| BookLine {
            kind: "desk_case".to_owned(),
            id: case_id.to_string(),
            seq,
            state,
            r#ref: opd.to_string(),
        });
    let mut lines: Vec<BookLine> = cases.collect();
    lines.extend(
        commands::books(&mut conn)
            .await?
            .into_iter()
            .map(|(opd, status, count)| BookLine {
                kind: "command".to_owned(),
                id: status,
                seq: count,
                r#ref: opd,
                ..BookLine::default()
            }),
    );
    Ok(lines)
}
