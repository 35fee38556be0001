//! One journey per outcome (rule M1).

use anyhow::ensure;
use tuntas_ctl::{platform::Who, rpc};
use tuntas_proto::{
    case::v1::{Outcome, ReportKind, State, party},
    intake::v1::{FileReportRequest, GetPublicReportRequest},
};
use tuntas_tests::play::{Play, charged, complaint, ledger_adds_up, liaison, soon, who};

const OPD: &str = "dishub";
const CATEGORY: &str = "transportasi-darat";

pub(crate) async fn resolved(play: Play) -> anyhow::Result<()> {
    let world = &play.0;
    let filed = play.file(complaint(CATEGORY)).await?;
    world.working_days(1).await?;
    play.verify(&filed).await?;
    play.dispose(&filed, OPD, &[]).await?;
    world.working_days(1).await?;
    play.accept(&filed, OPD).await?;
    play.assign(&filed, OPD).await?;
    play.respond(&filed, OPD).await?;
    world.working_days(5).await?;
    play.answer(
        &liaison(OPD),
        &filed,
        OPD,
        Outcome::Resolved,
        "Rambu sudah dipasang kembali pada hari Selasa.",
    )
    .await?;
    let tracked = soon("the answer to reach the reporter", async || {
        let tracked = play.track(&filed).await?;
        Ok(tracked
            .texts
            .iter()
            .any(|text| text.kind == "answer")
            .then_some(tracked))
    })
    .await?;
    ensure!(
        tracked.texts.iter().any(|text| text.body.contains("hari Selasa")),
        "the reporter cannot read the answer"
    );
    ensure!(play.rate(&filed, 5).await?.is_empty(), "the rating was refused");
    // Rule M7: silence closes after 10 working days.
    world.working_days(10).await?;
    let case = play.expect_closed(&filed, Outcome::Resolved).await?;
    ensure!(
        case.clocks.iter().all(|clock| clock.breached_at.is_none()),
        "nobody was late"
    );
    ensure!(
        charged(&case, party::Kind::Reporter) > 0 && charged(&case, party::Kind::Agency) > 0,
        "both had it"
    );
    let public = GetPublicReportRequest {
        ticket: filed.receipt.ticket.clone(),
        also_unlisted: false,
    };
    let public = rpc!(world.platform, Who::Citizen, intake().get_public_report(public))?;
    ensure!(
        public.body.contains("disunting untuk umum"),
        "the register shows the redacted text"
    );
    ensure!(public.answer.contains("hari Selasa"), "the register shows the answer");
    Ok(())
}

pub(crate) async fn clarified(play: Play) -> anyhow::Result<()> {
    let filed = play.in_progress(CATEGORY, OPD).await?;
    play.answer(
        &liaison(OPD),
        &filed,
        OPD,
        Outcome::Clarified,
        "Foto itu diambil di provinsi lain pada tahun 2019.",
    )
    .await?;
    play.0.working_days(10).await?;
    play.expect_closed(&filed, Outcome::Clarified).await?;
    let public = GetPublicReportRequest {
        ticket: filed.receipt.ticket.clone(),
        also_unlisted: false,
    };
    let public = rpc!(play.0.platform, Who::Citizen, intake().get_public_report(public))?;
    ensure!(
        public.answer.contains("provinsi lain"),
        "the facts are not published where the report was"
    );
    Ok(())
}

pub(crate) async fn informed(play: Play) -> anyhow::Result<()> {
    let request = FileReportRequest {
        kind: ReportKind::InformationRequest.into(),
        ..complaint("beasiswa")
    };
    let filed = play.file(request).await?;
    play.verify(&filed).await?;
    play.dispose(&filed, "disdik", &[]).await?;
    play.accept(&filed, "disdik").await?;
    let wrong = play
        .answer(
            &liaison("disdik"),
            &filed,
            "disdik",
            Outcome::NotedTakenUp,
            "Tidak cocok.",
        )
        .await;
    ensure!(
        tuntas_tests::play::refused(wrong)? == "outcome_does_not_fit",
        "an information request is not noted"
    );
    play.answer(
        &liaison("disdik"),
        &filed,
        "disdik",
        Outcome::Informed,
        "Syaratnya: rapor dan kartu keluarga.",
    )
    .await?;
    play.0.working_days(10).await?;
    play.expect_closed(&filed, Outcome::Informed).await.map(drop)
}

pub(crate) async fn noted(play: Play) -> anyhow::Result<()> {
    let request = FileReportRequest {
        kind: ReportKind::Aspiration.into(),
        ..complaint("perpustakaan")
    };
    let filed = play.file(request).await?;
    play.verify(&filed).await?;
    play.dispose(&filed, "dipersip", &[]).await?;
    play.accept(&filed, "dipersip").await?;
    play.answer(
        &liaison("dipersip"),
        &filed,
        "dipersip",
        Outcome::NotedNotTakenUp,
        "Anggaran tahun ini sudah ditetapkan.",
    )
    .await?;
    play.0.working_days(10).await?;
    play.expect_closed(&filed, Outcome::NotedNotTakenUp).await.map(drop)
}

pub(crate) async fn rejected(play: Play) -> anyhow::Result<()> {
    let filed = play.file(complaint("lainnya")).await?;
    play.reject(who::VERIFIER, &filed, "Sengketa pribadi bukan pelayanan publik.")
        .await?;
    let case = play.expect_closed(&filed, Outcome::Rejected).await?;
    ensure!(case.answer.is_none(), "nobody answered");
    let tracked = play.track(&filed).await?;
    ensure!(
        tracked.texts.iter().any(|text| text.body.contains("Sengketa pribadi")),
        "the reporter is told why"
    );
    Ok(())
}

pub(crate) async fn referred(play: Play) -> anyhow::Result<()> {
    let filed = play.file(complaint("lampu-jalan")).await?;
    play.refer(&filed, "pemko-pekanbaru").await?;
    let case = play.expect_closed(&filed, Outcome::Referred).await?;
    ensure!(
        case.referred_to == "pemko-pekanbaru",
        "referred to {}",
        case.referred_to
    );
    Ok(())
}

pub(crate) async fn withdrawn(play: Play) -> anyhow::Result<()> {
    let filed = play.in_progress(CATEGORY, OPD).await?;
    play.0.hours(5).await?;
    ensure!(play.withdraw(&filed).await?.is_empty(), "the withdrawal was refused");
    play.expect_closed(&filed, Outcome::Withdrawn).await?;
    ensure!(
        play.withdraw(&filed).await? == "illegal_move",
        "a closed case is not withdrawn again"
    );
    Ok(())
}

pub(crate) async fn lapsed(play: Play) -> anyhow::Result<()> {
    let filed = play.file(complaint(CATEGORY)).await?;
    play.ask_to_complete(&filed).await?;
    play.0.hours(29 * 24).await?;
    play.expect_state(&filed.case_id, State::AwaitingCompletion).await?;
    // 30 calendar days end at 24:00 WIB of the last (rule K1).
    play.0.hours(3 * 24).await?;
    play.expect_closed(&filed, Outcome::Lapsed).await?;
    ensure!(
        play.complete(&filed).await? == "completion_window_over",
        "it is too late to complete"
    );
    Ok(())
}

pub(crate) async fn completed_in_time(play: Play) -> anyhow::Result<()> {
    let filed = play.file(complaint(CATEGORY)).await?;
    play.ask_to_complete(&filed).await?;
    play.0.hours(9 * 24).await?;
    ensure!(play.complete(&filed).await?.is_empty(), "the completion was refused");
    let case = play.expect_state(&filed.case_id, State::AwaitingVerification).await?;
    ledger_adds_up(&case)?;
    ensure!(
        charged(&case, party::Kind::Reporter) >= 9 * 86_400,
        "the reporter had it for nine days"
    );
    play.verify(&filed).await?;
    let again = play
        .ask_to_complete(&filed)
        .await
        .err()
        .and_then(|error| error.downcast::<tuntas_ctl::error::CtlError>().ok());
    let code = again.and_then(|error| error.code().map(str::to_owned));
    // Rule M3: one completion request at verification.
    ensure!(
        matches!(code.as_deref(), Some("completion_already_requested" | "illegal_move")),
        "asked twice: {code:?}"
    );
    Ok(())
}
