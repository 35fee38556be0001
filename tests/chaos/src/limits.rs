//! A process whose clock is wrong, a disk that is full, a process that may open no more files.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tonic::Code;
use tuntas_ctl::{
    commands::citizen::upload,
    platform::{Platform, Who},
    rpc,
};
use tuntas_proto::routing::v1::GetCaseRequest;
use tuntas_tests::{disk::SmallDisk, instance::repo, play::complaint, script::ran, sql};

use crate::{
    Chaos, PATIENCE,
    faults::{BALANCED_WITHIN, CLIENTS, lose},
    ledger::Ledger,
    links::recovered,
    load::{Load, VERIFIER},
    say,
};

/// Size of the disk of PostgreSQL: what it needs for itself, and room to run.
pub(crate) const DISK_KIB: u32 = 768 * 1_024;
const WRONG_FOR: Duration = Duration::from_secs(5);
/// From when there are room and descriptors.
const RECOVERED_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);
/// What is in the log before its cause, or out of its aggregate's order.
const DISORDER: &str = "
    SELECT (SELECT count(*) FROM entry e JOIN entry cause ON cause.event_id = e.causation_id WHERE cause.position > e.position)
         + (SELECT count(*) FROM (
                SELECT aggregate_seq, lag(aggregate_seq) OVER (PARTITION BY aggregate_id ORDER BY position) AS before FROM entry
            ) AS ordered WHERE aggregate_seq <> coalesce(before, 0) + 1)";

/// R11: a process whose clock is an hour ahead or behind, intake without room for attachments or without descriptors, PostgreSQL without
/// room. What cannot be done is refused with a code that says so; nothing that was acknowledged is lost; the log is in order whatever the
/// clocks said; everything works again by itself once the clock is right and there are room and descriptors.
///
/// Bugs: `lose` drops what waits in the outbox while PostgreSQL has no room; `stay` gives no descriptors back.
pub(crate) async fn r11(chaos: &Chaos) -> anyhow::Result<()> {
    let (platform, ledger) = (chaos.platform()?, Arc::new(Ledger::default()));
    for (process, shift) in [
        ("routing", "+1h"),
        ("routing", "-1h"),
        ("intake", "+1h"),
        ("intake", "-1h"),
        ("oversight", "-1h"),
    ] {
        wrong_clock(chaos, &platform, &ledger, process, shift)
            .await
            .with_context(|| format!("{process} at {shift}"))?;
    }
    no_room_for_attachments(chaos, &platform, &ledger)
        .await
        .context("no room for attachments")?;
    no_descriptors(chaos, &platform, &ledger)
        .await
        .context("no descriptors")?;
    no_room_for_postgres(chaos, &platform, &ledger)
        .await
        .context("no room for PostgreSQL")?;
    ledger.balance(&platform, &chaos.databases, BALANCED_WITHIN).await?;
    let disorder = chaos.databases.ask(sql::OVERSIGHT, DISORDER)?;
    ensure!(disorder == "0", "{disorder} entries of the log are out of order");
    say(&format!("  {} acknowledged, the log is in order", ledger.len()));
    Ok(())
}

async fn wrong_clock(
    chaos: &Chaos,
    platform: &Arc<Platform>,
    ledger: &Arc<Ledger>,
    process: &str,
    shift: &str,
) -> anyhow::Result<()> {
    let library = faketime()?;
    let set = |library: Option<&str>, shift: Option<&str>| {
        tokio::task::block_in_place(|| {
            chaos.instance.restart_with(process, "FAKETIME", shift)?;
            chaos.instance.restart_with(process, "LD_PRELOAD", library)
        })
    };
    set(Some(&library), Some(shift))?;
    let load = Load::start_filing(platform, ledger, CLIENTS);
    tokio::time::sleep(WRONG_FOR).await;
    let refused = match process {
        "routing" => Some(officer_is_refused(platform).await?),
        _ => None,
    };
    let taken = load.stop().await?;
    ensure!(!taken.filings.is_empty(), "nothing was filed");
    set(None, None)?;
    recovered(platform).await?;
    say(&format!(
        "  {process} at {shift}: {} filed{}",
        taken.filings.len(),
        refused.map_or_else(String::new, |refused| format!(", an officer is refused: {refused}"))
    ));
    Ok(())
}

/// Who asserts an office at a time that routing's clock does not allow is told so.
async fn officer_is_refused(platform: &Platform) -> anyhow::Result<String> {
    let asked = rpc!(
        platform,
        Who::Position(VERIFIER),
        cases().get_case(GetCaseRequest::default())
    );
    let Err(error) = asked else {
        bail!("an officer was heard at the wrong time");
    };
    let text = error.to_string();
    ensure!(
        text.contains("assertion"),
        "an officer was refused without the reason: {text}"
    );
    Ok(text)
}

/// libfaketime, installed when it is missing.
fn faketime() -> anyhow::Result<String> {
    let find = || {
        let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        let mut found = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
        found.find(|library| library.exists())
    };
    if find().is_none() {
        ran(Command::new(repo().join("deploy/servers")).args(["install-packages", "libfaketime"]))?;
    }
    Ok(find().context("no libfaketime")?.display().to_string())
}

/// Attachments are refused while there is no room, filings go on; the same upload is taken when there is room.
async fn no_room_for_attachments(chaos: &Chaos, platform: &Arc<Platform>, ledger: &Arc<Ledger>) -> anyhow::Result<()> {
    const PATIENT: Duration = Duration::from_secs(1);
    let disk = SmallDisk::over(&chaos.instance.state().join("data/attachments"), 64)?;
    let content = pdf_of(200 * 1_024);
    let load = Load::start_filing(platform, ledger, CLIENTS);
    let impatient = chaos.instance.platform(PATIENT)?;
    let refused = upload(&impatient, "bukti.pdf", &content).await;
    let Err(refused) = refused else {
        bail!("an attachment was taken without room for it");
    };
    ensure!(
        refused.to_string().contains("not available"),
        "an attachment was refused without the reason: {refused}"
    );
    tokio::time::sleep(WRONG_FOR).await;
    let taken = load.stop().await?;
    ensure!(!taken.filings.is_empty(), "nothing was filed");
    disk.resize(4_096)?;
    upload(platform, "bukti.pdf", &content).await?;
    say(&format!(
        "  no room for attachments: {} filed; {refused}",
        taken.filings.len()
    ));
    Ok(())
}

/// A PDF, which is kept as it is, of at least this size.
fn pdf_of(bytes: usize) -> Vec<u8> {
    let text = b"Kejadian rekaan.\n".iter().copied().cycle().take(bytes);
    b"%PDF-1.4\n".iter().copied().chain(text).chain(*b"\n%%EOF\n").collect()
}

/// New connections fail while intake may open no more files, those that are there go on.
async fn no_descriptors(chaos: &Chaos, platform: &Arc<Platform>, ledger: &Arc<Ledger>) -> anyhow::Result<()> {
    const NEW_CLIENTS: usize = 8;
    let pid = chaos.instance.process_id("intake")?;
    let load = Load::start_filing(platform, ledger, CLIENTS);
    tokio::time::sleep(WRONG_FOR).await;
    let open = fs::read_dir(Path::new("/proc").join(&pid).join("fd"))?.count();
    limit_files(&pid, &format!("{}:", open + 2))?;
    let before = ledger.len();
    let (mut refused, mut clients) = (Vec::new(), Vec::with_capacity(NEW_CLIENTS));
    for _ in 0..NEW_CLIENTS {
        // A client of its own has a connection of its own, and keeps it.
        clients.push(chaos.instance.platform(Duration::ZERO)?);
        let client = clients.last().context("a client")?;
        let call = async {
            client
                .intake()?
                .file_report(complaint("transportasi-darat"))
                .await
                .map_err(anyhow::Error::from)
        };
        match tokio::time::timeout(Duration::from_secs(2), call).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => refused.push(error.to_string()),
            Err(_) => refused.push("no answer".to_owned()),
        }
    }
    let meanwhile = ledger.len() - before;
    if !chaos.bug("stay") {
        limit_files(&pid, "4096:")?;
    }
    let fresh = chaos.instance.platform(PATIENCE)?;
    let recovered = recovered(&fresh).await?;
    load.stop().await?;
    say(&format!(
        "  no descriptors: {} of {NEW_CLIENTS} new clients refused ({}), {meanwhile} filed by old ones, works again after {:.1} s",
        refused.len(),
        refused.first().map_or("", String::as_str),
        recovered.as_secs_f64()
    ));
    ensure!(!refused.is_empty(), "the limit was not felt");
    ensure!(recovered <= RECOVERED_WITHIN, "it took too long to work again");
    ensure!(meanwhile > 0, "those that were connected were not served");
    Ok(())
}

fn limit_files(pid: &str, limit: &str) -> anyhow::Result<()> {
    ran(Command::new("prlimit").args(["--pid", pid, &format!("--nofile={limit}")]))
}

/// PostgreSQL's disk is filled until a filing is refused; it may even stop. With room again, and started again, all goes on.
async fn no_room_for_postgres(chaos: &Chaos, platform: &Arc<Platform>, ledger: &Arc<Ledger>) -> anyhow::Result<()> {
    let servers = chaos.servers.first().context("no servers")?;
    let load = Load::start_filing(platform, ledger, CLIENTS);
    tokio::time::sleep(WRONG_FOR).await;
    let disk = servers.disk().context("PostgreSQL has no disk of its own")?;
    disk.fill()?;
    let filled = Instant::now();
    let client = chaos.instance.platform(Duration::ZERO)?;
    let refused = loop {
        match client.intake()?.file_report(complaint("transportasi-darat")).await {
            Err(status) => break status,
            Ok(_) => tokio::time::sleep(POLL).await,
        }
        ensure!(filled.elapsed() < PATIENCE, "nothing is refused");
    };
    let codes = [Code::Unavailable, Code::ResourceExhausted, Code::DeadlineExceeded];
    ensure!(codes.contains(&refused.code()), "refused with {refused}");
    let after = filled.elapsed();
    tokio::time::sleep(WRONG_FOR).await;
    disk.empty()?;
    tokio::task::block_in_place(|| servers.run("start-postgres"))?;
    if chaos.bug("lose") {
        lose(&chaos.databases)?;
    }
    let recovered = recovered(platform).await?;
    load.stop().await?;
    ensure!(recovered <= RECOVERED_WITHIN, "it took {recovered:?} to work again");
    say(&format!(
        "  no room for PostgreSQL: refused after {:.1} s with {:?} ({}), works again {:.1} s after there was room",
        after.as_secs_f64(),
        refused.code(),
        refused.message(),
        recovered.as_secs_f64()
    ));
    Ok(())
}
