//! Returns, several agencies, acting holders, and what happens to who does nothing (rules M4, M5, M13, E1).

use anyhow::{Context as _, ensure};
use tuntas_ctl::{
    platform::{Who, fresh_key},
    rpc,
};
use tuntas_proto::{
    case::v1::{
        Outcome, State,
        case_command::{Bind, Command, ContributionDone, DeclareLeadDone},
    },
    routing::v1::AppointActingHolderRequest,
    wire_time,
};
use tuntas_tests::play::{Play, complaint, liaison, refused, who};

pub(crate) async fn second_return(play: Play) -> anyhow::Result<()> {
    let filed = play.file(complaint("drainase")).await?;
    play.verify(&filed).await?;
    play.dispose(&filed, "dlhk", &[]).await?;
    play.give_back(&filed, "dlhk", "pupr-pkpp").await?;
    play.dispose(&filed, "bpbd", &[]).await?;
    play.give_back(&filed, "bpbd", "pupr-pkpp").await?;
    let case = play.case(&filed.case_id).await?;
    ensure!(case.returns == 2, "{} returns", case.returns);
    let early = play.dispose(&filed, "pupr-pkpp", &[]).await;
    ensure!(
        early.is_err(),
        "after the second return only a binding decision is possible"
    );
    let reason = play
        .seal(who::MANAGER, &filed.report_id, "reason", "Keputusan mengikat.")
        .await?;
    let bind = |reason| {
        Command::Bind(Bind {
            lead_opd: "pupr-pkpp".to_owned(),
            reason,
        })
    };
    ensure!(
        refused(play.central(who::VERIFIER, &filed.case_id, bind(reason.clone())).await)? == "not_permitted",
        "only the manager binds"
    );
    play.central(who::MANAGER, &filed.case_id, bind(reason)).await?;
    let case = play.expect_state(&filed.case_id, State::InProgress).await?;
    ensure!(
        !case.returnable && case.lead_opd == "pupr-pkpp",
        "bound and not returnable"
    );
    ensure!(
        play.give_back(&filed, "pupr-pkpp", "dlhk").await.is_err(),
        "a bound case is not returned"
    );
    play.answer(
        &liaison("pupr-pkpp"),
        &filed,
        "pupr-pkpp",
        Outcome::Resolved,
        "Parit dibersihkan.",
    )
    .await?;
    play.0.working_days(10).await?;
    play.expect_closed(&filed, Outcome::Resolved).await.map(drop)
}

pub(crate) async fn two_agencies(play: Play) -> anyhow::Result<()> {
    let filed = play.file(complaint("drainase")).await?;
    play.verify(&filed).await?;
    play.dispose(&filed, "pupr-pkpp", &["dishub"]).await?;
    play.accept(&filed, "pupr-pkpp").await?;
    play.0.working_days(2).await?;
    let early = play
        .answer(
            &liaison("pupr-pkpp"),
            &filed,
            "pupr-pkpp",
            Outcome::Resolved,
            "Terlalu cepat.",
        )
        .await;
    ensure!(
        refused(early)? == "contributions_outstanding",
        "rule M5: contributions first"
    );
    play.desk(
        &liaison("pupr-pkpp"),
        "pupr-pkpp",
        &filed.case_id,
        Command::DeclareLeadDone(DeclareLeadDone {}),
        "",
    )
    .await?;
    let done = Command::ContributionDone(ContributionDone::default());
    play.desk(
        &liaison("dishub"),
        "dishub",
        &filed.case_id,
        done,
        "Rambu sementara dipasang.",
    )
    .await?;
    let case = play.case(&filed.case_id).await?;
    ensure!(
        case.contributions
            .iter()
            .all(|contribution| contribution.done_at.is_some()),
        "all contributions are in"
    );
    play.answer(
        &liaison("pupr-pkpp"),
        &filed,
        "pupr-pkpp",
        Outcome::Resolved,
        "Gorong-gorong dan rambu selesai.",
    )
    .await?;
    play.0.working_days(10).await?;
    play.expect_closed(&filed, Outcome::Resolved).await.map(drop)
}

pub(crate) async fn acting_holder(play: Play) -> anyhow::Result<()> {
    let platform = &play.0.platform;
    let position = liaison("dispora");
    let regular = play
        .0
        .directory
        .holder(&position, platform.now())
        .context("no holder")?
        .to_owned();
    let acting = "h-plh-dispora-uji";
    let filed = play.file(complaint("olahraga")).await?;
    play.verify(&filed).await?;
    play.dispose(&filed, "dispora", &[]).await?;
    let now = platform.now();
    let request = AppointActingHolderRequest {
        idempotency_key: fresh_key(),
        position_id: position.clone(),
        holder_id: acting.to_owned(),
        from: Some(wire_time::timestamp(now)),
        until: Some(wire_time::timestamp(now + time::Duration::days(14))),
    };
    rpc!(
        platform,
        Who::Operator,
        directory_service().appoint_acting_holder(request)
    )?;
    platform.forget_directory();
    play.0.settle_directory(&position, acting).await?;
    play.accept(&filed, "dispora").await?;
    let history = play.history(&filed.case_id).await?;
    let accepted = history.iter().find(|entry| {
        entry.r#type.contains("accepted") && entry.actor.as_ref().is_some_and(|actor| actor.position_id == position)
    });
    let holder = accepted
        .and_then(|entry| entry.actor.clone())
        .context("no acceptance in the history")?
        .holder_id;
    ensure!(holder == acting, "accepted by {holder} and not by the acting holder");
    // The term ends: the regular holder is back.
    play.0.hours(15 * 24).await?;
    platform.forget_directory();
    ensure!(
        platform.directory().await?.holder(&position, platform.now()) == Some(regular.as_str()),
        "the acting term has ended"
    );
    play.answer(&position, &filed, "dispora", Outcome::Resolved, "Sudah dibenahi.")
        .await?;
    Ok(())
}

pub(crate) async fn overdue_climbs_the_ladder(play: Play) -> anyhow::Result<()> {
    let filed = play.file(complaint("kehutanan")).await?;
    play.verify(&filed).await?;
    play.dispose(&filed, "dlhk", &[]).await?;
    // Acceptance is due after 2 working days; the last rung comes 10 working days later, with a flag to the Ombudsman.
    play.0.working_days(13).await?;
    let case = play.case(&filed.case_id).await?;
    let clock = case
        .clocks
        .iter()
        .find(|clock| clock.kind == "acceptance")
        .context("no acceptance clock")?;
    ensure!(clock.breached_at.is_some(), "acceptance was due long ago");
    let roles: Vec<&str> = clock.rungs.iter().map(|rung| rung.role.as_str()).collect();
    ensure!(
        roles == ["liaison", "accountable_head", "manager", "director", "patron"],
        "climbed {roles:?}"
    );
    ensure!(
        clock.rungs.last().is_some_and(|rung| rung.flags_ombudsman),
        "the patron's rung flags the Ombudsman"
    );
    ensure!(
        clock.charged_position_id == liaison("dlhk"),
        "charged to {}",
        clock.charged_position_id
    );
    play.accept(&filed, "dlhk").await?;
    play.answer(
        &liaison("dlhk"),
        &filed,
        "dlhk",
        Outcome::Resolved,
        "Akhirnya ditangani.",
    )
    .await?;
    Ok(())
}
