//! Logging in, staying logged in, logging out.

use sqlx::PgPool;
use time::Duration;
use tuntas_gateway::accounts::store;

use crate::world::{CASE, PASSWORD, World, holder_of};

const LIAISON: &str = "liaison";

async fn enter(world: &World, name: &str, password: &str) -> (crate::browser::Browser, crate::browser::Answer) {
    let mut browser = world.browser();
    let answer = browser.post("/masuk", &[("nama", name), ("sandi", password)]).await;
    (browser, answer)
}

#[sqlx::test(migrations = false)]
async fn the_right_password_opens_a_session_whose_cookie_only_this_site_sees(pool: PgPool) {
    let world = World::new(pool).await;
    world.account(LIAISON, &holder_of(LIAISON), Some(PASSWORD), false).await;
    let (mut browser, answer) = enter(&world, " LIAISON ", PASSWORD).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (303, "/masuk"));
    let cookie = answer.set_cookies().join("\n");
    for flag in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(flag), "{flag} in {cookie}");
    }
    assert!(!cookie.contains("Domain") && !cookie.contains("Secure"), "{cookie}");
    assert_eq!(browser.get("/masuk").await.location(), "/petugas/opd");
    assert_eq!(browser.get("/petugas/opd").await.status, 200);
    // The desk was asked in this person's name, by this session.
    let call = world.fake.calls("desk.v1.Desk/ListCases").pop().unwrap();
    assert_eq!(
        (call.assertion.subject.as_str(), call.assertion.holder.as_str()),
        ("dishub.sekretaris", "h-liaison")
    );
    assert!(!call.assertion.session.is_empty() && !browser.cookies["sesi"].contains(&call.assertion.session));
    assert_eq!(world.audited().await, ["logged_in"]);
}

#[sqlx::test(migrations = false)]
async fn over_tls_the_cookie_is_secure(pool: PgPool) {
    let world = World::with(pool, |config| {
        config.edge.public_url = "https://tuntas.invalid".to_owned()
    })
    .await;
    world.account(LIAISON, &holder_of(LIAISON), Some(PASSWORD), false).await;
    let (_, answer) = enter(&world, LIAISON, PASSWORD).await;
    assert!(answer.set_cookies()[0].contains("Secure"));
    assert!(answer.header("strict-transport-security").starts_with("max-age="));
}

#[sqlx::test(migrations = false)]
async fn wrong_unknown_disabled_and_without_password_look_the_same(pool: PgPool) {
    let world = World::new(pool).await;
    world.account(LIAISON, &holder_of(LIAISON), Some(PASSWORD), false).await;
    world
        .account("executor", &holder_of("executor"), Some(PASSWORD), false)
        .await;
    world.account("verifier", &holder_of("verifier"), None, false).await;
    let executor = store::account_by_name(&world.pool, "executor").await.unwrap().unwrap();
    store::set_disabled(&world.pool, executor.account_id, Some(world.clock.now()))
        .await
        .unwrap();
    let mut pages = Vec::new();
    for (name, password) in [
        (LIAISON, "salah"),
        ("tidak-ada", PASSWORD),
        ("executor", PASSWORD),
        ("verifier", ""),
        ("verifier", PASSWORD),
        ("nama\0aneh", PASSWORD),
        ("", ""),
    ] {
        let (browser, answer) = enter(&world, name, password).await;
        assert_eq!(answer.status, 401, "{name}");
        assert!(browser.cookies.is_empty());
        let name = name.replace('\0', "&#0;");
        pages.push(
            answer
                .text()
                .replace(&format!("value=\"{name}\""), "value=\"\"")
                .replace('\0', ""),
        );
    }
    let first = pages[0].clone();
    assert!(first.contains("salah"));
    for (at, page) in pages.iter().enumerate().filter(|(at, _)| *at != 5) {
        assert_eq!(*page, first, "answer {at}");
    }
}

#[sqlx::test(migrations = false)]
async fn disabling_ends_the_session_at_once(pool: PgPool) {
    let world = World::new(pool).await;
    let mut browser = world.logged_in(LIAISON).await;
    let account = store::account_by_name(&world.pool, LIAISON).await.unwrap().unwrap();
    store::set_disabled(&world.pool, account.account_id, Some(world.clock.now()))
        .await
        .unwrap();
    assert_eq!(
        browser.get("/petugas/opd").await.location(),
        "/masuk?kembali=/petugas/opd"
    );
}

#[sqlx::test(migrations = false)]
async fn a_temporary_password_is_changed_before_anything_else(pool: PgPool) {
    let world = World::new(pool).await;
    world.account(LIAISON, &holder_of(LIAISON), Some(PASSWORD), true).await;
    let (mut browser, _) = enter(&world, LIAISON, PASSWORD).await;
    for path in ["/petugas/opd", &format!("/petugas/kasus/{CASE}")] {
        assert_eq!(browser.get(path).await.location(), "/masuk/sandi", "{path}");
    }
    assert!(world.fake.calls("desk.v1.Desk/ListCases").is_empty());
    let change = async |browser: &mut crate::browser::Browser, old: &str, new: &str, again: &str| {
        let fields = [("lama", old), ("baru", new), ("ulang", again)];
        browser.post("/masuk/sandi", &fields).await.status.as_u16()
    };
    let fresh = "sandi lain yang panjang";
    assert_eq!(change(&mut browser, "salah", fresh, fresh).await, 422);
    assert_eq!(change(&mut browser, PASSWORD, "pendek", "pendek").await, 422);
    assert_eq!(change(&mut browser, PASSWORD, fresh, "beda").await, 422);
    assert_eq!(change(&mut browser, PASSWORD, PASSWORD, PASSWORD).await, 422);
    let (mut elsewhere, _) = enter(&world, LIAISON, PASSWORD).await;
    assert_eq!(change(&mut browser, PASSWORD, fresh, fresh).await, 303);
    assert_eq!(browser.get("/petugas/opd").await.status, 200);
    // Whoever else was logged in is not any more, and the old password opens nothing.
    assert_eq!(elsewhere.get("/akun").await.status, 303);
    assert_eq!(enter(&world, LIAISON, PASSWORD).await.1.status, 401);
    assert_eq!(world.audited().await.last().unwrap(), "login_failed");
}

#[sqlx::test(migrations = false)]
async fn a_session_of_before_dies_with_the_login(pool: PgPool) {
    let world = World::new(pool).await;
    world.account(LIAISON, &holder_of(LIAISON), Some(PASSWORD), false).await;
    // Somebody plants a value, then one of a session of theirs.
    let mut planted = world.browser();
    planted.cookies.insert("sesi".to_owned(), "ab".repeat(32));
    let mut attacker = world.logged_in("executor").await;
    let known = attacker.cookies["sesi"].clone();
    for value in ["ab".repeat(32), known.clone()] {
        planted.cookies.insert("sesi".to_owned(), value.clone());
        planted.post("/masuk", &[("nama", LIAISON), ("sandi", PASSWORD)]).await;
        assert_ne!(planted.cookies["sesi"], value);
        assert!(planted.get("/akun").await.text().contains(LIAISON));
    }
    assert_eq!(attacker.get("/akun").await.status, 303);
}

#[sqlx::test(migrations = false)]
async fn a_session_ends_when_idle_and_in_any_case(pool: PgPool) {
    let world = World::new(pool).await;
    let mut idle = world.logged_in(LIAISON).await;
    let mut busy = world.logged_in("executor").await;
    for _ in 0..12 {
        world.advance(Duration::minutes(55));
        assert_eq!(busy.get("/akun").await.status, 200);
    }
    assert_eq!(idle.get("/akun").await.status, 303);
    // Eleven hours are over; twelve end it although it was used all the time.
    world.advance(Duration::minutes(55));
    assert_eq!(busy.get("/akun").await.status, 200);
    world.advance(Duration::minutes(6));
    assert_eq!(busy.get("/akun").await.status, 303);
}

#[sqlx::test(migrations = false)]
async fn after_logging_out_the_cookie_opens_nothing(pool: PgPool) {
    let world = World::new(pool).await;
    let mut browser = world.logged_in(LIAISON).await;
    let value = browser.cookies["sesi"].clone();
    let answer = browser.post("/keluar", &[]).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (303, "/"));
    assert!(!browser.cookies.contains_key("sesi"));
    browser.cookies.insert("sesi".to_owned(), value);
    assert_eq!(browser.get("/akun").await.status, 303);
}

#[sqlx::test(migrations = false)]
async fn who_holds_several_offices_chooses_and_who_holds_none_does_nothing(pool: PgPool) {
    let world = World::new(pool).await;
    world.account("two", "h-two", Some(PASSWORD), false).await;
    world.account("none", "h-none", Some(PASSWORD), false).await;
    let (mut none, _) = enter(&world, "none", PASSWORD).await;
    assert_eq!(none.get("/petugas/opd").await.location(), "/masuk/jabatan");
    let (mut two, _) = enter(&world, "two", PASSWORD).await;
    assert_eq!(two.get("/petugas/opd").await.location(), "/masuk/jabatan");
    // Somebody else's office is not to be had.
    two.post("/masuk/jabatan", &[("jabatan", "gubernur")]).await;
    assert_eq!(two.get("/petugas/opd").await.location(), "/masuk/jabatan");
    two.post("/masuk/jabatan", &[("jabatan", "dishub.upt-2")]).await;
    two.get("/petugas/opd").await;
    let call = world.fake.calls("desk.v1.Desk/ListCases").pop().unwrap();
    assert_eq!(call.assertion.subject, "dishub.upt-2");
}

#[sqlx::test(migrations = false)]
async fn the_way_back_after_a_login_stays_on_this_site(pool: PgPool) {
    let world = World::new(pool).await;
    world.account(LIAISON, &holder_of(LIAISON), Some(PASSWORD), false).await;
    for (back, expected) in [
        ("/petugas/opd?lanjut=x", "/petugas/opd?lanjut=x"),
        ("", "/masuk"),
        ("https://jahat.invalid", "/masuk"),
        ("//jahat.invalid", "/masuk"),
        ("/\\jahat.invalid", "/masuk"),
        ("\\\\jahat.invalid", "/masuk"),
        ("/\t/jahat.invalid", "/masuk"),
        ("/\r\nSet-Cookie: sesi=x", "/masuk"),
        ("/\0", "/masuk"),
        ("javascript:alert(1)", "/masuk"),
        (" /petugas", "/masuk"),
        ("http:jahat.invalid", "/masuk"),
    ] {
        let fields = [("nama", LIAISON), ("sandi", PASSWORD), ("kembali", back)];
        let answer = world.browser().post("/masuk", &fields).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, expected), "{back:?}");
        assert_eq!(answer.set_cookies().len(), 1, "{back:?}");
    }
    // The language switch goes back by the browser's own word, and to nowhere else either.
    let mut browser = world.browser();
    for (referer, expected) in [
        ("http://127.0.0.1:7300/lapor", "/lapor"),
        ("https://jahat.invalid//jahat.invalid", "/"),
        ("nonsens", "/"),
    ] {
        let headers = [
            crate::browser::SAME_ORIGIN,
            ("referer", referer),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let answer = browser
            .send(axum::http::Method::POST, "/bahasa", &headers, "bahasa=en".into())
            .await;
        assert_eq!(answer.location(), expected, "{referer}");
    }
}
