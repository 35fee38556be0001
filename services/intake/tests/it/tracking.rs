use sqlx::PgPool;
use tuntas_proto::{
    case::v1::{Case, Privacy, State, case_event::Details},
    intake::v1::FileReportRequest,
    wire_time::timestamp,
};

use crate::support::{START, World, case_of, key, led_by, member, request, with_text};

#[sqlx::test(migrations = false)]
async fn before_routing_has_spoken_the_own_words_are_there(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let tracked = world.track(&filed).await;
    assert_eq!(tracked.title, "Jalan berlubang di depan pasar");
    assert!(tracked.body.starts_with("Sudah tiga minggu"));
    assert_eq!(
        (tracked.ticket.as_str(), tracked.report_id.as_str()),
        (filed.ticket.as_str(), filed.report_id.as_str())
    );
    assert!(tracked.case.is_none() && tracked.timeline.is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_reporter_reads_what_was_released_and_nothing_of_the_officers_own(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let id = &filed.report_id;
    let case = |seq| led_by(case_of(&filed, seq, State::InProgress), "dishub", &[]);
    world.happen(&case(2), "disposed", Details::default()).await;
    let officer = "dishub.sekretaris";
    for (seq, kind, event, shown) in [
        (3, "instruction", "disposed", false),
        (4, "note", "progress_recorded", false),
        (5, "reason", "returned", false),
        (6, "reason", "transferred", false),
        (7, "first_response", "first_response_released", true),
        (8, "completion_request", "completion_requested", true),
        (9, "explanation", "rejected", true),
        (10, "reason", "dispute_decided", true),
        (11, "answer", "answered", true),
    ] {
        let before = world.track(&filed).await.texts.len();
        let body = format!("Teks {kind} {event}");
        let text = world.store(officer, id, kind, &body).await;
        world.happen(&case(seq), event, with_text(&text)).await;
        let texts = world.track(&filed).await.texts;
        assert_eq!(texts.len() > before, shown, "{kind} {event}");
        assert_eq!(texts.iter().any(|text| text.body == body), shown, "{kind} {event}");
    }
}

#[sqlx::test(migrations = false)]
async fn an_answer_reaches_every_reporter_of_the_cluster(pool: PgPool) {
    let world = World::new(pool).await;
    let (first, second) = (world.file().await, world.file().await);
    let third = world
        .file_as(FileReportRequest {
            privacy: Privacy::Confidential.into(),
            ..request(&key())
        })
        .await;
    let case = Case {
        members: [&first, &second, &third].map(member).to_vec(),
        privacy: Privacy::Confidential.into(),
        ..led_by(case_of(&first, 2, State::InProgress), "dishub", &[])
    };
    world.happen(&case, "absorbed", Details::default()).await;
    let answer = world
        .store("dishub.sekretaris", &first.report_id, "answer", "Sudah ditambal.")
        .await;
    let question = world
        .store("dishub.sekretaris", &first.report_id, "completion_request", "Di mana?")
        .await;
    world
        .happen(&Case { seq: 3, ..case.clone() }, "answered", with_text(&answer))
        .await;
    world
        .happen(&Case { seq: 4, ..case }, "completion_requested", with_text(&question))
        .await;
    for filed in [&second, &third] {
        let texts = world.track(filed).await.texts;
        assert_eq!(texts.len(), 1);
        assert_eq!(
            (texts[0].body.as_str(), texts[0].opd_code.as_str()),
            ("Sudah ditambal.", "dishub")
        );
    }
    // The question was one reporter's.
    assert_eq!(world.track(&first).await.texts.len(), 2);
}

#[sqlx::test(migrations = false)]
async fn the_timeline_tells_agency_reason_and_due_time(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let due = timestamp(START + time::Duration::days(2));
    let details = Details {
        to_opd: "dishub".to_owned(),
        reason_code: "other".to_owned(),
        due_at: Some(due),
        ..Details::default()
    };
    world
        .happen(&case_of(&filed, 2, State::AwaitingAcceptance), "disposed", details)
        .await;
    let entry = world.track(&filed).await.timeline.remove(0);
    assert_eq!((entry.r#type.as_str(), entry.opd_code.as_str()), ("disposed", "dishub"));
    assert_eq!((entry.reason_code.as_str(), entry.due_at), ("other", Some(due)));
}

#[sqlx::test(migrations = false)]
async fn a_confidential_neighbours_ticket_stays_secret(pool: PgPool) {
    let world = World::new(pool).await;
    let first = world
        .file_as(FileReportRequest {
            privacy: Privacy::Confidential.into(),
            ..request(&key())
        })
        .await;
    let second = world.file().await;
    let case = Case {
        members: [&first, &second].map(member).to_vec(),
        ..case_of(&first, 2, State::InProgress)
    };
    world.happen(&case, "absorbed", Details::default()).await;
    assert_eq!(world.track(&second).await.ticket_of_surviving_case, "");
}
