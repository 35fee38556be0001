//! P1, P2, P9: filings accepted durably, against `pgbench` inserting the same rows.

use anyhow::ensure;
use tuntas_tests::{sql, times::percentile_ms};

use super::{Bench, LEFT_GONE_WITHIN, WARM_UP};
use crate::figure::{Bound, Goal, Round, float};

/// Callers at once when filings are to be as many as can be.
const AT_ONCE: usize = 256;
const PGBENCH_CLIENTS: usize = 64;
const OFFERED_PER_SECOND: u32 = 1_000;
/// Setting without which a service exports no traces.
const OTLP_ENDPOINT: &str = "TUNTAS__TELEMETRY__OTLP_ENDPOINT";
const FLOOR: &str = "bench_floor";

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Goal>> {
    // Queues that an earlier group left full slow the broker down, and nobody would empty them.
    bench.settled(LEFT_GONE_WITHIN).await?;
    let kept = ["intake"];
    bench.alone(&kept)?;
    let goals = goals(bench).await;
    bench.all(&kept)?;
    goals
}

async fn goals(bench: &Bench) -> anyhow::Result<Vec<Goal>> {
    let warmed = bench.filers.saturate(AT_ONCE, WARM_UP).await;
    warmed.nothing_refused()?;
    bench.servers.empty_copy(sql::INTAKE, FLOOR)?;
    let script = same_rows(bench)?;
    let (mut p1, mut p2, mut fsyncs, mut telemetry) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let floor = bench.servers.pgbench(FLOOR, &script, PGBENCH_CLIENTS, bench.length)?;
        let synced = wal_syncs(bench)?;
        let taken = bench.filers.saturate(AT_ONCE, bench.length).await;
        taken.nothing_refused()?;
        let filings = float(taken.took.len());
        p1.push(Round {
            figure: taken.per_second,
            floor: floor.per_second,
        });
        fsyncs.push(Round {
            figure: wal_syncs(bench)? - synced,
            floor: filings,
        });
        bench.published(LEFT_GONE_WITHIN)?;
        let mut single = bench.servers.pgbench(FLOOR, &script, 1, bench.length)?;
        // While `pgbench` ran, nobody filed: the first then waits a tenth of a second, and a hundred wait behind it.
        bench.filers.offer(OFFERED_PER_SECOND, WARM_UP).await;
        let mut offered = bench.filers.offer(OFFERED_PER_SECOND, bench.length).await;
        offered.nothing_refused()?;
        p2.push(Round {
            figure: percentile_ms(&mut offered.took, 99),
            floor: percentile_ms(&mut single.latencies, 99),
        });
        bench.instance.restart_with("intake", OTLP_ENDPOINT, None)?;
        bench.filers.saturate(AT_ONCE, WARM_UP).await;
        let silent = bench.filers.saturate(AT_ONCE, bench.length).await;
        bench
            .instance
            .restart_with("intake", OTLP_ENDPOINT, Some(bench.collector_url()))?;
        bench.filers.saturate(AT_ONCE, WARM_UP).await;
        let telling = bench.filers.saturate(AT_ONCE, bench.length).await;
        telemetry.push(Round {
            figure: telling.per_second,
            floor: silent.per_second,
        });
    }
    Ok(vec![
        Goal {
            id: "P1",
            what: "filings accepted, over pgbench with 64 clients",
            unit: "1/s",
            bound: Bound::AtLeast(3.5),
            rounds: p1,
        },
        Goal {
            id: "P2",
            what: "p99 at 1,000 filings/s, over pgbench p99 with 1 client",
            unit: "ms",
            bound: Bound::AtMost(8.0),
            rounds: p2,
        },
        Goal {
            id: "P9a",
            what: "filings accepted with telemetry, over without",
            unit: "1/s",
            bound: Bound::AtLeast(0.9),
            rounds: telemetry,
        },
        Goal {
            id: "P9b",
            what: "fsyncs of the WAL, over filings accepted, at saturation",
            unit: "",
            bound: Bound::AtMost(0.02),
            rounds: fsyncs,
        },
    ])
}

fn wal_syncs(bench: &Bench) -> anyhow::Result<f64> {
    Ok(bench
        .servers
        .sql("postgres", "SELECT wal_sync FROM pg_stat_wal")?
        .parse()?)
}

/// One statement that inserts what one filing inserts: the rows of the latest report, with ids of their own.
fn same_rows(bench: &Bench) -> anyhow::Result<String> {
    let report = bench.servers.sql(
        sql::INTAKE,
        "SELECT format($q$
            WITH made AS (SELECT gen_random_uuid() AS id),
            report AS (INSERT INTO report (id, ticket, filing_key, filing_hash, receipt_mac, kind, privacy, category_code,
                region_code, named_opd, event_date, filed_at, verification_due_at, channel, language, same_as,
                sealed_words, sealed_identity, words_commitment, seq)
              SELECT id, 'TTS-' || translate(upper(left(encode(uuid_send(id), 'base64'), 8)), '+/ILOU', 'XYABCD') || '-0', sha256(uuid_send(id)), %L, %L, %L, %L, %L, %L, NULL,
                NULL, clock_timestamp(), clock_timestamp(), %L, %L, NULL, %L, NULL, %L, 1 FROM made),
            wrapped AS (INSERT INTO report_key SELECT id, %L, %L FROM made),
            grams AS (INSERT INTO report_gram SELECT id, clock_timestamp(), %L FROM made)
            INSERT INTO outbox (event_id, exchange, routing_key, event_type, source, aggregate_id, aggregate_seq,
                occurred_at, traceparent, body)
              SELECT gen_random_uuid(), %L, %L, %L, %L, 'report:' || id, 1, clock_timestamp(), %L, %L FROM made
            $q$, filing_hash, receipt_mac, kind, privacy, category_code, region_code, channel, language, sealed_words,
            words_commitment, wrapped_key, key_id, grams, exchange, routing_key, event_type, source, traceparent, body)
         FROM report
         JOIN report_key ON report_key.report_id = report.id
         JOIN report_gram ON report_gram.report_id = report.id
         JOIN outbox ON outbox.aggregate_id = 'report:' || report.id
         ORDER BY report.filed_at DESC LIMIT 1",
    )?;
    ensure!(!report.is_empty(), "no filing to copy");
    // `pgbench` ends a statement at a semicolon and reads a colon before a letter as a variable: neither is in the rows.
    let line = report.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(line + ";\n")
}
