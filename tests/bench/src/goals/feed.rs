//! P8: replay of the feed, against PostgreSQL's own copy of the same rows.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::ensure;
use tuntas_ctl::{platform::Who, rpc};
use tuntas_proto::oversight::v1::FollowRequest;
use tuntas_tests::sql;

use super::Bench;
use crate::figure::{Bound, Goal, Round, float};

/// Entries that the log is filled up to.
const ENTRIES: usize = 200_000;
const OMBUDSMAN: &str = "ombudsman.riau";

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Goal>> {
    fill(bench)?;
    let mut rounds = Vec::new();
    for _ in 0..bench.rounds {
        let (copied, copy) = copied(bench)?;
        let (replayed, replay) = replayed(bench).await?;
        ensure!(replayed >= copied, "the feed gave {replayed} entries of {copied}");
        rounds.push(Round {
            figure: float(replayed) / replay,
            floor: float(copied) / copy,
        });
    }
    Ok(vec![Goal {
        id: "P8",
        what: "entries replayed through gRPC, over COPY in binary",
        unit: "1/s",
        bound: Bound::AtLeast(0.5),
        rounds,
    }])
}

/// Copies of the last entry, with ids of their own, as if the province had been busy. The chain is not theirs: nobody verifies it
/// here.
fn fill(bench: &Bench) -> anyhow::Result<()> {
    let size: usize = bench
        .servers
        .sql(sql::OVERSIGHT, "SELECT size FROM log_head")?
        .parse()?;
    let more = ENTRIES.saturating_sub(size);
    bench.servers.sql(
        sql::OVERSIGHT,
        &format!(
            "INSERT INTO entry (position, event_id, event_type, aggregate_id, aggregate_seq, causation_id, case_id, body,
                 leaf_hash, chain_hash)
             SELECT {size} + n, gen_random_uuid(), event_type, 'bench:' || gen_random_uuid(), 1, NULL, case_id, body,
                 leaf_hash, chain_hash
             FROM entry, generate_series(1, {more}) AS n WHERE position = {size}"
        ),
    )?;
    bench
        .servers
        .sql(sql::OVERSIGHT, &format!("UPDATE log_head SET size = {size} + {more}"))?;
    bench.servers.sql(sql::OVERSIGHT, "VACUUM ANALYZE entry")?;
    Ok(())
}

/// Reads the rows that a feed sends, as PostgreSQL writes them.
fn copied(bench: &Bench) -> anyhow::Result<(usize, f64)> {
    let rows: usize = bench
        .servers
        .sql(sql::OVERSIGHT, "SELECT size FROM log_head")?
        .parse()?;
    let begun = Instant::now();
    let status = Command::new("psql")
        .args(["-X", "-q", "-c"])
        .arg("COPY (SELECT position, event_id, body, leaf_hash, chain_hash FROM entry ORDER BY position) TO STDOUT (FORMAT binary)")
        .arg(bench.servers.database(sql::OVERSIGHT))
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "psql: {status}");
    Ok((rows, begun.elapsed().as_secs_f64()))
}

async fn replayed(bench: &Bench) -> anyhow::Result<(usize, f64)> {
    let request = FollowRequest {
        from_position: 1,
        until_head: true,
    };
    let begun = Instant::now();
    let mut stream = rpc!(bench.platform, Who::Position(OMBUDSMAN), feed().follow(request))?;
    let mut entries = 0;
    while stream.message().await?.is_some() {
        entries += 1;
    }
    Ok((entries, begun.elapsed().as_secs_f64()))
}
