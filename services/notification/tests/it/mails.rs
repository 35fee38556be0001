//! Sending mails: real SMTP, leases, retries, giving up, and addresses that are kept nowhere.

use std::collections::BTreeSet;

use sqlx::PgPool;
use tuntas_kit::ids;
use tuntas_notification::store::sending;

use crate::{
    relay::ForeignRelay,
    support::{self, CANARY, LIAISON, World, case, case_event, filed, new_id, receipt_recovered},
};

async fn one_filed(world: &World, language: &str) -> String {
    let report = new_id();
    world.reachable(&report, CANARY, language);
    world.consume(&filed(&report)).await.unwrap();
    report
}

#[sqlx::test(migrations = false)]
async fn a_receipt_reaches_a_foreign_mail_server(pool: PgPool) {
    let foreign = ForeignRelay::start().await;
    let world = World::with(pool, |config| config.smtp.port = foreign.port).await;
    let report = one_filed(&world, "en").await;
    world.send_all().await;
    let delivery = world.of_report(&report).await;
    assert_eq!(delivery.status, "sent");
    let mails = foreign.mails();
    assert_eq!(mails.len(), 1);
    let mail = mails[0].replace("\r\n", "\n").replace("=\n", "");
    assert!(
        mail.contains(&format!(
            "Message-ID: <{}@pengaduan-riau.invalid>",
            delivery.delivery_id
        )),
        "{mail}"
    );
    assert!(
        mail.contains("Subject: We have received report TTS-00000000-0"),
        "{mail}"
    );
    assert!(mail.contains("Auto-Submitted: auto-generated"));
    assert!(mail.contains("Monday, 5 October 2026 at 10:00 WIB"), "{mail}");
    // Sent is sent.
    world.send_all().await;
    assert_eq!(foreign.mails().len(), 1);
}

#[sqlx::test(migrations = false)]
async fn an_officer_is_told_in_indonesian_and_learns_nothing_of_the_report(pool: PgPool) {
    let world = World::new(pool).await;
    world.foreign.set(|known| {
        known
            .positions
            .insert(LIAISON.to_owned(), "sekretaris@contoh.invalid".to_owned());
    });
    let (id, report) = (new_id(), new_id());
    world
        .consume(&case_event("disposed", case(&id, 3, &report)))
        .await
        .unwrap();
    world.send_all().await;
    let mails = world.relay.mails();
    let (to, mail) = mails.iter().find(|(to, _)| to == "sekretaris@contoh.invalid").unwrap();
    assert_eq!(to, "sekretaris@contoh.invalid");
    let mail = mail.replace("=\n", "");
    assert!(mail.contains("Kamis, 8 Oktober 2026"), "{mail}");
    assert!(
        mail.contains(&id) && !mail.contains(&report) && !mail.contains("TTS-"),
        "{mail}"
    );
}

#[sqlx::test(migrations = false)]
async fn a_new_receipt_code_is_in_the_mail_and_nowhere_else(pool: PgPool) {
    const CODE: &str = "7K3QYB0V2MZ9XW4T";
    let world = World::new(pool).await;
    let report = new_id();
    world.reachable(&report, CANARY, "id");
    let recovered = receipt_recovered(&report);
    world.foreign.set(|known| {
        known.codes.insert(recovered.event_id.clone(), CODE.to_owned());
    });
    world.consume(&recovered).await.unwrap();
    world.send_all().await;
    let mails = world.relay.mails();
    assert!(mails.len() == 1 && mails[0].1.contains(CODE), "{mails:?}");
    assert!(!world.everything_stored().await.contains(CODE));
    // A code that a later one replaced is not sent.
    let other = new_id();
    world.reachable(&other, CANARY, "id");
    world.consume(&receipt_recovered(&other)).await.unwrap();
    world.send_all().await;
    let skipped = world.of_report(&other).await;
    assert_eq!(
        (skipped.status.as_str(), skipped.reason.as_deref()),
        ("skipped", Some("superseded"))
    );
    assert_eq!(world.relay.mails().len(), 1);
}

#[sqlx::test(migrations = false)]
async fn a_refusal_for_now_is_tried_again_and_one_for_good_is_given_up(pool: PgPool) {
    let world = World::new(pool).await;
    let report = one_filed(&world, "id").await;
    world.relay.refuse_next(&[451]);
    assert_eq!(world.sender.round().await.unwrap(), 1);
    let delivery = world.of_report(&report).await;
    assert_eq!(
        (delivery.status.as_str(), delivery.reason.as_deref()),
        ("planned", Some("smtp_451"))
    );
    assert_eq!(world.sender.round().await.unwrap(), 1);
    let delivery = world.of_report(&report).await;
    assert_eq!(
        (delivery.status.as_str(), delivery.tries, delivery.reason),
        ("sent", 2, None)
    );

    let report = one_filed(&world, "id").await;
    world.relay.refuse_next(&[550]);
    world.send_all().await;
    let delivery = world.of_report(&report).await;
    assert_eq!(
        (delivery.status.as_str(), delivery.reason.as_deref()),
        ("given_up", Some("smtp_550"))
    );
    assert_eq!(world.relay.mails().len(), 1);
}

#[sqlx::test(migrations = false)]
async fn after_enough_failed_tries_a_delivery_is_given_up(pool: PgPool) {
    let world = World::with(pool, |config| config.sender.tries_max = 3).await;
    let report = one_filed(&world, "id").await;
    world.relay.refuse_next(&[451; 10]);
    world.send_all().await;
    let delivery = world.of_report(&report).await;
    assert_eq!((delivery.status.as_str(), delivery.tries), ("given_up", 3));
    assert_eq!(delivery.reason.as_deref(), Some("smtp_451"));
}

#[sqlx::test(migrations = false)]
async fn a_mail_server_that_is_away_is_waited_for_with_backoff(pool: PgPool) {
    let world = World::with(pool, |config| {
        // Nobody listens there.
        config.smtp.port = 1;
        config.sender.retry_first_ms = 60_000;
    })
    .await;
    let report = one_filed(&world, "id").await;
    world.send_all().await;
    let delivery = world.of_report(&report).await;
    assert_eq!((delivery.status.as_str(), delivery.tries), ("planned", 1));
    assert!(delivery.reason.unwrap().starts_with("smtp_"));
    let wait_s: f64 = sqlx::query_scalar(
        "SELECT extract(epoch FROM next_try_at - clock_timestamp())::double precision FROM delivery",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert!((40.0..75.0).contains(&wait_s), "{wait_s}");
    let mut conn = world.pool.acquire().await.unwrap();
    assert_eq!(sending::due(&mut conn).await.unwrap(), 0);
}

#[sqlx::test(migrations = false)]
async fn who_left_no_address_is_skipped_and_intakes_absence_uses_up_no_tries(pool: PgPool) {
    let world = World::with(pool, |config| config.sender.tries_max = 1).await;
    let (silent, unknown) = (new_id(), new_id());
    world.reachable(&silent, "", "id");
    world.consume(&filed(&silent)).await.unwrap();
    world.foreign.set(|known| known.down = true);
    for _ in 0..3 {
        assert_eq!(world.sender.round().await.unwrap(), 1);
        let delivery = world.of_report(&silent).await;
        assert_eq!((delivery.status.as_str(), delivery.tries), ("planned", 0));
        assert_eq!(delivery.reason.as_deref(), Some("intake_away"));
    }
    world.foreign.set(|known| known.down = false);
    world.consume(&filed(&unknown)).await.unwrap();
    world.send_all().await;
    let delivery = world.of_report(&silent).await;
    assert_eq!(
        (delivery.status.as_str(), delivery.reason.as_deref()),
        ("skipped", Some("no_contact"))
    );
    let delivery = world.of_report(&unknown).await;
    assert_eq!(
        (delivery.status.as_str(), delivery.reason.as_deref()),
        ("skipped", Some("report_unknown"))
    );
    assert_eq!(world.foreign.asked(), 2);
}

#[sqlx::test(migrations = false)]
async fn a_delivery_whose_sender_died_is_taken_again_after_its_lease(pool: PgPool) {
    let world = World::new(pool).await;
    let report = one_filed(&world, "id").await;
    // A sender that leased and died; its lease is over at once.
    let dead = ids::new_id();
    let mut conn = world.pool.acquire().await.unwrap();
    let leased = sending::lease(&mut conn, dead, 10, 0).await.unwrap();
    assert_eq!(leased.len(), 1);
    world.send_all().await;
    assert_eq!(world.of_report(&report).await.status, "sent");
    // Should it come back to life, it changes nothing.
    let late = sending::settle(
        &mut conn,
        dead,
        leased[0].delivery_id,
        "given_up",
        Some("late"),
        support::NOW,
    );
    assert!(!late.await.unwrap());
    assert_eq!(world.of_report(&report).await.status, "sent");
    assert_eq!(world.relay.mails().len(), 1);
    // A lease that still runs is nobody else's.
    let report = one_filed(&world, "id").await;
    sending::lease(&mut conn, ids::new_id(), 10, 60_000).await.unwrap();
    world.send_all().await;
    assert_eq!(world.of_report(&report).await.status, "sending");
    assert_eq!(sending::due(&mut conn).await.unwrap(), 1);
}

#[sqlx::test(migrations = false)]
async fn several_senders_send_each_mail_once(pool: PgPool) {
    let world = World::with(pool, |config| config.sender.lease_batch_max = 5).await;
    for _ in 0..60 {
        one_filed(&world, "id").await;
    }
    tokio::join!(world.send_all(), world.send_all(), world.send_all());
    let ids: Vec<String> = world
        .relay
        .mails()
        .into_iter()
        .map(|(_, mail)| {
            mail.lines()
                .find(|line| line.starts_with("Message-ID"))
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 60);
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>().len(), 60);
}

#[sqlx::test(migrations = false)]
async fn an_address_is_kept_in_no_table_and_no_log_line(pool: PgPool) {
    let lines = support::log_lines();
    let world = World::with(pool, |config| config.sender.tries_max = 2).await;
    // Sent, refused for good, refused for now until given up: servers repeat the address in what they say.
    for refusals in [&[][..], &[550], &[451, 452]] {
        one_filed(&world, "id").await;
        world.relay.refuse_next(refusals);
        world.send_all().await;
    }
    assert_eq!(world.relay.mails()[0].0, CANARY);
    let stored = world.everything_stored().await;
    assert!(stored.contains("smtp_550"), "the dump shows what is stored");
    assert!(!stored.contains("kenari"), "an address is stored");
    let logged = lines.text();
    assert!(
        logged
            .lines()
            .any(|line| line.contains("given up") && line.contains("smtp_550")),
        "given up is logged"
    );
    assert!(!logged.contains("kenari"), "an address is logged");
}
