//! What every answer says to the browser, and errors as pages.

use axum::http::Method;
use sqlx::PgPool;

use crate::{
    browser::{Answer, SAME_ORIGIN},
    routes,
    world::World,
};

fn check(answer: &Answer, what: &str) {
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'"), "{what}: {policy}");
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{what}: {policy}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(answer.header("x-frame-options"), "DENY", "{what}");
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{what}");
    assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{what}");
    assert!(answer.header("permissions-policy").contains("camera=()"), "{what}");
    assert!(!answer.header("cache-control").is_empty(), "{what}");
    if answer.header("content-type").starts_with("text/html") {
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"),
            "{what}"
        );
        assert_eq!(answer.header("cache-control"), "no-store", "{what}");
        let page = answer.text();
        for inline in ["<style", " style=", "onclick=", "<script>", "javascript:"] {
            assert!(!page.contains(inline), "{what}: {inline}");
        }
        assert!(
            !page.contains("src=\"http") && !page.contains("href=\"//"),
            "{what}: a third party"
        );
    }
}

#[sqlx::test(migrations = false)]
async fn every_answer_carries_them(pool: PgPool) {
    let world = World::new(pool).await;
    let mut nobody = world.browser();
    let mut officer = world.logged_in("verifier").await;
    for route in routes::all() {
        for browser in [&mut nobody, &mut officer] {
            let what = format!("GET {}", route.path);
            check(&browser.get(&route.path).await, &what);
        }
        let post = nobody.send(Method::POST, &route.path, &[SAME_ORIGIN], "".into()).await;
        check(&post, &format!("POST {}", route.path));
    }
    for path in [
        "/tidak-ada",
        "/%00",
        "/static/x/tidak-ada",
        "/lacak/%0d%0aset-cookie:a=b",
    ] {
        let answer = nobody.get(path).await;
        check(&answer, path);
        assert!(answer.set_cookies().is_empty(), "{path}");
    }
    let cross = nobody
        .send(Method::POST, "/masuk", &[("sec-fetch-site", "cross-site")], "".into())
        .await;
    check(&cross, "a form of another site");
}

#[sqlx::test(migrations = false)]
async fn a_page_that_takes_too_long_carries_them_too(pool: PgPool) {
    let world = World::with(pool, |config| config.edge.timeout_ms = 0).await;
    let answer = world.browser().get("/lapor").await;
    assert_eq!(answer.status, 504);
    check(&answer, "a page given up");
}

#[sqlx::test(migrations = false)]
async fn an_error_is_a_page_in_the_readers_language(pool: PgPool) {
    let world = World::new(pool).await;
    let mut id = world.browser();
    let mut en = world.browser().in_english();
    for path in ["/tidak-ada", "/laporan/TTS-TIDAK-ADA"] {
        let (id, en) = (id.get(path).await, en.get(path).await);
        assert_eq!((id.status.as_u16(), en.status.as_u16()), (404, 404), "{path}");
        assert!(
            id.text().contains("<html lang=\"id\">") && id.text().contains("Tidak berhasil"),
            "{path}"
        );
        assert!(
            en.text().contains("<html lang=\"en\">") && en.text().contains("That did not work"),
            "{path}"
        );
    }
    // Also what never reached a handler: a form without its fields, a method that is not one, a body of another kind.
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (method, path, headers, status) in [
        (Method::POST, "/masuk", vec![SAME_ORIGIN, form], 422),
        (Method::POST, "/masuk", vec![SAME_ORIGIN], 415),
        (Method::POST, "/lapor", vec![SAME_ORIGIN, form], 400),
        (Method::DELETE, "/lapor", vec![SAME_ORIGIN], 405),
        (Method::POST, "/laporan", vec![SAME_ORIGIN], 405),
    ] {
        let answer = id.send(method.clone(), path, &headers, "a=b".into()).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(
            answer.text().contains("Tidak berhasil"),
            "{method} {path}: {}",
            answer.text()
        );
        let answer = en.send(method.clone(), path, &headers, "a=b".into()).await;
        assert!(
            answer.text().contains("That did not work"),
            "{method} {path}: {}",
            answer.text()
        );
    }
    let answer = id.get("/laporan?lanjut=%ff").await;
    assert!(!answer.status.is_server_error(), "{}", answer.text());
}
