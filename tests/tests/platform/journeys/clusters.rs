//! Duplicates (rule M6).

use anyhow::ensure;
use tuntas_proto::case::v1::{Outcome, State};
use tuntas_tests::play::{Play, complaint, head, liaison, soon};

const OPD: &str = "pupr-pkpp";
const CATEGORY: &str = "jalan-provinsi";

pub(crate) async fn merged(play: Play) -> anyhow::Result<()> {
    let first = play.file(complaint(CATEGORY)).await?;
    let second = play.file(complaint(CATEGORY)).await?;
    play.verify(&first).await?;
    play.merge(&second, &first).await?;
    play.expect_closed(&second, Outcome::Merged).await?;
    let survivor = play.case(&first.case_id).await?;
    ensure!(
        survivor.members.len() == 2,
        "{} reports in the cluster",
        survivor.members.len()
    );
    soon("the reporter to see where the report lives on", async || {
        Ok((play.track(&second).await?.ticket_of_surviving_case == first.receipt.ticket).then_some(()))
    })
    .await?;
    // A withdrawal closes the case only with the last live report.
    ensure!(
        play.withdraw(&first).await?.is_empty(),
        "the first withdrawal was refused"
    );
    ensure!(
        play.case(&first.case_id).await?.state() != State::Closed,
        "one reporter is left"
    );
    ensure!(
        play.withdraw(&second).await?.is_empty(),
        "the second withdrawal was refused"
    );
    play.expect_closed(&first, Outcome::Withdrawn).await.map(drop)
}

pub(crate) async fn one_dissenting_reporter(play: Play) -> anyhow::Result<()> {
    let first = play.file(complaint(CATEGORY)).await?;
    let second = play.file(complaint(CATEGORY)).await?;
    play.verify(&first).await?;
    play.merge(&second, &first).await?;
    play.dispose(&first, OPD, &[]).await?;
    play.accept(&first, OPD).await?;
    play.answer(&liaison(OPD), &first, OPD, Outcome::Resolved, "Lubang ditutup.")
        .await?;
    // The first reporter is content, the second is not: one dispute counts for the cluster.
    ensure!(play.rate(&first, 5).await?.is_empty(), "the rating was refused");
    ensure!(play.dispute(&second).await?.is_empty(), "the dispute was refused");
    let case = play.expect_state(&first.case_id, State::Disputed).await?;
    ensure!(case.disputes == 1, "{} disputes", case.disputes);
    ensure!(play.dispute(&first).await?.is_empty(), "the other joins the dispute");
    ensure!(
        play.case(&first.case_id).await?.disputes == 1,
        "one dispute per answer counts once"
    );
    play.answer(&head(OPD), &first, OPD, Outcome::Resolved, "Ditambal ulang dan diuji.")
        .await?;
    play.0.working_days(10).await?;
    play.expect_closed(&first, Outcome::Resolved).await.map(drop)
}
