//! Cases by sequence: in order, out of order, twice; and only those of the own agency.

use sqlx::PgPool;
use time::Duration;
use tonic::Code;
use tuntas_desk::{
    apply_case::{Applied, apply, place},
    part::Part,
    store::cases,
};
use tuntas_kit::problem::code_of;
use tuntas_proto::{
    case::v1::{Case, State},
    common::v1::PageRequest,
    desk::v1::{GetCaseRequest, ListCasesRequest, desk_server::Desk as _},
    wire_time::timestamp,
};

use crate::support::{EXECUTOR, HEAD, LIAISON, NOW, OTHER_LIAISON, World, case, case_event, contribution, new_case_id};

async fn seq_of(world: &World, case_id: &str) -> Option<u64> {
    world
        .get(LIAISON, case_id)
        .await
        .ok()
        .map(|shown| shown.case.unwrap().case.unwrap().seq)
}

#[sqlx::test(migrations = false)]
async fn a_case_follows_its_events_in_whatever_order_they_come(pool: PgPool) {
    let world = World::new(pool).await;
    let id = new_case_id();
    // Disposed as its seventh event: what was before is not this agency's.
    let disposed = case_event("disposed", case(&id, 7));
    world.consume("dishub", &disposed).await.unwrap();
    assert_eq!(seq_of(&world, &id).await, Some(7));
    // The ninth before the eighth: held back, then both.
    let accepted = case_event(
        "accepted",
        Case {
            state: State::InProgress.into(),
            ..case(&id, 8)
        },
    );
    let assigned = Case {
        state: State::InProgress.into(),
        assigned_position_id: EXECUTOR.to_owned(),
        ..case(&id, 9)
    };
    let assigned = case_event("assigned", assigned);
    world.consume("dishub", &assigned).await.unwrap();
    assert_eq!(seq_of(&world, &id).await, Some(7));
    world.consume("dishub", &accepted).await.unwrap();
    assert_eq!(seq_of(&world, &id).await, Some(9));
    // Everything once more changes nothing.
    for event in [&disposed, &accepted, &assigned] {
        world.consume("dishub", event).await.unwrap();
        world.handle_again("dishub", event).await;
    }
    let shown = world.get(LIAISON, &id).await.unwrap().case.unwrap().case.unwrap();
    assert_eq!((shown.seq, shown.assigned_position_id.as_str()), (9, EXECUTOR));
}

/// The statement that stores what comes next decides as `apply_case::place` does.
#[sqlx::test(migrations = false)]
async fn what_comes_next_is_stored_in_one_statement_exactly_when_the_rule_says_so(pool: PgPool) {
    let world = World::new(pool).await;
    let dishub = "dishub".parse().unwrap();
    let led_by = |lead: &str, seq| Case {
        lead_opd: lead.to_owned(),
        ..case(&new_case_id(), seq)
    };
    for (lead, part) in [("dishub", Part::Lead), ("dinkes", Part::Gone)] {
        for seq in 1..=7 {
            let mut conn = world.desk.pool.acquire().await.unwrap();
            let known = led_by(lead, 4);
            let next = Case {
                case_id: known.case_id.clone(),
                seq,
                ..led_by("dishub", seq)
            };
            assert_eq!(apply(&mut conn, &dishub, &known).await.unwrap(), Applied::Stored);
            let applied = apply(&mut conn, &dishub, &next).await.unwrap();
            assert_eq!(applied, place(Some((4, part)), seq), "{part:?}, {seq}");
            let stored = cases::get(&mut conn, &dishub, next.case_id.parse().unwrap()).await;
            let expected = if applied == Applied::Stored { seq } else { 4 };
            assert_eq!(stored.unwrap().unwrap().case.seq, expected, "{part:?}, {seq}");
        }
    }
}

#[sqlx::test(migrations = false)]
async fn a_case_that_left_is_shown_no_more_and_can_come_back(pool: PgPool) {
    let world = World::new(pool).await;
    let id = new_case_id();
    world
        .consume("dishub", &case_event("disposed", case(&id, 3)))
        .await
        .unwrap();
    let elsewhere = |seq| Case {
        lead_opd: "dinkes".to_owned(),
        ..case(&id, seq)
    };
    let transferred = case_event("transferred", elsewhere(4));
    world.consume("dishub", &transferred).await.unwrap();
    world.consume("dinkes", &transferred).await.unwrap();
    assert_eq!(world.get(LIAISON, &id).await.unwrap_err(), "unknown_case");
    assert!(world.listed(LIAISON).await.is_empty());
    assert_eq!(world.listed(OTHER_LIAISON).await, std::slice::from_ref(&id));
    // Back again after events that only dinkes has seen: no gap for dishub.
    let back = case_event("transferred", case(&id, 9));
    world.consume("dishub", &back).await.unwrap();
    assert_eq!(seq_of(&world, &id).await, Some(9));
}

#[sqlx::test(migrations = false)]
async fn another_agencys_case_does_not_exist(pool: PgPool) {
    let world = World::new(pool).await;
    let id = new_case_id();
    world
        .consume("dishub", &case_event("disposed", case(&id, 3)))
        .await
        .unwrap();
    assert_eq!(world.get(OTHER_LIAISON, &id).await.unwrap_err(), "unknown_case");
    // Nor does the other agency itself, for who asks in its name.
    let request = GetCaseRequest {
        opd_code: "dishub".to_owned(),
        case_id: id.clone(),
        at_least_seq: 0,
    };
    let refused = world.desk.get_case(world.by(OTHER_LIAISON, request)).await.unwrap_err();
    assert_eq!(
        (refused.code(), code_of(&refused).unwrap().as_str()),
        (Code::NotFound, "not_found")
    );
    assert!(world.listed(OTHER_LIAISON).await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_contributor_has_the_case_too_and_the_unit_complained_about_never(pool: PgPool) {
    let world = World::new(pool).await;
    let (id, about_dinkes) = (new_case_id(), new_case_id());
    let both = Case {
        contributions: vec![contribution("dinkes")],
        ..case(&id, 3)
    };
    let supervisory = Case {
        supervisory: true,
        complained_opd: "dinkes".to_owned(),
        contributions: vec![contribution("dinkes")],
        ..case(&about_dinkes, 3)
    };
    for opd in ["dishub", "dinkes"] {
        world.consume(opd, &case_event("disposed", both.clone())).await.unwrap();
        world
            .consume(opd, &case_event("disposed", supervisory.clone()))
            .await
            .unwrap();
    }
    assert_eq!(world.listed(LIAISON).await.len(), 2);
    assert_eq!(world.listed(OTHER_LIAISON).await, std::slice::from_ref(&id));
    assert_eq!(world.list(OTHER_LIAISON).await[0].part, "contributor");
    assert_eq!(world.list(LIAISON).await[0].part, "lead");
}

#[sqlx::test(migrations = false)]
async fn what_falls_due_first_is_on_top_page_by_page(pool: PgPool) {
    let world = World::new(pool).await;
    let mut expected = Vec::new();
    for days in [5, 1, 4, 2, 3] {
        let due = Case {
            next_due_at: Some(timestamp(NOW + Duration::days(days))),
            ..case(&new_case_id(), 2)
        };
        expected.push((days, due.case_id.clone()));
        world.consume("dishub", &case_event("disposed", due)).await.unwrap();
    }
    expected.sort();
    let never = Case {
        next_due_at: None,
        state: State::Closed.into(),
        ..case(&new_case_id(), 2)
    };
    world
        .consume("dishub", &case_event("closed_by_silence", never.clone()))
        .await
        .unwrap();
    let mut expected: Vec<String> = expected.into_iter().map(|(_, id)| id).collect();
    expected.push(never.case_id);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = Some(PageRequest { size: 2, cursor });
        let request = world.by(
            HEAD,
            ListCasesRequest {
                page,
                ..ListCasesRequest::default()
            },
        );
        let answer = world.desk.list_cases(request).await.unwrap().into_inner();
        seen.extend(answer.cases.into_iter().map(|shown| shown.case.unwrap().case_id));
        cursor = answer.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(seen, expected);
}

#[sqlx::test(migrations = false)]
async fn a_list_is_filtered_by_state_and_executor(pool: PgPool) {
    let world = World::new(pool).await;
    let (mine, other) = (new_case_id(), new_case_id());
    let in_progress = Case {
        state: State::InProgress.into(),
        assigned_position_id: EXECUTOR.to_owned(),
        ..case(&mine, 4)
    };
    world
        .consume("dishub", &case_event("assigned", in_progress))
        .await
        .unwrap();
    world
        .consume("dishub", &case_event("disposed", case(&other, 3)))
        .await
        .unwrap();
    let list = async |request| {
        let answer = world
            .desk
            .list_cases(world.by(EXECUTOR, request))
            .await
            .unwrap()
            .into_inner();
        answer
            .cases
            .into_iter()
            .map(|shown| shown.case.unwrap().case_id)
            .collect::<Vec<_>>()
    };
    let mut request = ListCasesRequest {
        assigned_to_me: true,
        ..ListCasesRequest::default()
    };
    assert_eq!(list(request.clone()).await, [mine]);
    request.assigned_to_me = false;
    request.set_state(State::AwaitingAcceptance);
    assert_eq!(list(request).await, [other]);
}

#[sqlx::test(migrations = false)]
async fn bad_input_is_refused_with_a_code(pool: PgPool) {
    let world = World::new(pool).await;
    for page in [
        PageRequest {
            size: 201,
            cursor: String::new(),
        },
        PageRequest {
            size: 1,
            cursor: "nonsense".to_owned(),
        },
    ] {
        let request = ListCasesRequest {
            page: Some(page),
            ..ListCasesRequest::default()
        };
        let refused = world.desk.list_cases(world.by(HEAD, request)).await.unwrap_err();
        assert_eq!(code_of(&refused).unwrap(), "invalid_argument");
    }
    assert_eq!(world.get(LIAISON, "not-a-uuid").await.unwrap_err(), "invalid_argument");
    let nobody = tonic::Request::new(ListCasesRequest::default());
    assert_eq!(
        world.desk.list_cases(nobody).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    let stranger = world.by("dishub.tidak-ada", ListCasesRequest::default());
    assert_eq!(
        world.desk.list_cases(stranger).await.unwrap_err().code(),
        Code::PermissionDenied
    );
}
