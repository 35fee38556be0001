//! `tuntas doctor`: looks at everything an operator would look at, and says for each finding what to do.

use std::{net::ToSocketAddrs as _, path::Path, process::Command, time::Duration};

use serde_json::json;
use tuntas_proto::{ops::v1::GetStatusResponse, wire_time};

use super::Context;
use crate::{
    endpoints::WITHOUT_BROKER,
    error::{CtlError, Exit, Result},
    quiet::{self, ProcessStatus},
    render, wib,
};

const FREE_BYTES_MIN: u64 = 2 << 30;
const QUEUE_DEPTH_MAX: u64 = 1_000;
const CLOCK_DRIFT_MAX: time::Duration = time::Duration::seconds(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Ok,
    Warn,
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, serde::Serialize)]
struct Finding {
    level: Level,
    what: String,
    found: String,
    next_step: String,
}

impl Finding {
    fn ok(what: &str, found: impl Into<String>) -> Self {
        Self {
            level: Level::Ok,
            what: what.to_owned(),
            found: found.into(),
            next_step: String::new(),
        }
    }

    fn when(good: bool, level: Level, what: &str, found: impl Into<String>, next_step: &str) -> Self {
        if good {
            return Self::ok(what, found);
        }
        Self {
            level,
            what: what.to_owned(),
            found: found.into(),
            next_step: next_step.to_owned(),
        }
    }
}

/// Runs `tuntas doctor`.
///
/// # Errors
/// Exit 7 when something is bad.
pub async fn run(context: &Context) -> Result<()> {
    let mut findings = vec![disk(&context.state), keys(context)];
    findings.extend(servers(context).await);
    for process in quiet::statuses(&context.platform).await {
        findings.extend(process_findings(context, &process));
    }
    let bad = findings.iter().filter(|finding| finding.level == Level::Bad).count();
    context.screen.show_value(&json!(findings), || {
        let rows = findings.iter().map(|finding| {
            let mark = match finding.level {
                Level::Ok => "ok",
                Level::Warn => "WARN",
                Level::Bad => "BAD",
            };
            let next = if finding.next_step.is_empty() {
                String::new()
            } else {
                format!("-> {}", finding.next_step)
            };
            vec![mark.to_owned(), finding.what.clone(), finding.found.clone(), next]
        });
        render::table(&["", "WHAT", "FOUND", "NEXT STEP"], &rows.collect::<Vec<_>>())
    })?;
    if bad > 0 {
        return Err(CtlError::new(Exit::Unbalanced, format!("{bad} findings need somebody"))
            .next("the right column says what to do for each"));
    }
    Ok(())
}

fn disk(state: &Path) -> Finding {
    let output = Command::new("df").args(["-Pk", "--"]).arg(state).output();
    let kib = output.ok().and_then(|output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok()
    });
    match kib {
        Some(kib) => Finding::when(
            kib * 1024 >= FREE_BYTES_MIN,
            Level::Bad,
            "disk",
            format!("{} MiB free at {}", kib / 1024, state.display()),
            "free space or move the state folder: PostgreSQL and RabbitMQ stop taking writes on a full disk",
        ),
        None => Finding::when(
            false,
            Level::Warn,
            "disk",
            format!("cannot look at {}", state.display()),
            "is --state the folder given to deploy/up?",
        ),
    }
}

fn keys(context: &Context) -> Finding {
    let Some(dir) = &context.platform.endpoints().trust_dir else {
        return Finding::when(false, Level::Bad, "keys", "no trust folder", "set TUNTAS_TRUST_DIR");
    };
    let complete =
        dir.join(crate::trust::TRUST_FILE).exists() && dir.join("edge.pem").exists() && dir.join("ctl.pem").exists();
    Finding::when(
        complete,
        Level::Bad,
        "keys",
        dir.display().to_string(),
        "`tuntas keys init --dir` that folder, then start the services again",
    )
}

async fn servers(context: &Context) -> Vec<Finding> {
    let endpoints = context.platform.endpoints();
    let mut findings = Vec::new();
    let mut hosts: Vec<String> = endpoints
        .databases
        .values()
        .filter_map(|url| host_and_port(url, 5432))
        .collect();
    hosts.sort();
    hosts.dedup();
    for host in hosts {
        let up = reachable(&host);
        findings.push(Finding::when(
            up,
            Level::Bad,
            "PostgreSQL",
            host,
            "start it: `deploy/servers start-postgres --state DIR`, or see its log",
        ));
    }
    if let Some(url) = &endpoints.amqp_management_url {
        findings.push(broker(url).await);
    }
    findings
}

fn host_and_port(url: &str, default_port: u16) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port().unwrap_or(default_port)))
}

fn reachable(host: &str) -> bool {
    let addresses = host
        .to_socket_addrs()
        .map(Iterator::collect::<Vec<_>>)
        .unwrap_or_default();
    addresses
        .iter()
        .any(|address| std::net::TcpStream::connect_timeout(address, CONNECT_TIMEOUT).is_ok())
}

async fn broker(url: &str) -> Finding {
    let next = "start it: `deploy/servers start-rabbitmq --state DIR`; an alarm means memory or disk ran out";
    let ask = async {
        let base = reqwest::Url::parse(url).ok()?;
        let request = reqwest::Client::new().get(format!("{}/api/health/checks/alarms", without_login(&base)));
        let login = request
            .basic_auth(base.username(), base.password())
            .timeout(CONNECT_TIMEOUT * 2);
        Some(login.send().await.ok()?.status())
    };
    match ask.await {
        Some(status) => Finding::when(
            status.is_success(),
            Level::Bad,
            "RabbitMQ",
            format!("health check {status}"),
            next,
        ),
        None => Finding::when(false, Level::Bad, "RabbitMQ", "does not answer", next),
    }
}

/// An URL without user and password.
pub(super) fn without_login(url: &reqwest::Url) -> String {
    format!(
        "{}://{}:{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.port_or_known_default().unwrap_or(80)
    )
}

fn process_findings(context: &Context, process: &ProcessStatus) -> Vec<Finding> {
    let name = &process.name;
    let status = match &process.answer {
        Ok(status) => status,
        Err(error) => {
            let next = "see logs/NAME.log in the state folder; deploy/up starts a process again by itself";
            return vec![Finding::when(
                false,
                Level::Bad,
                name,
                format!("{}: {error}", process.url),
                next,
            )];
        }
    };
    let mut findings = vec![version(name, status), clock(context, name, status)];
    findings.push(Finding::when(
        status.broker_connected || WITHOUT_BROKER.contains(&status.service.as_str()),
        Level::Bad,
        name,
        if status.broker_connected {
            "connected to the broker"
        } else {
            "not connected to the broker"
        },
        "is RabbitMQ up (above)? filing goes on meanwhile, events wait in the outbox",
    ));
    if status.outbox_depth > QUEUE_DEPTH_MAX {
        findings.push(Finding::when(
            false,
            Level::Warn,
            name,
            format!("{} events in the outbox", status.outbox_depth),
            "the broker does not keep up, or refuses: see its alarms and this process's log",
        ));
    }
    for queue in &status.queues {
        if queue.ready > QUEUE_DEPTH_MAX {
            findings.push(Finding::when(
                false,
                Level::Warn,
                name,
                format!("{} messages wait in {}", queue.ready, queue.queue),
                "is its consumer up? a desk that is down does not stop the others",
            ));
        }
        if queue.dead > 0 {
            findings.push(Finding::when(
                false,
                Level::Bad,
                name,
                format!("{} dead letters of {}", queue.dead, queue.queue),
                "`tuntas dead list`, mend the cause, then `tuntas dead replay QUEUE`",
            ));
        }
    }
    findings
}

fn version(name: &str, status: &GetStatusResponse) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    let found = format!("version {}, migration {}", status.version, status.migration);
    if status.migration == 0 {
        return Finding::when(
            false,
            Level::Bad,
            name,
            found,
            "run `SERVICE migrate` as the owner, then start it again",
        );
    }
    Finding::when(
        status.version.starts_with(own),
        Level::Warn,
        name,
        found,
        &format!("this tuntas is {own}: upgrade the older of the two"),
    )
}

fn clock(context: &Context, name: &str, status: &GetStatusResponse) -> Finding {
    let (Some(theirs), ours) = (status.now.as_ref().and_then(wire_time::instant), context.platform.now()) else {
        return Finding::when(false, Level::Bad, name, "tells no time", "upgrade it");
    };
    let drift = (theirs - ours).abs();
    Finding::when(
        drift <= CLOCK_DRIFT_MAX,
        Level::Bad,
        name,
        format!(
            "clock {}{}",
            wib::instant(theirs),
            if status.clock_adjustable { " (demo)" } else { "" }
        ),
        "its clock differs from this one: start NTP on both machines; in demo mode `tuntas clock advance` moves all together",
    )
}
