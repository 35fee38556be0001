use futures::future::join_all;
use sqlx::PgPool;
use time::macros::datetime;
use tuntas_intake::file_report::file_report;
use tuntas_kit::ids;
use tuntas_proto::{
    event::v1::event::Payload,
    intake::v1::FileReportRequest,
    wire_time::{instant, timestamp},
};

use crate::support::{START, World, key, request};

#[sqlx::test(migrations = false)]
async fn a_report_is_filed_with_a_receipt_and_one_event(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    assert!(filed.ticket.starts_with("TTS-"));
    assert_eq!(filed.receipt_code.len(), 16);
    assert_eq!(filed.filed_at, Some(timestamp(START)));
    // Three working days from Wednesday 00:00 WIB.
    assert_eq!(
        filed.verification_due_at.as_ref().and_then(instant),
        Some(datetime!(2026-06-26 17:00 UTC))
    );
    let told = world.told().await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].aggregate_id, format!("report:{}", filed.report_id));
    assert_eq!((told[0].aggregate_seq, told[0].policy_version.as_str()), (1, "1"));
    let Some(Payload::ReportFiled(fact)) = &told[0].payload else {
        panic!("{:?}", told[0].r#type)
    };
    assert_eq!(fact.report_id, filed.report_id);
    assert_eq!(fact.words_commitment.len(), 32);
    assert_eq!(fact.category_code, "jalan-provinsi");
}

#[sqlx::test(migrations = false)]
async fn a_retried_filing_gives_the_same_receipt(pool: PgPool) {
    let world = World::new(pool).await;
    let first = world.file_as(request("kunci-yang-cukup-panjang-1")).await;
    world.advance(time::Duration::days(3));
    let again = world.file_as(request("kunci-yang-cukup-panjang-1")).await;
    assert_eq!(first, again);
    assert_eq!(world.count("report").await, 1);
    assert_eq!(world.told().await.len(), 1);
}

#[sqlx::test(migrations = false)]
async fn a_key_with_another_body_is_refused(pool: PgPool) {
    let world = World::new(pool).await;
    world.file_as(request("kunci-yang-cukup-panjang-1")).await;
    let mut other = request("kunci-yang-cukup-panjang-1");
    other.body.push('!');
    let problem = file_report(&world.intake, other).await.unwrap_err();
    assert_eq!(problem.code(), "idempotency_key_reused");
    assert_eq!(world.count("report").await, 1);
}

#[sqlx::test(migrations = false)]
async fn retries_at_the_same_moment_make_one_report(pool: PgPool) {
    let world = World::new(pool).await;
    let upload = world.upload(b"%PDF-1.4\nisi\n%%EOF").await.unwrap();
    let request = FileReportRequest {
        attachment_ids: vec![upload.attachment_id],
        ..request("kunci-yang-cukup-panjang-1")
    };
    let tries = (0..24).map(|_| {
        let (intake, request) = (world.intake.clone(), request.clone());
        tokio::spawn(async move { file_report(&intake, request).await })
    });
    let receipts: Vec<_> = join_all(tries)
        .await
        .into_iter()
        .map(|outcome| outcome.unwrap().unwrap())
        .collect();
    assert!(receipts.iter().all(|receipt| *receipt == receipts[0]));
    assert_eq!(world.count("report").await, 1);
    assert_eq!(world.count("report_key").await, 1);
    assert_eq!(world.told().await.len(), 1);
}

#[sqlx::test(migrations = false)]
async fn filings_that_wait_are_committed_together_and_fail_alone(pool: PgPool) {
    let world = World::new(pool).await;
    let upload = world.upload(b"%PDF-1.4\nisi\n%%EOF").await.unwrap();
    let filings = (0..40).map(|n| {
        let mut request = request(&key());
        // Twenty of them want the same attachment: one gets it.
        if n % 2 == 0 {
            request.attachment_ids = vec![upload.attachment_id.clone()];
        }
        let intake = world.intake.clone();
        tokio::spawn(async move { file_report(&intake, request).await })
    });
    let outcomes: Vec<_> = join_all(filings).await.into_iter().map(Result::unwrap).collect();
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(refused.len(), 19);
    assert!(refused.iter().all(|problem| problem.code() == "unknown_attachment"));
    assert_eq!(world.count("report").await, 21);
    assert_eq!(world.count("report_gram").await, 21);
    assert_eq!(world.told().await.len(), 21);
}

#[sqlx::test(migrations = false)]
async fn a_filing_whose_caller_goes_away_is_written_to_its_end(pool: PgPool) {
    let world = World::new(pool).await;
    let request = request("kunci-yang-cukup-panjang-1");
    for _ in 0..8 {
        let mut filing = Box::pin(file_report(&world.intake, request.clone()));
        // Polled a few times, then dropped somewhere inside.
        for _ in 0..6 {
            // On a fast machine it may end before.
            if futures::poll!(filing.as_mut()).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let receipt = world.file_as(request).await;
    assert!(!receipt.ticket.is_empty());
    assert_eq!(world.count("report").await, 1);
}

#[sqlx::test(migrations = false)]
async fn an_attachment_goes_with_one_report_only(pool: PgPool) {
    let world = World::new(pool).await;
    let upload = world.upload(b"%PDF-1.4\nisi\n%%EOF").await.unwrap();
    let with_upload = |key: &str| FileReportRequest {
        attachment_ids: vec![upload.attachment_id.clone()],
        ..request(key)
    };
    let first = with_upload("kunci-yang-cukup-panjang-1");
    let receipt = world.file_as(first.clone()).await;
    assert_eq!(world.file_as(first).await, receipt);
    let problem = file_report(&world.intake, with_upload("kunci-yang-cukup-panjang-2"))
        .await
        .unwrap_err();
    assert_eq!(problem.code(), "unknown_attachment");
    let unknown = FileReportRequest {
        attachment_ids: vec![ids::new_id().to_string()],
        ..request(&key())
    };
    assert_eq!(
        file_report(&world.intake, unknown).await.unwrap_err().code(),
        "unknown_attachment"
    );
}

#[sqlx::test(migrations = false)]
async fn what_may_be_left_out_may_be_left_out(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world
        .file_as(FileReportRequest {
            place: None,
            identity: None,
            event_date: String::new(),
            channel: String::new(),
            language: String::new(),
            ..request(&key())
        })
        .await;
    let identities: i64 = sqlx::query_scalar("SELECT count(sealed_identity) FROM report")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(identities, 0);
    assert_eq!(world.track(&filed).await.title, "Jalan berlubang di depan pasar");
}
