//! One file for each group of goals; each answers figures with the floors that were measured beside them.

mod events;
mod feed;
mod filing;
mod flat;
mod lifecycles;
mod memory;
mod plans;
mod relay;

use std::{
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use tuntas_ctl::{platform::Platform, quiet};
use tuntas_tests::{
    collector::Collector,
    fill::{DESK, EVALUATION, INTAKE, ROUTING},
    instance::{Instance, PROCESSES, wait_for},
    play::Play,
    world::World,
};

use crate::{figure::Goal, load::Filers, servers::Servers};

const PATIENCE: Duration = Duration::from_secs(30);
/// The largest backlog that a group leaves is some hundred thousand filings of which routing has heard nothing yet.
const LEFT_GONE_WITHIN: Duration = Duration::from_secs(900);
/// Reports that are copied.
const ORIGINALS: usize = 8;
/// What they are about, and whose they are.
const CATEGORY: &str = "transportasi-darat";
const AGENCY: &str = "dishub";
/// Load before a measurement, so that caches and connections are there.
const WARM_UP: Duration = Duration::from_secs(2);

/// The platform under measurement.
pub(crate) struct Bench {
    pub(crate) instance: Instance,
    pub(crate) servers: Servers,
    pub(crate) platform: Arc<Platform>,
    pub(crate) filers: Filers,
    /// How often each ratio is taken.
    pub(crate) rounds: usize,
    /// How long each measurement of a round takes.
    pub(crate) length: Duration,
    /// How many reports there are when there are many.
    pub(crate) reports: u64,
    /// Takes the traces: telemetry is on.
    collector: Collector,
}

/// Names of the groups, in the order in which they run: idle memory before any load, and what fills databases last.
pub(crate) const GROUPS: [&str; 8] = [
    "memory",
    "filing",
    "events",
    "relay",
    "feed",
    "flat",
    "plans",
    "lifecycles",
];

impl Bench {
    pub(crate) async fn start(rounds: usize, length: Duration, reports: u64) -> anyhow::Result<Self> {
        let collector = Collector::dropping().await?;
        let url = collector.url().to_owned();
        let instance = tokio::task::spawn_blocking(move || Instance::start_timed(Some(&url))).await??;
        let servers = Servers::of(&instance)?;
        let platform = Arc::new(instance.platform(PATIENCE)?);
        let intake = platform.endpoints().services.get("intake").cloned();
        let intake = intake.context("no address of intake")?;
        Ok(Self {
            filers: Filers::to(&intake)?,
            instance,
            servers,
            platform,
            rounds,
            length,
            reports,
            collector,
        })
    }

    pub(crate) fn collector_url(&self) -> &str {
        self.collector.url()
    }

    pub(crate) async fn group(&self, name: &str) -> anyhow::Result<Vec<Goal>> {
        match name {
            "memory" => memory::measure(self).await,
            "filing" => filing::measure(self).await,
            "events" => events::measure(self).await,
            "relay" => relay::measure(self).await,
            "feed" => feed::measure(self).await,
            "flat" => flat::measure(self).await,
            "plans" => plans::measure(self).await,
            "lifecycles" => lifecycles::measure(self).await,
            _ => anyhow::bail!("there is no group {name}; there are {GROUPS:?}"),
        }
        .with_context(|| format!("group {name}"))
    }

    /// Databases with so many reports at least, copied from some that were played.
    pub(crate) async fn filled(&self, reports: u64) -> anyhow::Result<()> {
        let databases = &self.servers.databases;
        let played = "SELECT count(*) FROM register WHERE report_id < 'e0000000-0000-0000-0000-000000000000'";
        if databases.ask(INTAKE.database, played)?.parse::<usize>()? < ORIGINALS {
            let play = Play(World::of(self.instance.platform(PATIENCE)?).await?);
            for _ in 0..ORIGINALS {
                play.in_progress(CATEGORY, AGENCY).await?;
            }
            self.settled(LEFT_GONE_WITHIN).await?;
        }
        let mut added = 0;
        for fill in [INTAKE, ROUTING, DESK, EVALUATION] {
            added += fill.up_to(databases, reports)?;
        }
        if added > 0 {
            self.at_rest().await?;
        }
        Ok(())
    }

    /// Waits until nothing is left of the filling: pages that are still to be written, and tables that the database cleans up by itself.
    /// It looks for such tables once a minute.
    async fn at_rest(&self) -> anyhow::Result<()> {
        const LOOKS_AGAIN_AFTER: Duration = Duration::from_secs(65);
        const CLEANING: &str = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'";
        self.servers.sql("postgres", "CHECKPOINT")?;
        ensure!(Command::new("sync").status()?.success(), "sync failed");
        let begun = Instant::now();
        let mut quiet_since = begun;
        while quiet_since.elapsed() < LOOKS_AGAIN_AFTER {
            ensure!(begun.elapsed() < LEFT_GONE_WITHIN, "the database does not come to rest");
            tokio::time::sleep(Duration::from_secs(1)).await;
            if self.servers.sql("postgres", CLEANING)? != "0" {
                quiet_since = Instant::now();
            }
        }
        Ok(())
    }

    /// Waits until intake's relay has published what was filed.
    pub(crate) fn published(&self, within: Duration) -> anyhow::Result<()> {
        wait_for(within, "the outbox to empty", || {
            Ok(self.servers.databases.unpublished(INTAKE.database)? == 0)
        })
    }

    /// Waits until nothing is under way.
    pub(crate) async fn settled(&self, within: Duration) -> anyhow::Result<()> {
        quiet::settle(&self.platform, within).await?;
        Ok(())
    }

    /// Takes down every process but these, so that a measurement is of these alone.
    pub(crate) fn alone(&self, kept: &[&str]) -> anyhow::Result<()> {
        for process in PROCESSES.into_iter().chain(["gateway"]) {
            if !kept.contains(&process) {
                self.instance.take_down(process)?;
            }
        }
        Ok(())
    }

    /// Brings back what [`alone`](Self::alone) took down.
    pub(crate) fn all(&self, kept: &[&str]) -> anyhow::Result<()> {
        for process in PROCESSES.into_iter().chain(["gateway"]) {
            if !kept.contains(&process) {
                self.instance.bring_back(process)?;
            }
        }
        Ok(())
    }
}
