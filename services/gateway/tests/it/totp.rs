//! The second factor.

use sqlx::PgPool;
use tuntas_gateway::accounts::{store, totp};
use tuntas_kit::clock::Clock;

use crate::{
    browser::{Answer, Browser},
    world::{PASSWORD, World, username_of},
};

const NAME: &str = "liaison";
const STEP_S: u64 = 30;

/// The code of an app, some steps from now.
fn code(secret: &[u8], steps: u64) -> String {
    let now = u64::try_from(Clock::System.now().unix_timestamp()).unwrap();
    let totp = totp_rs::Builder::new()
        .with_algorithm(totp_rs::Algorithm::SHA1)
        .with_secret(totp_rs::Secret::from(secret.to_vec()))
        .with_account_name("x")
        .build()
        .unwrap();
    totp.generate(now + steps * STEP_S).to_string()
}

async fn secret_of(world: &World) -> Vec<u8> {
    let account = store::account_by_name(&world.pool, NAME).await.unwrap().unwrap();
    let sealed = account.totp_sealed.unwrap();
    world
        .web
        .accounts
        .seal()
        .open(account.account_id.as_bytes(), &sealed)
        .unwrap()
}

/// A person with a second factor in use, and its secret. The present step is used.
async fn with_second_factor(world: &World) -> (Browser, Vec<u8>) {
    let mut browser = world.logged_in(NAME).await;
    let shown = browser.post("/akun/totp", &[]).await;
    let secret = secret_of(world).await;
    let typed = totp::typed(&secret).unwrap();
    assert!(shown.text().contains(secrecy::ExposeSecret::expose_secret(&typed)));
    // Not in use before it is confirmed.
    assert_eq!(enter(world, "").await.1.status, 303);
    assert_eq!(
        browser.post("/akun/totp/pasang", &[("kode", "000000")]).await.status,
        200
    );
    let answer = browser.post("/akun/totp/pasang", &[("kode", &code(&secret, 0))]).await;
    assert_eq!(answer.location(), "/akun");
    (browser, secret)
}

async fn enter(world: &World, code: &str) -> (Browser, Answer) {
    let mut browser = world.browser();
    let fields = [("nama", &username_of(NAME)[..]), ("sandi", PASSWORD), ("kode", code)];
    let answer = browser.post("/masuk", &fields).await;
    (browser, answer)
}

#[sqlx::test(migrations = false)]
async fn the_right_code_counts_once(pool: PgPool) {
    let world = World::new(pool).await;
    let (_, secret) = with_second_factor(&world).await;
    let (browser, asked) = enter(&world, "").await;
    assert_eq!(asked.status, 200);
    assert!(asked.text().contains("one-time-code") && browser.cookies.is_empty());
    // The one that confirmed it, replayed.
    assert_eq!(enter(&world, &code(&secret, 0)).await.1.status, 401);
    let next = code(&secret, 1);
    let spaced = format!("{} {}", &next[..3], &next[3..]);
    assert_eq!(enter(&world, &spaced).await.1.status, 303);
    assert_eq!(enter(&world, &next).await.1.status, 401);
}

#[sqlx::test(migrations = false)]
async fn wrong_codes_lock_the_account_and_a_wrong_password_never_asks_for_one(pool: PgPool) {
    let world = World::new(pool).await;
    let (_, secret) = with_second_factor(&world).await;
    let mut browser = world.browser();
    let answer = browser.post("/masuk", &[("nama", NAME), ("sandi", "salah")]).await;
    assert!(!answer.text().contains("one-time-code"));
    for wrong in ["1", "abcdef", "99999999", "'; --"] {
        assert_eq!(enter(&world, wrong).await.1.status, 401, "{wrong}");
    }
    assert_eq!(enter(&world, &code(&secret, 1)).await.1.status, 401);
    assert!(world.audited().await.contains(&"account_locked".to_owned()));
}

#[sqlx::test(migrations = false)]
async fn it_is_removed_with_its_code_only(pool: PgPool) {
    let world = World::new(pool).await;
    let (mut browser, secret) = with_second_factor(&world).await;
    browser.post("/akun/totp/lepas", &[("kode", "000000")]).await;
    assert_eq!(enter(&world, "").await.1.status, 200);
    // A second one is not set up over the first.
    assert_eq!(browser.post("/akun/totp", &[]).await.status, 404);
    browser.post("/akun/totp/lepas", &[("kode", &code(&secret, 1))]).await;
    assert_eq!(enter(&world, "").await.1.status, 303);
    let audited = world.audited().await;
    assert!(audited.contains(&"totp_set".to_owned()) && audited.contains(&"totp_removed".to_owned()));
}

#[sqlx::test(migrations = false)]
async fn a_stolen_session_cannot_guess_the_code_away(pool: PgPool) {
    let world = World::new(pool).await;
    let (mut browser, _) = with_second_factor(&world).await;
    let mut statuses = Vec::new();
    for _ in 0..25 {
        statuses.push(
            browser
                .post("/akun/totp/lepas", &[("kode", "000000")])
                .await
                .status
                .as_u16(),
        );
    }
    assert_eq!(statuses.last(), Some(&429));
    assert!(secret_of(&world).await.len() == 20);
}
