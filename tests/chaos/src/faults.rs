//! The faults, one function each. Each says what must hold, and which bug of `--bug` turns it red.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use tuntas_ctl::{
    platform::{Platform, Who},
    rpc,
};
use tuntas_proto::oversight::v1::FollowRequest;
use tuntas_tests::{
    instance::{Instance, PROCESSES},
    play::complaint,
    sql::{self, Databases},
    times::percentile_ms,
};

use crate::{Chaos, ledger::Ledger, load::Load, say, until};

pub(crate) const CLIENTS: usize = 4;
pub(crate) const BALANCED_WITHIN: Duration = Duration::from_secs(180);
const SERVERS: [&str; 2] = ["postgres", "rabbitmq"];
const OMBUDSMAN: &str = "ombudsman.riau";

/// R1: kill -9 of every process, of PostgreSQL and of RabbitMQ, so often each, in random order under load. Nothing that was
/// acknowledged is lost, nothing is done twice. RabbitMQ, which takes the longest to come back, is killed beside the others, so that
/// they also die while it is away.
///
/// Bug `lose`: while the broker is away, what waits for it is dropped.
pub(crate) async fn r1(chaos: &Chaos) -> anyhow::Result<()> {
    const PAUSE: Duration = Duration::from_millis(300);
    /// Its start takes seconds: events must get through between two of its kills.
    const BROKER_UP: Duration = Duration::from_secs(4);
    let (platform, ledger) = (chaos.platform()?, Arc::new(Ledger::default()));
    let load = Load::start(&platform, &ledger, CLIENTS);
    let others: Vec<&str> = PROCESSES.into_iter().chain(["postgres"]).collect();
    // Each on a thread of its own: starting a server blocks.
    let runtime = tokio::runtime::Handle::current();
    let (killed, broker_killed) = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let beside = scope.spawn(|| runtime.block_on(kill_all(chaos, &["rabbitmq"], 1, BROKER_UP)));
            (runtime.block_on(kill_all(chaos, &others, 0, PAUSE)), beside.join())
        })
    });
    let broker_killed = broker_killed.map_err(|_| anyhow::anyhow!("killing the broker panicked"))?;
    let kills = killed? + broker_killed?;
    chaos.healed().await?;
    load.stop().await?;
    say(&format!("  {kills} kills, {} acknowledged", ledger.len()));
    ledger.balance(&platform, &chaos.databases, BALANCED_WITHIN).await
}

/// Kills each of these `chaos.kills` times, in random order and with up to `pause` between two kills; answers how many it were. `lane`
/// tells apart those who kill at once.
async fn kill_all(chaos: &Chaos, victims: &[&str], lane: u64, pause: Duration) -> anyhow::Result<usize> {
    let mut random = StdRng::seed_from_u64(chaos.seed.wrapping_add(lane));
    let mut victims = victims.repeat(chaos.kills);
    victims.shuffle(&mut random);
    for (kill, victim) in victims.iter().enumerate() {
        tokio::time::sleep(random.random_range(Duration::ZERO..pause)).await;
        if SERVERS.contains(victim) {
            chaos.servers(&format!("kill-{victim}")).await?;
            tokio::time::sleep(Duration::from_millis(random.random_range(0..1_000))).await;
            if chaos.bug("lose") && *victim == "rabbitmq" {
                lose(&chaos.databases)?;
            }
            chaos.servers(&format!("start-{victim}")).await?;
        } else {
            chaos.kill(victim).await?;
        }
        if kill % 50 == 49 {
            say(&format!("  {} kills, the last of {victim}", kill + 1));
        }
    }
    Ok(victims.len())
}

/// Drops what waits in intake's outbox.
pub(crate) fn lose(databases: &Databases) -> anyhow::Result<()> {
    databases.ask(
        sql::INTAKE,
        "DELETE FROM outbox WHERE seq > (SELECT seq FROM outbox_cursor WHERE name = 'relay')",
    )?;
    Ok(())
}

/// R2: RabbitMQ away for a minute. At least 99.99 % of the filings are taken at the first try, in at most twice the time (p99); the
/// first event is in the log within 3 s after the broker answers again.
///
/// Bug `lose`: as in R1.
pub(crate) async fn r2(chaos: &Chaos) -> anyhow::Result<()> {
    const FILERS: usize = 8;
    /// So many a second, or the share of those that were taken says little.
    const FILINGS_MIN: u64 = 20;
    let (platform, ledger) = (chaos.platform()?, Arc::new(Ledger::default()));
    let load = Load::start(&platform, &ledger, FILERS);
    tokio::time::sleep(chaos.outage).await;
    let killed = Instant::now();
    chaos.servers("kill-rabbitmq").await?;
    tokio::time::sleep(chaos.outage).await;
    if chaos.bug("lose") {
        lose(&chaos.databases)?;
    }
    let entries = "SELECT size FROM log_head";
    let before: u64 = chaos.databases.ask(sql::OVERSIGHT, entries)?.parse()?;
    let ended = Instant::now();
    chaos.servers("start-rabbitmq").await?;
    let back = Instant::now();
    until("an event to arrive", Duration::from_millis(20), async || {
        Ok(chaos.databases.ask(sql::OVERSIGHT, entries)?.parse::<u64>()? != before)
    })
    .await?;
    let first = back.elapsed();
    let taken = load.stop().await?;
    let (mut calm, mut away, mut failed) = (Vec::new(), Vec::new(), 0);
    for filing in &taken.filings {
        if filing.begun < killed {
            calm.push(filing.took);
        } else if filing.begun < ended {
            away.push(filing.took);
            failed += usize::from(filing.first_try_failed);
        }
    }
    let filings = away.len();
    let (calm, away) = (percentile_ms(&mut calm, 99), percentile_ms(&mut away, 99));
    say(&format!(
        "  {filings} filings without broker, {failed} not at the first try; p99 {:.0} ms before, {:.0} ms then ({:.2}x); first event \
         {:.2} s after",
        calm,
        away,
        away / calm,
        first.as_secs_f64(),
    ));
    ledger.balance(&platform, &chaos.databases, BALANCED_WITHIN).await?;
    ensure!(
        filings as u64 >= FILINGS_MIN * chaos.outage.as_secs(),
        "hardly a filing was tried"
    );
    ensure!(failed * 10_000 <= filings, "filings were not taken");
    ensure!(away <= calm * 2.0, "filings took more than twice as long");
    ensure!(first <= Duration::from_secs(3), "the first event came too late");
    Ok(())
}

/// R5: callers who hang up at any moment of a request. No session stays inside a transaction, and what was acknowledged before, between
/// and after is there. Who waits for an answer gets one, or is told that there is no room.
///
/// Bug `hold`: a transaction is left open in intake's database, as a handler that holds one directly leaves it when it is dropped.
pub(crate) async fn r5(chaos: &Chaos) -> anyhow::Result<()> {
    const AT_ONCE: usize = 64;
    const PATIENCE_MAX: Duration = Duration::from_millis(120);
    let (platform, ledger) = (chaos.platform()?, Arc::new(Ledger::default()));
    // Without officers: what the calls leave behind keeps cases from opening for minutes.
    let load = Load::start_filing(&platform, &ledger, CLIENTS);
    let each = chaos.cancellations.div_ceil(AT_ONCE);
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|task| {
            let (platform, ledger) = (Arc::clone(&platform), Arc::clone(&ledger));
            let mut random = StdRng::seed_from_u64(chaos.seed.wrapping_add(task as u64));
            tokio::spawn(async move {
                let mut calls = Calls::default();
                for _ in 0..each {
                    let mut client = platform.intake()?;
                    let patience = random.random_range(Duration::ZERO..PATIENCE_MAX);
                    let call = client.file_report(complaint("transportasi-darat"));
                    match tokio::time::timeout(patience, call).await {
                        Ok(Ok(answer)) => {
                            let filed = answer.into_inner();
                            ledger.acknowledge(filed.report_id, filed.ticket);
                        }
                        Ok(Err(status)) => *calls.refused.entry(status.code().to_string()).or_default() += 1,
                        Err(_) => calls.given_up += 1,
                    }
                }
                anyhow::Ok(calls)
            })
        })
        .collect();
    let mut calls = Calls::default();
    for task in tasks {
        calls.add(task.await??);
    }
    load.stop().await?;
    let _held = match chaos.bug("hold") {
        true => Some(chaos.databases.hold_open(sql::INTAKE)?),
        false => None,
    };
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = chaos.databases.ask(
        sql::INTAKE,
        "SELECT count(*) FROM pg_stat_activity
         WHERE state LIKE 'idle in transaction%' AND clock_timestamp() - state_change > interval '1 second'",
    )?;
    say(&format!(
        "  {} calls, {} given up, refused {:?}; {} acknowledged with the load beside them, {idle} sessions idle in a transaction",
        each * AT_ONCE,
        calls.given_up,
        calls.refused,
        ledger.len()
    ));
    ensure!(idle == "0", "{idle} sessions are idle in a transaction");
    ensure!(calls.given_up * 10 > each * AT_ONCE, "hardly a call was given up");
    // That there is no room is an honest answer. Any other says that a connection was closed with calls on it.
    let no_room = tonic::Code::ResourceExhausted.to_string();
    let others: Vec<_> = calls.refused.keys().filter(|told| **told != no_room).collect();
    ensure!(others.is_empty(), "some of them were told {others:?}");
    ledger.balance(&platform, &chaos.databases, BALANCED_WITHIN).await
}

/// What became of calls that got no receipt.
#[derive(Default)]
struct Calls {
    given_up: usize,
    /// Number by what it was told.
    refused: BTreeMap<String, usize>,
}

impl Calls {
    fn add(&mut self, other: Self) {
        self.given_up += other.given_up;
        for (why, number) in other.refused {
            *self.refused.entry(why).or_default() += number;
        }
    }
}

/// R10: SIGTERM to oversight under load with open feeds. It ends within 5 s, and every feed goes on at its position without a gap.
///
/// Bug `gap`: the follower asks for the position after the next one.
pub(crate) async fn r10(chaos: &Chaos) -> anyhow::Result<()> {
    const FEEDS: usize = 8;
    const STOPS: usize = 5;
    let (platform, ledger) = (chaos.platform()?, Arc::new(Ledger::default()));
    let load = Load::start(&platform, &ledger, CLIENTS);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let skip = u64::from(chaos.bug("gap"));
    let feeds: Vec<_> = (0..FEEDS)
        .map(|_| tokio::spawn(follow(Arc::clone(&platform), stopped.clone(), skip)))
        .collect();
    let mut slowest = Duration::ZERO;
    for _ in 0..STOPS {
        tokio::time::sleep(Duration::from_secs(2)).await;
        slowest = slowest.max(terminate(&chaos.instance).await?);
        chaos.ready("oversight").await?;
    }
    load.stop().await?;
    ledger.balance(&platform, &chaos.databases, BALANCED_WITHIN).await?;
    let size: u64 = chaos
        .databases
        .ask(sql::OVERSIGHT, "SELECT size FROM log_head")?
        .parse()?;
    stop.send(true)?;
    for feed in feeds {
        let reached = feed.await??;
        ensure!(reached + 1_000 > size, "a feed stopped at {reached} of {size}");
    }
    say(&format!(
        "  {FEEDS} feeds over {size} entries, {STOPS} stops, slowest {slowest:.2?}"
    ));
    ensure!(slowest <= Duration::from_secs(5), "a stop took {slowest:?}");
    Ok(())
}

async fn terminate(instance: &Instance) -> anyhow::Result<Duration> {
    let pid = instance.process_id("oversight")?;
    let begun = Instant::now();
    instance.terminate("oversight")?;
    until("oversight to end", Duration::from_millis(10), async || {
        Ok(!std::path::Path::new("/proc").join(&pid).exists())
    })
    .await?;
    Ok(begun.elapsed())
}

/// Follows from the beginning; answers the last position. Each time the stream ends it goes on after the last.
async fn follow(
    platform: Arc<Platform>,
    mut stopped: tokio::sync::watch::Receiver<bool>,
    skip: u64,
) -> anyhow::Result<u64> {
    let mut last = 0;
    while !*stopped.borrow() {
        let request = FollowRequest {
            from_position: last + 1 + if last == 0 { 0 } else { skip },
            until_head: false,
        };
        let mut stream = rpc!(platform, Who::Position(OMBUDSMAN), feed().follow(request))?;
        loop {
            let message = tokio::select! {
                message = stream.message() => message,
                _ = stopped.changed() => return Ok(last),
            };
            let Ok(Some(entry)) = message else { break };
            ensure!(
                entry.position == last + 1,
                "position {} comes after {last}",
                entry.position
            );
            last = entry.position;
        }
    }
    Ok(last)
}
