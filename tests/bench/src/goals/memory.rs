//! P10: memory of the services, idle and under the load of P1; and how fast a backlog goes when the broker is back.

use std::time::{Duration, Instant};

use tuntas_tests::{
    instance::{PROCESSES, wait_for},
    sql,
    times::percentile_ms,
};

use super::Bench;
use crate::figure::{Bound, Goal, Round};

/// MiB that a service may have.
const IDLE_MIB_MAX: f64 = 24.0;
const LOADED_MIB_MAX: f64 = 64.0;
const AT_ONCE: usize = 256;
/// Events that wait for the broker, and how long they may take when it is there.
const BACKLOG: usize = 120_000;
const DRAINED_WITHIN_S: f64 = 15.0;
const FILED_PER_SECOND: u32 = 50;
const GIVEN_UP_AFTER: Duration = Duration::from_secs(180);

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Goal>> {
    let mut goals = vec![largest(
        bench,
        "P10a",
        "memory of the largest service, idle",
        IDLE_MIB_MAX,
    )?];
    let kept = ["intake"];
    bench.alone(&kept)?;
    let taken = bench.filers.saturate(AT_ONCE, bench.length).await;
    taken.nothing_refused()?;
    let intake = bench.instance.memory_mib("intake")?;
    goals.push(Goal {
        id: "P10b",
        what: "memory of intake under the load of P1",
        unit: "MiB",
        bound: Bound::AtMost(1.0),
        rounds: vec![Round {
            figure: intake,
            floor: LOADED_MIB_MAX,
        }],
    });
    goals.extend(backlog(bench).await?);
    bench.all(&kept)?;
    Ok(goals)
}

fn largest(bench: &Bench, id: &'static str, what: &'static str, most: f64) -> anyhow::Result<Goal> {
    let mut figure = 0.0_f64;
    for process in PROCESSES.into_iter().chain(["gateway"]) {
        let mib = bench.instance.memory_mib(process)?;
        crate::say(&format!("  {process}: {mib:.1} MiB"));
        figure = figure.max(mib);
    }
    Ok(Goal {
        id,
        what,
        unit: "MiB",
        bound: Bound::AtMost(1.0),
        rounds: vec![Round { figure, floor: most }],
    })
}

/// Events wait in intake's outbox; then the relay may publish them, while filings go on.
async fn backlog(bench: &Bench) -> anyhow::Result<Vec<Goal>> {
    let (mut drained, mut latency) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        bench.published(GIVEN_UP_AFTER)?;
        let mut quiet = bench.filers.offer(FILED_PER_SECOND, bench.length).await;
        bench.published(GIVEN_UP_AFTER)?;
        bench.instance.servers("kill-rabbitmq")?;
        bench.servers.sql(
            sql::INTAKE,
            &format!(
                "INSERT INTO outbox (event_id, exchange, routing_key, event_type, source, aggregate_id, aggregate_seq,
                     occurred_at, traceparent, body)
                 SELECT gen_random_uuid(), exchange, routing_key, event_type, source, aggregate_id, aggregate_seq,
                     occurred_at, traceparent, body
                 FROM (SELECT * FROM outbox ORDER BY seq DESC LIMIT 1) AS latest, generate_series(1, {BACKLOG})"
            ),
        )?;
        bench.instance.servers("start-rabbitmq")?;
        // The clock runs from the first that is published: when the broker answers is not the relay's doing.
        wait_for(GIVEN_UP_AFTER, "the relay to begin", || Ok(depth(bench)? < BACKLOG))?;
        let published = Instant::now();
        let filing = bench.filers.clone();
        let length = bench.length;
        let busy = tokio::spawn(async move { filing.offer(FILED_PER_SECOND, length).await });
        let few = usize::try_from(FILED_PER_SECOND)?;
        wait_for(GIVEN_UP_AFTER, "the relay to finish", || Ok(depth(bench)? <= few))?;
        drained.push(Round {
            figure: published.elapsed().as_secs_f64(),
            floor: DRAINED_WITHIN_S,
        });
        let mut busy = busy.await?;
        busy.nothing_refused()?;
        quiet.nothing_refused()?;
        latency.push(Round {
            figure: percentile_ms(&mut busy.took, 99),
            floor: percentile_ms(&mut quiet.took, 99),
        });
    }
    Ok(vec![
        Goal {
            id: "P10c",
            what: "120,000 events drained, over 15 s",
            unit: "s",
            bound: Bound::AtMost(1.0),
            rounds: drained,
        },
        Goal {
            id: "P10d",
            what: "filing p99 meanwhile, over without",
            unit: "ms",
            bound: Bound::AtMost(2.0),
            rounds: latency,
        },
    ])
}

fn depth(bench: &Bench) -> anyhow::Result<usize> {
    bench.servers.databases.unpublished(sql::INTAKE)
}
