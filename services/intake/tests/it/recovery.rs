//! Lost receipt codes: a new one goes to the contact that was given, and who asks learns nothing.

use sqlx::PgPool;
use time::Duration;
use tuntas_intake::{
    caller::Caller,
    receipt::Peer,
    recover_receipt::{recover_receipt, settle},
    track_report::track_report,
    vault,
};
use tuntas_kit::{ids, problem::Problem};
use tuntas_proto::{
    event::v1::event::Payload,
    intake::v1::{
        EraseReportRequest, FileReportResponse, GetContactRequest, GetContactResponse, Receipt, RecoverReceiptRequest,
        RecoverReceiptResponse, TrackReportRequest,
    },
};

use crate::support::{World, key};

const EMAIL: &str = "Pelapor@Contoh.invalid";
/// The same number as in the filing, as people write it at home.
const PHONE: &str = "0811 0000-0001";

async fn ask(world: &World, ticket: &str, contact: &str, proven: bool) -> Result<RecoverReceiptResponse, Problem> {
    let request = RecoverReceiptRequest {
        ticket: ticket.to_owned(),
        contact: contact.to_owned(),
        proven,
    };
    recover_receipt(&world.intake, request, Peer::default(), proven).await
}

/// The events that tell of a new code.
async fn told(world: &World) -> Vec<String> {
    let events = world.told().await.into_iter();
    events
        .filter(|event| matches!(event.payload, Some(Payload::ReceiptRecovered(_))))
        .map(|event| event.event_id)
        .collect()
}

async fn contact(world: &World, filed: &FileReportResponse, event: &str) -> GetContactResponse {
    let request = GetContactRequest {
        report_id: filed.report_id.clone(),
        receipt_event_id: event.to_owned(),
    };
    let notification = Caller::Service("notification".to_owned());
    vault::get_contact(&world.intake, &notification, request).await.unwrap()
}

async fn opens(world: &World, ticket: &str, code: &str) -> bool {
    let request = TrackReportRequest {
        receipt: Some(Receipt {
            ticket: ticket.to_owned(),
            receipt_code: code.to_owned(),
        }),
        ..TrackReportRequest::default()
    };
    track_report(&world.intake, request, Peer::default()).await.is_ok()
}

#[sqlx::test(migrations = false)]
async fn who_has_the_contact_gets_a_code_that_opens_the_report(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let answer = ask(&world, &filed.ticket.to_lowercase(), EMAIL, false).await.unwrap();
    assert!(answer.receipt_code.is_empty());
    assert_eq!(settle(&world.intake).await.unwrap(), 1);
    let events = told(&world).await;
    assert_eq!(events.len(), 1);
    let code = contact(&world, &filed, &events[0]).await.receipt_code;
    assert!(opens(&world, &filed.ticket, &code).await);
    assert!(opens(&world, &filed.ticket, &filed.receipt_code).await);
    let other = world.file().await;
    assert!(!opens(&world, &other.ticket, &code).await);
    // Neither code nor contact is kept, and no other event gives the code.
    let dump = world.dump().await;
    assert!(!dump.contains(&code) && !dump.to_lowercase().contains("contoh.invalid"));
    assert!(
        contact(&world, &filed, &ids::new_id().to_string())
            .await
            .receipt_code
            .is_empty()
    );
    assert!(contact(&world, &filed, "").await.receipt_code.is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_wrong_contact_and_an_unknown_ticket_look_like_the_right_ones(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    for (ticket, contact) in [
        (filed.ticket.as_str(), "orang.lain@contoh.invalid"),
        (filed.ticket.as_str(), "0811 0000 0002"),
        ("TTS-00000000-0", EMAIL),
    ] {
        let answer = ask(&world, ticket, contact, false).await.unwrap();
        assert_eq!(answer, RecoverReceiptResponse::default());
    }
    assert_eq!(world.count("receipt_recovery").await, 3);
    assert_eq!(settle(&world.intake).await.unwrap(), 3);
    assert_eq!(world.count("receipt_recovery").await, 0);
    assert!(told(&world).await.is_empty());
    for (ticket, contact, code) in [
        ("TTS-00000000-1", EMAIL, "unknown_ticket"),
        (&filed.ticket, "bukan@surel", "email_malformed"),
        (&filed.ticket, "", "phone_malformed"),
    ] {
        let problem = ask(&world, ticket, contact, false).await.unwrap_err();
        assert_eq!(problem.code(), code);
    }
}

#[sqlx::test(migrations = false)]
async fn nobody_fills_the_mailbox_of_another_and_a_later_code_replaces_the_one_before(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    for _ in 0..3 {
        ask(&world, &filed.ticket, EMAIL, false).await.unwrap();
    }
    settle(&world.intake).await.unwrap();
    assert_eq!(told(&world).await.len(), 1);
    world.advance(Duration::minutes(11));
    ask(&world, &filed.ticket, PHONE, false).await.unwrap();
    settle(&world.intake).await.unwrap();
    let events = told(&world).await;
    assert_eq!(events.len(), 2);
    assert!(contact(&world, &filed, &events[0]).await.receipt_code.is_empty());
    let latest = contact(&world, &filed, &events[1]).await.receipt_code;
    assert!(opens(&world, &filed.ticket, &latest).await);
}

#[sqlx::test(migrations = false)]
async fn who_writes_from_the_number_gets_the_code_at_once(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let code = ask(&world, &filed.ticket, PHONE, true).await.unwrap().receipt_code;
    assert!(opens(&world, &filed.ticket, &code).await);
    assert_eq!(told(&world).await.len(), 1);
    let problem = ask(&world, &filed.ticket, "0811 0000 0002", true).await.unwrap_err();
    assert_eq!(problem.code(), "unknown_ticket");
    // Only the edge vouches for anybody.
    let request = RecoverReceiptRequest {
        ticket: filed.ticket.clone(),
        contact: PHONE.to_owned(),
        proven: true,
    };
    let problem = recover_receipt(&world.intake, request, Peer::default(), false)
        .await
        .unwrap_err();
    assert_eq!(problem.code(), "forbidden");
}

#[sqlx::test(migrations = false)]
async fn an_erased_report_has_no_contact_any_more(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let request = EraseReportRequest {
        report_id: filed.report_id.clone(),
        idempotency_key: key(),
    };
    let manager = world.officer("diskominfotik.kepala").await;
    vault::erase_report(&world.intake, &manager, request).await.unwrap();
    ask(&world, &filed.ticket, EMAIL, false).await.unwrap();
    settle(&world.intake).await.unwrap();
    assert!(told(&world).await.is_empty());
}
