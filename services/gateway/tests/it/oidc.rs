//! Login at a real provider: npm's oidc-provider as a process.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use sqlx::PgPool;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command as AsyncCommand},
};
use tuntas_gateway::accounts::store;
use tuntas_gateway::config::Oidc;

use crate::{
    browser::{Answer, Browser},
    world::{PASSWORD, World, holder_of},
};

const DEADLINE: Duration = Duration::from_secs(60);
/// Oldest release on which oidc-provider 9 runs.
const NODE_MAJOR_MIN: u32 = 20;
const BACK: &str = "http://127.0.0.1:7300/masuk/oidc/kembali";

/// A provider on its way to serve.
struct Provider {
    port: u16,
    node: Node,
    process: Option<Child>,
}

impl Provider {
    fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn start(&mut self) {
        let folder = installed(&self.node);
        let mut process = AsyncCommand::new(&self.node.node)
            .arg("provider.js")
            .arg(self.port.to_string())
            .arg(BACK)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = async { while lines.next_line().await.unwrap().unwrap() != "ready" {} };
        tokio::time::timeout(DEADLINE, ready).await.unwrap();
        // What it says later is read, too: a pipe without a reader would end it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        self.process = Some(process);
    }
}

/// Node.js and its npm.
struct Node {
    node: PathBuf,
    /// The command that npm is, with its first arguments.
    npm: Vec<PathBuf>,
}

impl Node {
    /// What `TUNTAS_TEST_NODE` says, as `deploy/test` sets it: the folder of an installation, or `none`; else the one on the path.
    fn find() -> Option<Self> {
        match std::env::var("TUNTAS_TEST_NODE") {
            Ok(none) if none == "none" => None,
            Ok(folder) => {
                let folder = PathBuf::from(folder);
                let node = folder.join("bin/node");
                let npm = vec![node.clone(), folder.join("lib/node_modules/npm/bin/npm-cli.js")];
                Some(Self { node, npm })
            }
            Err(_) => {
                let version = Command::new("node").arg("--version").output();
                let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
                let major = version
                    .ok()
                    .and_then(|version| version.trim_start_matches('v').split('.').next()?.parse().ok());
                assert!(
                    major.is_some_and(|major: u32| major >= NODE_MAJOR_MIN),
                    "there is no Node.js {NODE_MAJOR_MIN} on the path: run deploy/test, which brings one, or set TUNTAS_TEST_NODE to none"
                );
                Some(Self {
                    node: "node".into(),
                    npm: vec!["npm".into()],
                })
            }
        }
    }
}

/// A place for a provider; none where this is not to be tested.
fn provider() -> Option<Provider> {
    let node = Node::find()?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    Some(Provider {
        port: listener.local_addr().unwrap().port(),
        node,
        process: None,
    })
}

/// The folder with the provider, installed by npm as its lock file says.
fn installed(node: &Node) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oidc");
    fs::create_dir_all(&folder).unwrap();
    // Tests are processes of their own, and the folder is one for all.
    let one_at_a_time = File::create(folder.join("lock")).unwrap();
    one_at_a_time.lock().unwrap();
    let files = ["provider.js", "package.json", "package-lock.json"];
    let is_current =
        |name: &str| fs::read(source.join(name)).unwrap() == fs::read(folder.join(name)).unwrap_or_default();
    if folder.join("node_modules").is_dir() && files.into_iter().all(is_current) {
        return folder;
    }
    for name in files {
        fs::copy(source.join(name), folder.join(name)).unwrap();
    }
    let npm = Command::new(&node.npm[0])
        .args(&node.npm[1..])
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])
        .current_dir(&folder)
        .status()
        .unwrap();
    assert!(npm.success(), "npm could not install oidc-provider");
    folder
}

fn skipped() {
    #[expect(clippy::print_stderr, reason = "a test says that it did not run")]
    {
        eprintln!("SKIPPED: TUNTAS_TEST_NODE says that there is no Node.js for a provider");
    }
}

fn configured(settings: &mut Oidc, provider: &Provider) {
    settings.issuer = Some(provider.issuer());
    settings.client_id = Some("tuntas".to_owned());
    settings.client_secret = Some("a secret of the test, known to both sides".to_owned().into());
}

async fn world(pool: PgPool, provider: &Provider, change: impl FnOnce(&mut Oidc)) -> World {
    let world = World::with(pool, |config| {
        configured(&mut config.oidc, provider);
        change(&mut config.oidc);
    })
    .await;
    world.account("liaison", &holder_of("liaison"), None, false).await;
    world
}

/// What a person does at the provider: says who they are and agrees. Gives the way back, path and query.
async fn at_provider(departure: &str, login: &str) -> String {
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let mut cookies: BTreeMap<String, String> = BTreeMap::new();
    let mut next = reqwest::Url::parse(departure).unwrap();
    let mut form: Option<String> = None;
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = match form.take() {
            Some(body) => http
                .post(next.clone())
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body),
            None => http.get(next.clone()),
        };
        let response = request.header("cookie", pairs.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            cookies.insert(name.to_owned(), value.to_owned());
        }
        let status = response.status();
        if status.is_redirection() {
            let to = response.headers()["location"].to_str().unwrap().to_owned();
            if let Some(back) = to.strip_prefix("http://127.0.0.1:7300") {
                return back.to_owned();
            }
            next = next.join(&to).unwrap();
            continue;
        }
        let page = response.text().await.unwrap();
        assert!(status.is_success(), "{status} {page}");
        form = Some(match page.contains("name=\"login\"") {
            true => serde_urlencoded::to_string([("prompt", "login"), ("login", login), ("password", "x")]).unwrap(),
            false => "prompt=consent".to_owned(),
        });
    }
    panic!("the provider leads nowhere");
}

/// A whole login.
async fn enter(browser: &mut Browser, login: &str) -> Answer {
    let departure = browser.get("/masuk/oidc?kembali=/petugas/opd").await;
    assert_eq!(departure.status, 303, "{}", departure.text());
    let back = at_provider(departure.location(), login).await;
    browser.get(&back).await
}

#[sqlx::test(migrations = false)]
async fn whom_the_provider_confirms_acts_in_the_office_of_the_directory(pool: PgPool) {
    let Some(mut provider) = provider() else {
        return skipped();
    };
    let world = world(pool, &provider, |_| {}).await;
    let mut browser = world.browser();
    // While the provider is away the page says so, and a password still works.
    let answer = browser.get("/masuk/oidc").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("tidak dapat dihubungi") && answer.text().contains("name=\"sandi\""));
    provider.start().await;
    let form = browser.get("/masuk?kembali=/petugas/opd").await.text();
    assert!(
        form.contains("Akun pemerintah") && form.contains("/masuk/oidc?kembali="),
        "{form}"
    );

    let departure = browser.get("/masuk/oidc?kembali=/petugas/opd").await;
    let cookie = departure.set_cookies().join("\n");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/masuk/oidc", "Max-Age=600"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let address = reqwest::Url::parse(departure.location()).unwrap();
    let asked: BTreeMap<_, _> = address.query_pairs().into_owned().collect();
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert!(asked["state"].len() > 20 && asked["nonce"].len() > 20 && asked["code_challenge"].len() > 40);
    assert!(!cookie.contains(&asked["state"]) && !cookie.contains(&asked["nonce"]));

    let answer = enter(&mut browser, "liaison").await;
    assert_eq!(
        (answer.status.as_u16(), answer.location()),
        (303, "/petugas/opd"),
        "{}",
        answer.text()
    );
    assert!(!browser.cookies.contains_key("masuk-oidc"));
    assert_eq!(browser.get("/petugas/opd").await.status, 200);
    // The token says patron and operator; the directory says liaison.
    assert_eq!(browser.get("/masuk").await.location(), "/petugas/opd");
    assert_eq!(browser.get("/petugas").await.location(), "/petugas/opd");
    assert_eq!(browser.get("/admin").await.status, 404);
    let call = world.fake.calls("desk.v1.Desk/ListCases").pop().unwrap();
    assert_eq!(call.assertion.subject, "dishub.sekretaris");
    assert_eq!(world.audited().await, ["logged_in_by_oidc"]);
    // There is no password to change, and none that opens.
    assert!(!browser.get("/akun").await.text().contains("/masuk/sandi"));
    let answer = world
        .browser()
        .post("/masuk", &[("nama", "liaison"), ("sandi", "")])
        .await;
    assert_eq!(answer.status, 401);
}

#[sqlx::test(migrations = false)]
async fn only_the_browser_that_began_it_finishes_a_login_and_once(pool: PgPool) {
    let Some(mut provider) = provider() else {
        return skipped();
    };
    provider.start().await;
    let world = world(pool, &provider, |_| {}).await;
    let mut victim = world.browser();
    let mut attacker = world.browser();
    let departure = attacker.get("/masuk/oidc").await;
    let back = at_provider(departure.location(), "liaison").await;
    let sealed = attacker.cookies["masuk-oidc"].clone();

    // The attacker's way back in another browser: without a login under way, with one of its own, with a damaged one.
    assert_eq!(victim.get(&back).await.status, 400);
    victim.get("/masuk/oidc").await;
    assert_eq!(victim.get(&back).await.status, 400);
    let mut damaged = sealed.clone();
    damaged.replace_range(20..21, if &sealed[20..21] == "A" { "B" } else { "A" });
    victim.cookies.insert("masuk-oidc".to_owned(), damaged);
    assert_eq!(victim.get(&back).await.status, 400);
    // Their code in a login of the victim's own: the verifier does not fit.
    let own = victim.get("/masuk/oidc").await;
    let own = reqwest::Url::parse(own.location()).unwrap();
    let state = own
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned();
    let code = back
        .split("code=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap()
        .to_owned();
    let answer = victim
        .get(&format!("/masuk/oidc/kembali?code={code}&state={state}"))
        .await;
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert!(!victim.cookies.contains_key("sesi"));

    // Another server's word, and a person who did not want to.
    let departure = attacker.get("/masuk/oidc").await;
    let back = at_provider(departure.location(), "liaison").await;
    let sealed = attacker.cookies["masuk-oidc"].clone();
    let (path, query) = back.split_once('?').unwrap();
    let mut pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    for (name, value) in &mut pairs {
        if name == "iss" {
            *value = "https://jahat.invalid".to_owned();
        }
    }
    let mixed = format!("{path}?{}", serde_urlencoded::to_string(&pairs).unwrap());
    assert_eq!(attacker.get(&mixed).await.status, 400);
    attacker.cookies.insert("masuk-oidc".to_owned(), sealed.clone());
    let (_, state) = pairs.iter().find(|(name, _)| name == "state").unwrap();
    let refused = format!("{path}?error=access_denied&state={state}");
    assert_eq!(attacker.get(&refused).await.status, 401);

    // The right way works once, also for who kept the cookie.
    attacker.cookies.insert("masuk-oidc".to_owned(), sealed.clone());
    assert_eq!(attacker.get(&back).await.status, 303);
    let mut again = world.browser();
    again.cookies.insert("masuk-oidc".to_owned(), sealed);
    assert_eq!(again.get(&back).await.status, 401);
    assert!(!again.cookies.contains_key("sesi"));
}

#[sqlx::test(migrations = false)]
async fn an_account_must_exist_and_be_in_use(pool: PgPool) {
    let Some(mut provider) = provider() else {
        return skipped();
    };
    provider.start().await;
    let world = world(pool, &provider, |_| {}).await;
    let mut browser = world.browser();
    let answer = enter(&mut browser, "orang-asing").await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("belum punya akun") && !browser.cookies.contains_key("sesi"));
    assert_eq!(world.audited().await, ["oidc_login_refused"]);
    let account = store::account_by_name(&world.pool, "liaison").await.unwrap().unwrap();
    store::set_disabled(&world.pool, account.account_id, Some(world.clock.now()))
        .await
        .unwrap();
    assert_eq!(enter(&mut world.browser(), "liaison").await.status, 403);

    // Who has a temporary password and logs in here need not change what they do not know.
    world
        .account("executor", &holder_of("executor"), Some(PASSWORD), true)
        .await;
    let mut browser = world.browser();
    browser.cookies.insert("sesi".to_owned(), "ab".repeat(32));
    assert_eq!(enter(&mut browser, "executor").await.status, 303);
    assert_ne!(browser.cookies["sesi"], "ab".repeat(32));
    assert_eq!(browser.get("/petugas/opd").await.status, 200);
}

#[sqlx::test(migrations = false)]
async fn an_address_names_a_person_only_when_it_is_verified(pool: PgPool) {
    let Some(mut provider) = provider() else {
        return skipped();
    };
    provider.start().await;
    let world = world(pool, &provider, |settings| settings.claim = "email".to_owned()).await;
    for (username, holder) in [("verifier", "verifier"), ("unverified", "executor")] {
        let email = format!("{username}@riau.invalid");
        world.account(&email, &holder_of(holder), None, false).await;
    }
    assert_eq!(enter(&mut world.browser(), "verifier").await.status, 303);
    let mut browser = world.browser();
    assert_eq!(enter(&mut browser, "unverified").await.status, 401);
    assert!(!browser.cookies.contains_key("sesi"));
}
