//! How long the portal takes for public pages when the register is large.
//!
//! `cargo run --example page_time -p tuntas-tests -- STATE_DIR [REPORTS...]` against a platform that `deploy/up --demo 200`
//! started and that nobody needs any more: it fills intake's database with fictitious reports (copies of the demo's, with words
//! of their own) with each number of them (default 100000 and 1000000) and asks for each page one after the other. Times are those of a
//! client on the same machine. It leaves its reports behind.
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::{path::PathBuf, time::Instant};

use anyhow::{Context as _, ensure};
use tuntas_tests::{fill::INTAKE, portal::Portal, sql::Databases, times::percentile_ms};

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
    let databases = Databases::of(&state)?;
    println!("reports  p50 ms  p99 ms  page");
    for size in sizes {
        INTAKE.up_to(&databases, size)?;
        let reports = databases.ask(INTAKE.database, "SELECT count(*) FROM register")?;
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
