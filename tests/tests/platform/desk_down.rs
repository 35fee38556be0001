//! A desk that is down past its deadline: its cases escalate all the same, the other desks do not notice, and when it
//! comes back it goes on where it stopped.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use tuntas_ctl::{platform::Platform, trust};
use tuntas_kit::clock::Clock;
use tuntas_proto::case::v1::{Outcome, State};
use tuntas_tests::{
    instance::Instance,
    play::{Play, complaint, liaison},
    world::World,
};

use crate::journeys::Journey;

const DOWN: &str = "desk-pupr-pkpp";
const OPD: &str = "pupr-pkpp";
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn play(instance: &Instance) -> anyhow::Result<()> {
    let whole = World::of(instance.platform(PATIENCE)?).await?;
    whole.settle().await?;
    let play = Play(Arc::clone(&whole));
    let filed = play.file(complaint("jalan-provinsi")).await?;
    play.verify(&filed).await?;
    play.dispose(&filed, OPD, &[]).await?;
    whole.settle().await?;
    instance.take_down(DOWN)?;
    let without = World::of(without_desk(&whole)?).await?;
    let outcome = while_down(&without, &filed).await;
    instance.bring_back(DOWN)?;
    outcome?;
    let whole = World::of(instance.platform(PATIENCE)?).await?;
    whole.settle().await?;
    let play = Play(whole);
    play.accept(&filed, OPD).await?;
    play.answer(
        &liaison(OPD),
        &filed,
        OPD,
        Outcome::Resolved,
        "Terlambat, tetapi selesai.",
    )
    .await?;
    play.expect_state(&filed.case_id, State::Answered).await.map(drop)
}

/// The same platform without the desk that is down, so that nobody waits for it.
fn without_desk(whole: &World) -> anyhow::Result<Platform> {
    let mut endpoints = whole.platform.endpoints().clone();
    endpoints.desks.retain(|desk| desk.name != DOWN);
    let dir = endpoints.trust_dir.clone().context("no trust folder")?;
    let clock = Clock::demo_from_file(endpoints.clock_file.as_deref().context("no clock")?)?;
    Ok(Platform::new(endpoints, Some(trust::signers(&dir)?), clock, PATIENCE))
}

async fn while_down(world: &Arc<World>, filed: &tuntas_tests::play::Filed) -> anyhow::Result<()> {
    let play = Play(Arc::clone(world));
    let other = play.clone();
    let other_desk = async move {
        let other = other.answered("transportasi-darat", "dishub").await?;
        ensure!(!other.case_id.is_empty(), "the other desk works on");
        Ok(())
    };
    let waiting = Play(Arc::clone(world));
    let case_id = filed.case_id.clone();
    let escalated = async move {
        // Acceptance is due after 2 working days, the head's rung comes 2 later.
        waiting.0.working_days(5).await?;
        let case = waiting.case(&case_id).await?;
        let clock = case
            .clocks
            .iter()
            .find(|clock| clock.kind == "acceptance")
            .context("no acceptance clock")?;
        ensure!(
            clock.breached_at.is_some(),
            "a desk that is down does not stop its own clock"
        );
        let roles: Vec<&str> = clock.rungs.iter().map(|rung| rung.role.as_str()).collect();
        ensure!(roles.starts_with(&["liaison", "accountable_head"]), "climbed {roles:?}");
        Ok(())
    };
    let journeys: Vec<(&'static str, Journey)> =
        vec![("other desk", Box::pin(other_desk)), ("escalated", Box::pin(escalated))];
    super::report(&world.run(journeys).await)
}
