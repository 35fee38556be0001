//! How long the portal takes for public pages when the register is large.
//!
//! `cargo run --example page_time -p tuntas-tests -- STATE_DIR [REPORTS...]` against a platform that `deploy/up --demo 200`
//! started and that nobody needs any more: it fills intake's database with fictitious reports (copies of the demo's, with words
//! of their own) up to each number (default 100000 and 1000000) and asks for each page one after the other. Times are those of a
//! client on the same machine. It leaves its reports behind.
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, ensure};
use tuntas_tests::{portal::Portal, times::percentile_ms};

/// Reports that are added in one transaction.
const STEP: u64 = 10_000;
const REQUESTS: usize = 200;
const TICKETS_MAX: usize = 2;
/// Common, two common ones together, rare, misspelt, in no report at all.
const WORDS: [&str; 5] = [
    "jalan",
    "jalan%20berlubang",
    "desa77%20rt17",
    "jaln%20berlubng",
    "qwvxyz",
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let state = PathBuf::from(
        arguments
            .next()
            .context("say which state: page_time STATE_DIR [REPORTS...]")?,
    );
    let mut sizes = arguments.map(|text| text.parse()).collect::<Result<Vec<u64>, _>>()?;
    if sizes.is_empty() {
        sizes = vec![100_000, 1_000_000];
    }
    let portal = Portal::of(&state)?;
    let database = portal.platform.endpoints().databases.get("intake").cloned();
    let database = database.context("no database of intake")?;
    println!("reports  p50 ms  p99 ms  page");
    for size in sizes {
        fill(&database, size)?;
        let reports = count(&database)?;
        for page in pages(&portal).await? {
            let mut took = Vec::with_capacity(REQUESTS);
            for _ in 0..REQUESTS {
                let begun = Instant::now();
                let reply = portal.get(&page).await?;
                took.push(begun.elapsed());
                ensure!(reply.status.is_success(), "{page} answers {}", reply.status);
            }
            println!(
                "{reports:>7}  {:>6.1}  {:>6.1}  {page}",
                percentile_ms(&mut took, 50),
                percentile_ms(&mut took, 99)
            );
        }
    }
    Ok(())
}

/// Adds reports until there are so many.
fn fill(database: &str, size: u64) -> anyhow::Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/page_time.sql");
    let copies = "SELECT count(*) FROM register WHERE report_id >= 'f0000000-0000-0000-0000-000000000000'";
    let originals = count(database)? - ask(database, copies)?;
    let wanted = size.saturating_sub(originals);
    let mut first = ask(database, copies)? + 1;
    while first <= wanted {
        let last = (first + STEP - 1).min(wanted);
        let numbers = [format!("first={first}"), format!("last={last}")];
        let status = Command::new("psql")
            .args([
                "-X",
                "-q",
                "-1",
                "-v",
                "ON_ERROR_STOP=1",
                "-v",
                &numbers[0],
                "-v",
                &numbers[1],
            ])
            .arg("-f")
            .arg(&script)
            .arg(database)
            .status()?;
        ensure!(status.success(), "psql: {status}");
        first = last + 1;
    }
    for table in ["case_state", "report", "register", "register_facet"] {
        psql(database, &format!("VACUUM ANALYZE {table}"))?;
    }
    Ok(())
}

fn count(database: &str) -> anyhow::Result<u64> {
    ask(database, "SELECT count(*) FROM register")
}

fn ask(database: &str, question: &str) -> anyhow::Result<u64> {
    Ok(psql(database, question)?.parse()?)
}

fn psql(database: &str, command: &str) -> anyhow::Result<String> {
    let output = Command::new("psql")
        .args(["-X", "-q", "-A", "-t", "-c", command, database])
        .output()?;
    ensure!(
        output.status.success(),
        "psql: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Home, the register with and without words, and some of the reports that it lists.
async fn pages(portal: &Portal) -> anyhow::Result<Vec<String>> {
    let mut pages = vec!["/".to_owned(), "/laporan".to_owned(), "/laporan?opd=dishub".to_owned()];
    pages.extend(WORDS.map(|words| format!("/laporan?kata={words}")));
    let list = portal.get("/laporan").await?.page;
    let links = list.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let tickets = links.filter(|link| link.starts_with("/laporan/TTS-"));
    let tickets: Vec<String> = tickets.take(TICKETS_MAX).map(str::to_owned).collect();
    ensure!(!tickets.is_empty(), "the register lists nothing");
    pages.extend(tickets);
    Ok(pages)
}
