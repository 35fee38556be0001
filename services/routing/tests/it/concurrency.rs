//! Two at once, and the same twice: the sequence has no hole and nothing counts double.

use futures::future::join_all;
use sqlx::PgPool;
use tuntas_kit::problem::code_of;
use tuntas_proto::{
    case::v1::CaseCommand,
    routing::v1::{ExecuteCommandRequest, cases_server::Cases},
};

use crate::support::{LIAISON, MANAGER, VERIFIER, accept, dispose, key, merge_into, reject, riau, verify};

#[sqlx::test(migrations = false)]
async fn of_two_commands_at_once_one_wins(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    let orders = (0..8).map(|n| {
        let command = if n % 2 == 0 { verify() } else { reject() };
        world.order(VERIFIER, filed.case, command)
    });
    let outcomes = join_all(orders).await;
    let accepted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    // A rejection may follow the verification; nothing follows the rejection.
    assert!((1..=2).contains(&accepted), "{outcomes:?}");
    for status in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert_eq!(code_of(status).unwrap(), "illegal_move");
    }
    world.case(filed.case).await;
}

#[sqlx::test(migrations = false)]
async fn many_notes_at_once_are_numbered_without_a_hole(pool: PgPool) {
    use tuntas_proto::case::v1::case_command::{Command, RecordProgress};
    let world = riau(pool).await;
    let filed = world.in_progress().await;
    let before = world.case(filed.case).await.seq;
    let note = || {
        Command::RecordProgress(RecordProgress {
            note: crate::support::text(),
        })
    };
    let outcomes = join_all((0..20).map(|_| world.order(LIAISON, filed.case, note()))).await;
    let mut seqs: Vec<u64> = outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap().result.unwrap().seq)
        .collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (before + 1..=before + 20).collect::<Vec<_>>());
    world.case(filed.case).await;
}

#[sqlx::test(migrations = false)]
async fn crossing_merges_do_not_wait_for_each_other(pool: PgPool) {
    let world = riau(pool).await;
    for _ in 0..5 {
        let (a, b) = (world.complaint().await, world.complaint().await);
        let (one, other) = tokio::join!(
            world.order(VERIFIER, a.case, merge_into(b.case)),
            world.order(MANAGER, b.case, merge_into(a.case)),
        );
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        let survivor = world.case_of(a.report).await;
        assert_eq!(world.case_of(b.report).await, survivor);
        world.case(a.case).await;
        world.case(b.case).await;
    }
}

#[sqlx::test(migrations = false)]
async fn an_idempotency_key_gives_the_same_answer(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    let request = ExecuteCommandRequest {
        idempotency_key: key(),
        command: Some(CaseCommand {
            case_id: filed.case.to_string(),
            command: Some(verify()),
        }),
    };
    let calls = (0..4).map(|_| world.api.execute_command(world.by(VERIFIER, request.clone())));
    let answers: Vec<_> = join_all(calls)
        .await
        .into_iter()
        .map(|answer| answer.unwrap().into_inner())
        .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(world.case(filed.case).await.seq, 2);

    let other = ExecuteCommandRequest {
        command: Some(CaseCommand {
            case_id: filed.case.to_string(),
            command: Some(dispose("dishub", &[])),
        }),
        ..request.clone()
    };
    let reused = world.api.execute_command(world.by(VERIFIER, other)).await.unwrap_err();
    assert_eq!(code_of(&reused).unwrap(), "idempotency_key_reused");
    let missing = ExecuteCommandRequest {
        idempotency_key: String::new(),
        ..request
    };
    let missing = world
        .api
        .execute_command(world.by(VERIFIER, missing))
        .await
        .unwrap_err();
    assert_eq!(code_of(&missing).unwrap(), "idempotency_key_missing");
}

#[sqlx::test(migrations = false)]
async fn an_officer_and_the_desk_at_once(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    let command = world.desks(LIAISON, filed.case, accept(), world.now());
    let (by_call, by_message) = tokio::join!(
        world.order(LIAISON, filed.case, accept()),
        world.consume("routing.commands", command),
    );
    assert!(by_message.unwrap());
    let names = world.names(filed.case).await;
    assert_eq!(names.iter().filter(|name| *name == "accepted").count(), 1);
    let refused = world
        .published()
        .await
        .iter()
        .any(|m| m.routing_key == "routing.command.refused");
    assert_eq!(refused, by_call.is_ok());
    world.case(filed.case).await;
}
