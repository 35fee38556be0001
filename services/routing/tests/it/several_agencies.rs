//! One lead, contributors with clocks of their own (rules M5, K5).

use sqlx::PgPool;
use tuntas_proto::case::v1::{
    Outcome, State,
    case_command::{self as ask, Command},
};

use crate::support::{HEAD, LIAISON, MANAGER, VERIFIER, accept, answer, dispose, name, riau, state, text};

const CONTRIBUTOR: &str = "pupr-pkpp.sekretaris";

fn done() -> Command {
    Command::ContributionDone(ask::ContributionDone { note: text() })
}

#[sqlx::test(migrations = false)]
async fn the_lead_answers_when_contributions_are_in(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &["pupr-pkpp"]).await;
    let disposed = world.facts(filed.case).await.pop().unwrap();
    let told = world.told(&disposed.event_id).await;
    assert_eq!(told, ["opd.dishub.cases", "opd.pupr-pkpp.cases"]);
    world.desk(LIAISON, filed.case, accept()).await;
    assert_eq!(world.refused(CONTRIBUTOR, filed.case, accept()).await, "not_permitted");
    let refused = world.refused(LIAISON, filed.case, answer(Outcome::Resolved)).await;
    assert_eq!(refused, "contributions_outstanding");
    let lead_done = Command::DeclareLeadDone(ask::DeclareLeadDone {});
    let case = world.must(LIAISON, filed.case, lead_done.clone()).await;
    assert_eq!(
        case.holder.unwrap().opd_code,
        "pupr-pkpp",
        "the contributor is charged now"
    );
    assert_eq!(world.refused(LIAISON, filed.case, lead_done).await, "already_done");

    let contributed = world.desk(CONTRIBUTOR, filed.case, done()).await;
    assert_eq!(name(&contributed), "contribution_done");
    assert_eq!(world.refused(CONTRIBUTOR, filed.case, done()).await, "not_permitted");
    let case = world.must(LIAISON, filed.case, answer(Outcome::Resolved)).await;
    assert_eq!(state(&case), State::Answered);
    world.case(filed.case).await;
}

#[sqlx::test(migrations = false)]
async fn the_lead_says_why_it_answers_without(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    world.must(LIAISON, filed.case, accept()).await;
    let add = |opd: &str| {
        Command::AddContributor(ask::AddContributor {
            opd_code: opd.to_owned(),
        })
    };
    world.must(VERIFIER, filed.case, add("pupr-pkpp")).await;
    assert_eq!(
        world.refused(VERIFIER, filed.case, add("pupr-pkpp")).await,
        "already_takes_part"
    );
    assert_eq!(
        world.refused(VERIFIER, filed.case, add("pln-riau")).await,
        "unknown_agency"
    );
    let without = Command::ReleaseAnswer(ask::ReleaseAnswer {
        text: text(),
        claimed: Outcome::Resolved.into(),
        without_contributions_reason: text(),
    });
    world.must(HEAD, filed.case, without).await;
    let answered = world.facts(filed.case).await.pop().unwrap();
    // The contributor whose part is no longer needed is told.
    let told = world.told(&answered.event_id).await;
    assert_eq!(told, ["opd.dishub.cases", "opd.pupr-pkpp.cases"]);
    world.case(filed.case).await;
    assert!(world.get(MANAGER, filed.case).await.is_ok());
}

#[sqlx::test(migrations = false)]
async fn an_agency_takes_part_once(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    world.must(VERIFIER, filed.case, crate::support::verify()).await;
    let twice = dispose("dishub", &["pupr-pkpp", "pupr-pkpp"]);
    assert_eq!(world.refused(VERIFIER, filed.case, twice).await, "already_takes_part");
}
