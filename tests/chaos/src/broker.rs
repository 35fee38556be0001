//! Faults of a broker that is there and does not do as it should: it routes nothing, refuses, or brings what nobody can read.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;
use tuntas_kit::broker::{self, ROUTING_INTAKE};
use tuntas_tests::{sql, times::percentile_ms};

use crate::{
    Chaos, PATIENCE,
    faults::{BALANCED_WITHIN, CLIENTS, lose},
    ledger::Ledger,
    load::{Load, Taken},
    say, until,
};

/// Exchange of everybody's events.
const EVENTS: &str = "tuntas.events";
const CALM: Duration = Duration::from_secs(10);
const BROKEN: Duration = Duration::from_secs(20);
const LOOKED_EVERY: Duration = Duration::from_millis(500);
pub(crate) const LAST_SENT: &str = "SELECT seq FROM outbox_cursor WHERE name = 'relay'";

/// R6: under load, all bindings of the events are taken away, then those of routing's queue alone; routing declares them again by
/// itself. While no queue would take an event, it stays in the outbox. What one queue took and another missed, the one that missed
/// it fetches by itself.
///
/// Bugs: `lose` drops what waits in the outbox; `deaf` keeps routing from comparing its inbox with intake's outbox.
pub(crate) async fn r6(chaos: &Chaos) -> anyhow::Result<()> {
    let (platform, ledger) = (chaos.platform()?, Arc::new(Ledger::default()));
    let load = Load::start(&platform, &ledger, CLIENTS);
    tokio::time::sleep(CALM).await;
    let away = without_bindings(chaos).await?;
    let deaf = without_routing(chaos).await?;
    load.stop().await?;
    say(&format!(
        "  all bindings away for {} s, routing's for {} s, {} acknowledged",
        away.as_secs(),
        deaf.as_secs(),
        ledger.len()
    ));
    ledger.balance(&platform, &chaos.databases, BALANCED_WITHIN).await?;
    let caught_up = chaos
        .databases
        .ask(sql::ROUTING, "SELECT seq FROM catch_up WHERE source = 'intake'")?;
    say(&format!("  routing has compared intake's outbox up to {caught_up}"));
    Ok(())
}

/// Takes every binding away, and watches intake's cursor until the first is back; answers how long that took.
async fn without_bindings(chaos: &Chaos) -> anyhow::Result<Duration> {
    let bindings = chaos.management.bindings(EVENTS).await?;
    ensure!(!bindings.is_empty(), "nothing is bound to {EVENTS}");
    for binding in &bindings {
        chaos.management.unbind(binding).await?;
    }
    let gone = Instant::now();
    // What was routed before is confirmed by now.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = chaos.databases.ask(sql::INTAKE, LAST_SENT)?;
    loop {
        let now = chaos.databases.ask(sql::INTAKE, LAST_SENT)?;
        if !chaos.management.bindings(EVENTS).await?.is_empty() {
            return Ok(gone.elapsed());
        }
        ensure!(
            before == now,
            "the outbox went on from {before} to {now} while no queue took it"
        );
        ensure!(gone.elapsed() < PATIENCE, "nobody declares the bindings");
        if chaos.bug("lose") {
            lose(&chaos.databases)?;
        }
        tokio::time::sleep(LOOKED_EVERY).await;
    }
}

/// Takes the bindings of routing's queue away while all others stay; answers after how long they were back.
async fn without_routing(chaos: &Chaos) -> anyhow::Result<Duration> {
    let of_routing = async || {
        let bindings = chaos.management.bindings(EVENTS).await?;
        anyhow::Ok(
            bindings
                .into_iter()
                .filter(|binding| binding.queue() == ROUTING_INTAKE)
                .collect::<Vec<_>>(),
        )
    };
    let bound = async || Ok(!of_routing().await?.is_empty());
    until("routing's bindings", LOOKED_EVERY, bound).await?;
    if chaos.bug("deaf") {
        chaos
            .databases
            .ask(sql::ROUTING, "ALTER TABLE catch_up RENAME TO deaf")?;
    }
    for binding in of_routing().await? {
        chaos.management.unbind(&binding).await?;
    }
    let gone = Instant::now();
    until("somebody to declare the binding", LOOKED_EVERY, bound).await?;
    Ok(gone.elapsed())
}

/// R7: a queue that nobody empties is full (`max-length` with `reject-publish`) under load, again and again: the broker refuses what
/// is published, and each refusal stops the relay until it is told otherwise. Nothing is lost.
///
/// Bug `lose`: what waits in the outbox is dropped.
pub(crate) async fn r7(chaos: &Chaos) -> anyhow::Result<()> {
    const STORMS: usize = 5;
    /// Without refusals, hardly anything waits.
    const STORM_WAITING_MIN: usize = 50;
    let (platform, ledger) = (chaos.platform()?, Arc::new(Ledger::default()));
    let load = Load::start(&platform, &ledger, CLIENTS);
    let queue = format!("^{}$", broker::NOTIFICATION_EVENTS.replace('.', "[.]"));
    let mut held = usize::MAX;
    tokio::task::block_in_place(|| chaos.instance.take_down("notification"))?;
    for _ in 0..STORMS {
        tokio::time::sleep(CALM / 4).await;
        chaos.management.limit(&queue, Some(1)).await?;
        until("the broker to refuse", Duration::from_millis(100), async || {
            Ok(chaos.databases.unpublished(sql::INTAKE)? >= STORM_WAITING_MIN)
        })
        .await?;
        tokio::time::sleep(BROKEN / 4).await;
        held = held.min(chaos.databases.unpublished(sql::INTAKE)?);
        if chaos.bug("lose") {
            lose(&chaos.databases)?;
        }
        chaos.management.limit("", None).await?;
    }
    tokio::task::block_in_place(|| chaos.instance.bring_back("notification"))?;
    load.stop().await?;
    say(&format!(
        "  {STORMS} storms, in each at least {held} events waited, {} acknowledged",
        ledger.len()
    ));
    ensure!(held >= STORM_WAITING_MIN, "hardly an event was refused");
    ledger.balance(&platform, &chaos.databases, BALANCED_WITHIN).await
}

/// R8: among the events are some that cannot be read: not protobuf, empty, cut off. All of them are parked with a reason, none is
/// dropped, and no other event comes more than twice as late (p99 from filing to its case).
///
/// Bug `lose`: one parked message is thrown away.
pub(crate) async fn r8(chaos: &Chaos) -> anyhow::Result<()> {
    const POISONS: [&str; 3] = ["AQIDBAUGBwg=", "", "CiQ2ZjA5"];
    /// One in a thousand would be one in some seconds; more do not make it easier.
    const EVERY: Duration = Duration::from_millis(500);
    let (platform, ledger) = (chaos.platform()?, Arc::new(Ledger::default()));
    let load = Load::start(&platform, &ledger, CLIENTS);
    tokio::time::sleep(BROKEN).await;
    let poisoned = Instant::now();
    let mut published = 0_usize;
    while poisoned.elapsed() < BROKEN {
        let poison = POISONS.get(published % POISONS.len()).copied().unwrap_or_default();
        let routed = chaos.management.publish(EVENTS, "intake.report.filed", poison).await?;
        ensure!(routed, "a poisoned message reached no queue");
        published += 1;
        tokio::time::sleep(EVERY).await;
    }
    let taken = load.stop().await?;
    let dead = broker::dead_queue(ROUTING_INTAKE);
    if chaos.bug("lose") {
        chaos.management.purge(&dead).await?;
    }
    let parked = chaos.management.peek(&dead, published + 1).await?;
    let reasoned = parked.iter().filter(|message| has_reason(message)).count();
    let (calm, broken) = opened(&taken, poisoned);
    say(&format!(
        "  {published} poisoned among {} filings, {} parked, {reasoned} with a reason; case open p99 {calm:.0} ms before, \
         {broken:.0} ms beside them ({:.2}x)",
        taken.filings.len(),
        parked.len(),
        broken / calm
    ));
    ensure!(parked.len() == published, "{} of {published} are parked", parked.len());
    ensure!(reasoned == published, "{reasoned} of {published} have a reason");
    // They are nobody's events: the books must balance without them.
    for queue in [ROUTING_INTAKE, broker::NOTIFICATION_EVENTS, broker::OVERSIGHT_EVENTS] {
        chaos.management.purge(&broker::dead_queue(queue)).await?;
    }
    ledger.balance(&platform, &chaos.databases, BALANCED_WITHIN).await?;
    ensure!(broken <= calm * 2.0, "other events came more than twice as late");
    Ok(())
}

fn has_reason(message: &serde_json::Value) -> bool {
    let reason = message.pointer(&format!("/properties/headers/{}", tuntas_kit::consumer::REASON_HEADER));
    reason
        .and_then(serde_json::Value::as_str)
        .is_some_and(|reason| !reason.is_empty())
}

/// p99 from filing to the open case, before a moment and after it.
fn opened(taken: &Taken, since: Instant) -> (f64, f64) {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for (at, took) in &taken.opened {
        if *at < since {
            before.push(*took)
        } else {
            after.push(*took)
        }
    }
    (percentile_ms(&mut before, 99), percentile_ms(&mut after, 99))
}
