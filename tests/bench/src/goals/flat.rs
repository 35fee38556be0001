//! P7: what costs the same with ten thousand reports and with millions, against itself at ten thousand.

use std::{
    ops::AsyncFn,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tuntas_ctl::{
    platform::{Platform, Who},
    rpc,
};
use tuntas_proto::{desk::v1::ListCasesRequest, intake::v1::GetPublicReportRequest, routing::v1::ListInboxRequest};
use tuntas_tests::{
    fill::{INTAKE, ROUTING},
    instance::wait_for,
    play::{liaison, who::VERIFIER},
    sql::Databases,
    times::percentile_ms,
};

use super::{AGENCY, Bench, LEFT_GONE_WITHIN};
use crate::figure::{Bound, Goal, Round, float};

const SMALL: u64 = 10_000;
const ASKED: usize = 1_000;
const AT_ONCE: usize = 256;
/// Cases that fall due at once.
const DUE: usize = 3_000;
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// What is measured at a size, once.
#[derive(Debug)]
struct Sizes {
    looks: Looks,
    filings: Filings,
}

/// How long it takes to look.
#[derive(Debug)]
struct Looks {
    inbox_ms: f64,
    desk_ms: f64,
    ticket_ms: f64,
    due_ms: f64,
}

/// What a filing costs.
#[derive(Debug)]
struct Filings {
    per_second: f64,
    wal_bytes: f64,
}

/// A figure of these, and what is wanted of it.
type Wanted = (&'static str, &'static str, &'static str, Bound, fn(&Sizes) -> f64);

const WANTED: [Wanted; 6] = [
    ("P7a", "filings accepted", "1/s", Bound::AtLeast(0.95), |s| {
        s.filings.per_second
    }),
    ("P7b", "WAL of a filing", "bytes", Bound::AtMost(1.1), |s| {
        s.filings.wal_bytes
    }),
    (
        "P7c",
        "a page of the verifiers' inbox, p99",
        "ms",
        Bound::AtMost(1.2),
        |s| s.looks.inbox_ms,
    ),
    ("P7d", "a page of a desk's cases, p99", "ms", Bound::AtMost(1.2), |s| {
        s.looks.desk_ms
    }),
    ("P7e", "a ticket looked up, p99", "ms", Bound::AtMost(1.2), |s| {
        s.looks.ticket_ms
    }),
    ("P7g", "the clocks' look at a due case", "ms", Bound::AtMost(1.2), |s| {
        s.looks.due_ms
    }),
];

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Goal>> {
    let databases = &bench.servers.databases;
    let small = at(bench, databases, SMALL).await?;
    let large = at(bench, databases, bench.reports).await?;
    let goals = WANTED.into_iter().map(|(id, what, unit, bound, value)| Goal {
        id,
        what,
        unit,
        bound,
        rounds: large
            .iter()
            .zip(&small)
            .map(|(large, small)| Round {
                figure: value(large),
                floor: value(small),
            })
            .collect(),
    });
    Ok(goals.collect())
}

async fn at(bench: &Bench, databases: &Databases, reports: u64) -> anyhow::Result<Vec<Sizes>> {
    let begun = Instant::now();
    bench.filled(reports).await?;
    crate::say(&format!(
        "  {reports} reports in {:.0} s",
        begun.elapsed().as_secs_f64()
    ));
    let mut looked = Vec::new();
    for _ in 0..bench.rounds {
        looked.push(looks(bench, databases).await?);
    }
    // Filings last: what they leave keeps the whole platform busy for minutes.
    let kept = ["intake"];
    bench.alone(&kept)?;
    let filed = all_filings(bench, databases).await;
    bench.all(&kept)?;
    let filed = filed?;
    bench.settled(LEFT_GONE_WITHIN).await?;
    let each = looked.into_iter().zip(filed);
    let measured = each.map(|(looks, filings)| Sizes { looks, filings }).collect();
    crate::say(&format!("  {measured:?}"));
    Ok(measured)
}

async fn looks(bench: &Bench, databases: &Databases) -> anyhow::Result<Looks> {
    let inbox_ms = p99(bench, async |platform, _| {
        let request = ListInboxRequest::default();
        rpc!(platform, Who::Position(VERIFIER), cases().list_inbox(request))?;
        Ok(())
    })
    .await?;
    let desk_ms = p99(bench, async |platform, _| {
        let request = ListCasesRequest::default();
        rpc!(
            platform,
            Who::Position(&liaison(AGENCY)),
            desk(AGENCY).list_cases(request)
        )?;
        Ok(())
    })
    .await?;
    let tickets = tickets(databases)?;
    let ticket_ms = p99(bench, async |platform, number| {
        let ticket = tickets.get(number % tickets.len()).cloned().unwrap_or_default();
        let request = GetPublicReportRequest {
            ticket,
            ..GetPublicReportRequest::default()
        };
        rpc!(platform, Who::Citizen, intake().get_public_report(request))?;
        Ok(())
    })
    .await?;
    Ok(Looks {
        inbox_ms,
        desk_ms,
        ticket_ms,
        due_ms: due(databases)?,
    })
}

/// p99 of a call made again and again, one after the other, once caches are warm.
async fn p99(bench: &Bench, call: impl AsyncFn(&Arc<Platform>, usize) -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut took = Vec::with_capacity(ASKED);
    for number in 0..2 * ASKED {
        let begun = Instant::now();
        call(&bench.platform, number).await?;
        if number >= ASKED {
            took.push(begun.elapsed());
        }
    }
    Ok(percentile_ms(&mut took, 99))
}

/// Tickets from all over the register.
fn tickets(databases: &Databases) -> anyhow::Result<Vec<String>> {
    let sql = format!("SELECT ticket FROM register_facet TABLESAMPLE SYSTEM_ROWS({ASKED})");
    databases.ask(INTAKE.database, "CREATE EXTENSION IF NOT EXISTS tsm_system_rows")?;
    let found: Vec<String> = databases
        .ask(INTAKE.database, &sql)?
        .lines()
        .map(str::to_owned)
        .collect();
    anyhow::ensure!(!found.is_empty(), "the register is empty");
    Ok(found)
}

/// Milliseconds for each of many cases that fall due at one moment, until routing has looked at all of them. They are copies of an open
/// one, and gone afterwards.
fn due(databases: &Databases) -> anyhow::Result<f64> {
    const COPIES: &str =
        "case_id >= 'd0000000-0000-0000-0000-000000000000' AND case_id < 'e0000000-0000-0000-0000-000000000000'";
    let make = format!(
        "INSERT INTO kase
         SELECT (jsonb_populate_record(original, jsonb_build_object('case_id', id, 'body', jsonb_set((original).body, '{{id}}', to_jsonb(id)),
             'next_due_at', clock_timestamp()))).*
         FROM (SELECT kase FROM kase WHERE case_id >= 'e0000000-0000-0000-0000-000000000000' AND state <> 'closed'
               ORDER BY case_id LIMIT 1) AS one (original),
             LATERAL (SELECT ('d' || lpad(to_hex(number), 31, '0'))::uuid AS id FROM generate_series(1, {DUE}) AS number) AS ids"
    );
    databases.ask(ROUTING.database, &make)?;
    let begun = Instant::now();
    let waiting = format!("SELECT count(*) FROM kase WHERE {COPIES} AND next_due_at <= clock_timestamp()");
    wait_for(SETTLED_WITHIN, "the clocks", || {
        Ok(databases.ask(ROUTING.database, &waiting)? == "0")
    })?;
    let took = begun.elapsed();
    // Nothing refers to them, and to be sure of it the database would read the whole table for each: no case is ever deleted.
    let forget = format!("SET session_replication_role = replica; DELETE FROM kase WHERE {COPIES}");
    databases.ask(ROUTING.database, &forget)?;
    Ok(took.as_secs_f64() * 1_000.0 / float(DUE))
}

async fn all_filings(bench: &Bench, databases: &Databases) -> anyhow::Result<Vec<Filings>> {
    let mut all = Vec::new();
    for _ in 0..bench.rounds {
        all.push(filings(bench, databases).await?);
    }
    Ok(all)
}

async fn filings(bench: &Bench, databases: &Databases) -> anyhow::Result<Filings> {
    let number = |sql| -> anyhow::Result<f64> { databases.ask("postgres", sql)?.parse().context(sql) };
    let written = || number("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn");
    let whole_pages = || number("SELECT wal_fpi FROM pg_stat_wal");
    bench.filers.saturate(AT_ONCE, super::WARM_UP).await;
    let (bytes, pages) = (written()?, whole_pages()?);
    let taken = bench.filers.saturate(AT_ONCE, bench.length).await;
    taken.nothing_refused()?;
    let each = |since: f64, now: f64| (now - since) / float(taken.took.len());
    let wal_bytes = each(bytes, written()?);
    // A page that is touched first after a checkpoint is written whole.
    let pages = each(pages, whole_pages()?);
    crate::say(&format!(
        "  a filing writes {wal_bytes:.0} bytes of WAL, with {pages:.2} whole pages"
    ));
    Ok(Filings {
        per_second: taken.per_second,
        wal_bytes,
    })
}
