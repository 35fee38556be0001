//! Reports and citizens' commands: decided as of when intake took them (rule M2).

use sqlx::PgPool;
use time::Duration;
use tuntas_domain::State;
use tuntas_kit::{consumer::HandlerError, ids};
use tuntas_proto::{
    case::v1::{
        Privacy, ReportKind,
        case_command::{self as ask, Command},
    },
    event::v1::{ReportFiled, event::Payload},
};

use crate::support::{
    LIAISON, MANAGER, VERIFIER, citizens, dispute, fact, name, outcome, received, refusal, riau, state, verify,
};

#[sqlx::test(migrations = false)]
async fn a_filing_that_comes_twice_opens_one_case(pool: PgPool) {
    let world = riau(pool).await;
    let message = received("intake.report.filed", "intake", Payload::ReportFiled(world.filing()));
    assert!(world.consume("routing.intake", message.clone()).await.unwrap());
    assert!(!world.consume("routing.intake", message.clone()).await.unwrap());
    // The same report under another event, after a restore: its case stays.
    let again = received("intake.report.filed", "intake", message.event.payload.unwrap());
    assert!(world.consume("routing.intake", again).await.unwrap());
    let cases: i64 = sqlx::query_scalar("SELECT count(*) FROM kase")
        .fetch_one(&world.routing.pool)
        .await
        .unwrap();
    assert_eq!(cases, 1);
}

#[sqlx::test(migrations = false)]
async fn a_case_opens_with_what_the_reporter_chose(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world
        .file(ReportFiled {
            kind: ReportKind::Aspiration.into(),
            privacy: Privacy::Anonymous.into(),
            named_opd: "dishub".to_owned(),
            category_code: "No Such Category!".to_owned(),
            ..world.filing()
        })
        .await;
    let case = world.get(MANAGER, filed.case).await.unwrap();
    assert_eq!(case.kind, i32::from(ReportKind::Aspiration));
    assert_eq!(case.privacy, i32::from(Privacy::Anonymous));
    assert_eq!(case.category_code, "", "an unknown category is left for the verifier");
    assert_eq!(case.region_code, "14.71");
    assert_eq!(case.complained_opd, "");
    assert_eq!(case.clocks.len(), 4);
}

#[sqlx::test(migrations = false)]
async fn a_filing_that_is_none_is_rejected(pool: PgPool) {
    let world = riau(pool).await;
    let bad = ReportFiled {
        report_id: "nonsense".to_owned(),
        ..world.filing()
    };
    let message = received("intake.report.filed", "intake", Payload::ReportFiled(bad));
    let error = world.consume("routing.intake", message).await.unwrap_err();
    assert!(matches!(error, HandlerError::Reject(_)), "{error}");
}

#[sqlx::test(migrations = false)]
async fn a_command_for_a_report_without_a_case_is_tried_again(pool: PgPool) {
    let world = riau(pool).await;
    let report = ids::new_id().into();
    let error = world
        .consume("routing.intake", citizens(report, dispute(), world.now()))
        .await;
    assert!(matches!(error, Err(HandlerError::Bounded(_))));
}

#[sqlx::test(migrations = false)]
async fn a_dispute_received_in_time_wins_over_silence(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.answered().await;
    let case = world.get(LIAISON, filed.case).await.unwrap();
    let until = case.members[0].dispute_until.as_ref().unwrap();
    let until = tuntas_proto::wire_time::instant(until).unwrap();
    world.pass(until - world.now() + Duration::hours(3)).await;
    assert!(matches!(world.case(filed.case).await.state, State::Closed { .. }));

    let late = world
        .citizen_at(filed.report, dispute(), until + Duration::SECOND)
        .await;
    assert_eq!(refusal(&late), "dispute_window_over");
    let in_time = world.citizen_at(filed.report, dispute(), until).await;
    assert_eq!(name(&in_time), "disputed");
    let case = world.case(filed.case).await;
    assert_eq!(case.state, State::Disputed);
    assert!(case.closed_at.is_none());
}

#[sqlx::test(migrations = false)]
async fn a_command_that_comes_twice_counts_once(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.answered().await;
    let message = citizens(filed.report, dispute(), world.now());
    assert!(world.consume("routing.intake", message.clone()).await.unwrap());
    assert!(!world.consume("routing.intake", message).await.unwrap());
    let disputed = world.facts(filed.case).await.pop().unwrap();
    assert_eq!(name(&disputed), "disputed");
    assert_eq!(fact(&disputed).case.as_ref().unwrap().disputes, 1);
}

#[sqlx::test(migrations = false)]
async fn a_rating_counts_once_and_a_refusal_names_the_report(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.answered().await;
    let rate = |stars| {
        Command::Rate(ask::Rate {
            report_id: String::new(),
            stars,
        })
    };
    let rated = world.citizen(filed.report, rate(4)).await;
    assert_eq!(name(&rated), "rated");
    assert_eq!(fact(&rated).details.as_ref().unwrap().rating, 4);
    let refused = world.citizen(filed.report, rate(5)).await;
    assert_eq!(refusal(&refused), "already_rated");
    let Some(Payload::CommandRefused(refused)) = refused.payload else {
        panic!("a refusal")
    };
    assert_eq!(refused.report_id, filed.report.to_string());
    let refused = world.citizen(filed.report, rate(6)).await;
    assert_eq!(refusal(&refused), "invalid_argument");
}

#[sqlx::test(migrations = false)]
async fn a_receipt_gives_no_officers_rights(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    let refused = world.citizen(filed.report, verify()).await;
    assert_eq!(refusal(&refused), "not_permitted");
    // A command that names another's report is taken for the report of the receipt.
    let other = world.complaint().await;
    let withdraw = Command::Withdraw(ask::Withdraw {
        report_id: other.report.to_string(),
    });
    world.citizen(filed.report, withdraw).await;
    let own = world.get(MANAGER, filed.case).await.unwrap();
    assert_eq!(outcome(&own), tuntas_proto::case::v1::Outcome::Withdrawn);
    let others = world.get(MANAGER, other.case).await.unwrap();
    assert_eq!(state(&others), tuntas_proto::case::v1::State::AwaitingVerification);
}

#[sqlx::test(migrations = false)]
async fn filings_and_commands_of_one_batch(pool: PgPool) {
    let world = riau(pool).await;
    let filings: Vec<ReportFiled> = (0..50).map(|_| world.filing()).collect();
    let mut batch: Vec<_> = filings
        .iter()
        .map(|filing| received("intake.report.filed", "intake", Payload::ReportFiled(filing.clone())))
        .collect();
    let withdraw = Command::Withdraw(ask::Withdraw {
        report_id: String::new(),
    });
    let report = filings[7].report_id.parse().unwrap();
    batch.push(citizens(report, withdraw, world.now()));
    world.consume_all("routing.intake", batch).await.unwrap();
    let withdrawn = world.case_of(report).await;
    assert_eq!(world.names(withdrawn).await, ["filed", "withdrawn"]);
    let cases: i64 = sqlx::query_scalar("SELECT count(*) FROM kase")
        .fetch_one(&world.routing.pool)
        .await
        .unwrap();
    assert_eq!(cases, 50);
    world
        .must(
            VERIFIER,
            world.case_of(filings[0].report_id.parse().unwrap()).await,
            verify(),
        )
        .await;
}
