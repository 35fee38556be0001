//! What routing says, in any order.

use sqlx::PgPool;
use tuntas_intake::{books, consume};
use tuntas_kit::{consumer::HandlerError, ids};
use tuntas_proto::{
    case::v1::{Case, CaseEvent, Member, State, case_event::Details},
    event::v1::{Agency, CalendarChanged, DirectoryChanged, Event, directory_changed::Change, event::Payload},
    wire_time::timestamp,
};

use crate::support::{START, World, case_event, case_id_of, case_of, led_by, member};

#[sqlx::test(migrations = false)]
async fn the_newest_state_stands_whatever_comes_when(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let names = ["filed", "verified", "disposed", "accepted"];
    let states = [
        State::AwaitingVerification,
        State::AwaitingDisposition,
        State::AwaitingAcceptance,
        State::InProgress,
    ];
    let events: Vec<Event> = (1..)
        .zip(names.iter().zip(states))
        .map(|(seq, (name, state))| {
            let at = START + time::Duration::minutes(i64::try_from(seq).unwrap());
            case_event(
                &led_by(case_of(&filed, seq, state), "dishub", &[]),
                name,
                Details::default(),
                "",
                at,
            )
        })
        .collect();
    for place in [3, 0, 2, 1] {
        world.receive(&events[place]).await;
    }
    let tracked = world.track(&filed).await;
    assert_eq!(tracked.case.as_ref().unwrap().seq, 4);
    assert_eq!(tracked.case.unwrap().state, i32::from(State::InProgress));
    let timeline: Vec<_> = tracked.timeline.iter().map(|entry| entry.r#type.as_str()).collect();
    assert_eq!(timeline, names);
    assert_eq!(world.count("case_event").await, 4);
}

#[sqlx::test(migrations = false)]
async fn a_report_follows_its_case_through_merge_and_unmerge(pool: PgPool) {
    let world = World::new(pool).await;
    let (first, second) = (world.file().await, world.file().await);
    let own = case_of(&second, 1, State::AwaitingVerification);
    let host = case_of(&first, 1, State::InProgress);
    world.happen(&host, "filed", Details::default()).await;
    world.happen(&own, "filed", Details::default()).await;
    let merged = Case {
        seq: 2,
        state: State::Closed.into(),
        outcome: 8,
        merged_into: case_id_of(&first.report_id),
        members: vec![Member {
            moved_to: case_id_of(&first.report_id),
            ..member(&second)
        }],
        ..own.clone()
    };
    let absorbed = Case {
        seq: 2,
        members: vec![member(&first), member(&second)],
        ..host.clone()
    };
    world.happen(&merged, "merged_into", Details::default()).await;
    world.happen(&absorbed, "absorbed", Details::default()).await;
    let tracked = world.track(&second).await;
    assert_eq!(tracked.ticket_of_surviving_case, first.ticket);
    let case = tracked.case.unwrap();
    assert_eq!(case.case_id, case_id_of(&first.report_id));
    // The other reporter is nobody's business.
    assert_eq!(case.members.len(), 1);
    assert_eq!(case.members[0].report_id, second.report_id);
    let timeline: Vec<_> = tracked.timeline.iter().map(|entry| entry.r#type.as_str()).collect();
    assert!(timeline.contains(&"merged_into") && timeline.contains(&"absorbed"));
    assert_eq!(world.track(&first).await.ticket_of_surviving_case, "");

    let split = Case {
        seq: 3,
        members: vec![
            member(&first),
            Member {
                moved_to: own.case_id.clone(),
                ..member(&second)
            },
        ],
        ..host
    };
    let unmerged = Case { seq: 3, ..own };
    world.happen(&split, "split_off", Details::default()).await;
    world.happen(&unmerged, "unmerged", Details::default()).await;
    let tracked = world.track(&second).await;
    assert_eq!(tracked.case.unwrap().case_id, case_id_of(&second.report_id));
    assert_eq!(tracked.ticket_of_surviving_case, "");
}

#[sqlx::test(migrations = false)]
async fn what_another_reporter_did_is_not_in_the_timeline(pool: PgPool) {
    let world = World::new(pool).await;
    let (first, second) = (world.file().await, world.file().await);
    let case = Case {
        members: vec![member(&first), member(&second)],
        ..case_of(&first, 2, State::Answered)
    };
    let by_second = Details {
        report_id: second.report_id.clone(),
        ..Details::default()
    };
    world.happen(&case, "rated", by_second).await;
    assert!(world.track(&first).await.timeline.is_empty());
    assert_eq!(world.track(&second).await.timeline.len(), 1);
}

#[sqlx::test(migrations = false)]
async fn a_malformed_event_is_rejected_and_an_unknown_one_passed_over(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let good = case_event(
        &case_of(&filed, 1, State::AwaitingVerification),
        "filed",
        Details::default(),
        "",
        START,
    );
    let without_case = Event {
        payload: Some(Payload::CaseEvent(CaseEvent {
            r#type: "filed".to_owned(),
            ..CaseEvent::default()
        })),
        ..good.clone()
    };
    let without_time = Event {
        occurred_at: None,
        ..good.clone()
    };
    let unknown = case_of(&filed, 1, State::Unspecified);
    let without_state = case_event(&unknown, "filed", Details::default(), "", START);
    let endless = case_of(&filed, 1, State::Closed);
    let without_outcome = case_event(&endless, "withdrawn", Details::default(), "", START);
    for event in [without_case, without_time, without_state, without_outcome] {
        let mut tx = world.pool.begin().await.unwrap();
        let outcome = consume::handle(&world.intake, &mut tx, ids::new_id(), &event).await;
        assert!(matches!(outcome, Err(HandlerError::Reject(_))));
        // The consumer finds out which one it was.
        let outcome = world.receive_together(&[event, good.clone()]).await;
        assert!(matches!(outcome, Err(HandlerError::Reject(_))));
    }
    world.receive(&Event { payload: None, ..good }).await;
    assert_eq!(world.count("case_state").await, 0);
}

#[sqlx::test(migrations = false)]
async fn a_case_of_no_report_here_does_no_harm(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let mut case = case_of(&filed, 1, State::AwaitingVerification);
    case.members = vec![Member {
        report_id: ids::new_id().to_string(),
        ..Member::default()
    }];
    world.happen(&case, "filed", Details::default()).await;
    assert!(world.track(&filed).await.case.is_none());
}

#[sqlx::test(migrations = false)]
async fn the_directory_follows_routing(pool: PgPool) {
    let world = World::new(pool).await;
    let agency = Agency {
        code: "dinkes".to_owned(),
        kind: "dinas".to_owned(),
        active: true,
        ..Agency::default()
    };
    let entry = |seq, payload| Event {
        event_id: ids::new_id().to_string(),
        aggregate_id: "directory".to_owned(),
        aggregate_seq: seq,
        occurred_at: Some(timestamp(START)),
        payload: Some(payload),
        ..Event::default()
    };
    let changed = Payload::DirectoryChanged(DirectoryChanged {
        change: Some(Change::Agency(agency)),
    });
    let holiday = Payload::CalendarChanged(CalendarChanged {
        date: "2026-06-24".to_owned(),
        kind: "local".to_owned(),
        name: "Libur contoh".to_owned(),
        removed: false,
    });
    world.receive(&entry(1_001, changed)).await;
    world.receive(&entry(1_002, holiday)).await;
    let mut request = crate::support::request("kunci-yang-cukup-panjang-1");
    request.named_opd = "dinkes".to_owned();
    let filed = world.file_as(request).await;
    // One working day later than without the holiday.
    let due = tuntas_proto::wire_time::instant(&filed.verification_due_at.unwrap());
    assert_eq!(due, Some(time::macros::datetime!(2026-06-29 17:00 UTC)));
}

#[sqlx::test(migrations = false)]
async fn the_books_name_each_report_and_its_case(pool: PgPool) {
    let world = World::new(pool).await;
    let (known, waiting) = (world.file().await, world.file().await);
    world
        .happen(&case_of(&known, 3, State::InProgress), "accepted", Details::default())
        .await;
    let lines = books::list(world.intake.clone()).await.unwrap();
    assert_eq!(lines.len(), 2);
    let line = |id: &str| lines.iter().find(|line| line.id == id).unwrap().clone();
    let first = line(&known.report_id);
    assert_eq!(
        (first.kind.as_str(), first.r#ref, first.state.as_str()),
        ("report", case_id_of(&known.report_id), "in_progress")
    );
    assert_eq!(
        (line(&waiting.report_id).r#ref, line(&waiting.report_id).state),
        (String::new(), String::new())
    );
}
