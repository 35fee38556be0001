//! A real process from command line to exit code.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::datetime};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
};
use tuntas_kit::{auth, client, problem};
use tuntas_proto::{
    ops::v1::{AdvanceClockRequest, GetStatusRequest, ListBooksRequest, ops_client::OpsClient},
    wire_time::{instant, timestamp},
};

use crate::support::{DEADLINE, eventually};

const START: OffsetDateTime = datetime!(2026-10-01 00:00 UTC);

fn probe() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tuntas-kit-probe"));
    command
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What a probe needs to run.
struct Setup {
    env: Vec<(String, String)>,
    http: u16,
    grpc: u16,
}

impl Setup {
    fn new(database_url: &str) -> Self {
        let (http, grpc) = (free_port(), free_port());
        let env = [
            ("DATABASE__URL", database_url.to_owned()),
            ("HTTP__LISTEN", format!("127.0.0.1:{http}")),
            ("GRPC__LISTEN", format!("127.0.0.1:{grpc}")),
            ("SHUTDOWN__TIMEOUT_MS", "1000".to_owned()),
        ]
        .map(|(key, value)| (format!("TUNTAS__{key}"), value));
        Self {
            env: env.to_vec(),
            http,
            grpc,
        }
    }

    fn set(&mut self, key: &str, value: &str) {
        self.env.push((format!("TUNTAS__{key}"), value.to_owned()));
    }

    fn start(&self, args: &[&str]) -> Child {
        probe().args(args).envs(self.env.iter().cloned()).spawn().unwrap()
    }

    /// Runs to the end: exit code and everything printed.
    async fn run(&self, args: &[&str]) -> (Option<i32>, String) {
        finish(self.start(args)).await
    }

    async fn http_status(&self, path: &str) -> Option<u16> {
        let url = format!("http://127.0.0.1:{}{path}", self.http);
        Some(reqwest::get(url).await.ok()?.status().as_u16())
    }

    async fn ready(&self) {
        eventually("it is ready", async || {
            (self.http_status("/readyz").await? == 200).then_some(())
        })
        .await;
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc)
    }
}

async fn finish(mut child: Child) -> (Option<i32>, String) {
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (mut text, mut more) = (String::new(), String::new());
    let reading = async {
        tokio::try_join!(out.read_to_string(&mut text), err.read_to_string(&mut more)).unwrap();
    };
    let (status, ()) = tokio::time::timeout(DEADLINE, async { tokio::join!(child.wait(), reading) })
        .await
        .unwrap();
    (code(status.unwrap()), text + &more)
}

fn code(status: ExitStatus) -> Option<i32> {
    status.code()
}

async fn terminate(child: Child) -> (Option<i32>, String) {
    let pid = child.id().unwrap().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    finish(child).await
}

fn url_of(options: &PgConnectOptions) -> String {
    options.to_url_lossy().to_string()
}

#[sqlx::test(migrations = false)]
async fn from_an_empty_database_to_a_clean_exit(_: PgPoolOptions, options: PgConnectOptions) {
    let setup = Setup::new(&url_of(&options));
    let (code, text) = setup.run(&[]).await;
    assert_eq!(code, Some(1));
    assert!(text.contains("run the `migrate` subcommand"), "{text}");
    for _ in 0..2 {
        assert_eq!(setup.run(&["migrate"]).await.0, Some(0));
    }
    let child = setup.start(&[]);
    setup.ready().await;
    assert_eq!(setup.http_status("/livez").await, Some(200));
    let mut ops = OpsClient::new(client::channel(&setup.url()).unwrap());
    let status = ops.get_status(GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!(
        (status.service.as_str(), status.clock_adjustable, status.outbox_depth),
        ("probe", false, 0)
    );
    let refused = ops
        .advance_clock(AdvanceClockRequest {
            to: Some(timestamp(START)),
            ..Default::default()
        })
        .await;
    assert_eq!(problem::code_of(&refused.unwrap_err()).unwrap(), "clock_not_adjustable");
    let mut books = ops.list_books(ListBooksRequest {}).await.unwrap().into_inner();
    assert_eq!(books.message().await.unwrap().unwrap().id, "halo");
    let metrics = reqwest::get(format!("http://127.0.0.1:{}/metrics", setup.http))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        metrics.contains(r#"rpc_method="tuntas.ops.v1.Ops/GetStatus",rpc_response_status_code="OK""#),
        "{metrics}"
    );
    let (code, text) = terminate(child).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("SIGTERM"), "{text}");
}

#[sqlx::test(migrations = false)]
async fn demo_time_survives_a_kill(_: PgPoolOptions, options: PgConnectOptions) {
    let mut setup = Setup::new(&url_of(&options));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("clock-{}", setup.grpc));
    tuntas_kit::clock::write_clock_file(&file, START).unwrap();
    let pair = auth::generate_keypair().unwrap();
    let trust = folder.join(format!("trust-{}.json", setup.grpc));
    let entries = serde_json::json!({"ctl-1": {
        "public_key": pair.public_key, "may_assert": ["service"], "service": "ctl"}});
    std::fs::write(&trust, entries.to_string()).unwrap();
    setup.set("AUTH__TRUST_FILE", trust.to_str().unwrap());
    setup.set("CLOCK__MODE", "demo");
    setup.set("CLOCK__FILE", file.to_str().unwrap());
    assert_eq!(setup.run(&["migrate"]).await.0, Some(0));

    let mut child = setup.start(&[]);
    setup.ready().await;
    let later = START + time::Duration::days(2);
    let advance = AdvanceClockRequest {
        to: Some(timestamp(later)),
        ..Default::default()
    };
    let channel = client::channel(&setup.url()).unwrap();
    let refused = OpsClient::new(channel.clone())
        .advance_clock(advance)
        .await
        .unwrap_err();
    assert_eq!(problem::code_of(&refused).unwrap(), "unauthenticated");
    let signer = auth::Signer::from_pem("ctl-1", &pair.private_key_pem).unwrap();
    let operator = client::AsService::new(signer, "ctl", tuntas_kit::clock::Clock::demo_at(START));
    let mut ops = OpsClient::with_interceptor(channel, operator);
    ops.advance_clock(advance).await.unwrap();
    child.kill().await.unwrap();

    let child = setup.start(&[]);
    setup.ready().await;
    let mut ops = OpsClient::new(client::channel(&setup.url()).unwrap());
    let status = ops.get_status(GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!(instant(status.now.as_ref().unwrap()).unwrap(), later);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), later.format(&Rfc3339).unwrap());
    assert_eq!(terminate(child).await.0, Some(0));
}

#[sqlx::test(migrations = false)]
async fn a_task_that_ends_is_a_crash_and_one_that_does_not_end_is_not_waited_for(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let setup = Setup::new(&url_of(&options));
    assert_eq!(setup.run(&["migrate"]).await.0, Some(0));
    let (code, text) = setup.run(&["--end-early"]).await;
    assert_eq!(code, Some(1));
    assert!(text.contains("task waiting ended"), "{text}");
    let child = setup.start(&["--never-end"]);
    setup.ready().await;
    let told = Instant::now();
    let (code, text) = terminate(child).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("draining took too long"), "{text}");
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
}

#[tokio::test]
async fn without_its_database_it_lives_but_is_not_ready() {
    let mut setup = Setup::new(&format!("postgres://nobody:nothing@127.0.0.1:{}/none", free_port()));
    setup.set("DATABASE__ACQUIRE_TIMEOUT_MS", "100");
    let mut child = setup.start(&[]);
    let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
    let away = async {
        loop {
            let line = log.next_line().await.unwrap().unwrap();
            assert!(!line.contains("nothing@"), "no password in the log: {line}");
            if line.contains("the database is away") {
                break;
            }
        }
    };
    tokio::time::timeout(DEADLINE, away).await.unwrap();
    assert_eq!(setup.http_status("/livez").await, Some(200));
    assert_eq!(setup.http_status("/readyz").await, Some(503));
    child.stdout = Some(log.into_inner().into_inner());
    let (code, text) = terminate(child).await;
    assert_eq!(code, Some(0), "{text}");
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_by_name() {
    let mut setup = Setup::new("postgres://nobody@127.0.0.1/none");
    let (code, text) = setup.run(&["check-config"]).await;
    assert_eq!((code, text.trim()), (Some(0), "the configuration is valid"));
    setup.set("PROBE__GREETINGS", "x");
    for args in [&["check-config"][..], &[]] {
        let (code, text) = setup.run(args).await;
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("unknown configuration key `probe.greetings`"), "{text}");
    }
}
