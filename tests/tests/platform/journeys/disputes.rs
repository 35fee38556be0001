//! Disputes and contests (rules M7, M8, M11, M12).

use anyhow::{Context as _, ensure};
use tuntas_proto::case::v1::{
    Outcome, State,
    case_command::{Command, DecideContest, DecideDispute},
};
use tuntas_tests::play::{Filed, Play, complaint, head, liaison, refused, who};

const OPD: &str = "dishub";
const CATEGORY: &str = "transportasi-darat";

/// Answered, disputed, answered again by the head.
async fn disputed_once(play: &Play) -> anyhow::Result<Filed> {
    let filed = play.answered(CATEGORY, OPD).await?;
    play.0.working_days(2).await?;
    ensure!(play.dispute(&filed).await?.is_empty(), "the first dispute was refused");
    play.expect_state(&filed.case_id, State::Disputed).await?;
    Ok(filed)
}

async fn disputed_twice(play: &Play) -> anyhow::Result<Filed> {
    let filed = disputed_once(play).await?;
    play.answer(&head(OPD), &filed, OPD, Outcome::Resolved, "Dikerjakan ulang.")
        .await?;
    play.0.working_days(2).await?;
    ensure!(play.dispute(&filed).await?.is_empty(), "the second dispute was refused");
    let case = play.expect_state(&filed.case_id, State::Disputed).await?;
    ensure!(
        case.awaiting_director && case.disputes == 2,
        "the second dispute is the director's"
    );
    Ok(filed)
}

async fn decide(play: &Play, filed: &Filed, upheld: bool) -> anyhow::Result<()> {
    let reason = play
        .seal(
            who::DIRECTOR,
            &filed.report_id,
            "reason",
            "Setelah peninjauan lapangan.",
        )
        .await?;
    let command = Command::DecideDispute(DecideDispute { upheld, reason });
    ensure!(
        refused(play.central(who::MANAGER, &filed.case_id, command.clone()).await)? == "not_permitted",
        "only the director decides"
    );
    play.central(who::DIRECTOR, &filed.case_id, command).await?;
    Ok(())
}

pub(crate) async fn first_dispute(play: Play) -> anyhow::Result<()> {
    let filed = disputed_once(&play).await?;
    let case = play.case(&filed.case_id).await?;
    let rework = case
        .clocks
        .iter()
        .find(|clock| clock.kind == "rework")
        .context("no rework clock")?;
    ensure!(rework.stopped_at.is_none(), "rework runs");
    let by_liaison = play
        .answer(&liaison(OPD), &filed, OPD, Outcome::Resolved, "Sudah.")
        .await;
    ensure!(refused(by_liaison)? == "head_required", "rule M12: the head releases");
    play.answer(
        &head(OPD),
        &filed,
        OPD,
        Outcome::Resolved,
        "Diperbaiki di bawah pengawasan kepala dinas.",
    )
    .await?;
    play.0.working_days(10).await?;
    play.expect_closed(&filed, Outcome::Resolved).await.map(drop)
}

pub(crate) async fn second_dispute(play: Play) -> anyhow::Result<()> {
    let filed = disputed_twice(&play).await?;
    decide(&play, &filed, false).await?;
    play.expect_closed(&filed, Outcome::Resolved).await.map(drop)
}

pub(crate) async fn third_dispute(play: Play) -> anyhow::Result<()> {
    let filed = disputed_twice(&play).await?;
    decide(&play, &filed, true).await?;
    play.answer(
        &head(OPD),
        &filed,
        OPD,
        Outcome::Resolved,
        "Selesai untuk ketiga kalinya.",
    )
    .await?;
    play.0.working_days(1).await?;
    let code = play.dispute(&filed).await?;
    ensure!(code.is_empty() || code == "appeal_to_ombudsman", "refused with {code}");
    let case = play.expect_closed(&filed, Outcome::Resolved).await?;
    ensure!(
        case.flags.iter().any(|flag| flag.reason == "appeal_to_ombudsman"),
        "the Ombudsman is told"
    );
    Ok(())
}

pub(crate) async fn contest_of_a_rejection(play: Play) -> anyhow::Result<()> {
    let filed = play.file(complaint(CATEGORY)).await?;
    play.reject(who::VERIFIER, &filed, "Bukan pelayanan publik.").await?;
    play.0.working_days(3).await?;
    ensure!(play.contest(&filed).await?.is_empty(), "the contest was refused");
    let reason = play
        .seal(who::DIRECTOR, &filed.report_id, "reason", "Menyangkut angkutan umum.")
        .await?;
    let command = Command::DecideContest(DecideContest { upheld: true, reason });
    ensure!(
        play.central(who::VERIFIER, &filed.case_id, command.clone())
            .await
            .is_err(),
        "who rejected does not decide"
    );
    let case = play.central(who::DIRECTOR, &filed.case_id, command).await?;
    ensure!(
        case.state() == State::AwaitingDisposition,
        "reopened to {:?}",
        case.state()
    );
    ensure!(!play.contest(&filed).await?.is_empty(), "a case is contested once");
    play.dispose(&filed, OPD, &[]).await?;
    play.accept(&filed, OPD).await?;
    play.answer(&head(OPD), &filed, OPD, Outcome::Resolved, "Trayek dibuka kembali.")
        .await?;
    play.0.working_days(10).await?;
    play.expect_closed(&filed, Outcome::Resolved).await.map(drop)
}
