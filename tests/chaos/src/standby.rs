//! PostgreSQL with a synchronous standby: the node that leads dies, alone or with the agent that watches it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use tuntas_tests::{sql, standby::Standby};

use crate::{
    Chaos, PATIENCE,
    faults::{BALANCED_WITHIN, CLIENTS, lose},
    ledger::Ledger,
    links::recovered,
    load::{Filing, Load},
    proxy::Mode,
    say, until,
};

const CALM: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(100);
/// What dies, and for how long nothing may be acknowledged then: Patroni gives a leader it can ask up at once, one that says nothing after
/// 20 s.
const DEATHS: [(&str, Duration); 4] = [
    ("kill-postgres", Duration::from_secs(10)),
    ("kill-postgres", Duration::from_secs(10)),
    ("kill-node", Duration::from_secs(22)),
    ("kill-node", Duration::from_secs(22)),
];
/// How long the bug `stay` looks at who led before.
const STAYS: Duration = Duration::from_secs(30);

/// R4: under load, the PostgreSQL that leads is killed, then together with its Patroni; the services are led to the standby, which has
/// every write that was acknowledged. Nothing is lost, and filings are acknowledged again within 10 s, or 22 s, by themselves.
///
/// Bugs: `lose` drops what waits in the outbox at the change; `stay` leads the services there late.
pub(crate) async fn r4(chaos: &Chaos) -> anyhow::Result<()> {
    let standby = chaos.standby.as_ref().context("this platform has no standby")?;
    tokio::select! {
        outcome = deaths(chaos, standby) => outcome,
        ended = follow(chaos, standby) => ended,
    }
}

/// Leads the services to the node that leads, and nowhere while none does.
async fn follow(chaos: &Chaos, standby: &Standby) -> anyhow::Result<()> {
    let way = &chaos.links()?.postgres;
    let mut before = standby.leader().await;
    loop {
        let leader = standby.leader().await;
        if leader != before {
            if chaos.bug("stay") {
                tokio::time::sleep(STAYS).await;
            }
            let port = leader.and_then(|node| standby.port(node));
            way.forward_to(port.as_slice());
            way.drop_all();
            before = leader;
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn deaths(chaos: &Chaos, standby: &Standby) -> anyhow::Result<()> {
    let (platform, ledger) = (chaos.platform()?, Arc::new(Ledger::default()));
    for (death, outage_max) in DEATHS {
        let load = Load::start(&platform, &ledger, CLIENTS);
        tokio::time::sleep(CALM).await;
        let leader = standby.leader().await.context("nobody leads")?;
        if chaos.bug("lose") {
            chaos.links()?.broker.set(Mode::Reset);
            tokio::time::sleep(POLL).await;
        }
        let killed = Instant::now();
        tokio::task::block_in_place(|| standby.run(death, leader))?;
        while standby.leader().await.is_none_or(|now| now == leader) {
            ensure!(killed.elapsed() < PATIENCE, "the standby does not take over");
            tokio::time::sleep(POLL).await;
        }
        let led = killed.elapsed();
        tokio::time::sleep(CALM).await;
        if chaos.bug("lose") {
            lose(&chaos.databases)?;
            chaos.links()?.broker.set(Mode::Pass);
        }
        recovered(&platform).await?;
        if death == "kill-node" {
            tokio::task::block_in_place(|| standby.run("start-node", leader))?;
        }
        let taken = load.stop().await?;
        let outage = longest_gap(&taken.filings, killed);
        say(&format!(
            "  {death}: led again after {:.1} s, acknowledged again after {:.1} s; {} acknowledged",
            led.as_secs_f64(),
            outage.as_secs_f64(),
            ledger.len()
        ));
        paired(chaos, standby).await?;
        ledger.balance(&platform, &chaos.databases, BALANCED_WITHIN).await?;
        ensure!(outage <= outage_max, "nothing was acknowledged for {outage:?}");
    }
    Ok(())
}

/// Waits until the standby follows again, as its leader sees it and as it says.
async fn paired(chaos: &Chaos, standby: &Standby) -> anyhow::Result<()> {
    let followers = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
    until("the standby to follow", POLL, async || {
        // The way to the leader may be broken for a moment.
        let followed = chaos.databases.ask(sql::INTAKE, followers);
        Ok(followed.is_ok_and(|count| count == "1") && standby.paired().await)
    })
    .await
}

/// The longest time without an acknowledgement from a moment on.
fn longest_gap(filings: &[Filing], since: Instant) -> Duration {
    let mut ends: Vec<Instant> = filings.iter().map(|filing| filing.begun + filing.took).collect();
    ends.retain(|end| *end > since);
    ends.sort_unstable();
    let mut before = since;
    let mut longest = Duration::ZERO;
    for end in ends {
        longest = longest.max(end - before);
        before = end;
    }
    longest
}
