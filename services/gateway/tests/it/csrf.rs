//! Forms that another site sends in a visitor's name.

use axum::http::Method;
use sqlx::PgPool;

use crate::{routes, world::World};

#[sqlx::test(migrations = false)]
async fn no_write_is_taken_from_another_site(pool: PgPool) {
    let world = World::new(pool).await;
    let mut browser = world.logged_in("verifier").await;
    let before = browser.cookies.clone();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let mut tried = 0;
    for route in routes::all() {
        for method in route.methods.iter().filter(|method| **method != "get") {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            for from in [
                vec![("sec-fetch-site", "cross-site")],
                vec![("sec-fetch-site", "same-site")],
                vec![("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:7300")],
                vec![("origin", "https://jahat.invalid")],
                vec![("origin", "http://127.0.0.1:7301")],
                vec![("origin", "null")],
                // With a cookie and without a word of where it comes from.
                vec![],
            ] {
                let headers = [from.clone(), vec![form]].concat();
                let answer = browser.send(method.clone(), &route.path, &headers, "a=b".into()).await;
                // Whoever sends there needs a signature, and a browser's cookie is none.
                let expected = if route.path.starts_with("/api/") { 401 } else { 403 };
                assert_eq!(answer.status, expected, "{method} {} {from:?}", route.path);
                tried += 1;
            }
        }
    }
    assert!(tried > 80, "{tried}");
    assert_eq!(browser.cookies, before);
    assert_eq!(browser.get("/akun").await.status, 200);
}
