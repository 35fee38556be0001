//! Text that would like to be something else, in every field.

use axum::http::{Method, Uri};
use sqlx::PgPool;
use tuntas_proto::intake::v1::{SearchRegisterRequest, SearchRegisterResponse};

use crate::{
    browser::SAME_ORIGIN,
    routes,
    world::{PASSWORD, World, holder_of, public_report},
};

const NASTY: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' autofocus onfocus='alert(1)",
    "{{ 7 * 7 }}{% include \"/etc/passwd\" %}${7*7}",
    "'; DROP TABLE account; --",
    "nilai\r\nSet-Cookie: sesi=dicuri\r\n\r\n<b>",
    "nol\0di tengah",
    "\u{202e}fdp.exe",
    "</textarea></title><svg/onload=alert(1)>",
];

/// Nothing of it became markup, a header, or a failure of ours.
fn harmless(answer: &crate::browser::Answer, what: &str) {
    assert!(answer.status.as_u16() < 500, "{what}: {}", answer.status);
    // What is saved and not shown may hold anything.
    if answer
        .headers
        .get("content-disposition")
        .is_some_and(|how| how.as_bytes().starts_with(b"attachment"))
    {
        return;
    }
    let page = answer.text();
    for markup in [
        "<script>alert",
        "<img src=x",
        "' autofocus onfocus='",
        "<svg/onload",
        "<b>",
        "49",
    ] {
        let is_there = match markup {
            "<b>" => page.contains("\r\n\r\n<b>"),
            "49" => page.contains("$49") || page.contains(">49<"),
            _ => page.contains(markup),
        };
        assert!(!is_there, "{what}: {markup}");
    }
    assert!(
        answer
            .set_cookies()
            .iter()
            .all(|cookie| !cookie.contains("sesi=dicuri")),
        "{what}"
    );
    assert!(
        answer
            .headers
            .get("location")
            .is_none_or(|to| to.to_str().unwrap().starts_with('/')),
        "{what}"
    );
}

#[sqlx::test(migrations = false)]
async fn no_field_of_a_form_is_more_than_text(pool: PgPool) {
    let world = World::new(pool).await;
    world
        .account("liaison", &holder_of("liaison"), Some(PASSWORD), false)
        .await;
    let fields = [
        "jenis", "judul", "isi", "kategori", "wilayah", "opd", "tempat", "lintang", "bujur", "tanggal", "privasi",
        "nama", "nik", "telepon", "surel", "alamat", "serupa", "kunci", "lampiran",
    ];
    for nasty in NASTY {
        let mut browser = world.browser();
        for step in ["", "ubah", "kirim"] {
            let filled: Vec<(&str, &str)> = fields
                .iter()
                .map(|name| (*name, nasty))
                .chain([("langkah", step)])
                .collect();
            let long = format!("{nasty} {}", "cukup panjang untuk sebuah laporan");
            let with_file = [(nasty, b"isi".as_slice())];
            for files in [&[][..], &with_file] {
                let answer = browser.post_files("/lapor", &filled, files).await;
                harmless(&answer, &format!("/lapor {step} {nasty:?}"));
                let mut complete = filled.clone();
                complete.retain(|(name, _)| *name != "isi" && *name != "lampiran");
                complete.push(("isi", &long));
                complete.push(("lampiran", "id|<script>alert(1)</script>"));
                let answer = browser.post_files("/lapor", &complete, files).await;
                harmless(&answer, &format!("/lapor {step} complete {nasty:?}"));
            }
        }
        for (path, names) in [
            ("/masuk", &["nama", "sandi", "kode", "kembali"][..]),
            ("/lacak", &["tiket", "kode"]),
            ("/bahasa", &["bahasa"]),
        ] {
            let filled: Vec<(&str, &str)> = names.iter().map(|name| (*name, nasty)).collect();
            let answer = world.browser().post(path, &filled).await;
            harmless(&answer, &format!("{path} {nasty:?}"));
        }
    }
    assert!(
        tuntas_gateway::accounts::store::account_by_name(&world.pool, "liaison")
            .await
            .unwrap()
            .is_some()
    );
}

#[sqlx::test(migrations = false)]
async fn no_address_is_more_than_text(pool: PgPool) {
    let world = World::new(pool).await;
    let mut nobody = world.browser();
    let mut officer = world.logged_in("verifier").await;
    let names = [
        "kata",
        "kategori",
        "wilayah",
        "opd",
        "status",
        "lanjut",
        "tiket",
        "kembali",
        "serupa",
        "periode",
        "seq",
        "perintah",
        "terlambat",
        "q",
        "code",
        "state",
        "error",
        "iss",
    ];
    for nasty in NASTY {
        let pairs: Vec<(&str, &str)> = names.iter().map(|name| (*name, nasty)).collect();
        let query = serde_urlencoded::to_string(pairs).unwrap();
        let segment = serde_urlencoded::to_string([("", nasty)]).unwrap().replace('+', "%20");
        let segment = segment.trim_start_matches('=');
        for route in routes::with("get") {
            for browser in [&mut nobody, &mut officer] {
                let answer = browser.get(&format!("{}?{query}", route.path)).await;
                harmless(&answer, &format!("{}?... {nasty:?}", route.path));
                let path = with_segment(&route.pattern, segment);
                if path.parse::<Uri>().is_ok() {
                    harmless(&browser.get(&path).await, &path);
                }
            }
        }
        // A key that this browser holds for a ticket of a strange name.
        let path = format!("/lacak/{segment}/tutup");
        let answer = nobody.send(Method::POST, &path, &[SAME_ORIGIN], "".into()).await;
        harmless(&answer, &path);
    }
    let answer = nobody
        .send(Method::POST, "/lacak/a;Domain=invalid/tutup", &[SAME_ORIGIN], "".into())
        .await;
    assert!(
        answer
            .set_cookies()
            .iter()
            .all(|cookie| !cookie.to_lowercase().contains("domain=")),
        "{answer:?}"
    );
}

#[sqlx::test(migrations = false)]
async fn words_of_a_report_are_more_than_text_nowhere(pool: PgPool) {
    let world = World::new(pool).await;
    for nasty in NASTY {
        world
            .fake
            .on("intake.v1.Intake/SearchRegister", move |_, _: SearchRegisterRequest| {
                let mut report = public_report();
                for field in [
                    &mut report.title,
                    &mut report.body,
                    &mut report.answer,
                    &mut report.lead_opd,
                ] {
                    nasty.clone_into(field);
                }
                Ok(SearchRegisterResponse {
                    reports: vec![report],
                    next_cursor: nasty.to_owned(),
                })
            });
        let answer = world.browser().get("/laporan").await;
        assert_eq!(answer.status, 200);
        harmless(&answer, nasty);
    }
}

fn with_segment(pattern: &str, segment: &str) -> String {
    let parts = pattern
        .split('/')
        .map(|part| if part.starts_with('{') { segment } else { part });
    parts.collect::<Vec<_>>().join("/")
}
