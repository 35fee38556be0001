use sqlx::PgPool;
use tuntas_intake::{
    citizen_command as command, file_report::file_report, receipt::Peer, search_register, send_message, suggest,
    track_report::track_report, vault,
};
use tuntas_proto::{
    common::v1::PageRequest,
    intake::v1::{
        CompleteReportRequest, ContestDecisionRequest, DisputeAnswerRequest, FileReportRequest, GetPublicReportRequest,
        GetWordsRequest, Identity, Place, RateHandlingRequest, Receipt, RevealIdentityRequest, SearchRegisterRequest,
        SendMessageRequest, StoreTextRequest, SuggestCategoriesRequest, SuggestSimilarRequest, TrackReportRequest,
    },
};

use crate::support::{World, key, receipt, request};

const MEBIBYTE: usize = 1024 * 1024;

/// One change to a good filing, and the code it must be refused with.
type Case = (&'static str, fn(&mut FileReportRequest));

fn place(request: &mut FileReportRequest) -> &mut Place {
    request.place.as_mut().unwrap()
}

fn identity(request: &mut FileReportRequest) -> &mut Identity {
    request.identity.as_mut().unwrap()
}

const FILINGS: &[Case] = &[
    ("idempotency_key_weak", |r| r.idempotency_key.clear()),
    ("idempotency_key_weak", |r| r.idempotency_key = "x".repeat(21)),
    ("idempotency_key_weak", |r| r.idempotency_key = "x".repeat(129)),
    ("idempotency_key_weak", |r| {
        r.idempotency_key = "x".repeat(10 * MEBIBYTE)
    }),
    ("unknown_kind", |r| r.kind = 0),
    ("unknown_kind", |r| r.kind = 99),
    ("unknown_privacy", |r| r.privacy = 0),
    ("unknown_privacy", |r| r.privacy = -1),
    ("title_empty", |r| r.title = " \t ".to_owned()),
    ("title_too_long", |r| r.title = "x".repeat(201)),
    ("title_too_long", |r| r.title = "x".repeat(5_000)),
    ("control_characters", |r| r.title = "dua\nbaris".to_owned()),
    ("body_too_short", |r| r.body = "pendek".to_owned()),
    ("body_too_short", |r| r.body.clear()),
    ("body_too_long", |r| r.body = "x".repeat(10_001)),
    ("body_too_long", |r| r.body = "x".repeat(10 * MEBIBYTE)),
    ("control_characters", |r| {
        r.body = "dua puluh karakter lebih\u{0}".to_owned()
    }),
    ("control_characters", |r| {
        r.body = "dua puluh karakter lebih\u{1b}[31m merah".to_owned()
    }),
    ("unknown_category", |r| r.category_code.clear()),
    ("unknown_category", |r| r.category_code = "tidak-ada".to_owned()),
    ("unknown_category", |r| {
        r.category_code = "'; DROP TABLE report; --".to_owned()
    }),
    ("unknown_region", |r| r.region_code = "99.99".to_owned()),
    ("unknown_agency", |r| r.named_opd = "tidak-ada".to_owned()),
    ("unknown_agency", |r| r.named_opd = "x".repeat(5_000)),
    ("event_date_malformed", |r| r.event_date = "kemarin".to_owned()),
    ("event_date_malformed", |r| r.event_date = "2026-02-30".to_owned()),
    ("event_date_in_future", |r| r.event_date = "2026-06-24".to_owned()),
    ("event_date_in_future", |r| r.event_date = "9999-12-31".to_owned()),
    ("event_date_too_old", |r| r.event_date = "1944-12-31".to_owned()),
    ("coordinates_malformed", |r| place(r).latitude = None),
    ("coordinates_malformed", |r| place(r).latitude = Some(91.0)),
    ("coordinates_malformed", |r| place(r).longitude = Some(f64::NAN)),
    ("coordinates_malformed", |r| place(r).longitude = Some(f64::INFINITY)),
    ("place_too_long", |r| place(r).description = "x".repeat(501)),
    ("name_too_long", |r| identity(r).name = "x".repeat(5_000)),
    ("control_characters", |r| identity(r).name = "a\u{7f}b".to_owned()),
    ("nik_malformed", |r| identity(r).nik = "123".to_owned()),
    ("nik_malformed", |r| identity(r).nik = "123456789012345x".to_owned()),
    ("nik_malformed", |r| identity(r).nik = "\u{661}".repeat(16)),
    ("phone_malformed", |r| identity(r).phone = "nol delapan".to_owned()),
    ("phone_malformed", |r| identity(r).phone = "12345".to_owned()),
    ("email_malformed", |r| identity(r).email = "tanpa-at".to_owned()),
    ("email_malformed", |r| identity(r).email = "a@b".to_owned()),
    ("email_malformed", |r| {
        identity(r).email = "a b@contoh.invalid".to_owned()
    }),
    ("email_malformed", |r| {
        identity(r).email = "a@contoh.invalid\r\nBcc: x@contoh.invalid".to_owned()
    }),
    ("address_too_long", |r| identity(r).address = "x".repeat(501)),
    ("unknown_channel", |r| r.channel = "merpati".to_owned()),
    ("unknown_language", |r| r.language = "jv".to_owned()),
    ("source_url_malformed", |r| {
        r.source_url = "javascript:alert(1)".to_owned()
    }),
    ("source_url_malformed", |r| r.source_url = "https://".to_owned()),
    ("source_url_malformed", |r| {
        r.source_url = format!("https://contoh.invalid/{}", "x".repeat(5_000))
    }),
    ("too_many_attachments", |r| r.attachment_ids = vec!["x".to_owned(); 6]),
    ("unknown_attachment", |r| {
        r.attachment_ids = vec!["bukan-uuid".to_owned()]
    }),
    ("unknown_same_as", |r| r.same_as_ticket = "TTS-00000000-0".to_owned()),
    ("unknown_same_as", |r| r.same_as_ticket = "x".repeat(5_000)),
];

#[sqlx::test(migrations = false)]
async fn a_bad_filing_is_refused_by_its_code_and_leaves_nothing(pool: PgPool) {
    let world = World::new(pool).await;
    for (n, (code, change)) in FILINGS.iter().enumerate() {
        let mut request = request(&key());
        change(&mut request);
        let problem = file_report(&world.intake, request).await.unwrap_err();
        assert_eq!(problem.code(), *code, "filing {n}");
        // The text of a refusal is fixed: it repeats nothing of the request.
        assert!(problem.to_string().len() < 200, "filing {n}: {problem}");
        assert_eq!(problem.kind().grpc, tonic::Code::InvalidArgument, "filing {n}");
    }
    for table in ["report", "report_key", "report_gram", "outbox", "idempotency"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
}

#[sqlx::test(migrations = false)]
async fn bad_citizen_commands_are_refused(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let intake = &world.intake;
    let mine = || Some(receipt(&filed));
    let peer = Peer::default();
    for (text, code) in [
        (String::new(), "text_empty"),
        ("   ".to_owned(), "text_empty"),
        ("x".repeat(10_001), "text_too_long"),
        ("x".repeat(10 * MEBIBYTE), "text_too_long"),
        ("a\u{0}b".to_owned(), "control_characters"),
    ] {
        let complete = CompleteReportRequest {
            idempotency_key: key(),
            receipt: mine(),
            text: text.clone(),
            attachment_ids: Vec::new(),
        };
        assert_eq!(
            command::complete_report(intake, complete, peer)
                .await
                .unwrap_err()
                .code(),
            code
        );
        let dispute = DisputeAnswerRequest {
            idempotency_key: key(),
            receipt: mine(),
            text: text.clone(),
            attachment_ids: Vec::new(),
        };
        assert_eq!(
            command::dispute_answer(intake, dispute, peer).await.unwrap_err().code(),
            code
        );
        let contest = ContestDecisionRequest {
            idempotency_key: key(),
            receipt: mine(),
            text: text.clone(),
        };
        assert_eq!(
            command::contest_decision(intake, contest, peer)
                .await
                .unwrap_err()
                .code(),
            code
        );
        let message = SendMessageRequest {
            idempotency_key: key(),
            receipt: mine(),
            text,
        };
        assert_eq!(
            send_message::send_message(intake, message, peer)
                .await
                .unwrap_err()
                .code(),
            code
        );
    }
    for stars in [0, 6, u32::MAX] {
        let rate = RateHandlingRequest {
            idempotency_key: key(),
            receipt: mine(),
            stars,
        };
        assert_eq!(
            command::rate_handling(intake, rate, peer).await.unwrap_err().code(),
            "stars_out_of_range"
        );
    }
    for idempotency_key in [String::new(), "x".repeat(129)] {
        let rate = RateHandlingRequest {
            idempotency_key,
            receipt: mine(),
            stars: 5,
        };
        assert_eq!(
            command::rate_handling(intake, rate, peer).await.unwrap_err().code(),
            "idempotency_key_missing"
        );
    }
    assert_eq!(world.count("citizen_command").await, 0);
    assert_eq!(world.count("text").await, 0);
    assert_eq!(world.told().await.len(), 1);
}

#[sqlx::test(migrations = false)]
async fn bad_receipts_and_queries_are_refused(pool: PgPool) {
    let world = World::with(pool, tuntas_kit::auth::TrustStore::default(), &[]).await;
    let intake = &world.intake;
    for (ticket, code) in [
        ("", ""),
        ("TTS-00000000-1", "0000000000000000"),
        ("bukan tiket", "x"),
        (&*"9".repeat(MEBIBYTE), "0000000000000000"),
        ("TTS-00000000-0", &*"0".repeat(MEBIBYTE)),
    ] {
        let receipt = Receipt {
            ticket: ticket.to_owned(),
            receipt_code: code.to_owned(),
        };
        let request = TrackReportRequest {
            receipt: Some(receipt),
            ..TrackReportRequest::default()
        };
        assert_eq!(
            track_report(intake, request, Peer::default()).await.unwrap_err().code(),
            "unknown_ticket"
        );
    }
    let none = track_report(intake, TrackReportRequest::default(), Peer::default())
        .await
        .unwrap_err();
    assert_eq!(none.code(), "unknown_ticket");
    let filed = world.file().await;
    let request = TrackReportRequest {
        receipt: Some(receipt(&filed)),
        after_command_id: "bukan-uuid".to_owned(),
    };
    assert_eq!(
        track_report(intake, request, Peer::default()).await.unwrap_err().code(),
        "id_malformed"
    );
    for text in [String::new(), "x".repeat(10_001)] {
        let similar = SuggestSimilarRequest {
            text: text.clone(),
            ..SuggestSimilarRequest::default()
        };
        assert_eq!(
            suggest::suggest_similar(intake, similar).await.unwrap_err().code(),
            "query_length"
        );
        let categories = suggest::suggest_categories(intake, SuggestCategoriesRequest { text }).await;
        assert_eq!(categories.unwrap_err().code(), "query_length");
    }
    let long = SearchRegisterRequest {
        query: "x".repeat(501),
        ..SearchRegisterRequest::default()
    };
    assert_eq!(
        search_register::search_register(intake, long).await.unwrap_err().code(),
        "query_length"
    );
    for cursor in ["x", "AAAA", "!!!!", &*"_".repeat(43)] {
        let page = Some(PageRequest {
            size: 10,
            cursor: cursor.to_owned(),
        });
        let request = SearchRegisterRequest {
            page,
            ..SearchRegisterRequest::default()
        };
        let problem = search_register::search_register(intake, request).await.unwrap_err();
        assert_eq!(problem.code(), "cursor_malformed", "{cursor}");
    }
    let odd = SearchRegisterRequest {
        query: "a & | ! :* ' \\ %".to_owned(),
        ..SearchRegisterRequest::default()
    };
    assert!(search_register::search_register(intake, odd).await.is_ok());
    let unknown = GetPublicReportRequest {
        ticket: filed.ticket.clone(),
        also_unlisted: false,
    };
    assert_eq!(
        search_register::get_public_report(intake, unknown)
            .await
            .unwrap_err()
            .code(),
        "not_found"
    );
}

#[sqlx::test(migrations = false)]
async fn bad_requests_to_the_vault_are_refused(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let intake = &world.intake;
    let verifier = world.officer("diskominfotik.verifikator").await;
    for report_id in ["", "bukan-uuid", &*"x".repeat(5_000)] {
        let words = vault::get_words(
            intake,
            &verifier,
            GetWordsRequest {
                report_id: report_id.to_owned(),
            },
        )
        .await;
        assert_eq!(words.unwrap_err().code(), "id_malformed");
    }
    let good = StoreTextRequest {
        idempotency_key: key(),
        report_id: filed.report_id.clone(),
        kind: "note".to_owned(),
        body: "Catatan".to_owned(),
        ..StoreTextRequest::default()
    };
    let bad: [(&str, StoreTextRequest); 6] = [
        (
            "unknown_text_kind",
            StoreTextRequest {
                kind: "message".to_owned(),
                ..good.clone()
            },
        ),
        (
            "text_empty",
            StoreTextRequest {
                body: String::new(),
                ..good.clone()
            },
        ),
        (
            "text_too_long",
            StoreTextRequest {
                body: "x".repeat(10 * MEBIBYTE),
                ..good.clone()
            },
        ),
        (
            "title_empty",
            StoreTextRequest {
                kind: "redaction".to_owned(),
                ..good.clone()
            },
        ),
        (
            "idempotency_key_missing",
            StoreTextRequest {
                idempotency_key: String::new(),
                ..good.clone()
            },
        ),
        (
            "unknown_attachment",
            StoreTextRequest {
                attachment_ids: vec!["x".to_owned()],
                ..good
            },
        ),
    ];
    for (code, request) in bad {
        assert_eq!(
            vault::store_text(intake, &verifier, request).await.unwrap_err().code(),
            code
        );
    }
    for reason in ["", "pendek", &*"x".repeat(501)] {
        let reveal = RevealIdentityRequest {
            idempotency_key: key(),
            report_id: filed.report_id.clone(),
            reason: reason.to_owned(),
        };
        let problem = vault::reveal_identity(intake, &verifier, reveal).await.unwrap_err();
        assert_eq!(problem.code(), "reason_length");
    }
    assert_eq!(world.count("text").await, 0);
    assert_eq!(world.count("identity_access").await, 0);
}
