//! Who may read the words of whose report (roles of the domain, rule M10).

use sqlx::PgPool;
use tuntas_intake::{caller::Caller, vault};
use tuntas_proto::{
    case::v1::{Case, Contribution, Party, State, case_event::Details, party},
    event::v1::event::Payload,
    intake::v1::{GetWordsRequest, ListTextsRequest, ResolveTicketRequest},
    wire_time::timestamp,
};

use crate::support::{World, case_of, led_by, request};

const ALL: [&str; 12] = [
    "gubernur",
    "sekda",
    "ombudsman-riau",
    "operator-1",
    "diskominfotik.kepala",
    "diskominfotik.verifikator",
    "diskominfotik.sekretaris",
    "inspektorat.irban",
    "dishub.kepala",
    "dishub.sekretaris",
    "dishub.kabid",
    "pupr-pkpp.sekretaris",
];

/// Everybody who may read the report now; everybody else is told that there is none.
async fn readers(world: &World, report_id: &str) -> Vec<&'static str> {
    let mut readers = Vec::new();
    for position in ALL {
        let caller = world.officer(position).await;
        let words = vault::get_words(
            &world.intake,
            &caller,
            GetWordsRequest {
                report_id: report_id.to_owned(),
            },
        )
        .await;
        let texts = vault::list_texts(
            &world.intake,
            &caller,
            ListTextsRequest {
                report_id: report_id.to_owned(),
            },
        )
        .await;
        assert_eq!(words.is_ok(), texts.is_ok(), "{position}");
        match words {
            Ok(words) => {
                assert_eq!(words.title, "Jalan berlubang di depan pasar");
                readers.push(position);
            }
            Err(problem) => assert_eq!(problem.code(), "unknown_report", "{position}"),
        }
    }
    readers
}

fn authority(kind: party::Kind) -> Option<Party> {
    Some(Party {
        kind: kind.into(),
        opd_code: String::new(),
    })
}

#[sqlx::test(migrations = false)]
async fn before_a_case_is_known_only_those_above_the_agencies_read(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    assert_eq!(
        readers(&world, &filed.report_id).await,
        [
            "gubernur",
            "sekda",
            "ombudsman-riau",
            "diskominfotik.kepala",
            "diskominfotik.verifikator"
        ]
    );
}

#[sqlx::test(migrations = false)]
async fn agencies_read_while_they_have_it(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let above = [
        "gubernur",
        "sekda",
        "ombudsman-riau",
        "diskominfotik.kepala",
        "diskominfotik.verifikator",
    ];
    let disposed = led_by(case_of(&filed, 2, State::AwaitingAcceptance), "dishub", &["pupr-pkpp"]);
    world.happen(&disposed, "disposed", Details::default()).await;
    let dishub = ["dishub.kepala", "dishub.sekretaris", "dishub.kabid"];
    let expected = [above.as_slice(), &dishub, &["pupr-pkpp.sekretaris"]].concat();
    assert_eq!(readers(&world, &filed.report_id).await, expected);
    // Its part is done, and it still answers for it.
    let done = Case {
        seq: 3,
        contributions: vec![Contribution {
            opd_code: "pupr-pkpp".to_owned(),
            done_at: Some(timestamp(world.intake.now())),
            ..Contribution::default()
        }],
        ..disposed
    };
    world.happen(&done, "contribution_done", Details::default()).await;
    assert_eq!(readers(&world, &filed.report_id).await, expected);
    let moved = led_by(case_of(&filed, 4, State::AwaitingAcceptance), "pupr-pkpp", &[]);
    world.happen(&moved, "transferred", Details::default()).await;
    assert_eq!(
        readers(&world, &filed.report_id).await,
        [above.as_slice(), &["pupr-pkpp.sekretaris"]].concat()
    );
}

#[sqlx::test(migrations = false)]
async fn a_supervisory_case_is_hidden_from_the_unit_it_is_about(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let case = Case {
        supervisory: true,
        complained_opd: "dishub".to_owned(),
        ..led_by(case_of(&filed, 2, State::InProgress), "inspektorat", &["dishub"])
    };
    world.happen(&case, "disposed", Details::default()).await;
    assert_eq!(
        readers(&world, &filed.report_id).await,
        [
            "gubernur",
            "sekda",
            "ombudsman-riau",
            "diskominfotik.kepala",
            "diskominfotik.verifikator",
            "inspektorat.irban"
        ]
    );
    let ticket = || ResolveTicketRequest {
        ticket: filed.ticket.clone(),
    };
    let dishub = world.officer("dishub.sekretaris").await;
    let problem = vault::resolve_ticket(&world.intake, &dishub, ticket())
        .await
        .unwrap_err();
    assert_eq!(problem.code(), "unknown_ticket");
    let pupr = world.officer("pupr-pkpp.sekretaris").await;
    let resolved = vault::resolve_ticket(&world.intake, &pupr, ticket()).await.unwrap();
    assert_eq!(
        (resolved.report_id, resolved.case_id),
        (filed.report_id.clone(), case.case_id)
    );
}

#[sqlx::test(migrations = false)]
async fn a_case_about_the_verifying_unit_is_read_above_it(pool: PgPool) {
    let world = World::new(pool).await;
    let mut about = request("kunci-yang-cukup-panjang-1");
    about.named_opd = "diskominfotik".to_owned();
    let filed = world.file_as(about).await;
    let above = ["gubernur", "sekda", "ombudsman-riau"];
    assert_eq!(readers(&world, &filed.report_id).await, above);
    let handed_up = Case {
        complained_opd: "diskominfotik".to_owned(),
        authority: authority(party::Kind::Director),
        ..case_of(&filed, 2, State::AwaitingVerification)
    };
    world.happen(&handed_up, "handed_up", Details::default()).await;
    assert_eq!(readers(&world, &filed.report_id).await, above);
    // As the agency that must handle it, the unit reads it like any other.
    let led = Case {
        authority: authority(party::Kind::Director),
        complained_opd: "diskominfotik".to_owned(),
        ..led_by(case_of(&filed, 3, State::InProgress), "diskominfotik", &[])
    };
    world.happen(&led, "disposed", Details::default()).await;
    assert_eq!(
        readers(&world, &filed.report_id).await,
        [above.as_slice(), &["diskominfotik.sekretaris"]].concat()
    );
    let about_director = Case {
        authority: authority(party::Kind::Patron),
        ..case_of(&filed, 4, State::AwaitingVerification)
    };
    world.happen(&about_director, "handed_up", Details::default()).await;
    assert_eq!(readers(&world, &filed.report_id).await, ["gubernur", "ombudsman-riau"]);
}

#[sqlx::test(migrations = false)]
async fn each_read_of_the_ombudsman_is_a_fact_and_nobody_elses_is(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let words = || GetWordsRequest {
        report_id: filed.report_id.clone(),
    };
    for position in ["ombudsman-riau", "sekda", "ombudsman-riau"] {
        vault::get_words(&world.intake, &world.officer(position).await, words())
            .await
            .unwrap();
    }
    let told = world.told().await;
    assert_eq!(told.len(), 3);
    for (seq, event) in (2..).zip(&told[1..]) {
        let Some(Payload::OmbudsmanRead(read)) = &event.payload else {
            panic!()
        };
        assert_eq!((event.aggregate_seq, read.what.as_str()), (seq, "words"));
        assert_eq!(event.actor.as_ref().unwrap().position_id, "ombudsman-riau");
    }
}

#[sqlx::test(migrations = false)]
async fn an_agency_that_heard_first_waits_for_routings_news(pool: PgPool) {
    let settings = [("TUNTAS__VAULT__CATCH_UP_MS", "10000")];
    let world = World::with(pool, tuntas_kit::auth::TrustStore::default(), &settings).await;
    let filed = world.file().await;
    let (intake, desk) = (world.intake.clone(), world.officer("dishub.sekretaris").await);
    let request = GetWordsRequest {
        report_id: filed.report_id.clone(),
    };
    let asking = tokio::spawn(async move { vault::get_words(&intake, &desk, request).await });
    tokio::task::yield_now().await;
    let disposed = led_by(case_of(&filed, 2, State::AwaitingAcceptance), "dishub", &[]);
    world.happen(&disposed, "disposed", Details::default()).await;
    assert_eq!(asking.await.unwrap().unwrap().report_id, filed.report_id);
}

#[sqlx::test(migrations = false)]
async fn a_service_reads_no_words(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    for service in ["routing", "desk", "notification", "ctl", "oversight"] {
        let caller = Caller::Service(service.to_owned());
        let words = vault::get_words(
            &world.intake,
            &caller,
            GetWordsRequest {
                report_id: filed.report_id.clone(),
            },
        )
        .await;
        assert_eq!(words.unwrap_err().code(), "forbidden", "{service}");
    }
}
