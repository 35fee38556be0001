//! Agencies' commands: settled once, refused with an event, and nobody speaks for another agency.

use sqlx::PgPool;
use time::Duration;
use tuntas_proto::case::v1::{
    Outcome,
    case_command::{self as ask, Command},
};

use crate::support::{HEAD, LIAISON, VERIFIER, accept, answer, dispose, fact, name, received, refusal, riau};

#[sqlx::test(migrations = false)]
async fn a_command_that_comes_twice_counts_once(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    let command = world.desks(LIAISON, filed.case, accept(), world.now());
    let cause = command.event_id.to_string();
    assert!(world.consume("routing.commands", command.clone()).await.unwrap());
    let after_first = world.published().await.len();
    assert!(!world.consume("routing.commands", command).await.unwrap());
    assert_eq!(world.published().await.len(), after_first);
    let accepted = world.facts(filed.case).await.pop().unwrap();
    assert_eq!(name(&accepted), "accepted");
    assert_eq!(accepted.causation_id, cause);
    assert_eq!(fact(&accepted).command_id, cause);
    assert_eq!(accepted.actor.as_ref().unwrap().position_id, LIAISON);
    world.case(filed.case).await;
}

#[sqlx::test(migrations = false)]
async fn a_refusal_goes_to_everybody_and_to_the_agency(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    let refused = world.desk(LIAISON, filed.case, answer(Outcome::Resolved)).await;
    assert_eq!(refusal(&refused), "illegal_move");
    assert_eq!(refused.aggregate_seq, 1);
    assert_eq!(refused.aggregate_id, format!("refusal:{}", refused.causation_id));
    assert_eq!(world.told(&refused.event_id).await, ["opd.dishub.cases"]);
    let keys: Vec<String> = world.published().await.into_iter().map(|m| m.routing_key).collect();
    assert!(keys.contains(&"routing.command.refused".to_owned()));
}

#[sqlx::test(migrations = false)]
async fn a_refusal_that_comes_twice_is_told_once(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    let command = world.desks(LIAISON, filed.case, answer(Outcome::Resolved), world.now());
    assert!(world.consume("routing.commands", command.clone()).await.unwrap());
    let after_first = world.published().await.len();
    assert!(!world.consume("routing.commands", command).await.unwrap());
    assert_eq!(world.published().await.len(), after_first);
}

#[sqlx::test(migrations = false)]
async fn nobody_speaks_for_another_agency(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    let now = world.now();
    let token = world.token(LIAISON);

    // Another agency's user publishes an officer's stolen assertion under its own key.
    let mut stolen = world.desks_with("pupr-pkpp", filed.case, accept(), now, token.clone());
    let cause = stolen.event_id.to_string();
    assert!(world.consume("routing.commands", stolen.clone()).await.unwrap());
    let refused = world
        .published()
        .await
        .into_iter()
        .rev()
        .find(|m| m.event.causation_id == cause);
    assert_eq!(refusal(&refused.unwrap().event), "forbidden");

    // A command that names another agency than its key.
    stolen = world.desks_with("dishub", filed.case, accept(), now, token.clone());
    stolen.routing_key = "opd.pupr-pkpp.commands".to_owned();
    let cause = stolen.event_id.to_string();
    assert!(world.consume("routing.commands", stolen).await.unwrap());
    let refused = world
        .published()
        .await
        .into_iter()
        .rev()
        .find(|m| m.event.causation_id == cause);
    assert_eq!(refusal(&refused.unwrap().event), "forbidden");

    // An assertion that is none.
    let forged = world.desks_with("dishub", filed.case, accept(), now, "a.b.c".to_owned());
    let cause = forged.event_id.to_string();
    assert!(world.consume("routing.commands", forged).await.unwrap());
    let refused = world
        .published()
        .await
        .into_iter()
        .rev()
        .find(|m| m.event.causation_id == cause);
    assert_eq!(refusal(&refused.unwrap().event), "unauthenticated");

    assert_eq!(world.names(filed.case).await.last().unwrap(), "disposed");
}

#[sqlx::test(migrations = false)]
async fn a_command_that_names_no_broker_user_is_refused(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    let mut nobodys = world.desks(LIAISON, filed.case, accept(), world.now());
    nobodys.user_id.clear();
    let cause = nobodys.event_id.to_string();
    assert!(world.consume("routing.commands", nobodys).await.unwrap());
    let published = world.published().await;
    let refused = published.iter().find(|m| m.event.causation_id == cause).unwrap();
    assert_eq!(refusal(&refused.event), "forbidden");
}

#[sqlx::test(migrations = false)]
async fn an_assertion_counts_as_of_the_issue_of_the_command(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    // The command waited an hour in the queue; its assertion has long expired.
    let command = world.desks(LIAISON, filed.case, accept(), world.now());
    world.pass(Duration::hours(1)).await;
    let cause = command.event_id.to_string();
    assert!(world.consume("routing.commands", command).await.unwrap());
    let accepted = world.facts(filed.case).await.pop().unwrap();
    assert_eq!((name(&accepted), &accepted.causation_id), ("accepted", &cause));

    // An assertion that had expired when the command was issued.
    let old = world.token(HEAD);
    world.pass(Duration::hours(1)).await;
    let late = world.desks_with("dishub", filed.case, answer(Outcome::Resolved), world.now(), old);
    let cause = late.event_id.to_string();
    assert!(world.consume("routing.commands", late).await.unwrap());
    let refused = world
        .published()
        .await
        .into_iter()
        .rev()
        .find(|m| m.event.causation_id == cause);
    assert_eq!(refusal(&refused.unwrap().event), "unauthenticated");
}

#[sqlx::test(migrations = false)]
async fn commands_of_one_batch_are_decided_in_their_order(pool: PgPool) {
    let world = riau(pool).await;
    let first = world.disposed("dishub", &[]).await;
    let second = world.disposed("dishub", &[]).await;
    let now = world.now();
    let batch = vec![
        world.desks(LIAISON, second.case, accept(), now),
        world.desks(LIAISON, first.case, accept(), now),
        world.desks(LIAISON, first.case, accept(), now),
        world.desks(LIAISON, second.case, answer(Outcome::Resolved), now),
    ];
    let refused = batch[2].event_id.to_string();
    world.consume_all("routing.commands", batch).await.unwrap();
    assert_eq!(world.names(first.case).await.last().unwrap(), "accepted");
    assert_eq!(world.names(second.case).await.last().unwrap(), "answered");
    let all = world.published().await;
    let refusal_event = all.iter().find(|m| m.event.causation_id == refused).unwrap();
    assert_eq!(refusal(&refusal_event.event), "illegal_move");
    world.case(first.case).await;
    world.case(second.case).await;
}

#[sqlx::test(migrations = false)]
async fn a_malformed_command_is_refused_not_buried(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    let nobody = Command::Assign(ask::Assign {
        position_id: "Not An Id".to_owned(),
    });
    let refused = world.desk(LIAISON, filed.case, nobody).await;
    assert_eq!(refusal(&refused), "invalid_argument");
    let citizens = Command::Withdraw(ask::Withdraw {
        report_id: filed.report.to_string(),
    });
    let refused = world.desk(LIAISON, filed.case, citizens).await;
    assert_eq!(refusal(&refused), "not_permitted");
    let unknown = tuntas_domain::CaseId::new(tuntas_kit::ids::new_id());
    let refused = world.desk(LIAISON, unknown, accept()).await;
    assert_eq!(refusal(&refused), "unknown_case");
}

#[sqlx::test(migrations = false)]
async fn what_is_no_command_is_done(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    world.must(VERIFIER, filed.case, crate::support::verify()).await;
    world.must(VERIFIER, filed.case, dispose("dishub", &[])).await;
    let other = world.facts(filed.case).await.pop().unwrap();
    let message = received("opd.dishub.commands", "desk:dishub", other.payload.unwrap());
    assert!(world.consume("routing.commands", message).await.unwrap());
}
