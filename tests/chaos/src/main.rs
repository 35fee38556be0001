//! Chaos: a platform of its own is broken under load, and must know in the end what it promised.
//!
//! `deploy/chaos` builds and runs it. What is broken, and in which order, follows from the seed. Moments do not: processes run freely.

mod broker;
mod cluster;
mod faults;
mod ledger;
mod limits;
mod links;
mod load;
mod proxy;
mod simulation;
mod standby;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use clap::Parser;
use tuntas_ctl::platform::Platform;
use tuntas_tests::{
    instance::{Instance, PROCESSES, wait_for},
    management::Management,
    servers::Servers,
    sql::Databases,
    standby::Standby,
};

use crate::links::Links;

/// How long a client insists, and how long any wait may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const FAULTS: [&str; 11] = ["R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11"];
/// Those whose platform reaches its servers by ways that are broken or led elsewhere.
const BEHIND_PROXIES: [&str; 4] = ["R3", "R4", "R9", "R11"];

/// Breaks a platform under load. Exit status 1: something did not hold.
#[derive(Parser)]
struct Arguments {
    /// Only these faults: R1 to R12.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// What is broken follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Kills of R1, of each process and each server.
    #[arg(long, default_value_t = 200)]
    kills: usize,
    /// Seconds that R2 keeps the broker away.
    #[arg(long, default_value_t = 60)]
    outage: u64,
    /// Calls of R5.
    #[arg(long, default_value_t = 100_000)]
    cancellations: usize,
    /// Seeds of R12, from `--seed` on.
    #[arg(long, default_value_t = 1_000_000)]
    seeds: u64,
    /// Puts a bug in, to see that it is found: lose (all but R5 and R10), stay (R3, R4, R9, R11), hold (R5), deaf (R6), gap (R10); by name,
    /// those of `tuntas_simulation::Bug` (R12).
    #[arg(long)]
    bug: Option<String>,
}

/// A platform to break.
pub(crate) struct Chaos {
    pub(crate) instance: Instance,
    pub(crate) databases: Databases,
    pub(crate) management: Management,
    pub(crate) seed: u64,
    pub(crate) kills: usize,
    pub(crate) outage: Duration,
    pub(crate) cancellations: usize,
    bug: Option<String>,
    /// Where its servers are behind proxies; dropped after the platform, as are those servers.
    links: Option<Links>,
    pub(crate) servers: Vec<Servers>,
    pub(crate) standby: Option<Standby>,
}

impl Chaos {
    async fn start(fault: &'static str, arguments: &Arguments) -> anyhow::Result<Self> {
        if !BEHIND_PROXIES.contains(&fault) {
            let instance = tokio::task::spawn_blocking(|| Instance::start_durable(None)).await??;
            let (databases, management) = (Databases::of(instance.state())?, Management::of(instance.state())?);
            return Ok(Self::of(arguments, instance, databases, management));
        }
        let (servers, standby) = tokio::task::spawn_blocking(move || servers_for(fault)).await??;
        let mut direct = servers.first().context("no servers")?.addresses()?;
        if let Some(standby) = &standby {
            standby.url().clone_into(&mut direct.postgres);
        }
        let management = Management::at(&direct.amqp, &direct.management)?;
        let links = Links::to(&direct).await?;
        links.broker.forward_to(&cluster::ports(&servers)?);
        // Which of two databases leads is known to the proxy only.
        let databases = Databases::at(match standby {
            Some(_) => &links.through.postgres,
            None => &direct.postgres,
        })?;
        let mut chaos = Self::of(arguments, links.platform().await?, databases, management);
        (chaos.links, chaos.servers, chaos.standby) = (Some(links), servers, standby);
        Ok(chaos)
    }

    fn of(arguments: &Arguments, instance: Instance, databases: Databases, management: Management) -> Self {
        Self {
            instance,
            databases,
            management,
            seed: arguments.seed,
            kills: arguments.kills,
            outage: Duration::from_secs(arguments.outage),
            cancellations: arguments.cancellations,
            bug: arguments.bug.clone(),
            links: None,
            servers: Vec::new(),
            standby: None,
        }
    }

    /// The ways to its servers.
    pub(crate) fn links(&self) -> anyhow::Result<&Links> {
        self.links.as_ref().context("this platform is not behind proxies")
    }

    pub(crate) fn platform(&self) -> anyhow::Result<Arc<Platform>> {
        Ok(Arc::new(self.instance.platform(PATIENCE)?))
    }

    pub(crate) fn bug(&self, name: &str) -> bool {
        self.bug.as_deref() == Some(name)
    }

    /// `deploy/servers`, while the load goes on.
    pub(crate) async fn servers(&self, what: &str) -> anyhow::Result<()> {
        tokio::task::block_in_place(|| self.instance.servers(what))
    }

    pub(crate) async fn ready(&self, process: &str) -> anyhow::Result<()> {
        tokio::task::block_in_place(|| self.instance.wait_ready(process))
    }

    /// Ends a process with SIGKILL, once its supervisor has started it again after the last time.
    pub(crate) async fn kill(&self, process: &str) -> anyhow::Result<()> {
        // One that has gone with its database has no number until it is started again.
        let killed = || Ok(self.instance.kill_9(process).is_ok());
        tokio::task::block_in_place(|| wait_for(PATIENCE, process, killed))
    }

    /// Waits until every process is ready.
    pub(crate) async fn healed(&self) -> anyhow::Result<()> {
        for process in PROCESSES {
            self.ready(process).await?;
        }
        Ok(())
    }
}

/// The servers that a fault breaks; all have at least a PostgreSQL and a RabbitMQ.
fn servers_for(fault: &str) -> anyhow::Result<(Vec<Servers>, Option<Standby>)> {
    let servers = match fault {
        "R3" => cluster::start(cluster::NODES)?,
        "R11" => vec![Servers::start_on_disk(limits::DISK_KIB)?],
        _ => vec![Servers::start()?],
    };
    let standby = match fault {
        "R4" => Some(Standby::start()?),
        _ => None,
    };
    Ok((servers, standby))
}

/// Polls until something is so, for as long as anything may take.
pub(crate) async fn until(
    what: &str,
    every: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !look().await? {
        ensure!(begun.elapsed() < PATIENCE, "waited {} s for {what}", PATIENCE.as_secs());
        tokio::time::sleep(every).await;
    }
    Ok(())
}

/// Says to whom waits how far it is.
pub(crate) fn say(text: &str) {
    use std::io::Write as _;
    // Whoever closed our standard error does not want to know.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut failed = 0;
    for fault in FAULTS {
        if !arguments.only.is_empty() && !arguments.only.iter().any(|only| only == fault) {
            continue;
        }
        say(&format!("{fault}, seed {}", arguments.seed));
        let chaos = Chaos::start(fault, &arguments).await?;
        let outcome = match fault {
            "R1" => faults::r1(&chaos).await,
            "R2" => faults::r2(&chaos).await,
            "R3" => cluster::r3(&chaos).await,
            "R4" => standby::r4(&chaos).await,
            "R5" => faults::r5(&chaos).await,
            "R6" => broker::r6(&chaos).await,
            "R7" => broker::r7(&chaos).await,
            "R8" => broker::r8(&chaos).await,
            "R9" => links::r9(&chaos).await,
            "R10" => faults::r10(&chaos).await,
            _ => limits::r11(&chaos).await,
        };
        match &outcome {
            Ok(()) => say(&format!("{fault} holds")),
            Err(error) => {
                failed += 1;
                say(&format!("{fault} does not hold: {error:#}"));
            }
        }
        tokio::task::spawn_blocking(move || drop(chaos)).await?;
    }
    if arguments.only.is_empty() || arguments.only.iter().any(|only| only == "R12") {
        say(&format!("R12, from seed {}", arguments.seed));
        match simulation::r12(arguments.seed, arguments.seeds, arguments.bug.as_deref()) {
            Ok(()) => say("R12 holds"),
            Err(error) => {
                failed += 1;
                say(&format!("R12 does not hold: {error:#}"));
            }
        }
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
