use std::net::IpAddr;

use sqlx::PgPool;
use tuntas_intake::{intake::Intake, receipt::Peer, track_report::track_report};
use tuntas_kit::{auth::TrustStore, problem::Problem};
use tuntas_proto::intake::v1::{FileReportResponse, Receipt, TrackReportRequest, TrackReportResponse};

use crate::support::{World, key, request};

async fn track(intake: &Intake, ticket: &str, code: &str, peer: Peer) -> Result<TrackReportResponse, Problem> {
    let receipt = Some(Receipt {
        ticket: ticket.to_owned(),
        receipt_code: code.to_owned(),
    });
    track_report(
        intake,
        TrackReportRequest {
            receipt,
            ..TrackReportRequest::default()
        },
        peer,
    )
    .await
}

fn peer(last: u8) -> Peer {
    Peer(Some(IpAddr::from([192, 0, 2, last])))
}

const WRONG: &str = "0000000000000000";

async fn limited(pool: PgPool) -> (World, FileReportResponse) {
    let settings = [
        ("TUNTAS__RECEIPT__WRONG_PER_TICKET_BURST", "5"),
        ("TUNTAS__RECEIPT__WRONG_PER_TICKET_PER_MINUTE", "1"),
        ("TUNTAS__RECEIPT__WRONG_PER_PEER_BURST", "3"),
        ("TUNTAS__RECEIPT__WRONG_PER_PEER_PER_MINUTE", "1"),
    ];
    let world = World::with(pool, TrustStore::default(), &settings).await;
    let filed = world.file().await;
    (world, filed)
}

#[sqlx::test(migrations = false)]
async fn a_wrong_code_and_an_unknown_ticket_look_the_same(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let wrong = track(&world.intake, &filed.ticket, WRONG, Peer::default())
        .await
        .unwrap_err();
    let unknown = track(&world.intake, "TTS-00000000-0", WRONG, Peer::default())
        .await
        .unwrap_err();
    assert_eq!(wrong.to_string(), unknown.to_string());
    assert_eq!(wrong.code(), "unknown_ticket");
    let other = world.file_as(request(&key())).await;
    let crossed = track(&world.intake, &filed.ticket, &other.receipt_code, Peer::default())
        .await
        .unwrap_err();
    assert_eq!(crossed.code(), "unknown_ticket");
}

#[sqlx::test(migrations = false)]
async fn a_receipt_is_read_as_people_write_it(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let ticket = filed.ticket.to_lowercase().replace('-', " ");
    let code = format!(
        "{} {}",
        &filed.receipt_code[..8],
        filed.receipt_code[8..].to_lowercase()
    );
    let tracked = track(&world.intake, &ticket, &code, Peer::default()).await.unwrap();
    assert_eq!(tracked.report_id, filed.report_id);
}

#[sqlx::test(migrations = false)]
async fn wrong_codes_from_one_address_are_stopped(pool: PgPool) {
    let (world, filed) = limited(pool).await;
    for _ in 0..4 {
        let problem = track(&world.intake, "TTS-00000000-0", WRONG, peer(1))
            .await
            .unwrap_err();
        assert_eq!(problem.code(), "unknown_ticket");
    }
    let right = track(&world.intake, &filed.ticket, &filed.receipt_code, peer(1))
        .await
        .unwrap_err();
    assert_eq!(right.code(), "rate_limited");
    assert!(
        track(&world.intake, &filed.ticket, &filed.receipt_code, peer(2))
            .await
            .is_ok()
    );
}

#[sqlx::test(migrations = false)]
async fn wrong_codes_for_one_ticket_are_stopped_wherever_they_come_from(pool: PgPool) {
    let (world, filed) = limited(pool).await;
    for n in 0..6 {
        let problem = track(&world.intake, &filed.ticket, WRONG, peer(n + 10))
            .await
            .unwrap_err();
        assert_eq!(problem.code(), "unknown_ticket", "try {n}");
    }
    let problem = track(&world.intake, &filed.ticket, WRONG, peer(99)).await.unwrap_err();
    assert_eq!(problem.code(), "rate_limited");
    let other = world.file_as(request(&key())).await;
    assert!(
        track(&world.intake, &other.ticket, &other.receipt_code, peer(99))
            .await
            .is_ok()
    );
}

#[sqlx::test(migrations = false)]
async fn looking_often_at_the_own_report_is_no_offence(pool: PgPool) {
    let (world, filed) = limited(pool).await;
    for _ in 0..50 {
        assert!(
            track(&world.intake, &filed.ticket, &filed.receipt_code, peer(1))
                .await
                .is_ok()
        );
    }
}
