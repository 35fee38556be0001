//! The ladder of disputes: the head, the director, the Ombudsman (rules M7, M12).

use sqlx::PgPool;
use tuntas_proto::case::v1::{
    Outcome, State,
    case_command::{self as ask, Command},
};

use crate::support::{
    DIRECTOR, HEAD, LIAISON, MANAGER, answer, dispute, fact, name, outcome, refusal, riau, state, text,
};

#[sqlx::test(migrations = false)]
async fn first_second_and_third_dispute(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.answered().await;

    let first = world.citizen(filed.report, dispute()).await;
    assert_eq!(name(&first), "disputed");
    assert_eq!(world.told(&first.event_id).await, ["opd.dishub.cases"]);
    assert_eq!(
        world.refused(LIAISON, filed.case, answer(Outcome::Resolved)).await,
        "head_required"
    );
    world.must(HEAD, filed.case, answer(Outcome::Resolved)).await;

    let second = world.citizen(filed.report, dispute()).await;
    assert!(fact(&second).case.as_ref().unwrap().awaiting_director);
    let decide = |upheld| Command::DecideDispute(ask::DecideDispute { upheld, reason: text() });
    assert_eq!(world.refused(MANAGER, filed.case, decide(true)).await, "not_permitted");
    let case = world.must(DIRECTOR, filed.case, decide(true)).await;
    assert_eq!(state(&case), State::Disputed);
    world.must(HEAD, filed.case, answer(Outcome::Resolved)).await;

    let third = world.citizen(filed.report, dispute()).await;
    assert_eq!(name(&third), "appeal_referred_to_ombudsman");
    assert!(fact(&third).details.as_ref().unwrap().ombudsman_flag);
    let case = world.get(MANAGER, filed.case).await.unwrap();
    assert_eq!((state(&case), outcome(&case)), (State::Closed, Outcome::Resolved));
    let fourth = world.citizen(filed.report, dispute()).await;
    assert_eq!(refusal(&fourth), "appeal_to_ombudsman");
    world.case(filed.case).await;
}

#[sqlx::test(migrations = false)]
async fn the_director_dismisses_a_second_dispute(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.answered().await;
    world.citizen(filed.report, dispute()).await;
    world.must(HEAD, filed.case, answer(Outcome::Clarified)).await;
    world.citizen(filed.report, dispute()).await;
    let dismiss = Command::DecideDispute(ask::DecideDispute {
        upheld: false,
        reason: text(),
    });
    let case = world.must(DIRECTOR, filed.case, dismiss.clone()).await;
    assert_eq!((state(&case), outcome(&case)), (State::Closed, Outcome::Clarified));
    assert_eq!(world.refused(DIRECTOR, filed.case, dismiss).await, "illegal_move");
    world.case(filed.case).await;
}
