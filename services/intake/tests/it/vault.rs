use sqlx::PgPool;
use tuntas_intake::{caller::Caller, vault};
use tuntas_proto::{
    case::v1::{Privacy, State, case_event::Details},
    event::v1::event::Payload,
    intake::v1::{
        FileReportRequest, FindSimilarRequest, GetContactRequest, GetWordsRequest, ListTextsRequest,
        ReadAttachmentRequest, RevealIdentityRequest, StoreTextRequest,
    },
};

use crate::support::{World, case_of, key, led_by, request, with_text};

const REASON: &str = "Perlu menghubungi pelapor untuk survei lokasi.";

#[sqlx::test(migrations = false)]
async fn a_text_is_stored_once_and_only_its_reference_goes_out(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let verifier = world.officer("diskominfotik.verifikator").await;
    let request = StoreTextRequest {
        idempotency_key: key(),
        report_id: filed.report_id.clone(),
        kind: "note".to_owned(),
        body: "Catatan pemeriksaan".to_owned(),
        ..StoreTextRequest::default()
    };
    let first = vault::store_text(&world.intake, &verifier, request.clone())
        .await
        .unwrap();
    let again = vault::store_text(&world.intake, &verifier, request.clone())
        .await
        .unwrap();
    assert_eq!(first, again);
    assert_eq!(world.count("text").await, 1);
    let other = StoreTextRequest {
        body: "Lain".to_owned(),
        ..request
    };
    let problem = vault::store_text(&world.intake, &verifier, other).await.unwrap_err();
    assert_eq!(problem.code(), "idempotency_key_reused");
    assert!(world.track(&filed).await.texts.is_empty());
}

#[sqlx::test(migrations = false)]
async fn the_public_text_is_the_verifiers(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    world
        .happen(
            &led_by(case_of(&filed, 2, State::InProgress), "dishub", &[]),
            "disposed",
            Details::default(),
        )
        .await;
    let redaction = StoreTextRequest {
        idempotency_key: key(),
        report_id: filed.report_id.clone(),
        kind: "redaction".to_owned(),
        title: "Judul".to_owned(),
        body: "Teks publik".to_owned(),
        ..StoreTextRequest::default()
    };
    let desk = world.officer("dishub.sekretaris").await;
    assert_eq!(
        vault::store_text(&world.intake, &desk, redaction.clone())
            .await
            .unwrap_err()
            .code(),
        "forbidden"
    );
    let verifier = world.officer("diskominfotik.verifikator").await;
    assert!(vault::store_text(&world.intake, &verifier, redaction).await.is_ok());
}

#[sqlx::test(migrations = false)]
async fn an_agency_lists_its_own_texts_and_what_was_released(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let case = led_by(case_of(&filed, 2, State::InProgress), "dishub", &["pupr-pkpp"]);
    world.happen(&case, "disposed", Details::default()).await;
    world
        .store("dishub.sekretaris", &filed.report_id, "note", "Catatan Dishub")
        .await;
    world
        .store("pupr-pkpp.sekretaris", &filed.report_id, "note", "Catatan PUPR")
        .await;
    let answer = world
        .store(
            "dishub.sekretaris",
            &filed.report_id,
            "first_response",
            "Kami tindak lanjuti",
        )
        .await;
    let released = tuntas_proto::case::v1::Case { seq: 3, ..case };
    world
        .happen(&released, "first_response_released", with_text(&answer))
        .await;
    let list = async |position: &str| {
        let request = ListTextsRequest {
            report_id: filed.report_id.clone(),
        };
        let texts = vault::list_texts(&world.intake, &world.officer(position).await, request)
            .await
            .unwrap()
            .texts;
        let mut bodies: Vec<String> = texts.into_iter().map(|text| text.body).collect();
        bodies.sort();
        bodies
    };
    assert_eq!(list("dishub.kabid").await, ["Catatan Dishub", "Kami tindak lanjuti"]);
    assert_eq!(
        list("pupr-pkpp.sekretaris").await,
        ["Catatan PUPR", "Kami tindak lanjuti"]
    );
    assert_eq!(
        list("ombudsman-riau").await,
        ["Catatan Dishub", "Catatan PUPR", "Kami tindak lanjuti"]
    );
}

#[sqlx::test(migrations = false)]
async fn a_contact_is_for_the_notification_service_alone(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let request = || GetContactRequest {
        report_id: filed.report_id.clone(),
        ..GetContactRequest::default()
    };
    let notification = Caller::Service("notification".to_owned());
    for _ in 0..2 {
        let contact = vault::get_contact(&world.intake, &notification, request())
            .await
            .unwrap();
        assert_eq!(contact.email, "pelapor@contoh.invalid");
        assert_eq!(contact.phone, "+6281100000001");
        assert_eq!(
            (contact.ticket, contact.language.as_str()),
            (filed.ticket.clone(), "id")
        );
    }
    for caller in [
        Caller::Service("desk".to_owned()),
        Caller::Service("routing".to_owned()),
        world.officer("diskominfotik.kepala").await,
        world.officer("ombudsman-riau").await,
    ] {
        assert_eq!(
            vault::get_contact(&world.intake, &caller, request())
                .await
                .unwrap_err()
                .code(),
            "forbidden"
        );
    }
}

fn reveal(report_id: &str) -> RevealIdentityRequest {
    RevealIdentityRequest {
        idempotency_key: key(),
        report_id: report_id.to_owned(),
        reason: REASON.to_owned(),
    }
}

#[sqlx::test(migrations = false)]
async fn an_identity_is_shown_with_a_reason_and_its_reporter_sees_it(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let manager = world.officer("diskominfotik.kepala").await;
    let request = reveal(&filed.report_id);
    for _ in 0..2 {
        let shown = vault::reveal_identity(&world.intake, &manager, request.clone())
            .await
            .unwrap();
        assert_eq!(shown.identity.unwrap().name, "Contoh Pelapor");
    }
    let accesses = world.track(&filed).await.identity_accesses;
    assert_eq!(accesses.len(), 1);
    assert_eq!(
        (accesses[0].position_id.as_str(), accesses[0].reason.as_str()),
        ("diskominfotik.kepala", REASON)
    );
    let told = world.told().await;
    assert_eq!(told.len(), 2);
    assert!(matches!(told[1].payload, Some(Payload::IdentityRevealed(_))));
    let desk = world.officer("dishub.sekretaris").await;
    let problem = vault::reveal_identity(&world.intake, &desk, reveal(&filed.report_id))
        .await
        .unwrap_err();
    assert_eq!(problem.code(), "unknown_report");
}

#[sqlx::test(migrations = false)]
async fn who_chose_to_stay_unknown_stays_unknown_but_to_the_ombudsman(pool: PgPool) {
    let world = World::new(pool).await;
    for privacy in [Privacy::Anonymous, Privacy::Confidential] {
        let filed = world
            .file_as(FileReportRequest {
                privacy: privacy.into(),
                ..request(&key())
            })
            .await;
        for position in ["diskominfotik.kepala", "sekda", "gubernur"] {
            let officer = world.officer(position).await;
            let problem = vault::reveal_identity(&world.intake, &officer, reveal(&filed.report_id))
                .await
                .unwrap_err();
            assert_eq!(problem.code(), "identity_hidden");
        }
        let ombudsman = world.officer("ombudsman-riau").await;
        assert!(
            vault::reveal_identity(&world.intake, &ombudsman, reveal(&filed.report_id))
                .await
                .is_ok()
        );
    }
    let nobody = world
        .file_as(FileReportRequest {
            identity: None,
            ..request(&key())
        })
        .await;
    let manager = world.officer("diskominfotik.kepala").await;
    let problem = vault::reveal_identity(&world.intake, &manager, reveal(&nobody.report_id))
        .await
        .unwrap_err();
    assert_eq!(problem.code(), "identity_hidden");
}

#[sqlx::test(migrations = false)]
async fn like_reports_are_found_by_their_words_and_only_ids_come_out(pool: PgPool) {
    let world = World::new(pool).await;
    let first = world.file().await;
    let like = world
        .file_as(FileReportRequest {
            title: "Lubang di jalan depan pasar".to_owned(),
            body: "Jalan provinsi depan pasar berlubang dalam, sudah tiga minggu dibiarkan.".to_owned(),
            ..request(&key())
        })
        .await;
    world
        .file_as(FileReportRequest {
            title: "Sopir bus ugal-ugalan".to_owned(),
            body: "Sopir angkutan umum trayek lima mengemudi sangat berbahaya.".to_owned(),
            ..request(&key())
        })
        .await;
    world
        .happen(
            &led_by(case_of(&first, 1, State::InProgress), "pupr-pkpp", &[]),
            "filed",
            Details::default(),
        )
        .await;
    let routing = Caller::Service("routing".to_owned());
    let find = FindSimilarRequest {
        report_id: like.report_id.clone(),
        limit: 0,
    };
    for _ in 0..2 {
        let found = vault::find_similar(&world.intake, &routing, find.clone())
            .await
            .unwrap();
        assert_eq!(found.reports.len(), 1);
        assert_eq!(found.reports[0].report_id, first.report_id);
        assert_eq!(found.reports[0].lead_opd, "pupr-pkpp");
        assert!(
            (20..100).contains(&found.reports[0].similarity),
            "{}",
            found.reports[0].similarity
        );
        assert_eq!(found.categories[0].category_code, "jalan-provinsi");
        assert!(found.categories[0].matched.iter().any(|word| word == "berlubang"));
    }
    for (caller, code) in [
        (Caller::Service("desk".to_owned()), "forbidden"),
        (world.officer("dishub.sekretaris").await, "unknown_report"),
    ] {
        assert_eq!(
            vault::find_similar(&world.intake, &caller, find.clone())
                .await
                .unwrap_err()
                .code(),
            code
        );
    }
    assert!(
        vault::find_similar(&world.intake, &world.officer("diskominfotik.verifikator").await, find)
            .await
            .is_ok()
    );
}

#[sqlx::test(migrations = false)]
async fn what_is_said_to_be_the_same_comes_first(pool: PgPool) {
    let world = World::new(pool).await;
    let first = world.file().await;
    let text = world
        .store(
            "diskominfotik.verifikator",
            &first.report_id,
            "redaction",
            "Jalan rusak",
        )
        .await;
    world
        .happen(
            &case_of(&first, 2, State::AwaitingDisposition),
            "verified",
            with_text(&text),
        )
        .await;
    let joined = world
        .file_as(FileReportRequest {
            title: "Saya juga".to_owned(),
            body: "Sama dengan laporan itu, di tempat yang sama, pasar.".to_owned(),
            same_as_ticket: first.ticket.clone(),
            ..request(&key())
        })
        .await;
    let find = FindSimilarRequest {
        report_id: joined.report_id,
        limit: 5,
    };
    let found = vault::find_similar(&world.intake, &Caller::Service("routing".to_owned()), find)
        .await
        .unwrap();
    assert_eq!(
        (found.reports[0].report_id.as_str(), found.reports[0].similarity),
        (first.report_id.as_str(), 100)
    );
}

#[sqlx::test(migrations = false)]
async fn an_attachment_is_read_by_who_reads_the_report(pool: PgPool) {
    let world = World::new(pool).await;
    let content = b"%PDF-1.4\nbukti\n%%EOF";
    let upload = world.upload(content).await.unwrap();
    let read = || ReadAttachmentRequest {
        attachment_id: upload.attachment_id.clone(),
    };
    let verifier = world.officer("diskominfotik.verifikator").await;
    let early = vault::read_attachment(&world.intake, &verifier, read()).await;
    assert_eq!(early.err().unwrap().code(), "not_found");
    let filed = world
        .file_as(FileReportRequest {
            attachment_ids: vec![upload.attachment_id.clone()],
            ..request(&key())
        })
        .await;
    for _ in 0..2 {
        let opened = vault::read_attachment(&world.intake, &verifier, read()).await.unwrap();
        assert_eq!(
            (opened.media_type.as_str(), opened.bytes.as_slice()),
            ("application/pdf", content.as_slice())
        );
    }
    let desk = world.officer("dishub.sekretaris").await;
    let hidden = vault::read_attachment(&world.intake, &desk, read()).await;
    assert_eq!(hidden.err().unwrap().code(), "unknown_report");
    let words = vault::get_words(
        &world.intake,
        &verifier,
        GetWordsRequest {
            report_id: filed.report_id,
        },
    )
    .await;
    assert_eq!(words.unwrap().attachments[0].sha256, upload.sha256);
}
