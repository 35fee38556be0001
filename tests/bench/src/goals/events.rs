//! P3: how soon the others know, at a thousand events a second: an agency's desk of a disposition, the Ombudsman's feed of a filing.
//! The floor is what such a way cannot do without: a commit, a confirmed message, and the consumer's commit. When a transaction was
//! committed, the database itself says (`track_commit_timestamp`): both sides by one clock, and nobody asks meanwhile.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, ensure};
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::time::Instant;
use tuntas_tests::{
    fill::DESK,
    play::{Filed, Play, complaint},
    sql,
    times::percentile_ms,
    world::World,
};

use super::{AGENCY, Bench, CATEGORY, LEFT_GONE_WITHIN, PATIENCE};
use crate::{
    feed::Feed,
    figure::{Bound, Goal, Round},
};

/// A filing makes three events: it is filed, its case is opened, and intake's register is told.
const FILED_PER_SECOND: u32 = 330;
const DISPOSED_PER_SECOND: u32 = 10;
/// The same way is measured at a fraction of the rate first: what it takes when nobody queues.
const FRACTION: u32 = 10;
/// Messages that await their confirm at once, for the floor.
const WINDOW: usize = 10;
const CLIENTS: usize = 8;
const FLOOR: &str = "bench_floor_events";
/// A small transaction, as each service commits many.
const COMMIT: &str = "INSERT INTO outbox_cursor (name, seq) VALUES ('bench' || random()::text, 1);\n";

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Goal>> {
    bench.settled(LEFT_GONE_WITHIN).await?;
    bench.servers.empty_copy(sql::INTAKE, FLOOR)?;
    let play = Play(World::of(bench.instance.platform(PATIENCE)?).await?);
    let (mut desk, mut feed) = (Vec::new(), Vec::new());
    let (desk_ms, feed_ms) = underway(bench, &play, FILED_PER_SECOND / FRACTION).await?;
    crate::say(&format!(
        "  at 1/{FRACTION} of the rate: desk p99 {desk_ms:.1} ms, feed p99 {feed_ms:.1} ms"
    ));
    for _ in 0..bench.rounds {
        let floor = floor(bench).await?;
        let (desk_ms, feed_ms) = underway(bench, &play, FILED_PER_SECOND).await?;
        desk.push(Round { figure: desk_ms, floor });
        feed.push(Round { figure: feed_ms, floor });
    }
    Ok(vec![
        Goal {
            id: "P3a",
            what: "disposition committed until in the agency's desk, p99",
            unit: "ms",
            bound: Bound::AtMost(2.0),
            rounds: desk,
        },
        Goal {
            id: "P3b",
            what: "filing accepted until in the Ombudsman's feed, p99",
            unit: "ms",
            bound: Bound::AtMost(2.0),
            rounds: feed,
        },
    ])
}

/// p99 from a disposition's commit to the desk's, and from a filing's receipt to the feed, with so many filings a second beside.
async fn underway(bench: &Bench, play: &Play, filed_per_second: u32) -> anyhow::Result<(f64, f64)> {
    // Verified beforehand: only the disposition is measured.
    let mut verified = Vec::new();
    for _ in 0..DISPOSED_PER_SECOND * u32::try_from(bench.length.as_secs())? {
        let filed = play.file(complaint(CATEGORY)).await?;
        play.verify(&filed).await?;
        verified.push(filed);
    }
    let feed = Feed::from_head(&bench.platform).await?;
    let filers = bench.filers.clone();
    let length = bench.length;
    let filing = tokio::spawn(async move { filers.offer(filed_per_second, length).await });
    let before = last_event(bench)?;
    dispose(play, verified).await?;
    let filed = filing.await?;
    filed.nothing_refused()?;
    // What is still under way counts, too.
    bench.settled(LEFT_GONE_WITHIN).await?;
    let mut disposed = on_their_way(bench, before)?;
    let mut readable = Vec::new();
    for (report_id, accepted) in filed.accepted {
        let seen = feed.first(&format!("report:{report_id}"));
        let seen = seen.with_context(|| format!("{report_id} is not in the feed"))?;
        readable.push(seen.saturating_duration_since(accepted));
    }
    Ok((percentile_ms(&mut disposed, 99), percentile_ms(&mut readable, 99)))
}

/// p99 of a commit beside seven other clients, of a confirm in a window of ten, and of a lone consumer's commit, added up.
async fn floor(bench: &Bench) -> anyhow::Result<f64> {
    let mut commit = bench.servers.pgbench(FLOOR, COMMIT, CLIENTS, bench.length / 2)?;
    let mut consumed = bench.servers.pgbench(FLOOR, COMMIT, 1, bench.length / 2)?;
    let mut confirm = confirms(bench).await?;
    Ok(percentile_ms(&mut commit.latencies, 99)
        + percentile_ms(&mut confirm, 99)
        + percentile_ms(&mut consumed.latencies, 99))
}

/// How long a bare client waits for each confirm of a quorum queue.
async fn confirms(bench: &Bench) -> anyhow::Result<Vec<Duration>> {
    const QUEUE: &str = "bench.confirms";
    const WINDOWS: usize = 300;
    let connection = Connection::connect(&bench.servers.amqp, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut arguments = lapin::types::FieldTable::default();
    arguments.insert(
        "x-queue-type".into(),
        lapin::types::AMQPValue::LongString("quorum".into()),
    );
    let durable = lapin::options::QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    channel.queue_declare(QUEUE.into(), durable, arguments).await?;
    let mut took = Vec::new();
    for _ in 0..WINDOWS {
        let begun = Instant::now();
        let mut pending = Vec::new();
        for _ in 0..WINDOW {
            let properties = BasicProperties::default().with_delivery_mode(2);
            let options = BasicPublishOptions::default();
            pending.push(
                channel
                    .basic_publish("".into(), QUEUE.into(), options, &[7; 400], properties)
                    .await?,
            );
        }
        for confirm in pending {
            ensure!(confirm.await?.is_ack(), "the broker refused a message");
            took.push(begun.elapsed());
        }
    }
    channel
        .queue_delete(QUEUE.into(), lapin::options::QueueDeleteOptions::default())
        .await?;
    connection.close(200, "done".into()).await?;
    Ok(took)
}

/// Disposes at a steady rate.
async fn dispose(play: &Play, verified: Vec<Filed>) -> anyhow::Result<()> {
    let every = Duration::from_secs(1) / DISPOSED_PER_SECOND;
    let (mut tasks, mut at) = (Vec::new(), Instant::now());
    for filed in verified {
        tokio::time::sleep_until(at).await;
        let play = play.clone();
        tasks.push(tokio::spawn(async move {
            play.dispose(&filed, AGENCY, &[]).await.map(drop)
        }));
        at += every;
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

fn last_event(bench: &Bench) -> anyhow::Result<u64> {
    Ok(bench
        .servers
        .sql(sql::ROUTING, "SELECT coalesce(max(seq), 0) FROM outbox")?
        .parse()?)
}

/// How long each disposition since then was on its way: from routing's commit to that of the agency's desk.
fn on_their_way(bench: &Bench, since: u64) -> anyhow::Result<Vec<Duration>> {
    const MICROS: &str = "(extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint";
    let left = bench.servers.sql(
        sql::ROUTING,
        &format!(
            "SELECT event_id, {MICROS} FROM outbox
             WHERE seq > {since} AND event_type = 'tuntas.case.disposed' AND exchange = 'tuntas.work'"
        ),
    )?;
    let arrived = bench.servers.sql(
        DESK.database,
        &format!("SELECT event_id, {MICROS} FROM inbox WHERE consumer = 'opd.{AGENCY}.cases'"),
    )?;
    let arrived: HashMap<&str, u64> = committed(&arrived).collect::<anyhow::Result<_>>()?;
    committed(&left)
        .map(|row| {
            let (event_id, left_at) = row?;
            let at = arrived.get(event_id);
            let at = at.with_context(|| format!("the desk has not heard of {event_id}"))?;
            Ok(Duration::from_micros(at.saturating_sub(left_at)))
        })
        .collect()
}

fn committed(rows: &str) -> impl Iterator<Item = anyhow::Result<(&str, u64)>> {
    rows.lines().map(|row| {
        let (event_id, micros) = row.split_once('|').context("two fields")?;
        Ok((event_id, micros.parse()?))
    })
}
