//! Guessing: per account, per address, and the receipt's code.

use sqlx::PgPool;
use time::Duration;

use crate::world::{CODE, PASSWORD, TICKET, World, holder_of};

#[sqlx::test(migrations = false)]
async fn five_wrong_passwords_lock_the_account_and_nobody_learns_of_it(pool: PgPool) {
    let world = World::new(pool).await;
    world
        .account("liaison", &holder_of("liaison"), Some(PASSWORD), false)
        .await;
    let enter = async |name: &str, password: &str| {
        let answer = world
            .browser()
            .post("/masuk", &[("nama", name), ("sandi", password)])
            .await;
        (answer.status.as_u16(), answer.text().replace(name, ""))
    };
    let mut of_account = Vec::new();
    let mut of_nobody = Vec::new();
    for _ in 0..7 {
        of_account.push(enter("liaison", "salah").await);
        of_nobody.push(enter("tidak-ada", "salah").await);
    }
    assert_eq!(of_account, of_nobody);
    // The right password does not show either while the lock lasts.
    assert_eq!(enter("liaison", PASSWORD).await, of_account[0]);
    world.advance(Duration::minutes(16));
    assert_eq!(enter("liaison", PASSWORD).await.0, 303);
    let audited = world.audited().await;
    assert_eq!(audited.iter().filter(|action| *action == "account_locked").count(), 1);
}

#[sqlx::test(migrations = false)]
async fn a_right_password_ends_the_row_of_wrong_ones(pool: PgPool) {
    let world = World::new(pool).await;
    world
        .account("liaison", &holder_of("liaison"), Some(PASSWORD), false)
        .await;
    for _ in 0..3 {
        for password in ["salah", "salah", "salah", "salah", PASSWORD] {
            world
                .browser()
                .post("/masuk", &[("nama", "liaison"), ("sandi", password)])
                .await;
        }
    }
    assert!(!world.audited().await.contains(&"account_locked".to_owned()));
}

#[sqlx::test(migrations = false)]
async fn one_address_has_only_so_many_tries_whatever_the_name(pool: PgPool) {
    let world = World::new(pool).await;
    world
        .account("liaison", &holder_of("liaison"), Some(PASSWORD), false)
        .await;
    let mut browser = world.browser();
    for n in 0..20 {
        let answer = browser
            .post("/masuk", &[("nama", &format!("orang-{n}")), ("sandi", "salah")])
            .await;
        assert_eq!(answer.status, 401, "try {n}");
    }
    let right = [("nama", "liaison"), ("sandi", PASSWORD)];
    assert_eq!(browser.post("/masuk", &right).await.status, 429);
    // A header that no trusted proxy wrote changes nothing.
    let headers = [
        crate::browser::SAME_ORIGIN,
        ("x-forwarded-for", "198.51.100.7"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let body = serde_urlencoded::to_string(right).unwrap();
    let answer = browser
        .send(axum::http::Method::POST, "/masuk", &headers, body.into())
        .await;
    assert_eq!(answer.status, 429);
    assert_eq!(world.browser().post("/masuk", &right).await.status, 303);
}

#[sqlx::test(migrations = false)]
async fn behind_a_trusted_proxy_each_caller_has_tries_of_their_own(pool: PgPool) {
    let world = World::with(pool, |config| {
        config.edge.trusted_proxies = 1;
        config.login.per_peer_burst = 1;
        config.login.per_peer_per_minute = 1;
    })
    .await;
    let mut browser = world.browser();
    let mut try_from = async |hops: &str| {
        let headers = [
            crate::browser::SAME_ORIGIN,
            ("x-forwarded-for", hops),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let answer = browser
            .send(axum::http::Method::POST, "/masuk", &headers, "nama=a&sandi=b".into())
            .await;
        answer.status.as_u16()
    };
    assert_eq!(try_from("198.51.100.7").await, 401);
    assert_eq!(try_from("198.51.100.8").await, 401);
    // Only what the proxy wrote counts: the last hop.
    assert_eq!(try_from("203.0.113.1, 198.51.100.8").await, 429);
}

#[sqlx::test(migrations = false)]
async fn intake_is_told_whose_code_was_wrong(pool: PgPool) {
    let world = World::new(pool).await;
    let mut browser = world.browser();
    let address = browser.address.to_string();
    let open = [("tiket", TICKET), ("kode", "SALAH")];
    assert_eq!(browser.post("/lacak", &open).await.status, 404);
    browser.post("/lacak", &[("tiket", TICKET), ("kode", CODE)]).await;
    assert_eq!(browser.get(&format!("/lacak/{TICKET}")).await.status, 200);
    let calls = world.fake.calls("intake.v1.Intake/TrackReport");
    assert_eq!(calls.len(), 3);
    for call in calls {
        assert_eq!(call.peer.as_deref(), Some(address.as_str()));
        assert_eq!(call.assertion.subject, "gateway");
    }
    // An IPv6 customer has a network of 64 bits: it counts as one.
    browser.address = "2001:db8:1:2:3:4:5:6".parse().unwrap();
    browser.post("/lacak", &open).await;
    let call = world.fake.calls("intake.v1.Intake/TrackReport").pop().unwrap();
    assert_eq!(call.peer.as_deref(), Some("2001:db8:1:2::"));
}

#[sqlx::test(migrations = false)]
async fn one_address_files_only_so_much(pool: PgPool) {
    let world = World::with(pool, |config| {
        config.filing.per_peer_burst = 2;
        config.filing.per_peer_per_minute = 1;
    })
    .await;
    let fields = crate::uploads::report();
    let mut browser = world.browser();
    for expected in [200, 200, 429] {
        let answer = browser.post_files("/lapor", &fields, &[]).await;
        assert_eq!(answer.status, expected);
    }
    assert_eq!(world.browser().post_files("/lapor", &fields, &[]).await.status, 200);
    assert_eq!(world.fake.calls("intake.v1.Intake/FileReport").len(), 3);
}
