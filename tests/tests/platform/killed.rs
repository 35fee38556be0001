//! kill -9 of every process and of the broker while the demo runs: nothing is lost, and filing is never refused.

use std::{
    process::Stdio,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use tuntas_ctl::{commands::reconcile, platform::Who, rpc};
use tuntas_tests::{
    instance::{Instance, PROCESSES, wait_for},
    play::complaint,
};

const REPORTS: u64 = 100;
/// How long the demo may take, for each report and in any case.
const DEMO_WITHIN: Duration = Duration::from_secs(300);
const DEMO_WITHIN_PER_REPORT: Duration = Duration::from_secs(2);
const STEP_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn what_is_killed_comes_back_and_nothing_is_lost() -> anyhow::Result<()> {
    // TUNTAS_TEST_DEMO_REPORTS=1000 breaks a longer demo.
    let reports = match std::env::var("TUNTAS_TEST_DEMO_REPORTS") {
        Ok(number) => number.parse()?,
        Err(_) => REPORTS,
    };
    let within = DEMO_WITHIN + DEMO_WITHIN_PER_REPORT * u32::try_from(reports)?;
    let instance = Instance::start(8)?;
    let log = std::fs::File::create(instance.state().join("demo.log"))?;
    let mut demo = instance
        .tuntas_command(&["demo", &reports.to_string(), "--seed", "7"])?
        .stdout(Stdio::from(log.try_clone()?))
        .stderr(Stdio::from(log))
        .spawn()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let broken = break_everything(&instance, &runtime, || Ok(demo.try_wait()?.is_some()));
    let ended = wait_for(within, "the demo to end", || Ok(demo.try_wait()?.is_some()));
    if ended.is_err() {
        demo.kill()?;
    }
    let status = demo.wait()?;
    let said = || std::fs::read_to_string(instance.state().join("demo.log")).unwrap_or_default();
    broken.with_context(said)?;
    ended.with_context(said)?;
    ensure!(status.success(), "the demo ended with {status}:\n{}", said());
    runtime.block_on(async {
        let platform = instance.platform(Duration::from_secs(20))?;
        let books = reconcile::compare_within(&platform, Duration::from_secs(60), true).await?;
        ensure!(books.differences.is_empty(), "{:#?}", books.differences);
        Ok(())
    })
}

/// Kills one after the other, each at a time when the demo has moved on since the last.
fn break_everything(
    instance: &Instance,
    runtime: &tokio::runtime::Runtime,
    mut demo_ended: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    for process in PROCESSES {
        demo_moves_on(instance, &mut demo_ended)?;
        ensure!(!demo_ended()?, "the demo ended before {process} was killed");
        instance.kill_9(process)?;
        instance.wait_ready(process)?;
    }
    demo_moves_on(instance, &mut demo_ended)?;
    ensure!(!demo_ended()?, "the demo ended before the broker was killed");
    instance.servers("kill-rabbitmq")?;
    let filed = filing_goes_on(instance, runtime);
    instance.servers("start-rabbitmq")?;
    filed
}

/// Waits until the demo's clock has moved on: what was killed is at work again.
fn demo_moves_on(instance: &Instance, demo_ended: &mut impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let before = instance.now()?;
    wait_for(STEP_WITHIN, "the demo to move on", || {
        Ok(demo_ended()? || instance.now()? > before)
    })
}

/// Files for a while without a broker; every filing must be taken.
fn filing_goes_on(instance: &Instance, runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
    const FILINGS: u64 = 40;
    let platform = instance.platform(Duration::ZERO)?;
    let (taken, refused) = (AtomicU64::new(0), AtomicBool::new(false));
    runtime.block_on(async {
        for _ in 0..FILINGS {
            let request = complaint("transportasi-darat");
            match rpc!(platform, Who::Citizen, intake().file_report(request)) {
                Ok(_) => taken.fetch_add(1, Ordering::Relaxed),
                Err(error) => {
                    refused.store(true, Ordering::Relaxed);
                    return Err(anyhow::Error::from(error).context("a filing was refused while the broker was down"));
                }
            };
        }
        Ok(())
    })?;
    ensure!(
        taken.into_inner() == FILINGS && !refused.into_inner(),
        "filings were refused"
    );
    Ok(())
}
