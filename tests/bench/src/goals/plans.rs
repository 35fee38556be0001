//! No hot query reads a whole table or sorts one, with as many reports as were asked for: PostgreSQL itself says how it answered what
//! the platform asked (`auto_explain`), while people file, work, search and look.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tuntas_ctl::{platform::Who, rpc};
use tuntas_proto::{desk::v1::ListCasesRequest, routing::v1::ListInboxRequest};
use tuntas_tests::{
    play::{
        Play, liaison,
        who::{MANAGER, VERIFIER},
    },
    portal::Portal,
    world::World,
};

use super::{AGENCY, Bench, CATEGORY, PATIENCE};
use crate::figure::{Bound, Goal, Round, float};

/// A table with as many rows or more may not be read whole.
const LARGE_ROWS: u64 = 50_000;
const LIFECYCLES: usize = 10;
const PAGES: [&str; 7] = [
    "/",
    "/laporan",
    "/laporan?opd=dishub",
    "/laporan?status=closed",
    "/laporan?kata=lampu",
    "/laporan?kata=lampu+simpang",
    "/laporan?kata=tidakadakatanya",
];
/// The log's mark of a plan.
const MARK: &str = "plan:";

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Goal>> {
    bench.filled(bench.reports).await?;
    explain(bench, true)?;
    let begun = log(bench)?.len();
    let used = use_it(bench).await;
    let text = log(bench)?.split_off(begun);
    explain(bench, false)?;
    used?;
    let large = large_tables(bench)?;
    let (mut seen, mut whole) = (0_usize, BTreeMap::new());
    for (database, plan) in plans(&text) {
        seen += 1;
        let query = plan.get("Query Text").and_then(Value::as_str).unwrap_or_default();
        let large_there = large.get(database).map_or(&[][..], Vec::as_slice);
        if let Some(why) = plan.get("Plan").and_then(|node| reads_whole(node, large_there)) {
            whole.entry((database.to_owned(), one_line(query))).or_insert(why);
        }
    }
    ensure!(seen > LIFECYCLES, "PostgreSQL explained only {seen} statements");
    for ((database, query), why) in &whole {
        crate::say(&format!("  {database} {why}: {query}"));
    }
    Ok(vec![Goal {
        id: "P7f",
        what: "statements that read or sort a whole large table",
        unit: "",
        bound: Bound::AtMost(0.0),
        rounds: vec![Round {
            figure: float(whole.len()),
            floor: float(seen),
        }],
    }])
}

/// Has PostgreSQL write down the plan of every statement of the services, or no longer.
fn explain(bench: &Bench, on: bool) -> anyhow::Result<()> {
    for database in databases(bench)? {
        let set = |name: &str, value: &str| match on {
            true => format!("ALTER DATABASE {database} SET {name} = '{value}';"),
            false => format!("ALTER DATABASE {database} RESET {name};"),
        };
        let all = [
            ("session_preload_libraries", "auto_explain"),
            ("auto_explain.log_min_duration", "0"),
            ("auto_explain.log_format", "json"),
            ("auto_explain.log_nested_statements", "on"),
        ];
        let statements: String = all.iter().map(|(name, value)| set(name, value)).collect();
        bench
            .servers
            .sql("postgres", &format!("LOAD 'auto_explain'; {statements}"))?;
    }
    // Sessions have what was set when they began.
    bench.alone(&[])?;
    bench.all(&[])
}

fn databases(bench: &Bench) -> anyhow::Result<Vec<String>> {
    let names = bench.servers.sql(
        "postgres",
        "SELECT datname FROM pg_database WHERE datname LIKE 'tuntas%'",
    )?;
    Ok(names.lines().map(str::to_owned).collect())
}

/// What is done all day long.
async fn use_it(bench: &Bench) -> anyhow::Result<()> {
    let play = Play(World::of(bench.instance.platform(PATIENCE)?).await?);
    for _ in 0..LIFECYCLES {
        let filed = play.answered(CATEGORY, AGENCY).await?;
        play.track(&filed).await?;
        play.withdraw(&filed).await?;
    }
    for (among, overdue_only) in [
        ("", false),
        ("", true),
        ("open", false),
        ("open", true),
        ("flagged", false),
    ] {
        let request = ListInboxRequest {
            among: among.to_owned(),
            overdue_only,
            ..ListInboxRequest::default()
        };
        rpc!(
            bench.platform,
            Who::Position(MANAGER),
            cases().list_inbox(request.clone())
        )?;
        if among.is_empty() {
            rpc!(bench.platform, Who::Position(VERIFIER), cases().list_inbox(request))?;
        }
    }
    let request = ListCasesRequest::default();
    rpc!(
        bench.platform,
        Who::Position(&liaison(AGENCY)),
        desk(AGENCY).list_cases(request)
    )?;
    let portal = Portal::of(bench.instance.state())?;
    for page in PAGES {
        let reply = portal.get(page).await?;
        ensure!(reply.status.is_success(), "{page} answers {}", reply.status);
    }
    Ok(())
}

/// Names of the tables that may not be read whole, by database.
fn large_tables(bench: &Bench) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let mut all = BTreeMap::new();
    for database in databases(bench)? {
        let sql = format!("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= {LARGE_ROWS}");
        let tables: Vec<String> = bench.servers.sql(&database, &sql)?.lines().map(str::to_owned).collect();
        if !tables.is_empty() {
            all.insert(database, tables);
        }
    }
    ensure!(!all.is_empty(), "no table is large");
    Ok(all)
}

fn log(bench: &Bench) -> anyhow::Result<String> {
    let data = bench.servers.sql("postgres", "SHOW data_directory")?;
    let path = Path::new(&data).with_file_name("log");
    let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The plans of a log, each with its database: JSON on lines that begin with a tab, after a line that ends with the mark. Before its
/// level such a line names the database (`log_line_prefix`).
fn plans(log: &str) -> impl Iterator<Item = (&str, Value)> {
    log.split(MARK)
        .zip(log.split(MARK).skip(1))
        .filter_map(|(before, rest)| {
            let (prefix, _) = before.lines().last()?.split_once(" LOG:")?;
            let database = prefix.split_whitespace().last()?;
            let lines = rest.lines().skip(1).take_while(|line| line.starts_with('\t'));
            let plan = serde_json::from_str(&lines.collect::<String>()).ok()?;
            Some((database, plan))
        })
}

/// Why a plan costs more the more there is.
fn reads_whole(node: &Value, large: &[String]) -> Option<String> {
    let text = |field: &str| node.get(field).and_then(Value::as_str).unwrap_or_default();
    let kind = text("Node Type");
    let relation = text("Relation Name");
    if kind == "Seq Scan" && large.iter().any(|name| name == relation) {
        return Some(format!("reads all of {relation}"));
    }
    let inner = || node.get("Plans").and_then(Value::as_array).into_iter().flatten();
    let many = |child: &Value| {
        child
            .get("Plan Rows")
            .and_then(Value::as_u64)
            .is_some_and(|rows| rows >= LARGE_ROWS)
    };
    if kind.ends_with("Sort") && inner().any(many) {
        return Some("sorts a whole table".to_owned());
    }
    inner().find_map(|child| reads_whole(child, large))
}

fn one_line(query: &str) -> String {
    query.split_whitespace().collect::<Vec<_>>().join(" ")
}
