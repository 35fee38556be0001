//! The register as programs ask it: by time, by number, by many values at once, and what happened since.

use sqlx::PgPool;
use time::Duration;
use tuntas_intake::{
    list_public_updates::list_public_updates,
    search_register::{get_public_report, search_register},
};
use tuntas_proto::{
    case::v1::{Answer, Case, Clock, Outcome, Privacy, State, case_event::Details},
    common::v1::PageRequest,
    intake::v1::{
        FileReportRequest, FileReportResponse, GetPublicReportRequest, ListPublicUpdatesRequest, PublicReport,
        SearchRegisterRequest,
    },
    wire_time::timestamp,
};

use crate::support::{START, World, case_of, key, led_by, request, with_text};

/// Reports filed an hour apart, the first one at [`START`], each listed half an hour later.
async fn hourly(world: &World, count: usize) -> Vec<FileReportResponse> {
    let mut filed = Vec::new();
    for n in 0..count {
        let report = world.file().await;
        world.advance(Duration::minutes(30));
        let text = world
            .store(
                "diskominfotik.verifikator",
                &report.report_id,
                "redaction",
                &format!("Nomor {n}"),
            )
            .await;
        let case = case_of(&report, 2, State::AwaitingDisposition);
        world.happen(&case, "verified", with_text(&text)).await;
        world.advance(Duration::minutes(30));
        filed.push(report);
    }
    filed
}

async fn bodies(world: &World, request: SearchRegisterRequest) -> Vec<String> {
    let found = search_register(&world.intake, request).await.unwrap().reports;
    found.into_iter().map(|report| report.body).collect()
}

fn tickets(filed: &[&FileReportResponse]) -> Vec<String> {
    filed.iter().map(|report| report.ticket.clone()).collect()
}

async fn with_ticket(world: &World, ticket: &str) -> Result<PublicReport, String> {
    let request = GetPublicReportRequest {
        ticket: ticket.to_owned(),
        also_unlisted: true,
    };
    get_public_report(&world.intake, request)
        .await
        .map_err(|problem| problem.code().to_owned())
}

#[sqlx::test(migrations = false)]
async fn both_ends_of_a_time_belong_to_it(pool: PgPool) {
    let world = World::new(pool).await;
    hourly(&world, 4).await;
    let at = |hours| Some(timestamp(START + Duration::hours(hours)));
    let filed = SearchRegisterRequest {
        filed_from: at(1),
        filed_until: at(2),
        ..SearchRegisterRequest::default()
    };
    assert_eq!(bodies(&world, filed).await, ["Nomor 2", "Nomor 1"]);
    // A report moved last when it was listed, half an hour after its filing.
    let moved = SearchRegisterRequest {
        updated_from: at(2),
        ..SearchRegisterRequest::default()
    };
    assert_eq!(bodies(&world, moved).await, ["Nomor 3", "Nomor 2"]);
    let moved = SearchRegisterRequest {
        updated_until: at(1),
        ..SearchRegisterRequest::default()
    };
    assert_eq!(bodies(&world, moved).await, ["Nomor 0"]);
    let never = SearchRegisterRequest {
        filed_from: Some(tuntas_proto::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        }),
        ..SearchRegisterRequest::default()
    };
    assert!(search_register(&world.intake, never).await.is_err());
}

#[sqlx::test(migrations = false)]
async fn a_search_takes_several_categories_tickets_and_a_number_to_skip(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = hourly(&world, 4).await;
    let categories = |codes: &[&str]| SearchRegisterRequest {
        category_codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        ..SearchRegisterRequest::default()
    };
    assert_eq!(
        bodies(&world, categories(&["angkutan-umum", "jalan-provinsi"]))
            .await
            .len(),
        4
    );
    assert!(bodies(&world, categories(&["angkutan-umum"])).await.is_empty());
    let named = |tickets| SearchRegisterRequest {
        tickets,
        ..SearchRegisterRequest::default()
    };
    assert_eq!(
        bodies(&world, named(tickets(&[&filed[0], &filed[2]]))).await,
        ["Nomor 2", "Nomor 0"]
    );
    assert!(bodies(&world, named(vec!["bukan tiket".to_owned()])).await.is_empty());
    assert!(
        search_register(&world.intake, named(vec![String::new(); 1_001]))
            .await
            .is_err()
    );
    let page = |skip| SearchRegisterRequest {
        skip,
        page: Some(PageRequest {
            size: 2,
            ..PageRequest::default()
        }),
        ..SearchRegisterRequest::default()
    };
    assert_eq!(bodies(&world, page(2)).await, ["Nomor 1", "Nomor 0"]);
    assert!(bodies(&world, page(4)).await.is_empty());
    assert!(search_register(&world.intake, page(1_000_001)).await.is_err());
}

#[sqlx::test(migrations = false)]
async fn the_facets_follow_the_case(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = hourly(&world, 2).await;
    let due = timestamp(START + Duration::days(9));
    let working = Case {
        clocks: vec![Clock {
            kind: "resolution".to_owned(),
            due_at: Some(due),
            ..Clock::default()
        }],
        ..led_by(case_of(&filed[0], 3, State::InProgress), "dishub", &[])
    };
    world.happen(&working, "accepted", Details::default()).await;
    let moved_at = timestamp(world.intake.now());
    let of = |opd: &str, closed| SearchRegisterRequest {
        opd_code: opd.to_owned(),
        closed,
        ..SearchRegisterRequest::default()
    };
    let found = search_register(&world.intake, of("dishub", Some(false)))
        .await
        .unwrap()
        .reports;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].updated_at, found[0].answer_due_at),
        (Some(moved_at), Some(due))
    );
    assert!(found[0].listed);
    let closed = Case {
        seq: 4,
        state: State::Closed.into(),
        outcome: Outcome::Withdrawn.into(),
        clocks: Vec::new(),
        ..working
    };
    world.happen(&closed, "withdrawn", Details::default()).await;
    assert_eq!(bodies(&world, of("", Some(true))).await, ["Nomor 0"]);
    assert_eq!(bodies(&world, of("", Some(false))).await, ["Nomor 1"]);
    // An older event that comes late changes nothing.
    let late = led_by(case_of(&filed[0], 3, State::InProgress), "pupr-pkpp", &[]);
    world.happen(&late, "assigned", Details::default()).await;
    assert!(bodies(&world, of("pupr-pkpp", None)).await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn of_a_report_that_is_not_listed_only_its_being_there_is_told(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let told = with_ticket(&world, &filed.ticket).await.unwrap();
    assert_eq!(
        told,
        PublicReport {
            ticket: filed.ticket.clone(),
            category_code: "jalan-provinsi".to_owned(),
            filed_at: filed.filed_at,
            updated_at: filed.filed_at,
            ..PublicReport::default()
        }
    );
    let confidential = FileReportRequest {
        privacy: Privacy::Confidential.into(),
        ..request(&key())
    };
    let confidential = world.file_as(confidential).await;
    assert_eq!(
        with_ticket(&world, &confidential.ticket).await.unwrap_err(),
        "not_found"
    );
    assert_eq!(with_ticket(&world, "TTS-00000000-0").await.unwrap_err(), "not_found");
    let listed = hourly(&world, 1).await;
    let all = SearchRegisterRequest {
        tickets: tickets(&[&filed, &confidential, &listed[0]]),
        also_unlisted: true,
        ..SearchRegisterRequest::default()
    };
    assert_eq!(bodies(&world, all).await, ["Nomor 0", ""]);
}

#[sqlx::test(migrations = false)]
async fn updates_tell_what_happened_to_public_reports_and_the_words_that_were_released(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = hourly(&world, 2).await;
    let hidden = world.file().await;
    let case = case_of(&hidden, 2, State::AwaitingDisposition);
    world.happen(&case, "disposed", Details::default()).await;
    let working = led_by(case_of(&filed[0], 3, State::InProgress), "dishub", &[]);
    world.happen(&working, "accepted", Details::default()).await;
    let answer = world
        .store("dishub.sekretaris", &filed[0].report_id, "answer", "Sudah ditambal.")
        .await;
    let answered = Case {
        answer: Some(Answer {
            text: Some(answer.clone()),
            opd_code: "dishub".to_owned(),
            ..Answer::default()
        }),
        seq: 4,
        state: State::Answered.into(),
        ..working
    };
    world.advance(Duration::minutes(1));
    world.happen(&answered, "answered", with_text(&answer)).await;
    let ask = |cursor: &str| ListPublicUpdatesRequest {
        types: ["verified", "disposed", "answered"].map(str::to_owned).to_vec(),
        page: Some(PageRequest {
            size: 2,
            cursor: cursor.to_owned(),
        }),
        ..ListPublicUpdatesRequest::default()
    };
    let first = list_public_updates(&world.intake, ask("")).await.unwrap();
    let types: Vec<&str> = first.updates.iter().map(|update| update.r#type.as_str()).collect();
    assert_eq!(types, ["verified", "verified"]);
    let last = list_public_updates(&world.intake, ask(&first.next_cursor))
        .await
        .unwrap();
    assert_eq!((last.updates.len(), last.next_cursor.as_str()), (1, ""));
    let update = &last.updates[0];
    assert_eq!(
        (update.ticket.as_str(), update.text.as_str()),
        (filed[0].ticket.as_str(), "Sudah ditambal.")
    );
    assert_eq!((update.opd_code.as_str(), update.outcome), ("dishub", 0));
    let of_second = ListPublicUpdatesRequest {
        ticket: filed[1].ticket.clone(),
        ..ask("")
    };
    assert_eq!(
        list_public_updates(&world.intake, of_second)
            .await
            .unwrap()
            .updates
            .len(),
        1
    );
    let later = ListPublicUpdatesRequest {
        from: Some(timestamp(world.intake.now() + Duration::seconds(1))),
        ..ask("")
    };
    assert!(
        list_public_updates(&world.intake, later)
            .await
            .unwrap()
            .updates
            .is_empty()
    );
}
