//! The whole `main` of a service: command line, configuration, telemetry, database, servers, shutdown.

mod grpc;
mod http;
mod migrate;
mod service;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use serde::de::DeserializeOwned;
use sqlx::{PgPool, migrate::Migrator};

pub use migrate::{KIT_MIGRATOR, apply_migrations};
pub use service::{Consumers, Service};

use crate::{
    auth::{Signer, TrustStore},
    backoff::Backoff,
    broker::Broker,
    client::AsService,
    clock::Clock,
    config::{self, ClockMode, Common, Config, ConfigError},
    consumer::Source,
    database,
    lifecycle::Lifecycle,
    metrics::Metrics,
    retention, telemetry,
};

/// Exit code when the command line or the configuration is wrong: starting again does not help.
const EXIT_USAGE: u8 = 2;

/// What makes a service this one.
#[derive(Debug, Clone, Copy)]
pub struct ServiceSpec {
    /// Its name, such as `routing`.
    pub name: &'static str,
    /// Its own sections of the configuration: `include_str!("../default.toml")`.
    pub default_toml: &'static str,
    /// Its own migrations: `sqlx::migrate!()`.
    pub migrator: &'static Migrator,
}

/// No arguments of its own: for most services.
#[derive(Debug, Clone, Copy, Args)]
pub struct NoArgs {}

/// What a service is built from.
pub struct Boot<C, A = NoArgs> {
    /// Name of the service.
    pub name: &'static str,
    /// Its own sections of the configuration.
    pub config: C,
    /// Its own arguments.
    pub args: A,
    /// The sections every service has.
    pub common: Arc<Common>,
    /// Its database, with kit's and its own migrations applied.
    pub pool: PgPool,
    /// What counts as now.
    pub clock: Clock,
    /// Whose assertions count.
    pub trust: Arc<TrustStore>,
    /// Its metrics.
    pub metrics: Metrics,
    /// Where background tasks are started, and told to stop.
    pub lifecycle: Lifecycle,
    signer: Option<Signer>,
    broker: Option<Broker>,
    sources: Vec<Source>,
    migration: i64,
}

impl<C, A> Boot<C, A> {
    /// The broker.
    ///
    /// # Errors
    /// `amqp.url` is not set.
    pub fn broker(&self) -> Result<Broker, ConfigError> {
        self.broker.clone().ok_or(ConfigError::Missing("amqp.url"))
    }

    /// The signer of this service's own assertions.
    ///
    /// # Errors
    /// `auth.key_id` or `auth.private_key_file` is not set.
    pub fn signer(&self) -> Result<Signer, ConfigError> {
        self.signer
            .clone()
            .ok_or(ConfigError::Missing("auth.key_id and auth.private_key_file"))
    }

    /// What to add to every call to another service.
    ///
    /// # Errors
    /// As [`signer`](Self::signer).
    pub fn as_service(&self) -> Result<AsService, ConfigError> {
        Ok(AsService::new(self.signer()?, self.name, self.clock.clone()))
    }

    /// A service with nothing in it yet.
    #[must_use]
    pub fn service(&self) -> Service {
        Service::new(self)
    }
}

#[derive(Parser)]
struct Cli<A: Args> {
    /// A file laid over the built-in defaults.
    #[arg(long, env = "TUNTAS_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    args: A,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Subcommand)]
enum Command {
    /// Serve until told to stop (the default).
    Run,
    /// Bring the database up to date, as its owner, and end.
    Migrate,
    /// Check the configuration and the files it names, and end.
    CheckConfig,
}

/// Runs a service: `fn main() -> ExitCode { kit::app::main(SPEC, build) }`.
///
/// `build` makes the service of what was prepared. An error from it ends the process with code 1; so does
/// a background task that ends, or a drain that takes longer than `shutdown.timeout_ms`.
pub fn main<C, A, F, Fut>(spec: ServiceSpec, build: F) -> ExitCode
where
    C: DeserializeOwned,
    A: Args,
    F: FnOnce(Boot<C, A>) -> Fut,
    Fut: Future<Output = anyhow::Result<Service>>,
{
    // A second call finds the same provider installed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli: Cli<A> = parse(spec);
    let config: Config<C> = match config::load(spec.default_toml, cli.config.as_ref()) {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error),
    };
    let code = runtime.block_on(async {
        match cli.command.unwrap_or(Command::Run) {
            Command::Run => run(spec, config, cli.args, build).await,
            Command::Migrate => match migrate::migrate(spec, &config.common).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => refuse(error.as_ref()),
            },
            Command::CheckConfig => match Identity::load(&config.common) {
                Ok(_) => say("the configuration is valid"),
                Err(error) => refuse(error.as_ref()),
            },
        }
    });
    // What did not end in time is not waited for.
    runtime.shutdown_background();
    code
}

fn parse<A: Args>(spec: ServiceSpec) -> Cli<A> {
    let command = Cli::<A>::command().name(spec.name).version(env!("CARGO_PKG_VERSION"));
    match Cli::from_arg_matches(&command.get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    }
}

async fn run<C, A, F, Fut>(spec: ServiceSpec, config: Config<C>, args: A, build: F) -> ExitCode
where
    F: FnOnce(Boot<C, A>) -> Fut,
    Fut: Future<Output = anyhow::Result<Service>>,
{
    let telemetry = match telemetry::start(spec.name, &config.common.telemetry) {
        Ok(telemetry) => telemetry,
        Err(error) => return refuse(error.as_ref()),
    };
    let timeout = Duration::from_millis(config.common.shutdown.timeout_ms);
    let lifecycle = Lifecycle::new();
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return refuse(&error),
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "starting");
    let outcome = tokio::select! {
        outcome = serve(spec, config, args, build, lifecycle.clone()) => outcome,
        ended = lifecycle.crashed() => Err(anyhow::anyhow!("task {} ended: {}", ended.task, ended.why)),
        signal = signals.next() => {
            tracing::info!(signal, "stopping");
            Ok(())
        }
    };
    let mut code = ExitCode::SUCCESS;
    if let Err(error) = outcome {
        tracing::error!(error.chain = %telemetry::chain(error.as_ref()), "the service failed");
        code = ExitCode::FAILURE;
    }
    if tokio::time::timeout(timeout, lifecycle.drain()).await.is_err() {
        tracing::error!(timeout_ms = timeout.as_millis(), "draining took too long");
        code = ExitCode::FAILURE;
    }
    tracing::info!("stopped");
    // The exporter's shutdown blocks.
    if tokio::task::spawn_blocking(move || telemetry.shutdown()).await.is_err() {
        code = ExitCode::FAILURE;
    }
    code
}

/// Prepares, builds and starts the service, then stays until it is dropped.
async fn serve<C, A, F, Fut>(
    spec: ServiceSpec,
    config: Config<C>,
    args: A,
    build: F,
    lifecycle: Lifecycle,
) -> anyhow::Result<()>
where
    F: FnOnce(Boot<C, A>) -> Fut,
    Fut: Future<Output = anyhow::Result<Service>>,
{
    let common = Arc::new(config.common);
    let identity = Identity::load(&common)?;
    let metrics = Metrics::new();
    let pool = database::lazy_pool(&common.database)?;
    let readiness = http::Readiness::new(pool.clone());
    http::start(&common.http, readiness.clone(), metrics.clone(), &lifecycle).await?;
    wait_for_database(&pool).await;
    let migration = migrate::check(spec, &pool).await?;
    let sources = match (&identity.signer, &common.catch_up.sources) {
        (_, None) => Vec::new(),
        (None, Some(_)) => return Err(ConfigError::Missing("auth.key_id and auth.private_key_file").into()),
        (Some(signer), Some(_)) => {
            let caller = AsService::new(signer.clone(), spec.name, identity.clock.clone());
            Source::configured(&common.catch_up, &caller)?
        }
    };
    let boot = Boot {
        name: spec.name,
        config: config.service,
        args,
        common: common.clone(),
        pool: pool.clone(),
        clock: identity.clock,
        trust: Arc::new(identity.trust),
        metrics,
        lifecycle: lifecycle.clone(),
        signer: identity.signer,
        broker: identity_broker(&common, spec.name)?,
        sources,
        migration,
    };
    let service = build(boot).await?;
    let sweeping = retention::run(pool, common.retention, lifecycle.stop());
    lifecycle.spawn("retention", sweeping);
    service.start(&common, &lifecycle).await?;
    readiness.set_ready(&lifecycle);
    tracing::info!(listen = %common.grpc.listen, "ready");
    std::future::pending().await
}

/// What the configuration's files hold.
struct Identity {
    clock: Clock,
    trust: TrustStore,
    signer: Option<Signer>,
}

impl Identity {
    fn load(common: &Common) -> anyhow::Result<Self> {
        common.database.url()?;
        identity_broker(common, "check")?;
        let clock = match (common.clock.mode, &common.clock.file) {
            (ClockMode::System, _) => Clock::System,
            (ClockMode::Demo, Some(file)) => Clock::demo_from_file(file)?,
            (ClockMode::Demo, None) => return Err(ConfigError::Missing("clock.file").into()),
        };
        let trust = match &common.auth.trust_file {
            Some(file) => TrustStore::from_file(file)?,
            None => TrustStore::default(),
        };
        let signer = match (&common.auth.key_id, &common.auth.private_key_file) {
            (Some(key_id), Some(file)) => Some(Signer::from_file(key_id, file)?),
            (None, None) => None,
            (None, Some(_)) => return Err(ConfigError::Missing("auth.key_id").into()),
            (Some(_), None) => return Err(ConfigError::Missing("auth.private_key_file").into()),
        };
        Ok(Self { clock, trust, signer })
    }
}

fn identity_broker(common: &Common, name: &str) -> Result<Option<Broker>, ConfigError> {
    match Broker::from_config(&common.amqp, name) {
        Ok(broker) => Ok(Some(broker)),
        Err(ConfigError::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A service may start before its database does.
async fn wait_for_database(pool: &PgPool) {
    let mut backoff = Backoff::reconnect();
    while let Err(error) = pool.acquire().await {
        let wait = backoff.wait();
        tracing::warn!(
            error.chain = %telemetry::chain(&error),
            retry_in_ms = wait.as_millis(),
            "the database is away"
        );
        tokio::time::sleep(wait).await;
    }
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "before telemetry starts, and for subcommands, this is where people look"
)]
fn refuse(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    eprintln!("{}", telemetry::chain(error));
    ExitCode::from(EXIT_USAGE)
}

#[expect(clippy::print_stdout, reason = "the answer of a subcommand")]
fn say(text: &str) -> ExitCode {
    println!("{text}");
    ExitCode::SUCCESS
}
