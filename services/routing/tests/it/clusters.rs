//! Clusters: two cases move together or not at all, and each receipt resolves to one surviving case (rules M1, M6, M8).

use sqlx::PgPool;
use time::Duration;
use tuntas_proto::routing::v1::cases_server::Cases;
use tuntas_proto::{
    case::v1::{
        Outcome, State,
        case_command::{self as ask, Command},
    },
    routing::v1::GetCaseRequest,
};

use crate::support::{
    self, DIRECTOR, LIAISON, MANAGER, VERIFIER, accept, answer, contest, dispose, dispute, fact, merge_into, name,
    outcome, refusal, riau, state, text, verify, verify_as,
};

fn unmerge(report: tuntas_domain::ReportId) -> Command {
    Command::Unmerge(ask::Unmerge {
        report_id: report.to_string(),
    })
}

#[sqlx::test(migrations = false)]
async fn merge_and_unmerge(pool: PgPool) {
    let world = riau(pool).await;
    let (survivor, duplicate) = (world.complaint().await, world.complaint().await);
    assert_eq!(
        world
            .refused(VERIFIER, duplicate.case, merge_into(duplicate.case))
            .await,
        "same_case"
    );
    assert_eq!(
        world.refused(LIAISON, duplicate.case, merge_into(survivor.case)).await,
        "not_permitted"
    );
    let merged = world.must(VERIFIER, duplicate.case, merge_into(survivor.case)).await;
    assert_eq!(merged.merged_into, survivor.case.to_string());
    assert_eq!(world.case_of(duplicate.report).await, survivor.case);
    assert_eq!(world.names(duplicate.case).await, ["filed", "merged_into"]);
    assert_eq!(world.names(survivor.case).await, ["filed", "absorbed"]);
    let reports = [survivor.report.to_string(), duplicate.report.to_string()];
    let members = world.get(MANAGER, survivor.case).await.unwrap().members;
    assert_eq!(
        members
            .iter()
            .map(|member| member.report_id.clone())
            .collect::<Vec<_>>(),
        reports
    );

    // By its report the reader finds the case that lives on.
    let request = GetCaseRequest {
        report_id: duplicate.report.to_string(),
        ..GetCaseRequest::default()
    };
    let found = world
        .api
        .get_case(world.by(MANAGER, request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(found.case.unwrap().case_id, survivor.case.to_string());

    assert_eq!(
        world.refused(VERIFIER, survivor.case, unmerge(survivor.report)).await,
        "not_merged"
    );
    world.must(VERIFIER, survivor.case, unmerge(duplicate.report)).await;
    assert_eq!(world.case_of(duplicate.report).await, duplicate.case);
    let back = world.get(MANAGER, duplicate.case).await.unwrap();
    assert_eq!(state(&back), State::AwaitingDisposition);
    assert_eq!(world.names(survivor.case).await, ["filed", "absorbed", "split_off"]);
    for filed in [survivor, duplicate] {
        world.case(filed.case).await;
    }
}

#[sqlx::test(migrations = false)]
async fn a_merge_that_one_half_refuses_changes_neither(pool: PgPool) {
    let world = riau(pool).await;
    let ordinary = world.complaint().await;
    let supervisory = world.complaint().await;
    let as_supervisory = verify_as(ask::Verify {
        supervisory: true,
        ..ask::Verify::default()
    });
    world.must(VERIFIER, supervisory.case, as_supervisory).await;
    let code = world
        .refused(VERIFIER, ordinary.case, merge_into(supervisory.case))
        .await;
    assert_eq!(code, "supervisory_mismatch");

    // The survivor waits for its reporter and takes in nothing; the duplicate alone could go.
    let incomplete = world.complaint().await;
    let ask_more = Command::RequestCompletion(ask::RequestCompletion { question: text() });
    world.must(VERIFIER, incomplete.case, ask_more).await;
    let code = world
        .refused(VERIFIER, ordinary.case, merge_into(incomplete.case))
        .await;
    assert_eq!(code, "illegal_move");
    assert_eq!(world.names(ordinary.case).await, ["filed"]);
    assert_eq!(world.case_of(ordinary.report).await, ordinary.case);
}

#[sqlx::test(migrations = false)]
async fn a_refused_merge_in_a_batch_leaves_the_others(pool: PgPool) {
    let world = riau(pool).await;
    let (ordinary, incomplete) = (world.complaint().await, world.complaint().await);
    let ask_more = Command::RequestCompletion(ask::RequestCompletion { question: text() });
    world.must(VERIFIER, incomplete.case, ask_more).await;
    let other = world.disposed("diskominfotik", &[]).await;
    let now = world.now();
    let batch = vec![
        world.desks(MANAGER, ordinary.case, merge_into(incomplete.case), now),
        world.desks(MANAGER, other.case, accept(), now),
    ];
    let refused = batch[0].event_id.to_string();
    world.consume_all("routing.commands", batch).await.unwrap();
    let all = world.published().await;
    let event = all
        .iter()
        .find(|message| message.event.causation_id == refused)
        .unwrap();
    assert_eq!(refusal(&event.event), "illegal_move");
    assert_eq!(world.names(ordinary.case).await, ["filed"]);
    assert_eq!(world.names(other.case).await.last().unwrap(), "accepted");
    world.case(ordinary.case).await;
}

#[sqlx::test(migrations = false)]
async fn one_dissenting_reporter_of_a_cluster(pool: PgPool) {
    let world = riau(pool).await;
    let (survivor, joined) = (world.complaint().await, world.complaint().await);
    world.must(VERIFIER, joined.case, merge_into(survivor.case)).await;
    world.must(VERIFIER, survivor.case, verify()).await;
    world.must(VERIFIER, survivor.case, dispose("dishub", &[])).await;
    world.must(LIAISON, survivor.case, accept()).await;
    world.must(LIAISON, survivor.case, answer(Outcome::Resolved)).await;
    let disputed = world.citizen(joined.report, dispute()).await;
    assert_eq!(name(&disputed), "disputed");
    assert_eq!(
        fact(&disputed).case.as_ref().unwrap().case_id,
        survivor.case.to_string()
    );
    // Another reporter of the cluster joins; it counts once.
    let also = world.citizen(survivor.report, dispute()).await;
    assert_eq!(name(&also), "dispute_joined");
    assert_eq!(fact(&also).case.as_ref().unwrap().disputes, 1);
    // A withdrawal closes the case only with the last live report.
    let withdraw = Command::Withdraw(ask::Withdraw {
        report_id: String::new(),
    });
    world.citizen(joined.report, withdraw.clone()).await;
    assert_eq!(
        state(&world.get(MANAGER, survivor.case).await.unwrap()),
        State::Disputed
    );
    world.citizen(survivor.report, withdraw).await;
    let case = world.get(MANAGER, survivor.case).await.unwrap();
    assert_eq!((state(&case), outcome(&case)), (State::Closed, Outcome::Withdrawn));
    world.case(survivor.case).await;
}

#[sqlx::test(migrations = false)]
async fn a_contested_merge_is_undone_by_the_director(pool: PgPool) {
    let world = riau(pool).await;
    let (survivor, duplicate) = (world.complaint().await, world.complaint().await);
    world.must(VERIFIER, duplicate.case, merge_into(survivor.case)).await;
    let contested = world.citizen(duplicate.report, contest()).await;
    assert_eq!(name(&contested), "contested");
    assert_eq!(
        fact(&contested).case.as_ref().unwrap().case_id,
        duplicate.case.to_string()
    );
    let grant = Command::DecideContest(ask::DecideContest {
        upheld: true,
        reason: text(),
    });
    let case = world.must(DIRECTOR, duplicate.case, grant).await;
    assert_eq!(state(&case), State::AwaitingDisposition);
    assert_eq!(world.case_of(duplicate.report).await, duplicate.case);
    assert_eq!(world.names(survivor.case).await.last().unwrap(), "split_off");
    world.case(survivor.case).await;
    world.case(duplicate.case).await;
}

#[sqlx::test(migrations = false)]
async fn a_contested_rejection(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    world.must(VERIFIER, filed.case, support::reject()).await;
    let decide = |upheld| Command::DecideContest(ask::DecideContest { upheld, reason: text() });
    assert_eq!(world.refused(DIRECTOR, filed.case, decide(true)).await, "no_contest");
    let contested = world.citizen(filed.report, contest()).await;
    assert_eq!(name(&contested), "contested");
    assert_eq!(world.refused(MANAGER, filed.case, decide(true)).await, "not_permitted");
    let case = world.must(DIRECTOR, filed.case, decide(true)).await;
    assert_eq!(state(&case), State::AwaitingDisposition);
    world.must(VERIFIER, filed.case, dispose("dishub", &[])).await;
    world.case(filed.case).await;

    let other = world.complaint().await;
    world.must(VERIFIER, other.case, support::reject()).await;
    world.pass(Duration::days(20)).await;
    let late = world.citizen(other.report, contest()).await;
    assert_eq!(refusal(&late), "contest_window_over");
}
