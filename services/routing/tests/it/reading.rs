//! Reading: history, waiting for a sequence, inboxes page by page, an agency's snapshot, the books.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use sqlx::PgPool;
use time::Duration;
use tuntas_proto::{
    case::v1::{
        State,
        case_command::{self as ask, Command},
    },
    common::v1::PageRequest,
    event::v1::event::Payload,
    routing::v1::{
        GetCaseRequest, ListDueRequest, ListInboxRequest, SnapshotAgencyRequest, cases_server::Cases,
        snapshot_agency_response::Item,
    },
    wire_time::timestamp,
};
use tuntas_routing::books;

use crate::support::{
    AUDITOR, EXECUTOR, LIAISON, MANAGER, OMBUDSMAN, VERIFIER, World, accept, code, dispose, fact, merge_into, riau,
    verify, verify_as,
};

#[sqlx::test(migrations = false)]
async fn the_history_of_a_case(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.answered().await;
    let request = GetCaseRequest {
        case_id: filed.case.to_string(),
        with_history: true,
        ..GetCaseRequest::default()
    };
    let answer = world
        .api
        .get_case(world.by(OMBUDSMAN, request))
        .await
        .unwrap()
        .into_inner();
    let types: Vec<&str> = answer.history.iter().map(|entry| entry.r#type.as_str()).collect();
    assert_eq!(types, ["filed", "verified", "disposed", "accepted", "answered"]);
    let facts = world.facts(filed.case).await;
    for (entry, event) in answer.history.iter().zip(&facts) {
        assert_eq!(entry.seq, event.aggregate_seq);
        assert_eq!(entry.actor, event.actor);
        assert_eq!(entry.details, fact(event).details, "as published");
    }
    assert_eq!(answer.case.unwrap().seq, 5);
}

#[sqlx::test(migrations = false)]
async fn the_ombudsmans_read_is_a_fact_of_the_log(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    world.get(MANAGER, filed.case).await.unwrap();
    world.get(OMBUDSMAN, filed.case).await.unwrap();
    let reads: Vec<_> = world
        .published()
        .await
        .into_iter()
        .filter_map(|message| match message.event.payload {
            Some(Payload::OmbudsmanRead(read)) => Some((message.routing_key, read.case_id, message.event.actor)),
            _ => None,
        })
        .collect();
    let [(key, case_id, actor)] = reads.as_slice() else {
        panic!("one read, not {reads:?}");
    };
    assert_eq!(key, "routing.read.case");
    assert_eq!(*case_id, filed.case.to_string());
    assert_eq!(actor.as_ref().unwrap().position_id, OMBUDSMAN);
}

#[sqlx::test(migrations = false)]
async fn a_reader_waits_for_the_sequence_that_it_has_seen(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    let request = |seq| GetCaseRequest {
        case_id: filed.case.to_string(),
        at_least_seq: seq,
        ..GetCaseRequest::default()
    };
    let (read, written) = tokio::join!(
        world.api.get_case(world.by(MANAGER, request(2))),
        world.order(VERIFIER, filed.case, verify()),
    );
    written.unwrap();
    assert_eq!(read.unwrap().into_inner().case.unwrap().seq, 2);
    // What does not come is not waited for longer than configured.
    let read = world.api.get_case(world.by(MANAGER, request(99))).await.unwrap();
    assert_eq!(read.into_inner().case.unwrap().seq, 2);
}

#[sqlx::test(migrations = false)]
async fn what_is_not_there(pool: PgPool) {
    let world = riau(pool).await;
    for (case_id, report_id, expected) in [
        ("0198c0de-0000-7000-8000-000000000000", "", "unknown_case"),
        ("", "0198c0de-0000-7000-8000-000000000000", "unknown_case"),
        ("", "", "invalid_argument"),
        ("x", "", "invalid_argument"),
        ("", "x", "invalid_argument"),
    ] {
        let request = GetCaseRequest {
            case_id: case_id.to_owned(),
            report_id: report_id.to_owned(),
            ..GetCaseRequest::default()
        };
        let status = world.api.get_case(world.by(MANAGER, request)).await.unwrap_err();
        assert_eq!(code(&status), expected);
    }
}

async fn inbox(world: &World, position: &str, request: ListInboxRequest) -> (Vec<String>, String) {
    let answer = world
        .api
        .list_inbox(world.by(position, request))
        .await
        .unwrap()
        .into_inner();
    (
        answer.cases.into_iter().map(|case| case.case_id).collect(),
        answer.next_cursor,
    )
}

#[sqlx::test(migrations = false)]
async fn an_inbox_page_by_page_with_the_first_deadline_on_top(pool: PgPool) {
    let world = riau(pool).await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        // Three cases of one day have one deadline, so the order among them is that of their ids.
        let mut day: Vec<String> = Vec::new();
        for _ in 0..3 {
            day.push(world.complaint().await.case.to_string());
        }
        day.sort();
        expected.extend(day);
        world.clock.advance_to(world.now() + Duration::DAY).unwrap();
    }
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = PageRequest { size: 2, cursor };
        let request = ListInboxRequest {
            page: Some(page),
            ..ListInboxRequest::default()
        };
        let (cases, next) = inbox(&world, VERIFIER, request).await;
        found.extend(cases);
        if next.is_empty() {
            break;
        }
        cursor = next;
    }
    assert_eq!(found, expected);
    for (size, cursor) in [(500, ""), (0, "nonsense"), (0, "bm9uc2Vuc2U")] {
        let page = Some(PageRequest {
            size,
            cursor: cursor.to_owned(),
        });
        let request = ListInboxRequest {
            page,
            ..ListInboxRequest::default()
        };
        let status = world.api.list_inbox(world.by(VERIFIER, request)).await.unwrap_err();
        assert_eq!(code(&status), "invalid_argument");
    }
}

#[sqlx::test(migrations = false)]
async fn what_waits_for_whom(pool: PgPool) {
    let world = riau(pool).await;
    let unverified = world.complaint().await.case.to_string();
    let disposed = world.disposed("dishub", &["pupr-pkpp"]).await;
    let supervisory = world.complaint().await.case;
    let verify = verify_as(ask::Verify {
        supervisory: true,
        ..ask::Verify::default()
    });
    world.must(VERIFIER, supervisory, verify).await;
    let all = |position: &'static str| inbox(&world, position, ListInboxRequest::default());
    let set = |cases: &[String]| cases.iter().cloned().collect::<BTreeSet<_>>();

    let manager = all(MANAGER).await.0;
    assert_eq!(set(&manager), set(&[unverified.clone(), supervisory.to_string()]));
    assert_eq!(all(LIAISON).await.0, [disposed.case.to_string()]);
    assert_eq!(
        all("pupr-pkpp.sekretaris").await.0,
        [disposed.case.to_string()],
        "its contribution"
    );
    assert_eq!(all(AUDITOR).await.0, [supervisory.to_string()]);
    assert!(all(EXECUTOR).await.0.is_empty());
    world.must(LIAISON, disposed.case, accept()).await;
    let assign = Command::Assign(ask::Assign {
        position_id: EXECUTOR.to_owned(),
    });
    world.must(LIAISON, disposed.case, assign).await;
    assert_eq!(all(EXECUTOR).await.0, [disposed.case.to_string()]);

    let only = ListInboxRequest {
        state: State::AwaitingVerification.into(),
        ..ListInboxRequest::default()
    };
    assert_eq!(inbox(&world, MANAGER, only).await.0, [unverified]);
    let overdue = ListInboxRequest {
        overdue_only: true,
        ..ListInboxRequest::default()
    };
    assert!(inbox(&world, MANAGER, overdue.clone()).await.0.is_empty());
    world.clock.advance_to(world.now() + Duration::days(5)).unwrap();
    assert_eq!(inbox(&world, MANAGER, overdue).await.0.len(), 2);
}

#[sqlx::test(migrations = false)]
async fn all_open_cases_and_those_in_alert_for_who_sees_them_all(pool: PgPool) {
    let world = riau(pool).await;
    let plain = world.complaint().await.case.to_string();
    let alert = world.complaint().await.case;
    let supervisory = verify_as(ask::Verify {
        supervisory: true,
        ..ask::Verify::default()
    });
    world.must(VERIFIER, alert, supervisory).await;
    let no_longer = Command::Reclassify(ask::Reclassify {
        category_code: "transportasi-darat".to_owned(),
        region_code: "14.71".to_owned(),
        ..ask::Reclassify::default()
    });
    world.must(AUDITOR, alert, no_longer).await;
    let among = |among: &str| ListInboxRequest {
        among: among.to_owned(),
        ..ListInboxRequest::default()
    };
    let mut open = inbox(&world, OMBUDSMAN, among("open")).await.0;
    open.sort();
    let mut both = vec![plain, alert.to_string()];
    both.sort();
    assert_eq!(open, both);
    assert_eq!(inbox(&world, OMBUDSMAN, among("flagged")).await.0, [alert.to_string()]);
    assert!(inbox(&world, OMBUDSMAN, among("")).await.0.is_empty());
    for (who, asked, refused) in [
        (LIAISON, "open", "forbidden"),
        (AUDITOR, "flagged", "forbidden"),
        (OMBUDSMAN, "closed", "invalid_argument"),
    ] {
        let status = world.api.list_inbox(world.by(who, among(asked))).await.unwrap_err();
        assert_eq!(code(&status), refused, "{who}");
    }
}

#[sqlx::test(migrations = false)]
async fn notification_is_told_who_answers_for_what_falls_due(pool: PgPool) {
    let world = riau(pool).await;
    let waiting = world.disposed("dishub", &[]).await;
    let other = world.disposed("pupr-pkpp", &[]).await;
    let before = Some(timestamp(world.now() + Duration::days(30)));
    let ask = |size, cursor: &str| ListDueRequest {
        before,
        page: Some(PageRequest {
            size,
            cursor: cursor.to_owned(),
        }),
    };
    let mut clocks = Vec::new();
    let mut cursor = String::new();
    loop {
        let request = world.service("notification", ask(1, &cursor));
        let page = world.api.list_due(request).await.unwrap().into_inner();
        clocks.extend(page.clocks);
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    let acceptance = |case: &str| {
        let mut found = clocks
            .iter()
            .filter(|clock| clock.kind == "acceptance" && clock.case_id == case);
        found.next().map(|clock| clock.position_id.clone())
    };
    assert_eq!(acceptance(&waiting.case.to_string()).as_deref(), Some(LIAISON));
    assert_eq!(
        acceptance(&other.case.to_string()).as_deref(),
        Some("pupr-pkpp.sekretaris")
    );
    assert!(
        clocks
            .iter()
            .all(|clock| !clock.category_code.is_empty() && clock.due_at.is_some())
    );
    // What falls due later is no news now.
    let soon = ListDueRequest {
        before: Some(timestamp(world.now())),
        page: None,
    };
    let page = world
        .api
        .list_due(world.service("notification", soon))
        .await
        .unwrap()
        .into_inner();
    assert!(page.clocks.is_empty(), "{page:?}");
    for request in [world.service("desk", ask(0, "")), world.by(OMBUDSMAN, ask(0, ""))] {
        assert_eq!(code(&world.api.list_due(request).await.unwrap_err()), "forbidden");
    }
}

#[sqlx::test(migrations = false)]
async fn a_desk_rebuilds_itself_from_the_snapshot(pool: PgPool) {
    let world = riau(pool).await;
    let live = world.disposed("dishub", &[]).await;
    let contributed = world.disposed("pupr-pkpp", &["dishub"]).await;
    let _others = world.disposed("pupr-pkpp", &[]).await;
    let closed = world.answered().await;
    world.pass(Duration::days(20)).await;
    world
        .must(VERIFIER, live.case, Command::Recall(ask::Recall::default()))
        .await;
    world.must(VERIFIER, live.case, dispose("dishub", &[])).await;

    let request = SnapshotAgencyRequest {
        opd_code: "dishub".to_owned(),
    };
    let stream = world
        .api
        .snapshot_agency(world.service("desk", request))
        .await
        .unwrap()
        .into_inner();
    let items: Vec<Item> = stream.map(|item| item.unwrap().item.unwrap()).collect().await;
    let (mut cases, mut entries) = (BTreeSet::new(), 0);
    for item in items {
        match item {
            Item::Case(case) => {
                assert!(cases.insert(case.case_id));
            }
            Item::Directory(event) => {
                assert!(event.payload.is_some());
                entries += 1;
            }
        }
    }
    assert_eq!(
        cases,
        BTreeSet::from([live.case.to_string(), contributed.case.to_string()])
    );
    assert!(!cases.contains(&closed.case.to_string()));
    assert!(entries > 100);

    let request = SnapshotAgencyRequest {
        opd_code: "pupr-pkpp".to_owned(),
    };
    let Err(status) = world.api.snapshot_agency(world.service("desk", request)).await else {
        panic!("not its agency")
    };
    assert_eq!(code(&status), "forbidden");
}

#[sqlx::test(migrations = false)]
async fn the_books(pool: PgPool) {
    let world = riau(pool).await;
    let (survivor, duplicate) = (world.complaint().await, world.complaint().await);
    world.must(VERIFIER, duplicate.case, merge_into(survivor.case)).await;
    let answered = world.answered().await;
    let lines = books::list(&world.routing).await.unwrap();
    assert_eq!(lines.iter().filter(|line| line.kind == "case").count(), 3);
    assert_eq!(lines.iter().filter(|line| line.kind == "report").count(), 3);
    let line = |kind: &str, id: String| {
        lines
            .iter()
            .find(|line| line.kind == kind && line.id == id)
            .unwrap()
            .clone()
    };
    let report = line("report", duplicate.report.to_string());
    assert_eq!(report.r#ref, survivor.case.to_string());
    let case = line("case", answered.case.to_string());
    assert_eq!(
        (case.seq, case.state.as_str(), case.r#ref.as_str()),
        (5, "answered", "dishub")
    );
}
