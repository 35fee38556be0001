//! Platforms whose servers are behind proxies, and the faults of the links between: nobody answers, everybody hangs up, one side is not
//! heard, everything is slow.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use tuntas_ctl::{
    commands::execute,
    endpoints::Endpoints,
    platform::{Platform, Who, fresh_key},
    rpc,
};
use tuntas_proto::{
    case::v1::{ReportKind, case_command::Command, case_command::Verify},
    routing::v1::GetCaseRequest,
};
use tuntas_tests::{
    instance::{Instance, PROCESSES},
    play::complaint,
    servers::{Addresses, port_of},
};

use crate::{
    Chaos, PATIENCE,
    faults::{BALANCED_WITHIN, CLIENTS, lose},
    ledger::Ledger,
    load::{Load, VERIFIER},
    proxy::{Mode, Proxy},
    say,
};

/// `amqp.heartbeat_s` as it comes.
const HEARTBEAT: Duration = Duration::from_secs(10);
const RECOVERED_WITHIN: Duration = HEARTBEAT.saturating_mul(2);
const CALM: Duration = Duration::from_secs(5);
/// Longer than any silence may go unnoticed.
const SILENT: Duration = Duration::from_secs(30);
const BROKEN: Duration = Duration::from_secs(10);
/// A tenth of what the load moves at its peak.
const SLOW: Mode = Mode::Throttle { bytes_per_s: 20_000 };
const POLL: Duration = Duration::from_millis(100);

/// The ways of a platform to its servers.
pub(crate) struct Links {
    pub(crate) postgres: Proxy,
    pub(crate) broker: Proxy,
    pub(crate) through: Addresses,
}

impl Links {
    /// Ways to the servers at these addresses.
    pub(crate) async fn to(direct: &Addresses) -> anyhow::Result<Self> {
        let postgres = Proxy::listen(&[port_of(&direct.postgres)?]).await?;
        let broker = Proxy::listen(&[port_of(&direct.amqp)?]).await?;
        Ok(Self {
            through: direct.clone().through(postgres.port(), broker.port())?,
            postgres,
            broker,
        })
    }

    /// A platform that takes them.
    pub(crate) async fn platform(&self) -> anyhow::Result<Instance> {
        let through = self.through.clone();
        tokio::task::spawn_blocking(move || Instance::start_on(&through)).await?
    }
}

/// R9: on each link (PostgreSQL, RabbitMQ, clients to intake), one after the other: a black hole, resets, each direction alone lost, and
/// a trickle. Nothing is lost; within two heartbeats after the link is whole again, a report is filed, becomes a case, and is verified,
/// and every process has its links to the broker; a link to the broker that fell silent is noticed within as much.
///
/// Bugs: `lose` drops what waits in the outbox while a link is broken; `stay` leaves the link broken.
pub(crate) async fn r9(chaos: &Chaos) -> anyhow::Result<()> {
    let links = chaos.links()?;
    let edge = Proxy::listen(&[port_of(chaos.platform()?.endpoints().service("intake")?)?]).await?;
    let platform = Arc::new(behind(&edge, chaos)?);
    let ledger = Arc::new(Ledger::default());
    let linked = linked(chaos)?;
    let silent = [Mode::BlackHole, Mode::LostToServer, Mode::LostToClient].map(|mode| (mode, SILENT));
    let loud = [(Mode::Reset, BROKEN), (SLOW, BROKEN)];
    for (name, link) in [
        ("PostgreSQL", &links.postgres),
        ("RabbitMQ", &links.broker),
        ("intake", &edge),
    ] {
        for (mode, broken_for) in silent.into_iter().chain(loud) {
            let broken = Broken {
                name,
                link,
                mode,
                broken_for,
                linked: &linked,
            };
            broken
                .under_load(chaos, &platform, &ledger)
                .await
                .with_context(|| format!("{name} {mode:?}"))?;
        }
    }
    Ok(())
}

/// The platform, with intake behind a proxy of its own.
fn behind(edge: &Proxy, chaos: &Chaos) -> anyhow::Result<Platform> {
    let state = chaos.instance.state().join("edge");
    fs::create_dir_all(&state)?;
    let mut endpoints = Endpoints::load(chaos.instance.state())?;
    let intake = format!("http://127.0.0.1:{}", edge.port());
    endpoints.services.insert("intake".to_owned(), intake);
    fs::write(state.join("endpoints.json"), serde_json::to_string(&endpoints)?)?;
    Ok(Platform::open(&state, PATIENCE)?)
}

/// One fault of one link.
struct Broken<'a> {
    name: &'a str,
    link: &'a Proxy,
    mode: Mode,
    broken_for: Duration,
    linked: &'a [(&'static str, usize)],
}

impl Broken<'_> {
    async fn under_load(&self, chaos: &Chaos, platform: &Arc<Platform>, ledger: &Arc<Ledger>) -> anyhow::Result<()> {
        let load = Load::start(platform, ledger, CLIENTS);
        tokio::time::sleep(CALM).await;
        let before = ledger.len();
        self.link.set(self.mode);
        let broken = Instant::now();
        let noticed = match self.name == "RabbitMQ" && self.broken_for == SILENT {
            true => Some(all_links(chaos, self.linked, false, broken).await?),
            false => None,
        };
        tokio::time::sleep(self.broken_for.saturating_sub(broken.elapsed())).await;
        if chaos.bug("lose") {
            lose(&chaos.databases)?;
        }
        let acknowledged = ledger.len() - before;
        if !chaos.bug("stay") {
            self.link.set(Mode::Pass);
        }
        let healed = Instant::now();
        let recovered = recovered(platform).await;
        self.link.set(Mode::Pass);
        let recovered = recovered?;
        let linked = all_links(chaos, self.linked, true, healed).await?;
        load.stop().await?;
        ledger.balance(platform, &chaos.databases, BALANCED_WITHIN).await?;
        say(&format!(
            "  {} {:?} for {} s: {acknowledged} acknowledged meanwhile, {}works after {:.1} s, all linked after {:.1} s",
            self.name,
            self.mode,
            self.broken_for.as_secs(),
            noticed.map_or_else(String::new, |noticed| format!(
                "noticed after {:.1} s, ",
                noticed.as_secs_f64()
            )),
            recovered.as_secs_f64(),
            linked.as_secs_f64(),
        ));
        ensure!(
            noticed.is_none_or(|noticed| noticed <= RECOVERED_WITHIN),
            "it was noticed too late"
        );
        ensure!(recovered <= RECOVERED_WITHIN, "it took too long to work again");
        ensure!(
            linked <= RECOVERED_WITHIN,
            "it took too long until all were linked again"
        );
        Ok(())
    }
}

/// How many links to the broker every process has when all is well.
fn linked(chaos: &Chaos) -> anyhow::Result<Vec<(&'static str, usize)>> {
    let links = |process| Ok((process, chaos.instance.broker_links_up(process)?));
    tokio::task::block_in_place(|| PROCESSES.into_iter().map(links).collect())
}

/// Waits until every process knows its links to the broker to be up, or down; answers how long that is after `since`.
async fn all_links(
    chaos: &Chaos,
    linked: &[(&'static str, usize)],
    up: bool,
    since: Instant,
) -> anyhow::Result<Duration> {
    let mut waiting = linked.to_vec();
    loop {
        // A process that does not even say its metrics has not what is asked for.
        tokio::task::block_in_place(|| {
            waiting.retain(|(process, links)| {
                let wanted = if up { *links } else { 0 };
                !chaos.instance.broker_links_up(process).is_ok_and(|now| now == wanted)
            });
        });
        if waiting.is_empty() {
            return Ok(since.elapsed());
        }
        ensure!(since.elapsed() < PATIENCE, "still waiting for {waiting:?}");
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until a report can be worked again; answers how long that took.
pub(crate) async fn recovered(platform: &Platform) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    tokio::time::timeout(PATIENCE, worked(platform))
        .await
        .context("no report is worked")??;
    Ok(begun.elapsed())
}

/// Files a report and verifies its case: through both servers, and every service on the way.
async fn worked(platform: &Platform) -> anyhow::Result<()> {
    let filed = rpc!(
        platform,
        Who::Citizen,
        intake().file_report(complaint("transportasi-darat"))
    )?;
    let request = GetCaseRequest {
        report_id: filed.report_id,
        ..GetCaseRequest::default()
    };
    let case_id = loop {
        let asked = request.clone();
        match rpc!(platform, Who::Position(VERIFIER), cases().get_case(asked)) {
            Ok(found) => break found.case.unwrap_or_default().case_id,
            Err(_) => tokio::time::sleep(POLL).await,
        }
    };
    let verify = Verify {
        kind: ReportKind::Complaint.into(),
        category_code: "transportasi-darat".to_owned(),
        region_code: "14.71".to_owned(),
        ..Verify::default()
    };
    execute(platform, VERIFIER, &fresh_key(), case_id, Command::Verify(verify)).await?;
    Ok(())
}
