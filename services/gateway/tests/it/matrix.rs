//! Who sees which page: every route that is read, for nobody and for each role.

use std::collections::BTreeSet;

use sqlx::PgPool;

use crate::{
    routes,
    world::{CASE, OTHER_CASE, PEOPLE, World},
};

/// What a page does for whom.
enum For {
    /// Everybody sees it.
    All,
    /// Everybody is sent on, or is told that there is no such thing.
    Nobody,
    /// There is no such thing, and an address that cannot be one is called so.
    Nothing,
    /// Who is logged in sees it; nobody else does.
    Officers,
    /// These roles see it; the others are told that they may not.
    Only(&'static [&'static str]),
    /// These roles see it; the others are led to their own list, or told that they may not.
    Led(&'static [&'static str]),
    /// These roles see it; to the others there is no such thing.
    Known(&'static [&'static str]),
}

const CENTRAL: &[&str] = &["verifier", "manager", "director", "patron", "ombudsman", "auditor"];
const OF_AGENCY: &[&str] = &["liaison", "executor", "accountable_head", "liaison-dinkes"];
/// A case of dishub: the centre and dishub.
const OF_CASE: &[&str] = &[
    "verifier",
    "manager",
    "director",
    "patron",
    "ombudsman",
    "auditor",
    "liaison",
    "executor",
    "accountable_head",
];

/// Who reads the whole log.
const READERS: &[&str] = &["ombudsman", "auditor", "director", "patron"];
/// Who sees how an agency or all of them stand.
const OVERSEERS: &[&str] = &[
    "director",
    "patron",
    "auditor",
    "manager",
    "ombudsman",
    "accountable_head",
    "liaison",
    "liaison-dinkes",
];
/// Who answers the Ombudsman for an agency.
const ANSWERERS: &[&str] = &["accountable_head", "liaison", "liaison-dinkes"];
/// Who has scores to look at: everybody but the operator.
const MEASURED: &[&str] = &[
    "verifier",
    "manager",
    "director",
    "patron",
    "ombudsman",
    "auditor",
    "liaison",
    "executor",
    "accountable_head",
    "liaison-dinkes",
];
/// Who sees two cases side by side.
const COMPARERS: &[&str] = &["verifier", "manager", "director", "patron", "auditor"];
const OPERATORS: &[&str] = &["operator"];
/// Who brings the backlog of another system in.
const IMPORTERS: &[&str] = &["manager", "verifier"];

/// Each route that is read.
const PAGES: &[(&str, For)] = &[
    ("/", For::All),
    ("/lapor", For::All),
    ("/lacak", For::All),
    ("/lacak/kode", For::All),
    ("/lacak/{ticket}", For::Nobody),
    ("/laporan", For::All),
    ("/laporan/{ticket}", For::Nobody),
    ("/fakta", For::All),
    ("/statistik", For::All),
    ("/statistik.csv", For::All),
    ("/robots.txt", For::All),
    ("/static/{stamp}/{name}", For::Nobody),
    ("/masuk/oidc", For::Nobody),
    ("/masuk/oidc/kembali", For::Nobody),
    ("/masuk/jabatan", For::Officers),
    ("/masuk/sandi", For::Officers),
    ("/akun", For::Officers),
    ("/akun/pengganti", For::Officers),
    ("/petugas", For::Led(CENTRAL)),
    ("/petugas/opd", For::Only(OF_AGENCY)),
    ("/petugas/kasus/{case_id}", For::Known(OF_CASE)),
    ("/petugas/lampiran/{attachment_id}", For::Only(CENTRAL)),
    ("/petugas/evaluasi", For::Known(MEASURED)),
    ("/petugas/evaluasi/rincian", For::Nobody),
    ("/petugas/templat", For::Only(OF_AGENCY)),
    ("/petugas/langsung", For::Officers),
    ("/petugas/banding/{one}/{other}", For::Only(COMPARERS)),
    ("/petugas/ringkasan", For::Only(OVERSEERS)),
    ("/petugas/tindakan", For::Known(ANSWERERS)),
    ("/petugas/impor", For::Only(IMPORTERS)),
    ("/petugas/impor/{id}", For::Nothing),
    ("/ombudsman", For::Known(READERS)),
    ("/ombudsman/kasus/{case_id}", For::Known(READERS)),
    ("/ombudsman/langsung", For::Known(READERS)),
    ("/ombudsman/perhatian", For::Known(&["ombudsman", "director", "patron"])),
    ("/ombudsman/tindakan", For::Known(READERS)),
    ("/ombudsman/pembacaan", For::Known(READERS)),
    ("/ombudsman/ekspor", For::Known(READERS)),
    ("/ombudsman/ekspor.jsonl", For::Known(READERS)),
    ("/ombudsman/ekspor.csv", For::Known(READERS)),
    ("/admin", For::Known(OPERATORS)),
    ("/admin/opd", For::Known(OPERATORS)),
    ("/admin/jabatan", For::Known(OPERATORS)),
    ("/admin/kategori", For::Known(OPERATORS)),
    ("/admin/akun", For::Known(OPERATORS)),
    ("/admin/kebijakan", For::Known(OPERATORS)),
    ("/admin/kalender", For::Known(OPERATORS)),
    ("/admin/jejak", For::Known(OPERATORS)),
    ("/open311", For::All),
    ("/open311/discovery.json", For::All),
    ("/open311/discovery.xml", For::All),
    ("/open311/v2/discovery.json", For::All),
    ("/open311/v2/discovery.xml", For::All),
    ("/open311/v2/services.json", For::All),
    ("/open311/v2/services.xml", For::All),
    ("/open311/v2/services/{name}", For::Nobody),
    ("/open311/v2/requests.json", For::All),
    ("/open311/v2/requests.xml", For::All),
    ("/open311/v2/requests/{name}", For::Nobody),
    ("/open311/v2/tokens/{name}", For::Nobody),
    ("/open311/v2/servicerequestupdates.json", For::All),
    ("/open311/v2/servicerequestupdates.xml", For::All),
    ("/openapi.json", For::All),
];

/// Told apart by the person: nobody is shown the form, who is logged in is sent to the own pages.
const LOGIN: &str = "/masuk";

#[sqlx::test(migrations = false)]
async fn each_role_sees_its_pages_and_no_others(pool: PgPool) {
    let world = World::new(pool).await;
    let mut nobody = world.browser();
    for (pattern, page) in PAGES {
        let path = path_of(pattern);
        let answer = nobody.get(&path).await;
        match page {
            For::All => assert_eq!(answer.status, 200, "{path}"),
            For::Nobody => assert!(
                [303, 404].contains(&answer.status.as_u16()),
                "{path}: {}",
                answer.status
            ),
            _ => {
                assert_eq!(answer.status, 303, "{path}");
                assert!(answer.location().starts_with("/masuk"), "{path}");
            }
        }
    }
    assert_eq!(nobody.get(LOGIN).await.status, 200);
    let mut wrong = Vec::new();
    for (name, ..) in PEOPLE {
        let mut browser = world.logged_in(name).await;
        assert_eq!(browser.get(LOGIN).await.status, 303, "{name}");
        for (pattern, page) in PAGES {
            let path = path_of(pattern);
            let status = browser.get(&path).await.status.as_u16();
            let expected: &[u16] = match page {
                For::All | For::Officers => &[200],
                For::Nobody => &[303, 404],
                For::Nothing => &[400, 404],
                For::Only(roles) | For::Led(roles) | For::Known(roles) if roles.contains(&name) => &[200],
                // Nobody learns which.
                For::Only(_) | For::Known(_) => &[403, 404],
                For::Led(_) => &[303, 403],
            };
            if !expected.contains(&status) {
                wrong.push(format!("{name} {path}: {status}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_route_that_is_read_stands_in_the_matrix() {
    let known: BTreeSet<&str> = PAGES.iter().map(|(pattern, _)| *pattern).chain([LOGIN]).collect();
    let routed = routes::with("get");
    let routed: BTreeSet<&str> = routed.iter().map(|route| route.pattern.as_str()).collect();
    assert_eq!(routed, known);
}

#[sqlx::test(migrations = false)]
async fn another_agencys_case_is_no_case_at_all(pool: PgPool) {
    let world = World::new(pool).await;
    let nothing = "01978000-0000-7000-8000-00000000ffff";
    for name in OF_AGENCY {
        let mut browser = world.logged_in(name).await;
        let (own, other) = match *name {
            "liaison-dinkes" => (OTHER_CASE, CASE),
            _ => (CASE, OTHER_CASE),
        };
        assert_eq!(
            browser.get(&format!("/petugas/kasus/{own}")).await.status,
            200,
            "{name}"
        );
        let foreign = browser.get(&format!("/petugas/kasus/{other}")).await;
        let unknown = browser.get(&format!("/petugas/kasus/{nothing}")).await;
        assert_eq!((foreign.status.as_u16(), unknown.status.as_u16()), (404, 404), "{name}");
        assert_eq!(foreign.text(), unknown.text(), "{name}");
        let inbox = browser.get("/petugas/opd").await.text();
        assert!(inbox.contains(own) && !inbox.contains(other), "{name}");
    }
}

#[sqlx::test(migrations = false)]
async fn who_loses_an_office_loses_its_pages_with_the_next_request(pool: PgPool) {
    let world = World::new(pool).await;
    let mut browser = world.logged_in("verifier").await;
    assert_eq!(browser.get("/petugas").await.status, 200);
    world.fake.on(
        "routing.v1.Directory/ListDirectory",
        |_, _: tuntas_proto::routing::v1::ListDirectoryRequest| {
            let mut directory = crate::world::directory();
            directory.holders.retain(|term| term.holder_id != "h-verifier");
            Ok(directory)
        },
    );
    assert_eq!(browser.get("/petugas").await.location(), "/masuk/jabatan");
}

#[sqlx::test(migrations = false)]
async fn an_attachment_is_never_a_page_of_this_site(pool: PgPool) {
    let world = World::new(pool).await;
    let mut browser = world.logged_in("verifier").await;
    let answer = browser.get("/petugas/lampiran/contoh").await;
    assert_eq!(answer.header("content-disposition"), "attachment");
    assert_eq!(answer.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(answer.header("cache-control"), "no-store");
}

fn path_of(pattern: &str) -> String {
    let route = routes::with("get").into_iter().find(|route| route.pattern == pattern);
    route.unwrap_or_else(|| panic!("no route {pattern}")).path
}
