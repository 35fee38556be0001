//! The life of a case, once per outcome, and what is published on the way.

use sqlx::PgPool;
use time::Duration;
use tuntas_domain::State;
use tuntas_proto::{
    case::v1::{
        Outcome, ReportKind, State as WireState,
        case_command::{self as ask, Command},
    },
    event::v1::event::Payload,
};

use crate::support::{
    self, LIAISON, MANAGER, VERIFIER, World, accept, answer, dispose, fact, give_back, merge_into, name, outcome,
    reject, riau, state, text, verify, verify_as,
};

#[sqlx::test(migrations = false)]
async fn a_report_travels_from_filing_to_a_closed_case(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    world.must(VERIFIER, filed.case, verify()).await;
    world.must(VERIFIER, filed.case, dispose("dishub", &[])).await;
    world.desk(LIAISON, filed.case, accept()).await;
    let executor = support::EXECUTOR.to_owned();
    let assign = Command::Assign(ask::Assign { position_id: executor });
    world.desk(LIAISON, filed.case, assign).await;
    let note = Command::RecordProgress(ask::RecordProgress { note: text() });
    world.desk(support::EXECUTOR, filed.case, note).await;
    let first = Command::ReleaseFirstResponse(ask::ReleaseFirstResponse { text: text() });
    world.desk(LIAISON, filed.case, first).await;
    world.desk(LIAISON, filed.case, answer(Outcome::Resolved)).await;
    world.pass(Duration::days(20)).await;

    let case = world.case(filed.case).await;
    assert_eq!(
        case.state,
        State::Closed {
            outcome: tuntas_domain::Outcome::Resolved
        }
    );
    let expected = [
        "filed",
        "verified",
        "disposed",
        "accepted",
        "assigned",
        "progress_recorded",
        "first_response_released",
        "answered",
        "closed_by_silence",
    ];
    assert_eq!(world.names(filed.case).await, expected);
    assert_eq!(case.next_due(&world).await, None);
}

trait NextDue {
    async fn next_due(&self, world: &World) -> Option<time::OffsetDateTime>;
}

impl NextDue for tuntas_domain::Case {
    async fn next_due(&self, world: &World) -> Option<time::OffsetDateTime> {
        sqlx::query_scalar("SELECT next_due_at FROM kase WHERE case_id = $1")
            .bind(self.id.into_uuid())
            .fetch_one(&world.routing.pool)
            .await
            .unwrap()
    }
}

#[sqlx::test(migrations = false)]
async fn each_fact_carries_the_state_it_led_to_and_goes_to_the_agencies_concerned(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    let facts = world.facts(filed.case).await;
    for (place, event) in facts.iter().enumerate() {
        let seq = place as u64 + 1;
        assert_eq!(event.aggregate_seq, seq);
        assert_eq!(fact(event).case.as_ref().unwrap().seq, seq);
        assert_eq!(event.source, "routing");
        assert_eq!(event.policy_version, "1");
        assert_eq!(event.r#type, format!("tuntas.case.{}", fact(event).r#type));
    }
    let (opened, verified, disposed) = (&facts[0], &facts[1], &facts[2]);
    assert!(!opened.causation_id.is_empty(), "the filing's event is the cause");
    assert_eq!(opened.actor.as_ref().unwrap().via, "citizen");
    assert!(verified.causation_id.is_empty(), "an officer's call is no event");
    assert_eq!(verified.actor.as_ref().unwrap().position_id, VERIFIER);
    assert!(
        fact(verified).details.as_ref().unwrap().text.is_some(),
        "the redacted text"
    );
    assert!(world.told(&verified.event_id).await.is_empty());
    assert_eq!(world.told(&disposed.event_id).await, ["opd.dishub.cases"]);
    let keys: Vec<String> = world.published().await.into_iter().map(|m| m.routing_key).collect();
    assert!(keys.contains(&"routing.case.disposed".to_owned()));
}

#[sqlx::test(migrations = false)]
async fn an_agency_that_loses_a_case_is_told(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    let returned = world.desk(LIAISON, filed.case, give_back()).await;
    assert_eq!(name(&returned), "returned");
    assert_eq!(world.told(&returned.event_id).await, ["opd.dishub.cases"]);
    let case = world.must(MANAGER, filed.case, dispose("pupr-pkpp", &[])).await;
    assert_eq!(case.lead_opd, "pupr-pkpp");
    let disposed = world.facts(filed.case).await.pop().unwrap();
    assert_eq!(world.told(&disposed.event_id).await, ["opd.pupr-pkpp.cases"]);
}

#[sqlx::test(migrations = false)]
async fn the_second_return_leads_to_the_binding_decision(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    world.must(LIAISON, filed.case, give_back()).await;
    world.must(VERIFIER, filed.case, dispose("dishub", &[])).await;
    world.must(LIAISON, filed.case, give_back()).await;
    assert_eq!(
        world.refused(MANAGER, filed.case, dispose("dishub", &[])).await,
        "binding_decision_required"
    );
    let bind = Command::Bind(ask::Bind {
        lead_opd: "dishub".to_owned(),
        reason: text(),
    });
    assert_eq!(world.refused(VERIFIER, filed.case, bind.clone()).await, "not_permitted");
    let case = world.must(MANAGER, filed.case, bind).await;
    assert_eq!(state(&case), WireState::InProgress);
    assert!(!case.returnable);
    assert_eq!(world.refused(LIAISON, filed.case, give_back()).await, "illegal_move");
    world.case(filed.case).await;
}

#[sqlx::test(migrations = false)]
async fn outcomes_of_an_answer(pool: PgPool) {
    let world = riau(pool).await;
    for (kind, claimed) in [
        (ReportKind::Complaint, Outcome::Resolved),
        (ReportKind::Complaint, Outcome::Clarified),
        (ReportKind::InformationRequest, Outcome::Informed),
        (ReportKind::Aspiration, Outcome::NotedTakenUp),
        (ReportKind::Aspiration, Outcome::NotedNotTakenUp),
    ] {
        let filed = world.complaint().await;
        let verify = verify_as(ask::Verify {
            kind: kind.into(),
            ..ask::Verify::default()
        });
        world.must(VERIFIER, filed.case, verify).await;
        world.must(VERIFIER, filed.case, dispose("dishub", &[])).await;
        world.must(LIAISON, filed.case, accept()).await;
        world.must(LIAISON, filed.case, answer(claimed)).await;
        world.pass(Duration::days(22)).await;
        let case = world.get(MANAGER, filed.case).await.unwrap();
        assert_eq!((state(&case), outcome(&case)), (WireState::Closed, claimed));
        world.case(filed.case).await;
    }
}

#[sqlx::test(migrations = false)]
async fn an_answer_that_does_not_fit_the_kind_is_refused(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.in_progress().await;
    assert_eq!(
        world.refused(LIAISON, filed.case, answer(Outcome::NotedTakenUp)).await,
        "outcome_does_not_fit"
    );
}

#[sqlx::test(migrations = false)]
async fn rejected_with_the_explanation_for_the_reporter(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    let case = world.must(VERIFIER, filed.case, reject()).await;
    assert_eq!((state(&case), outcome(&case)), (WireState::Closed, Outcome::Rejected));
    let rejected = world.facts(filed.case).await.pop().unwrap();
    assert!(fact(&rejected).details.as_ref().unwrap().text.is_some());
    world.case(filed.case).await;
}

#[sqlx::test(migrations = false)]
async fn referred_to_an_authority_that_has_no_queue(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    let refer = |code: &str| {
        Command::Refer(ask::Refer {
            authority_code: code.to_owned(),
            explanation: text(),
        })
    };
    assert_eq!(
        world.refused(VERIFIER, filed.case, refer("dishub")).await,
        "unknown_agency"
    );
    assert_eq!(
        world.refused(VERIFIER, filed.case, refer("Not A Code")).await,
        "invalid_argument"
    );
    let case = world.must(VERIFIER, filed.case, refer("pemko-pekanbaru")).await;
    assert_eq!(outcome(&case), Outcome::Referred);
    assert_eq!(case.referred_to, "pemko-pekanbaru");
    let referred = world.facts(filed.case).await.pop().unwrap();
    assert!(world.told(&referred.event_id).await.is_empty());
    world.case(filed.case).await;
}

#[sqlx::test(migrations = false)]
async fn merged_withdrawn_and_lapsed(pool: PgPool) {
    let world = riau(pool).await;
    let (survivor, duplicate) = (world.complaint().await, world.complaint().await);
    let case = world.must(VERIFIER, duplicate.case, merge_into(survivor.case)).await;
    assert_eq!(outcome(&case), Outcome::Merged);

    let withdraw = Command::Withdraw(ask::Withdraw {
        report_id: String::new(),
    });
    let withdrawn = world.complaint().await;
    world.citizen(withdrawn.report, withdraw).await;
    let case = world.get(MANAGER, withdrawn.case).await.unwrap();
    assert_eq!(outcome(&case), Outcome::Withdrawn);

    let lapsed = world.complaint().await;
    let ask_more = Command::RequestCompletion(ask::RequestCompletion { question: text() });
    world.must(VERIFIER, lapsed.case, ask_more.clone()).await;
    assert_eq!(world.refused(VERIFIER, lapsed.case, ask_more).await, "illegal_move");
    world.pass(Duration::days(32)).await;
    let case = world.get(MANAGER, lapsed.case).await.unwrap();
    assert_eq!(outcome(&case), Outcome::Lapsed);
    for filed in [survivor, duplicate, withdrawn, lapsed] {
        world.case(filed.case).await;
    }
}

#[sqlx::test(migrations = false)]
async fn recalled_and_transferred(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    let recall = Command::Recall(ask::Recall { reason: text() });
    let case = world.must(VERIFIER, filed.case, recall.clone()).await;
    assert_eq!(state(&case), WireState::AwaitingDisposition);
    assert_eq!(world.refused(VERIFIER, filed.case, recall).await, "illegal_move");
    world.must(VERIFIER, filed.case, dispose("dishub", &[])).await;
    world.must(LIAISON, filed.case, accept()).await;
    let ask_away = Command::RequestTransfer(ask::RequestTransfer {
        reason_code: "other_region".to_owned(),
        reason: text(),
        suggested_opd: "pupr-pkpp".to_owned(),
    });
    let case = world.must(LIAISON, filed.case, ask_away).await;
    assert!(case.transfer_requested);
    let decline = Command::DeclineTransfer(ask::DeclineTransfer { reason: text() });
    world.must(MANAGER, filed.case, decline.clone()).await;
    assert_eq!(
        world.refused(MANAGER, filed.case, decline).await,
        "no_transfer_requested"
    );
    let transfer = Command::Transfer(ask::Transfer {
        to_opd: "pupr-pkpp".to_owned(),
        reason: text(),
    });
    assert_eq!(
        world.refused(VERIFIER, filed.case, transfer.clone()).await,
        "not_permitted"
    );
    let case = world.must(MANAGER, filed.case, transfer).await;
    assert_eq!(case.lead_opd, "pupr-pkpp");
    let transferred = world.facts(filed.case).await.pop().unwrap();
    let told = world.told(&transferred.event_id).await;
    assert_eq!(told, ["opd.dishub.cases", "opd.pupr-pkpp.cases"]);
    world.case(filed.case).await;
}

#[sqlx::test(migrations = false)]
async fn completed_after_a_request(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    let ask_more = Command::RequestCompletion(ask::RequestCompletion { question: text() });
    world.must(VERIFIER, filed.case, ask_more.clone()).await;
    let complete = Command::Complete(ask::Complete {
        report_id: String::new(),
        text: text(),
    });
    let completed = world.citizen(filed.report, complete).await;
    assert_eq!(name(&completed), "completed");
    assert!(fact(&completed).details.as_ref().unwrap().text.is_some());
    assert_eq!(
        world.refused(VERIFIER, filed.case, ask_more).await,
        "completion_already_requested"
    );
    world.must(VERIFIER, filed.case, verify()).await;
    world.must(VERIFIER, filed.case, dispose("dishub", &[])).await;
    world.must(LIAISON, filed.case, accept()).await;
    let ask_again = Command::AgencyRequestCompletion(ask::AgencyRequestCompletion { question: text() });
    let case = world.must(LIAISON, filed.case, ask_again).await;
    assert_eq!(state(&case), WireState::AwaitingCompletion);
    world.case(filed.case).await;
}

#[sqlx::test(migrations = false)]
async fn reclassified_and_taken_over(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    let reclassify = Command::Reclassify(ask::Reclassify {
        kind: ReportKind::Aspiration.into(),
        supervisory: false,
        category_code: "transportasi-air".to_owned(),
        region_code: "14.01".to_owned(),
        complained_opd: String::new(),
    });
    let case = world.must(VERIFIER, filed.case, reclassify.clone()).await;
    assert_eq!(case.category_code, "transportasi-air");
    assert_eq!(
        world.refused(VERIFIER, filed.case, reclassify.clone()).await,
        "nothing_changes"
    );
    world
        .must(
            VERIFIER,
            filed.case,
            Command::Verify(ask::Verify {
                kind: ReportKind::Aspiration.into(),
                category_code: "transportasi-air".to_owned(),
                region_code: "14.01".to_owned(),
                ..ask::Verify::default()
            }),
        )
        .await;
    world.must(VERIFIER, filed.case, dispose("dishub", &[])).await;
    assert_eq!(
        world.refused(VERIFIER, filed.case, reclassify).await,
        "already_disposed"
    );

    let take = Command::TakeOver(ask::TakeOver {});
    assert_eq!(
        world.refused(support::OMBUDSMAN, filed.case, take.clone()).await,
        "take_over_too_early"
    );
    assert_eq!(world.refused(MANAGER, filed.case, take.clone()).await, "not_permitted");
    world.pass(Duration::days(62)).await;
    let case = world.must(support::OMBUDSMAN, filed.case, take).await;
    assert!(case.taken_over);
    assert_eq!(world.refused(LIAISON, filed.case, accept()).await, "taken_over");
    let back = Command::HandBack(ask::HandBack {});
    world.must(support::OMBUDSMAN, filed.case, back).await;
    world.must(LIAISON, filed.case, accept()).await;
    world.case(filed.case).await;
}

#[sqlx::test(migrations = false)]
async fn a_closed_case_is_reopened_by_the_ombudsman(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.answered().await;
    world.pass(Duration::days(18)).await;
    let reopen = Command::Reopen(ask::Reopen { reason: text() });
    assert_eq!(
        world.refused(support::DIRECTOR, filed.case, reopen.clone()).await,
        "not_permitted"
    );
    let case = world.must(support::OMBUDSMAN, filed.case, reopen).await;
    assert_eq!(state(&case), WireState::InProgress);
    assert!(case.head_required);
    assert_eq!(
        world.refused(LIAISON, filed.case, answer(Outcome::Resolved)).await,
        "head_required"
    );
    world.must(support::HEAD, filed.case, answer(Outcome::Resolved)).await;
    world.case(filed.case).await;
}

#[sqlx::test(migrations = false)]
async fn what_does_not_parse_is_refused_and_stores_nothing(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    let before = world.published().await.len();
    let unknown = "0198c0de-0000-7000-8000-000000000000".parse().unwrap();
    assert_eq!(world.refused(VERIFIER, unknown, verify()).await, "unknown_case");
    assert_eq!(
        world.refused(VERIFIER, filed.case, dispose("dishub", &[])).await,
        "illegal_move"
    );
    assert_eq!(
        world.refused(VERIFIER, filed.case, dispose("", &[])).await,
        "invalid_argument"
    );
    let nobody = Command::Assign(ask::Assign {
        position_id: "x".repeat(5_000),
    });
    assert_eq!(world.refused(LIAISON, filed.case, nobody).await, "invalid_argument");
    assert_eq!(world.published().await.len(), before);
    assert!(
        world
            .published()
            .await
            .iter()
            .all(|m| !matches!(m.event.payload, Some(Payload::CommandRefused(_))))
    );
}
