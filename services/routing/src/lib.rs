//! routing: the single writer of cases.
//!
//! Reports come from intake and open cases ([`consume`]); officers' commands come by gRPC, desks' and citizens' as
//! messages; the clocks run here ([`fall_due`]). All of them move a case through one function, `commit_command`, which
//! locks, decides by the domain's rules, stores, and appends what is to be published, in one transaction.
//!
//! routing also owns the directory: agencies, positions, holders, categories, regions, policy and calendar.

mod appoint_acting_holder;
pub mod books;
mod caller;
mod carry_out;
mod change_directory;
mod command_error;
mod commit_command;
pub mod config;
mod consume;
pub mod declare_queues;
mod execute_command;
pub mod fall_due;
mod get_case;
mod grpc;
mod import_directory;
mod list_directory;
mod list_due;
mod list_holidays;
mod list_inbox;
mod open_case;
mod put_holidays;
mod put_policy;
mod record_outage;
mod refuse_command;
mod snapshot_agency;
pub mod store;
mod suggest_disposition;

use std::sync::Arc;

use sqlx::{PgPool, migrate::Migrator};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::{service::interceptor::InterceptedService, transport::Channel};
use tuntas_kit::{
    app::{Boot, Service, ServiceSpec},
    auth::TrustStore,
    broker::{self, Broker},
    client::{self, AsService},
    clock::Clock,
    consumer::{Consumer, Handler},
    directory::DirectoryReader,
    wait::Board,
};
use tuntas_proto::{
    intake::v1::vault_client::VaultClient,
    routing::v1::{cases_server::CasesServer, directory_server::DirectoryServer},
};

use crate::{
    config::RoutingConfig,
    consume::{commands::DeskCommands, intake::IntakeEvents},
    fall_due::DueGauges,
};

pub use crate::grpc::Api;

/// routing's own migrations.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// intake's vault, asked for the comparison of words.
pub type Vault = VaultClient<InterceptedService<Channel, AsService>>;

/// What every use case needs. Cheap to clone.
#[derive(Clone)]
pub struct Routing {
    /// The database.
    pub pool: PgPool,
    /// What counts as now.
    pub clock: Clock,
    /// Whose assertions count.
    pub trust: Arc<TrustStore>,
    /// The directory, cached.
    pub directory: DirectoryReader,
    /// intake, if it is configured.
    pub vault: Option<Vault>,
    /// routing's own configuration.
    pub config: Arc<RoutingConfig>,
    /// RabbitMQ, where the queues of new agencies are declared; none where nothing is published.
    pub broker: Option<Broker>,
    /// Told when the directory has new agencies.
    pub topology: Arc<Notify>,
    /// Told of cases and reports that have moved.
    pub moved: Board,
    /// Cancelled when the process stops.
    pub stop: CancellationToken,
}

impl Routing {
    /// Says that agencies may have appeared, whose queues are to be declared.
    pub fn directory_changed(&self) {
        self.topology.notify_one();
    }

    /// What handles the events of intake.
    #[must_use]
    pub fn intake_events(&self) -> impl Handler + use<> {
        IntakeEvents { routing: self.clone() }
    }

    /// What handles the commands of the desks.
    #[must_use]
    pub fn desk_commands(&self) -> impl Handler + use<> {
        DeskCommands { routing: self.clone() }
    }
}

/// What makes this service this one.
#[must_use]
pub fn spec() -> ServiceSpec {
    ServiceSpec {
        name: "routing",
        default_toml: config::DEFAULT_TOML,
        migrator: &MIGRATOR,
    }
}

/// Builds the service from what was prepared.
///
/// # Errors
/// A configured URL is none, or a key is missing.
pub fn build(boot: &Boot<RoutingConfig>) -> anyhow::Result<Service> {
    let vault = match &boot.config.intake.url {
        Some(url) => Some(VaultClient::with_interceptor(client::channel(url)?, boot.as_service()?)),
        None => None,
    };
    let broker = boot.broker()?;
    let routing = Routing {
        broker: Some(broker.clone()),
        pool: boot.pool.clone(),
        clock: boot.clock.clone(),
        trust: boot.trust.clone(),
        directory: DirectoryReader::default(),
        vault,
        config: Arc::new(boot.config.clone()),
        topology: Arc::default(),
        moved: Board::default(),
        stop: boot.lifecycle.stop(),
    };
    let gauges = DueGauges::registered(&boot.metrics);
    let api = Api::new(routing.clone());
    let (queues, clocks, books, pending) = (routing.clone(), routing.clone(), routing.clone(), routing.clone());
    Ok(boot
        .service()
        .grpc(CasesServer::new(api.clone()))
        .grpc(DirectoryServer::new(api))
        .relay()
        .consumer(Consumer::new(broker::ROUTING_INTAKE, routing.intake_events()))
        .consumer(Consumer::new(broker::ROUTING_COMMANDS, routing.desk_commands()))
        .task("declare queues", move |stop| declare_queues::run(queues, broker, stop))
        .task("fall due", move |stop| fall_due::run(clocks, gauges, stop))
        .books(move || {
            let routing = books.clone();
            async move { books::list(&routing).await }
        })
        .work_pending(move || {
            let routing = pending.clone();
            async move { fall_due::pending(&routing).await }
        }))
}
