//! Chaos: a platform of its own is broken under load, and must know in the end what it promised.
//!
//! `deploy/chaos` builds and runs it. What is broken, and in which order, follows from the seed. Moments do not: processes run freely.

mod broker;
mod faults;
mod ledger;
mod load;
mod simulation;

use std::{process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use tuntas_ctl::platform::Platform;
use tuntas_tests::{
    instance::{Instance, PROCESSES, wait_for},
    management::Management,
    sql::Databases,
};

/// How long a client insists, and how long any wait may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const FAULTS: [&str; 7] = ["R1", "R2", "R5", "R6", "R7", "R8", "R10"];

/// Breaks a platform under load. Exit status 1: something did not hold.
#[derive(Parser)]
struct Arguments {
    /// Only these faults: R1, R2, R5, R6, R7, R8, R10, R12.
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
    /// Puts a bug in, to see that it is found: skip (R1, R2, R6, R7), hold (R5), lose (R8), gap (R10); by name,
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
}

impl Chaos {
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
        let instance = tokio::task::spawn_blocking(|| Instance::start_durable(None)).await??;
        let chaos = Chaos {
            databases: Databases::of(instance.state())?,
            management: Management::of(instance.state())?,
            instance,
            seed: arguments.seed,
            kills: arguments.kills,
            outage: Duration::from_secs(arguments.outage),
            cancellations: arguments.cancellations,
            bug: arguments.bug.clone(),
        };
        let outcome = match fault {
            "R1" => faults::r1(&chaos).await,
            "R2" => faults::r2(&chaos).await,
            "R5" => faults::r5(&chaos).await,
            "R6" => broker::r6(&chaos).await,
            "R7" => broker::r7(&chaos).await,
            "R8" => broker::r8(&chaos).await,
            _ => faults::r10(&chaos).await,
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
