//! Pages while something behind them is away.

use sqlx::PgPool;
use tuntas_gateway::web::Web;

use crate::{
    browser::Browser,
    uploads::report,
    world::{CASE, PASSWORD, TICKET, World, holder_of},
};

#[sqlx::test(migrations = false)]
async fn reports_are_taken_while_everything_but_intake_is_away(pool: PgPool) {
    let world = World::new(pool).await;
    // Once, before: the directory is known from then on, also to an edge that starts again.
    assert_eq!(world.browser().get("/lapor").await.status, 200);
    for service in ["routing", "desk", "oversight", "notification", "evaluation"] {
        world.fake.leave(service);
    }
    for web in [world.web.clone(), started_again(&world)] {
        let mut browser = Browser::new(&web);
        let form = browser.get("/lapor").await;
        assert_eq!(form.status, 200);
        assert!(form.text().contains("Kota Pekanbaru"));
        let answer = browser.post_files("/lapor", &report(), &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains(TICKET));
        assert_eq!(browser.get("/").await.status, 200);
        assert_eq!(browser.get("/laporan").await.status, 200);
        let statistics = browser.get("/statistik").await;
        assert_eq!(statistics.status, 503);
        assert!(statistics.text().contains("tidak dapat dihubungi"));
    }
}

/// Another process of the same edge.
fn started_again(world: &World) -> Web {
    let env = [(
        "TUNTAS__LOGIN__SECRET".to_owned(),
        "rahasia tepi yang cukup panjang untuk uji".to_owned(),
    )];
    let config = tuntas_kit::config::load_from(tuntas_gateway::config::DEFAULT_TOML, None, env).unwrap();
    let config: tuntas_gateway::config::GatewayConfig = config.service;
    let secret = config.login.secret().unwrap();
    Web::new(&config, world.web.platform.clone(), world.pool.clone(), &secret).unwrap()
}

#[sqlx::test(migrations = false)]
async fn an_officer_stays_logged_in_while_routing_is_away(pool: PgPool) {
    let world = World::new(pool).await;
    let mut liaison = world.logged_in("liaison").await;
    let mut verifier = world.logged_in("verifier").await;
    assert_eq!(liaison.get("/petugas/opd").await.status, 200);
    world.fake.leave("routing");
    // The desk works without the centre.
    assert_eq!(liaison.get("/petugas/opd").await.status, 200);
    assert_eq!(liaison.get(&format!("/petugas/kasus/{CASE}")).await.status, 200);
    let inbox = verifier.get("/petugas").await;
    assert_eq!(inbox.status, 503);
    assert!(inbox.text().contains("tidak dapat dihubungi") && inbox.text().contains("verifier"));
    world.fake.come_back();
    assert_eq!(verifier.get("/petugas").await.status, 200);
}

#[sqlx::test(migrations = false)]
async fn an_edge_that_never_knew_the_directory_says_so(pool: PgPool) {
    let world = World::new(pool).await;
    world
        .account("liaison", &holder_of("liaison"), Some(PASSWORD), false)
        .await;
    world.fake.leave("routing");
    let mut browser = world.browser();
    assert_eq!(browser.get("/lapor").await.status, 503);
    browser
        .post("/masuk", &[("nama", "liaison"), ("sandi", PASSWORD)])
        .await;
    // Not sent in circles between the page and the login.
    for path in ["/petugas/opd", "/masuk", "/akun"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 503, "{path} {:?}", answer.headers);
        assert!(answer.text().contains("tidak dapat dihubungi"), "{path}");
    }
    assert_eq!(browser.get("/").await.status, 200);
}

#[sqlx::test(migrations = false)]
async fn filing_loses_nothing_while_intake_is_away(pool: PgPool) {
    let world = World::new(pool).await;
    world.fake.leave("intake");
    let mut browser = world.browser();
    let answer = browser.post_files("/lapor", &report(), &[]).await;
    assert_eq!(answer.status, 503);
    let page = answer.text();
    assert!(page.contains("belum terkirim") && page.contains("Lubang besar di depan pasar"));
    assert!(page.contains("kunci-dari-uji"));
    // The step before is only a help: it works without suggestions.
    let mut fields = report();
    fields.retain(|(name, _)| *name != "langkah");
    assert_eq!(browser.post_files("/lapor", &fields, &[]).await.status, 200);
    for path in ["/laporan", &format!("/laporan/{TICKET}")] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.text().contains("tidak dapat dihubungi"), "{path}");
    }
    // A file cannot be kept for later, but what was typed is not lost with it.
    let answer = browser.post_files("/lapor", &report(), &[("a.pdf", b"%PDF-")]).await;
    assert_eq!(answer.status, 503);
    assert!(
        answer.text().contains("Lubang besar di depan pasar"),
        "{}",
        answer.text()
    );
    world.fake.come_back();
    assert_eq!(browser.post_files("/lapor", &report(), &[]).await.status, 200);
}

#[sqlx::test(migrations = false)]
async fn citizens_do_not_notice_that_the_database_of_accounts_is_away(pool: PgPool) {
    let world = World::new(pool).await;
    let mut officer = world.logged_in("liaison").await;
    world.pool.close().await;
    let mut browser = world.browser();
    assert_eq!(browser.get("/").await.status, 200);
    assert_eq!(browser.post_files("/lapor", &report(), &[]).await.status, 200);
    let answer = browser
        .post("/masuk", &[("nama", "liaison"), ("sandi", PASSWORD)])
        .await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("tidak dapat dihubungi"));
    // Also who has a session may file, and is told why the rest does not work.
    assert_eq!(officer.get("/lapor").await.status, 200);
    let answer = officer.get("/petugas/opd").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("tidak dapat dihubungi"));
}
