//! A private platform for a test, started by `deploy/up` as anybody would, and broken as nobody wants it.
//!
//! Processes are supervised: one that is killed comes back. Waiting is always for a condition with a deadline.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use time::OffsetDateTime;
use tuntas_ctl::platform::Platform;
use tuntas_kit::clock::{Clock, write_clock_file};

use crate::{
    script::ran,
    servers::{AMQP, Addresses, MANAGEMENT, POSTGRES},
};

const START_WITHIN: Duration = Duration::from_secs(240);
const STOP_WITHIN: Duration = Duration::from_secs(60);
const BACK_WITHIN: Duration = Duration::from_secs(60);
const POLL_WAIT: Duration = Duration::from_millis(50);
/// Processes of a platform.
pub const PROCESSES: [&str; 8] = [
    "intake",
    "routing",
    "oversight",
    "notification",
    "evaluation",
    "desk-others",
    "desk-dishub",
    "desk-pupr-pkpp",
];

/// A platform of its own.
pub struct Instance {
    state: PathBuf,
    up: Child,
}

impl Instance {
    /// Starts a platform whose clock is `weeks_ago` behind, in demo mode.
    ///
    /// # Errors
    /// It does not get ready in time; the message has the end of its log.
    pub fn start(weeks_ago: i64) -> anyhow::Result<Self> {
        Self::start_exporting(weeks_ago, None)
    }

    /// Like [`start`](Self::start); its services export their traces to `otlp_endpoint`.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_exporting(weeks_ago: i64, otlp_endpoint: Option<&str>) -> anyhow::Result<Self> {
        let state = new_state()?;
        let start = Clock::System.now() - time::Duration::weeks(weeks_ago);
        write_clock_file(&state.join("clock"), start)?;
        Self::start_in(state, otlp_endpoint, "-c fsync=off -c full_page_writes=off", None)
    }

    /// A platform as it is in production: on the real clock, with every write on the disk before it is acknowledged.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_durable(otlp_endpoint: Option<&str>) -> anyhow::Result<Self> {
        Self::start_in(new_state()?, otlp_endpoint, "", None)
    }

    /// Like [`start_durable`](Self::start_durable); PostgreSQL remembers when each transaction was committed.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_timed(otlp_endpoint: Option<&str>) -> anyhow::Result<Self> {
        Self::start_in(new_state()?, otlp_endpoint, "-c track_commit_timestamp=on", None)
    }

    /// Like [`start_durable`](Self::start_durable), on servers that are there.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_on(addresses: &Addresses) -> anyhow::Result<Self> {
        Self::start_in(new_state()?, None, "", Some(addresses))
    }

    fn start_in(
        state: PathBuf,
        otlp_endpoint: Option<&str>,
        postgres_options: &str,
        addresses: Option<&Addresses>,
    ) -> anyhow::Result<Self> {
        let log = fs::File::create(state.join("up.log"))?;
        let up = Command::new(repo().join("deploy/up"))
            .arg("--state")
            .arg(&state)
            .env("TUNTAS_BIN_DIR", bin_dir()?)
            .envs(otlp_endpoint.map(|endpoint| ("TUNTAS_OTLP_ENDPOINT", endpoint)))
            .env_remove("TUNTAS_STATE")
            // Outages of the broker are part of the tests: its own servers, not those that other tests share.
            .env_remove(POSTGRES)
            .env_remove(AMQP)
            .env_remove(MANAGEMENT)
            .envs(addresses.iter().flat_map(|addresses| addresses.environment()))
            .env("TUNTAS_POSTGRES_OPTIONS", postgres_options)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("deploy/up does not start")?;
        let mut instance = Self { state, up };
        instance.wait_until_ready()?;
        Ok(instance)
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let log = fs::read_to_string(self.state.join("up.log")).unwrap_or_default();
            if log.contains("Tuntas is running") {
                return Ok(());
            }
            if let Some(status) = self.up.try_wait()? {
                bail!("deploy/up ended with {status}:\n{}", tail(&log));
            }
            ensure!(
                started.elapsed() < START_WITHIN,
                "deploy/up does not get ready:\n{}",
                tail(&log)
            );
            std::thread::sleep(POLL_WAIT);
        }
    }

    /// State folder.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The platform, asked with this patience.
    ///
    /// # Errors
    /// Its endpoints cannot be read.
    pub fn platform(&self, patience: Duration) -> anyhow::Result<Platform> {
        Ok(Platform::open(&self.state, patience)?)
    }

    /// The platform's time as its processes wrote it down last.
    ///
    /// # Errors
    /// The clock file cannot be read.
    pub fn now(&self) -> anyhow::Result<OffsetDateTime> {
        Ok(Clock::demo_from_file(&self.state.join("clock"))?.now())
    }

    /// Runs `tuntas` on this platform and gives exit code, standard output and standard error.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn tuntas(&self, arguments: &[&str]) -> anyhow::Result<(i32, String, String)> {
        let output = self.tuntas_command(arguments)?.output()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok((
            output.status.code().unwrap_or(-1),
            text(output.stdout),
            text(output.stderr),
        ))
    }

    /// `tuntas` on this platform, not yet started.
    ///
    /// # Errors
    /// It is not built.
    pub fn tuntas_command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(bin_dir()?.join("tuntas"));
        command
            .args(arguments)
            .env("TUNTAS_STATE", &self.state)
            .stdin(Stdio::null());
        Ok(command)
    }

    fn pid(&self, file: &str) -> anyhow::Result<String> {
        let path = self.state.join("run").join(file);
        let pid = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(pid.trim().to_owned())
    }

    /// Memory that a process holds, in MiB.
    ///
    /// # Errors
    /// It does not run.
    pub fn memory_mib(&self, process: &str) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process_id(process)?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: f64 = line
            .and_then(|rest| rest.split_whitespace().next())
            .context("no VmRSS")?
            .parse()?;
        Ok(kib / 1024.0)
    }

    /// Starts a process again with another value of a variable, or without it.
    ///
    /// # Errors
    /// It does not stop, or does not get ready.
    pub fn restart_with(&self, process: &str, variable: &str, value: Option<&str>) -> anyhow::Result<()> {
        self.take_down(process)?;
        let file = self.state.join("env").join(format!("{process}.env"));
        let old = fs::read_to_string(&file)?;
        let others = old.lines().filter(|line| !line.starts_with(&format!("{variable}=")));
        let mut lines: Vec<String> = others.map(str::to_owned).collect();
        lines.extend(value.map(|value| format!("{variable}={value}")));
        fs::write(&file, lines.join("\n") + "\n")?;
        self.bring_back(process)
    }

    /// Number of a process.
    ///
    /// # Errors
    /// It does not run.
    pub fn process_id(&self, process: &str) -> anyhow::Result<String> {
        self.pid(&format!("{process}.pid"))
    }

    /// Asks a process to end (SIGTERM); its supervisor starts it again.
    ///
    /// # Errors
    /// It does not run.
    pub fn terminate(&self, process: &str) -> anyhow::Result<()> {
        signal("-TERM", &self.process_id(process)?)
    }

    /// Ends a process with SIGKILL; its supervisor starts it again.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill_9(&self, process: &str) -> anyhow::Result<()> {
        signal("-KILL", &self.process_id(process)?)
    }

    /// Stops a process and keeps it down.
    ///
    /// # Errors
    /// It does not run, or does not stop in time.
    pub fn take_down(&self, process: &str) -> anyhow::Result<()> {
        signal("-TERM", &self.pid(&format!("{process}.supervisor"))?)?;
        let file = self.state.join("run").join(format!("{process}.supervisor"));
        wait_for(STOP_WITHIN, &format!("{process} to stop"), || Ok(!file.exists()))
    }

    /// Starts a process that was taken down.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn bring_back(&self, process: &str) -> anyhow::Result<()> {
        let service = if process.starts_with("desk-") { "desk" } else { process };
        Command::new("setsid")
            .arg(repo().join("deploy/supervise"))
            .arg(process)
            .arg(self.state.join("env").join(format!("{process}.env")))
            .arg(self.state.join("run"))
            .arg(self.state.join("logs"))
            .arg(bin_dir()?.join(service))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("deploy/supervise does not start")?;
        self.wait_ready(process)
    }

    /// Where a process answers about itself.
    pub(crate) fn http_of(&self, process: &str) -> anyhow::Result<String> {
        let env = fs::read_to_string(self.state.join("env").join(format!("{process}.env")))?;
        let listen = env
            .lines()
            .find_map(|line| line.strip_prefix("TUNTAS__HTTP__LISTEN="))
            .context("no address")?;
        Ok(format!("http://{listen}"))
    }

    /// Waits until a process is ready again.
    ///
    /// # Errors
    /// It does not get ready in time.
    pub fn wait_ready(&self, process: &str) -> anyhow::Result<()> {
        let url = format!("{}/readyz", self.http_of(process)?);
        wait_for(BACK_WITHIN, &format!("{process} to be ready"), || {
            Ok(Command::new("curl")
                .args(["-fsS", "-m", "2", "-o", "/dev/null", &url])
                .stderr(Stdio::null())
                .status()?
                .success())
        })
    }

    /// Kills or starts a server: `kill-rabbitmq`, `start-rabbitmq`, `kill-postgres`, `start-postgres`.
    ///
    /// # Errors
    /// It does not work.
    pub fn servers(&self, what: &str) -> anyhow::Result<()> {
        ran(Command::new(repo().join("deploy/servers"))
            .arg(what)
            .arg("--state")
            .arg(&self.state))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // A test that failed is not made clearer by a failing clean-up: what cannot be stopped is left.
        let _ = signal("-TERM", &self.up.id().to_string());
        let ended = wait_for(STOP_WITHIN, "deploy/up to stop", || Ok(self.up.try_wait()?.is_some()));
        if ended.is_err() {
            let _ = self.up.kill();
        }
        if std::env::var_os("TUNTAS_TEST_KEEP").is_some() {
            return;
        }
        let remove = Command::new(repo().join("deploy/servers"))
            .args(["remove", "--state"])
            .arg(&self.state)
            .stderr(Stdio::null())
            .status();
        if remove.is_ok() {
            let _ = fs::remove_dir_all(&self.state);
        }
    }
}

/// Polls a condition until it holds.
///
/// # Errors
/// It does not hold within the time, or cannot be asked.
pub fn wait_for(within: Duration, what: &str, mut holds: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let started = Instant::now();
    while !holds()? {
        ensure!(started.elapsed() < within, "waited {} s for {what}", within.as_secs());
        std::thread::sleep(POLL_WAIT);
    }
    Ok(())
}

/// Root of the repository.
#[must_use]
pub fn repo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A new state folder. Its name is short, because PostgreSQL's socket path has to fit into 107 bytes.
pub(crate) fn new_state() -> anyhow::Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let state = PathBuf::from(format!("/var/tmp/tuntas-it.{}.{number}", std::process::id()));
    fs::create_dir_all(&state)?;
    Ok(state)
}

/// Where the programs of this build are: beside this one, or beside the folder of a test.
fn bin_dir() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe()?;
    let beside = this.parent().context("no target folder")?;
    let dir = match beside.join("tuntas").exists() {
        true => beside,
        false => beside.parent().context("no target folder")?,
    };
    for program in [
        "tuntas",
        "intake",
        "routing",
        "desk",
        "notification",
        "evaluation",
        "oversight",
        "gateway",
    ] {
        ensure!(
            dir.join(program).exists(),
            "{program} is not built: cargo build --workspace --bins, or run deploy/test"
        );
    }
    Ok(dir.to_owned())
}

fn signal(signal: &str, pid: &str) -> anyhow::Result<()> {
    let status = Command::new("kill")
        .args([signal, pid])
        .stderr(Stdio::null())
        .status()?;
    ensure!(status.success(), "no process {pid}");
    Ok(())
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines
        .get(lines.len().saturating_sub(30)..)
        .unwrap_or_default()
        .join("\n")
}
