use sqlx::PgPool;
use tuntas_intake::{
    caller::Caller, citizen_command, collect_files::collect_files, receipt::Peer, search_register, send_message,
    suggest, vault,
};
use tuntas_proto::{
    case::v1::State,
    event::v1::event::Payload,
    intake::v1::{
        CompleteReportRequest, EraseReportRequest, FileReportRequest, FindSimilarRequest, GetContactRequest,
        GetPublicReportRequest, GetWordsRequest, ReadAttachmentRequest, RevealIdentityRequest, SendMessageRequest,
        StoreTextRequest, SuggestSimilarRequest,
    },
};

use crate::support::{World, case_of, key, receipt, request, with_text};

fn erase(report_id: &str) -> EraseReportRequest {
    EraseReportRequest {
        idempotency_key: key(),
        report_id: report_id.to_owned(),
    }
}

#[sqlx::test(migrations = false)]
async fn after_erasure_nothing_can_be_read_and_the_log_still_fits(pool: PgPool) {
    let world = World::new(pool).await;
    let upload = world.upload(b"%PDF-1.4\nbukti\n%%EOF").await.unwrap();
    let filed = world
        .file_as(FileReportRequest {
            attachment_ids: vec![upload.attachment_id.clone()],
            ..request(&key())
        })
        .await;
    let other = world.file().await;
    let text = world
        .store(
            "diskominfotik.verifikator",
            &filed.report_id,
            "redaction",
            "Jalan berlubang",
        )
        .await;
    world
        .happen(
            &case_of(&filed, 2, State::AwaitingDisposition),
            "verified",
            with_text(&text),
        )
        .await;
    let commitment: Vec<u8> = sqlx::query_scalar("SELECT words_commitment FROM report WHERE ticket = $1")
        .bind(&filed.ticket)
        .fetch_one(&world.pool)
        .await
        .unwrap();

    let manager = world.officer("diskominfotik.kepala").await;
    for _ in 0..2 {
        vault::erase_report(&world.intake, &manager, erase(&filed.report_id))
            .await
            .unwrap();
    }
    let told = world.told().await;
    let erased: Vec<_> = told
        .iter()
        .filter(|event| matches!(event.payload, Some(Payload::ReportErased(_))))
        .collect();
    assert_eq!(erased.len(), 1);
    assert_eq!(erased[0].aggregate_id, format!("report:{}", filed.report_id));

    nothing_is_left(&world, &filed.report_id, &upload.attachment_id, &filed.ticket).await;
    // The reporter's receipt still shows how the case stands, without words.
    let tracked = world.track(&filed).await;
    assert_eq!(
        (tracked.title.as_str(), tracked.body.as_str(), tracked.texts.len()),
        ("", "", 0)
    );
    assert_eq!(tracked.case.unwrap().seq, 2);
    let kept: Vec<u8> = sqlx::query_scalar("SELECT words_commitment FROM report WHERE ticket = $1")
        .bind(&filed.ticket)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(commitment, kept);
    // Its neighbour is whole.
    assert!(!world.track(&other).await.title.is_empty());
}

async fn nothing_is_left(world: &World, report_id: &str, attachment_id: &str, ticket: &str) {
    let intake = &world.intake;
    let verifier = world.officer("diskominfotik.verifikator").await;
    let words = vault::get_words(
        intake,
        &verifier,
        GetWordsRequest {
            report_id: report_id.to_owned(),
        },
    )
    .await;
    assert_eq!(words.unwrap_err().code(), "report_erased");
    let reveal = RevealIdentityRequest {
        idempotency_key: key(),
        report_id: report_id.to_owned(),
        reason: "Untuk survei lokasi".to_owned(),
    };
    assert_eq!(
        vault::reveal_identity(intake, &verifier, reveal)
            .await
            .unwrap_err()
            .code(),
        "report_erased"
    );
    let read = ReadAttachmentRequest {
        attachment_id: attachment_id.to_owned(),
    };
    assert_eq!(
        vault::read_attachment(intake, &verifier, read)
            .await
            .err()
            .unwrap()
            .code(),
        "report_erased"
    );
    let notification = Caller::Service("notification".to_owned());
    let contact = vault::get_contact(
        intake,
        &notification,
        GetContactRequest {
            report_id: report_id.to_owned(),
            ..GetContactRequest::default()
        },
    )
    .await
    .unwrap();
    assert_eq!(
        (contact.email.as_str(), contact.phone.as_str(), contact.title.as_str()),
        ("", "", "")
    );
    let public = GetPublicReportRequest {
        ticket: ticket.to_owned(),
        also_unlisted: false,
    };
    assert_eq!(
        search_register::get_public_report(intake, public)
            .await
            .unwrap_err()
            .code(),
        "not_found"
    );
    let like = SuggestSimilarRequest {
        text: "jalan berlubang pasar".to_owned(),
        ..SuggestSimilarRequest::default()
    };
    assert!(suggest::suggest_similar(intake, like).await.unwrap().reports.is_empty());
    let find = FindSimilarRequest {
        report_id: report_id.to_owned(),
        limit: 0,
    };
    let found = vault::find_similar(intake, &Caller::Service("routing".to_owned()), find)
        .await
        .unwrap();
    assert!(found.reports.is_empty() && found.categories.is_empty());
    assert_eq!(world.count("report_gram").await, 1);
    assert_eq!(collect_files(intake).await.unwrap().files, 1);
    assert!(intake.files.get(attachment_id.parse().unwrap()).await.is_err());
}

#[sqlx::test(migrations = false)]
async fn no_words_are_taken_for_an_erased_report(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let ctl = Caller::Service("ctl".to_owned());
    vault::erase_report(&world.intake, &ctl, erase(&filed.report_id))
        .await
        .unwrap();
    let message = SendMessageRequest {
        idempotency_key: key(),
        receipt: Some(receipt(&filed)),
        text: "Halo".to_owned(),
    };
    let problem = send_message::send_message(&world.intake, message, Peer::default())
        .await
        .unwrap_err();
    assert_eq!(problem.code(), "report_erased");
    let complete = CompleteReportRequest {
        idempotency_key: key(),
        receipt: Some(receipt(&filed)),
        text: "Pelengkap".to_owned(),
        attachment_ids: Vec::new(),
    };
    let problem = citizen_command::complete_report(&world.intake, complete, Peer::default())
        .await
        .unwrap_err();
    assert_eq!(problem.code(), "report_erased");
    let text = StoreTextRequest {
        idempotency_key: key(),
        report_id: filed.report_id.clone(),
        kind: "note".to_owned(),
        body: "Catatan".to_owned(),
        ..StoreTextRequest::default()
    };
    let verifier = world.officer("diskominfotik.verifikator").await;
    assert_eq!(
        vault::store_text(&world.intake, &verifier, text)
            .await
            .unwrap_err()
            .code(),
        "report_erased"
    );
    // An act without words is still the reporter's.
    assert!(!world.withdraw(&filed).await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn only_the_manager_and_the_operators_program_erase(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    for position in [
        "diskominfotik.verifikator",
        "dishub.kepala",
        "sekda",
        "operator-1",
        "ombudsman-riau",
    ] {
        let officer = world.officer(position).await;
        let problem = vault::erase_report(&world.intake, &officer, erase(&filed.report_id))
            .await
            .unwrap_err();
        assert_eq!(problem.code(), "forbidden", "{position}");
    }
    assert_eq!(world.count("report_key").await, 1);
}
