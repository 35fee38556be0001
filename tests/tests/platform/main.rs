//! The platform as real processes: every way a case can go, bad input, a canary, outages.
//!
//! Two tests, one platform each: the first plays all journeys on one timeline and then looks for what should not be
//! there; the second kills what can be killed while the demo runs.

mod bad_input;
mod canary;
mod desk_down;
mod journeys;
mod killed;
mod traces;

use std::time::Duration;

use anyhow::ensure;
use tuntas_ctl::commands::reconcile;
use tuntas_tests::{
    collector::Collector,
    instance::Instance,
    world::{Ending, World},
};

/// Long enough for the longest journey.
const WEEKS: i64 = 26;
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn every_journey_ends_as_it_should_and_the_books_balance() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let collector = runtime.block_on(Collector::start())?;
    let instance = Instance::start_exporting(WEEKS, Some(collector.url()))?;
    runtime.block_on(async {
        let world = World::of(instance.platform(PATIENCE)?).await?;
        let canary = canary::file(&world).await?;
        let mut endings = world.run(journeys::all(&world)).await;
        let mut part = |name: &'static str, result: anyhow::Result<()>| {
            endings.push(Ending {
                name,
                failure: result.err().map(|error| format!("{error:#}")),
            });
        };
        part("a desk down past its deadline", desk_down::play(&instance).await);
        let world = World::of(instance.platform(PATIENCE)?).await?;
        part("canary", canary::look(&world, &instance, &collector, &canary).await);
        part("one trace", traces::look(&collector).await);
        part("bad input", bad_input::play(&world, &instance).await);
        part("books", books(&world).await);
        report(&endings)
    })
}

async fn books(world: &World) -> anyhow::Result<()> {
    let books = reconcile::compare_within(&world.platform, Duration::from_secs(60), true).await?;
    ensure!(books.differences.is_empty(), "{:#?}", books.differences);
    Ok(())
}

fn report(endings: &[Ending]) -> anyhow::Result<()> {
    let failed: Vec<String> = endings
        .iter()
        .filter_map(|ending| Some(format!("{}: {}", ending.name, ending.failure.as_ref()?)))
        .collect();
    ensure!(
        failed.is_empty(),
        "{} of {} failed:\n{}",
        failed.len(),
        endings.len(),
        failed.join("\n")
    );
    Ok(())
}
