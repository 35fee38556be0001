//! The platform as real processes: every way a case can go, bad input, a canary, outages.
//!
//! Two tests, one platform each: the first plays all journeys on one timeline and then looks for what should not be
//! there; the second kills what can be killed while the demo runs.

mod bad_input;
mod browser;
mod canary;
mod clients;
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
    portal::Portal,
    world::{Ending, World},
};

/// Long enough for the longest journey.
const WEEKS: i64 = 26;
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn every_journey_ends_as_it_should_and_the_books_balance() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // TUNTAS_TEST_STATE=folder looks at the pages of a platform that runs already, and at nothing else.
    if let Some(portal) = Portal::from_environment()? {
        return report(&runtime.block_on(browser::play(&portal)));
    }
    let collector = runtime.block_on(Collector::start())?;
    let instance = Instance::start_exporting(WEEKS, Some(collector.url()))?;
    runtime.block_on(async {
        let world = World::of(instance.platform(PATIENCE)?).await?;
        let canary = canary::file(&world).await?;
        let mut endings = world.run(journeys::all(&world)).await;
        let mut part = |name: &'static str, result: anyhow::Result<()>| {
            endings.push(ending(name, result));
        };
        part("a desk down past its deadline", desk_down::play(&instance).await);
        let world = World::of(instance.platform(PATIENCE)?).await?;
        part("canary", canary::look(&world, &instance, &collector, &canary).await);
        part("one trace", traces::look(&collector).await);
        part("bad input", bad_input::play(&world, &instance).await);
        endings.extend(pages(&instance).await?);
        endings.push(ending("books", books(&world).await));
        report(&endings)
    })
}

/// The portal in a browser, after everything else: it leaves reports behind and takes a service down.
async fn pages(instance: &Instance) -> anyhow::Result<Vec<Ending>> {
    let (code, _, said) = instance.tuntas(&["account", "demo"])?;
    ensure!(code == 0, "no demo accounts: {said}");
    let portal = Portal::of(instance.state())?;
    let mut endings = browser::play(&portal).await;
    endings.push(ending("a client of Open311", clients::follow(instance, &portal).await));
    endings.push(ending(
        "what OpenAPI promises",
        clients::hold_to_document(instance, &portal).await,
    ));
    endings.push(browser::play_without_evaluation(instance, &portal).await);
    Ok(endings)
}

fn ending(name: &'static str, result: anyhow::Result<()>) -> Ending {
    Ending {
        name,
        failure: result.err().map(|error| format!("{error:#}")),
    }
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
