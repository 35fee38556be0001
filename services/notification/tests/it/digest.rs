//! The morning mails: once a working day, to who has something to do.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime, macros::datetime};
use tonic::Request;
use tuntas_notification::config::Digest as Settings;
use tuntas_proto::{
    notification::v1::{Preference, PutPreferenceRequest, notification_server::Notification as _},
    routing::v1::DueClock,
    wire_time::timestamp,
};

use crate::support::{EXECUTOR, LIAISON, NOW, World, new_id};

fn clock(position: &str, kind: &str, due: OffsetDateTime) -> DueClock {
    DueClock {
        case_id: new_id(),
        kind: kind.to_owned(),
        due_at: Some(timestamp(due)),
        position_id: position.to_owned(),
        category_code: "jalan-provinsi".to_owned(),
        region_code: "14.71".to_owned(),
    }
}

async fn with_work(pool: PgPool) -> World {
    let world = World::new(pool).await;
    world.foreign.set(|known| {
        for position in [LIAISON, EXECUTOR] {
            known
                .positions
                .insert(position.to_owned(), format!("{position}@contoh.invalid"));
        }
        known.due = vec![
            vec![
                clock(LIAISON, "acceptance", datetime!(2026-10-02 17:00 UTC)),
                clock(EXECUTOR, "resolution", datetime!(2026-10-05 17:00 UTC)),
            ],
            vec![
                clock(LIAISON, "first_response", datetime!(2026-10-06 17:00 UTC)),
                // Vacant.
                clock("", "acceptance", datetime!(2026-10-06 17:00 UTC)),
            ],
        ];
    });
    world
}

#[sqlx::test(migrations = false)]
async fn everybody_with_something_due_gets_one_mail_in_the_morning(pool: PgPool) {
    let world = with_work(pool).await;
    // Monday, 10:00 WIB; two processes.
    assert_eq!(world.digest().round().await.unwrap(), 2);
    assert_eq!(world.digest().round().await.unwrap(), 0);
    world.send_all().await;
    let mails = world.relay.mails();
    assert_eq!(mails.len(), 2);
    let (_, mail) = mails.iter().find(|(to, _)| to.starts_with(LIAISON)).unwrap();
    let mail = mail.replace("=\n", "");
    for part in [
        "Hari ini: 1 terlambat, 1 segera jatuh tempo",
        "- Jumat, 2 Oktober 2026: penerimaan disposisi",
        "- Selasa, 6 Oktober 2026: tanggapan awal",
    ] {
        assert!(mail.contains(part), "{part} in {mail}");
    }
    assert!(!mail.contains("penyelesaian"), "{mail}");
}

#[sqlx::test(migrations = false)]
async fn nobody_is_written_to_before_the_hour_or_on_a_sunday(pool: PgPool) {
    let world = with_work(pool).await;
    let clock = &world.sender.clock;
    // Saturday and Sunday pass, Monday begins.
    for at in [
        datetime!(2026-10-10 03:00 UTC),
        datetime!(2026-10-11 03:00 UTC),
        datetime!(2026-10-11 23:55 UTC),
    ] {
        clock.advance_to(at).unwrap();
        assert_eq!(world.digest().round().await.unwrap(), 0, "{at}");
    }
    clock.advance_to(datetime!(2026-10-12 00:00 UTC)).unwrap();
    assert_eq!(world.digest().round().await.unwrap(), 2);
}

#[sqlx::test(migrations = false)]
async fn who_does_not_want_it_is_left_alone_and_a_routing_that_is_away_is_waited_for(pool: PgPool) {
    let world = with_work(pool).await;
    let preference = Preference {
        position_id: LIAISON.to_owned(),
        template: "officer_digest".to_owned(),
        channel: "none".to_owned(),
    };
    let request: Request<PutPreferenceRequest> = world.by(
        LIAISON,
        PutPreferenceRequest {
            preference: Some(preference),
        },
    );
    world.api.put_preference(request).await.unwrap();
    world.foreign.set(|known| known.down = true);
    assert_eq!(world.digest().round().await.unwrap_err().kind().code, "unavailable");
    world.foreign.set(|known| known.down = false);
    assert_eq!(world.digest().round().await.unwrap(), 2);
    world.send_all().await;
    assert_eq!(world.relay.mails().len(), 1);
}

#[sqlx::test(migrations = false)]
async fn an_hour_of_24_is_never(pool: PgPool) {
    let world = with_work(pool).await;
    let mut digest = world.digest();
    digest.settings = Settings {
        hour: 24,
        ..digest.settings
    };
    world.sender.clock.advance_to(NOW + Duration::hours(13)).unwrap();
    assert_eq!(digest.round().await.unwrap(), 0);
    // What has nothing due gets nothing.
    world.foreign.set(|known| known.due.clear());
    assert_eq!(world.digest().round().await.unwrap(), 0);
}
