//! The servers of the platform under measurement: SQL asked of them, and `pgbench` beside it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use tuntas_tests::{
    instance::Instance,
    management::Management,
    servers::AMQP,
    sql::{self, Databases, tool},
};

/// Administrator's access to the platform's own PostgreSQL and RabbitMQ.
#[derive(Debug, Clone)]
pub(crate) struct Servers {
    pub(crate) databases: Databases,
    pub(crate) amqp: String,
    pub(crate) management: Management,
    /// Scripts and logs of `pgbench`.
    folder: PathBuf,
}

/// What `pgbench` says of a run.
pub(crate) struct Pgbench {
    pub(crate) per_second: f64,
    pub(crate) latencies: Vec<Duration>,
}

impl Servers {
    pub(crate) fn of(instance: &Instance) -> anyhow::Result<Self> {
        let folder = instance.state().join("bench");
        fs::create_dir_all(&folder)?;
        Ok(Self {
            databases: Databases::of(instance.state())?,
            amqp: sql::server(instance.state(), AMQP)?,
            management: Management::of(instance.state())?,
            folder,
        })
    }

    /// Administrator's address of a database.
    pub(crate) fn database(&self, name: &str) -> String {
        self.databases.url(name)
    }

    /// Runs SQL in a database and gives what it answers, unaligned.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        self.databases.ask(database, sql)
    }

    /// A new database with the tables of another, and none of their rows.
    pub(crate) fn empty_copy(&self, of: &str, named: &str) -> anyhow::Result<()> {
        self.sql("postgres", &format!("DROP DATABASE IF EXISTS {named}"))?;
        self.sql("postgres", &format!("CREATE DATABASE {named}"))?;
        let dump = Command::new(tool("pg_dump"))
            .args(["--schema-only", "--no-owner", "--no-privileges", &self.database(of)])
            .output()?;
        ensure!(
            dump.status.success(),
            "pg_dump: {}",
            String::from_utf8_lossy(&dump.stderr)
        );
        let script = self.folder.join("schema.sql");
        fs::write(&script, dump.stdout)?;
        let restored = Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-f"])
            .arg(&script)
            .arg(self.database(named))
            .output()?;
        ensure!(
            restored.status.success(),
            "psql: {}",
            String::from_utf8_lossy(&restored.stderr)
        );
        Ok(())
    }

    /// One statement per transaction, for so long, from so many clients.
    pub(crate) fn pgbench(
        &self,
        database: &str,
        script: &str,
        clients: usize,
        length: Duration,
    ) -> anyhow::Result<Pgbench> {
        let file = self.folder.join("script.sql");
        fs::write(&file, script)?;
        let prefix = self.folder.join("pgbench_log");
        for old in logs(&self.folder)? {
            fs::remove_file(old)?;
        }
        let output = Command::new(tool("pgbench"))
            .args(["-n", "-M", "prepared", "-j", "2", "-c", &clients.to_string()])
            .args(["-T", &length.as_secs().to_string(), "-l", "--log-prefix"])
            .arg(&prefix)
            .arg("-f")
            .arg(&file)
            .arg(self.database(database))
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "pgbench: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let rate = text
            .lines()
            .find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next());
        let mut latencies = Vec::new();
        for log in logs(&self.folder)? {
            // client, transaction, microseconds, script, when.
            for line in fs::read_to_string(log)?.lines() {
                let micros = line.split_whitespace().nth(2).and_then(|field| field.parse().ok());
                latencies.push(Duration::from_micros(micros.context("a line of pgbench's log")?));
            }
        }
        Ok(Pgbench {
            per_second: rate.context("pgbench says no rate")?.parse()?,
            latencies,
        })
    }
}

fn logs(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("pgbench_log.") {
            found.push(path);
        }
    }
    Ok(found)
}
