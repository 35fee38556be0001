use sqlx::PgPool;
use tuntas_intake::{
    search_register::{get_public_report, search_register},
    suggest,
};
use tuntas_proto::{
    case::v1::{Answer, Case, Privacy, State, case_event::Details},
    common::v1::PageRequest,
    intake::v1::{
        FileReportRequest, FileReportResponse, GetPublicReportRequest, PublicReport, SearchRegisterRequest,
        SuggestCategoriesRequest, SuggestSimilarRequest,
    },
};

use crate::support::{World, case_of, key, led_by, request, with_text};

async fn listed(world: &World, body: &str) -> FileReportResponse {
    let filed = world.file().await;
    verify(world, &filed, body, case_of(&filed, 2, State::AwaitingDisposition)).await;
    filed
}

async fn verify(world: &World, filed: &FileReportResponse, body: &str, case: Case) {
    let text = world
        .store("diskominfotik.verifikator", &filed.report_id, "redaction", body)
        .await;
    world.happen(&case, "verified", with_text(&text)).await;
}

async fn public(world: &World, filed: &FileReportResponse) -> Option<PublicReport> {
    get_public_report(
        &world.intake,
        GetPublicReportRequest {
            ticket: filed.ticket.clone(),
            also_unlisted: false,
        },
    )
    .await
    .ok()
}

async fn search(world: &World, request: SearchRegisterRequest) -> Vec<String> {
    search_register(&world.intake, request)
        .await
        .unwrap()
        .reports
        .into_iter()
        .map(|report| report.body)
        .collect()
}

fn query(text: &str) -> SearchRegisterRequest {
    SearchRegisterRequest {
        query: text.to_owned(),
        ..SearchRegisterRequest::default()
    }
}

#[sqlx::test(migrations = false)]
async fn the_verifiers_text_is_public_and_the_reporters_is_not(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    assert!(public(&world, &filed).await.is_none());
    verify(
        &world,
        &filed,
        "Jalan provinsi rusak.",
        case_of(&filed, 2, State::AwaitingDisposition),
    )
    .await;
    let shown = public(&world, &filed).await.unwrap();
    assert_eq!(
        (shown.title.as_str(), shown.body.as_str()),
        ("Judul publik", "Jalan provinsi rusak.")
    );
    assert_eq!(shown.state, i32::from(State::AwaitingDisposition));
    assert_eq!(shown.answer, "");
}

#[sqlx::test(migrations = false)]
async fn confidential_and_supervisory_reports_are_never_listed(pool: PgPool) {
    let world = World::new(pool).await;
    let secret = world
        .file_as(FileReportRequest {
            privacy: Privacy::Confidential.into(),
            ..request(&key())
        })
        .await;
    let case = Case {
        privacy: Privacy::Confidential.into(),
        ..case_of(&secret, 2, State::AwaitingDisposition)
    };
    verify(&world, &secret, "Teks", case).await;
    assert!(public(&world, &secret).await.is_none());
    let grave = world.file().await;
    let case = Case {
        supervisory: true,
        ..case_of(&grave, 2, State::AwaitingDisposition)
    };
    verify(&world, &grave, "Teks", case).await;
    assert!(public(&world, &grave).await.is_none());
    // One that becomes supervisory is taken off.
    let later = listed(&world, "Teks lain").await;
    assert!(public(&world, &later).await.is_some());
    let case = Case {
        supervisory: true,
        ..case_of(&later, 3, State::AwaitingDisposition)
    };
    world.happen(&case, "reclassified", Details::default()).await;
    assert!(public(&world, &later).await.is_none());
}

#[sqlx::test(migrations = false)]
async fn a_released_answer_is_public_and_a_draft_is_not(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = listed(&world, "Jalan provinsi rusak.").await;
    let working = led_by(case_of(&filed, 3, State::InProgress), "dishub", &[]);
    world.happen(&working, "accepted", Details::default()).await;
    let answer = world
        .store("dishub.sekretaris", &filed.report_id, "answer", "Sudah ditambal.")
        .await;
    assert_eq!(public(&world, &filed).await.unwrap().answer, "");
    let answered = Case {
        seq: 4,
        state: State::Answered.into(),
        outcome: 1,
        answer: Some(Answer {
            text: Some(answer.clone()),
            opd_code: "dishub".to_owned(),
            ..Answer::default()
        }),
        ..working
    };
    world.happen(&answered, "answered", with_text(&answer)).await;
    let shown = public(&world, &filed).await.unwrap();
    assert_eq!((shown.answer.as_str(), shown.outcome), ("Sudah ditambal.", 0));
    let closed = Case {
        seq: 5,
        state: State::Closed.into(),
        ..answered
    };
    world.happen(&closed, "closed_by_silence", Details::default()).await;
    assert_eq!(public(&world, &filed).await.unwrap().outcome, 1);
}

#[sqlx::test(migrations = false)]
async fn a_text_of_another_report_or_another_content_is_not_released(pool: PgPool) {
    let world = World::new(pool).await;
    let (mine, other) = (world.file().await, world.file().await);
    let foreign = world
        .store(
            "diskominfotik.verifikator",
            &other.report_id,
            "redaction",
            "Milik laporan lain",
        )
        .await;
    world
        .happen(
            &case_of(&mine, 2, State::AwaitingDisposition),
            "verified",
            with_text(&foreign),
        )
        .await;
    assert!(public(&world, &mine).await.is_none() && public(&world, &other).await.is_none());
    let mut changed = world
        .store("diskominfotik.verifikator", &mine.report_id, "redaction", "Teks")
        .await;
    changed.commitment[0] ^= 1;
    world
        .happen(
            &case_of(&mine, 3, State::AwaitingDisposition),
            "verified",
            with_text(&changed),
        )
        .await;
    assert!(public(&world, &mine).await.is_none());
}

#[sqlx::test(migrations = false)]
async fn the_register_is_searched_by_words_in_any_form(pool: PgPool) {
    let world = World::new(pool).await;
    listed(&world, "Jembatan di Siak rusak berat").await;
    world.advance(time::Duration::hours(1));
    listed(&world, "Sampah menumpuk di pasar").await;
    assert_eq!(
        search(&world, query("kerusakan jembatan")).await,
        ["Jembatan di Siak rusak berat"]
    );
    assert_eq!(search(&world, query("sampahnya")).await, ["Sampah menumpuk di pasar"]);
    assert_eq!(
        search(&world, query("jembattan")).await,
        ["Jembatan di Siak rusak berat"]
    );
    assert_eq!(search(&world, query("")).await.len(), 2);
    assert!(search(&world, query("yang di dan")).await.is_empty());
    assert!(search(&world, query("gajah terbang")).await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn the_register_is_narrowed_and_paged(pool: PgPool) {
    let world = World::new(pool).await;
    let mut expected = Vec::new();
    for n in 0..5 {
        world.advance(time::Duration::minutes(1));
        listed(&world, &format!("Laporan nomor {n}")).await;
        expected.insert(0, format!("Laporan nomor {n}"));
    }
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = Some(PageRequest { size: 2, cursor });
        let request = SearchRegisterRequest {
            page,
            ..SearchRegisterRequest::default()
        };
        let answer = search_register(&world.intake, request).await.unwrap();
        found.extend(answer.reports.into_iter().map(|report| report.body));
        cursor = answer.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(found, expected);
    let narrowed = |category: &str, opd: &str, state: State| SearchRegisterRequest {
        category_code: category.to_owned(),
        opd_code: opd.to_owned(),
        state: state.into(),
        ..SearchRegisterRequest::default()
    };
    assert_eq!(
        search(&world, narrowed("jalan-provinsi", "", State::AwaitingDisposition))
            .await
            .len(),
        5
    );
    assert!(
        search(&world, narrowed("angkutan-umum", "", State::Unspecified))
            .await
            .is_empty()
    );
    assert!(
        search(&world, narrowed("", "dishub", State::Unspecified))
            .await
            .is_empty()
    );
    assert!(search(&world, narrowed("", "", State::Closed)).await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn like_public_reports_are_suggested_likest_first(pool: PgPool) {
    let world = World::new(pool).await;
    listed(&world, "Jalan provinsi di depan pasar Arengka berlubang dalam").await;
    listed(&world, "Lampu jalan padam di Rumbai").await;
    listed(&world, "Guru tidak hadir di sekolah").await;
    let suggest = async |text: &str| {
        let request = SuggestSimilarRequest {
            text: text.to_owned(),
            ..SuggestSimilarRequest::default()
        };
        suggest::suggest_similar(&world.intake, request).await.unwrap().reports
    };
    let found = suggest("Ada lubang dalam di jalan depan pasar Arengka").await;
    assert_eq!(found[0].body, "Jalan provinsi di depan pasar Arengka berlubang dalam");
    assert!(found.iter().all(|report| report.body != "Guru tidak hadir di sekolah"));
    assert!(found.is_sorted_by_key(|report| std::cmp::Reverse(report.similarity)));
    assert!(suggest("di ke dan yang").await.is_empty());
    assert!(suggest("a & b | c:* ! '' (").await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn categories_are_suggested_with_the_words_that_led_to_them(pool: PgPool) {
    let world = World::new(pool).await;
    let suggest = async |text: &str| {
        suggest::suggest_categories(&world.intake, SuggestCategoriesRequest { text: text.to_owned() })
            .await
            .unwrap()
            .suggestions
    };
    let found = suggest("Jalannya berlubang sekali").await;
    assert_eq!(found[0].category_code, "jalan-provinsi");
    assert!(found[0].matched.contains(&"jalan".to_owned()));
    assert_eq!(suggest("Sopir bus ugal-ugalan").await[0].category_code, "angkutan-umum");
    assert!(suggest("Gajah masuk kampung").await.is_empty());
}
