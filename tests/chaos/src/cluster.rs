//! A broker of three nodes of which one is killed again and again, then all of them at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use tuntas_kit::broker::{NOTIFICATION_EVENTS, OVERSIGHT_EVENTS, ROUTING_INTAKE};
use tuntas_tests::{
    management::Management,
    servers::{Servers, port_of},
    sql,
};

use crate::{
    Chaos, PATIENCE,
    broker::LAST_SENT,
    faults::{BALANCED_WITHIN, CLIENTS, lose},
    ledger::Ledger,
    load::Load,
    proxy::Mode,
    say, until,
};

/// Nodes of the broker.
pub(crate) const NODES: usize = 3;
const KILLS: usize = 20;
/// How often a node is started, or killed, until it is done.
const TRIES_MAX: u32 = 3;
const CONFIRMED_WITHIN: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(20);
/// The queues of intake's events: one without leader holds them all up.
const QUEUES: [&str; 3] = [ROUTING_INTAKE, NOTIFICATION_EVENTS, OVERSIGHT_EVENTS];

/// Servers, and further nodes of their broker.
pub(crate) fn start(nodes: usize) -> anyhow::Result<Vec<Servers>> {
    let mut servers = vec![Servers::start()?];
    for _ in 1..nodes {
        let node = servers.first().context("no first node")?.start_node()?;
        servers.push(node);
    }
    Ok(servers)
}

/// Where the nodes listen.
pub(crate) fn ports(servers: &[Servers]) -> anyhow::Result<Vec<u16>> {
    servers.iter().map(|node| port_of(&node.addresses()?.amqp)).collect()
}

/// R3: under load, the node that leads routing's queue is killed, so often; then all nodes at once. Every queue has a member on each node,
/// nothing is lost, and the first confirm comes within 3 s after every queue of events has a leader again.
///
/// Bugs: `lose` drops what waits in the outbox while there is no leader; `stay` keeps the broker out of reach when there is one.
pub(crate) async fn r3(chaos: &Chaos) -> anyhow::Result<()> {
    let mut random = StdRng::seed_from_u64(chaos.seed);
    let cluster = Cluster::of(chaos).await?;
    cluster.all_members().await?;
    let (platform, ledger) = (chaos.platform()?, Arc::new(Ledger::default()));
    let load = Load::start(&platform, &ledger, CLIENTS);
    let (mut slowest, mut longest) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(random.random_range(500..2_500))).await;
        let leader = cluster.leader_of(ROUTING_INTAKE).await?;
        let killed = Instant::now();
        cluster.run(&[leader], "kill-rabbitmq").await?;
        let outage = cluster.until_confirmed(killed).await?;
        slowest = slowest.max(outage.after_leader);
        longest = longest.max(outage.whole);
        cluster.run(&[leader], "start-rabbitmq").await?;
        cluster.all_online().await?;
    }
    say(&format!(
        "  {KILLS} leaders killed, {} acknowledged; first confirm at most {:.2} s after there was a leader, {:.2} s after the kill",
        ledger.len(),
        slowest.as_secs_f64(),
        longest.as_secs_f64()
    ));
    let all: Vec<usize> = (0..NODES).collect();
    cluster.run(&all, "kill-rabbitmq").await?;
    let back = cluster.run(&all, "start-rabbitmq");
    tokio::try_join!(back, tolerated(chaos))?;
    let outage = cluster.until_confirmed(Instant::now()).await?;
    load.stop().await?;
    say(&format!(
        "  all nodes killed: first confirm {:.2} s after there was a leader; {} acknowledged",
        outage.after_leader.as_secs_f64(),
        ledger.len()
    ));
    ledger.balance(&platform, &chaos.databases, BALANCED_WITHIN).await?;
    let slowest = slowest.max(outage.after_leader);
    ensure!(
        slowest <= CONFIRMED_WITHIN,
        "a confirm came {slowest:?} after the leader"
    );
    Ok(())
}

/// Does it again when it fails, as a supervisor would: of nodes that start at the same moment, one may end at once, because another is
/// not yet far enough to be asked for its features (`incompatible_feature_flags`, RabbitMQ 3.10).
fn insist(servers: &Servers, what: &str) -> anyhow::Result<()> {
    for _ in 1..TRIES_MAX {
        if servers.run(what).is_ok() {
            return Ok(());
        }
    }
    servers.run(what)
}

/// What the bug `lose` does while all nodes are away.
async fn tolerated(chaos: &Chaos) -> anyhow::Result<()> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    if chaos.bug("lose") {
        lose(&chaos.databases)?;
    }
    Ok(())
}

struct Cluster<'a> {
    chaos: &'a Chaos,
    nodes: Vec<Node>,
}

struct Node {
    name: String,
    management: Management,
}

/// How long nothing was confirmed.
struct Outage {
    whole: Duration,
    /// Since there was a leader.
    after_leader: Duration,
}

impl<'a> Cluster<'a> {
    async fn of(chaos: &'a Chaos) -> anyhow::Result<Self> {
        let mut nodes = Vec::with_capacity(NODES);
        for servers in &chaos.servers {
            let addresses = servers.addresses()?;
            let management = Management::at(&addresses.amqp, &addresses.management)?;
            let overview = management.get("overview").await?;
            let name = overview
                .get("node")
                .and_then(Value::as_str)
                .context("a node without name")?;
            nodes.push(Node {
                name: name.to_owned(),
                management,
            });
        }
        ensure!(nodes.len() == NODES, "{} nodes", nodes.len());
        Ok(Self { chaos, nodes })
    }

    /// `deploy/servers` for these nodes, at the same time, while the load goes on.
    async fn run(&self, nodes: &[usize], what: &str) -> anyhow::Result<()> {
        let chosen = nodes.iter().filter_map(|node| self.chaos.servers.get(*node));
        tokio::task::block_in_place(|| {
            std::thread::scope(|scope| {
                let running: Vec<_> = chosen.map(|servers| scope.spawn(|| insist(servers, what))).collect();
                running
                    .into_iter()
                    .try_for_each(|thread| thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?)
            })
        })
    }

    /// What the first node that answers says about the queues.
    async fn queues(&self) -> anyhow::Result<Vec<Value>> {
        for node in &self.nodes {
            if let Ok(found) = node.management.get("queues").await {
                return Ok(found.as_array().cloned().unwrap_or_default());
            }
        }
        Ok(Vec::new())
    }

    async fn all_members(&self) -> anyhow::Result<()> {
        let queues = self.queues().await?;
        ensure!(!queues.is_empty(), "there are no queues");
        for queue in &queues {
            ensure!(
                count(queue, "members") == NODES,
                "{} has not a member on each node",
                text(queue, "name")
            );
        }
        say(&format!("  {} queues with {NODES} members each", queues.len()));
        Ok(())
    }

    /// Waits until every member of every queue is there: killed before, another node might take the majority along.
    async fn all_online(&self) -> anyhow::Result<()> {
        until("all members", POLL, async || {
            let queues = self.queues().await?;
            Ok(!queues.is_empty() && queues.iter().all(|queue| count(queue, "online") == NODES))
        })
        .await
    }

    async fn leader_of(&self, queue: &str) -> anyhow::Result<usize> {
        let queues = self.queues().await?;
        let found = queues.iter().find(|found| text(found, "name") == queue);
        let leader = found.map(|found| text(found, "leader")).unwrap_or_default();
        let node = self.nodes.iter().position(|node| node.name == leader);
        node.with_context(|| format!("{queue} has the leader {leader:?}"))
    }

    /// Waits until the queues of events have leaders that are there, and then until intake's relay has a confirm.
    async fn until_confirmed(&self, since: Instant) -> anyhow::Result<Outage> {
        if self.chaos.bug("lose") {
            // While nothing can be confirmed, something waits soon.
            tokio::time::sleep(Duration::from_millis(200)).await;
            lose(&self.chaos.databases)?;
        }
        let broker = &self.chaos.links()?.broker;
        if self.chaos.bug("stay") {
            broker.set(Mode::Reset);
        }
        while !self.led().await? {
            ensure!(since.elapsed() < PATIENCE, "no leader");
            tokio::time::sleep(POLL).await;
        }
        let led = Instant::now();
        let sent = || self.chaos.databases.ask(sql::INTAKE, LAST_SENT);
        let before = sent()?;
        while sent()? == before {
            ensure!(led.elapsed() < PATIENCE, "nothing is confirmed");
            if led.elapsed() > CONFIRMED_WITHIN {
                broker.set(Mode::Pass);
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(Outage {
            whole: since.elapsed(),
            after_leader: led.elapsed(),
        })
    }

    async fn led(&self) -> anyhow::Result<bool> {
        let queues = self.queues().await?;
        let led = QUEUES.iter().all(|name| {
            let queue = queues.iter().find(|queue| text(queue, "name") == *name);
            queue.is_some_and(|queue| {
                let online = queue.get("online").and_then(Value::as_array);
                let leader = text(queue, "leader");
                online.is_some_and(|online| online.iter().any(|node| node.as_str() == Some(leader)))
            })
        });
        Ok(led)
    }
}

fn text<'a>(queue: &'a Value, field: &str) -> &'a str {
    queue.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn count(queue: &Value, field: &str) -> usize {
    queue.get(field).and_then(Value::as_array).map_or(0, Vec::len)
}
