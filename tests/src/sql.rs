//! The databases of a platform, asked directly: what a service believes, not what it says.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use crate::{
    instance::{Instance, repo},
    script::exported,
    servers::POSTGRES,
};

/// Database of intake.
pub const INTAKE: &str = "tuntas_intake";
/// Database of routing.
pub const ROUTING: &str = "tuntas_routing";
/// Database of oversight.
pub const OVERSIGHT: &str = "tuntas_oversight";

/// PostgreSQL of a platform, as its administrator.
#[derive(Debug, Clone)]
pub struct Databases {
    /// Address up to the last slash.
    base: String,
}

/// A session that holds a transaction open, until it is dropped.
pub struct HeldOpen(Child);

impl Databases {
    /// Those of a platform with servers of its own, in this state folder.
    ///
    /// # Errors
    /// `deploy/servers` does not know them.
    pub fn of(state: &Path) -> anyhow::Result<Self> {
        Self::at(&server(state, POSTGRES)?)
    }

    /// Those behind an administrator's address.
    ///
    /// # Errors
    /// It is none.
    pub fn at(url: &str) -> anyhow::Result<Self> {
        let (base, _) = url.rsplit_once('/').context("an address of a database")?;
        Ok(Self { base: base.to_owned() })
    }

    /// Address of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.base)
    }

    /// Runs SQL in a database and gives what it answers: a line a row, fields between bars.
    ///
    /// # Errors
    /// PostgreSQL's.
    pub fn ask(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let mut psql = self.psql(database);
        said(psql.args(["-A", "-t", "-c", sql]))
    }

    /// Events in a service's outbox that the broker has not confirmed.
    ///
    /// # Errors
    /// PostgreSQL's.
    pub fn unpublished(&self, database: &str) -> anyhow::Result<usize> {
        let count = "SELECT count(*) FROM outbox WHERE seq > (SELECT seq FROM outbox_cursor WHERE name = 'relay')";
        Ok(self.ask(database, count)?.parse()?)
    }

    /// Runs a script in one transaction, with variables of `psql`.
    ///
    /// # Errors
    /// PostgreSQL's.
    pub fn run(&self, database: &str, script: &Path, variables: &[(&str, u64)]) -> anyhow::Result<()> {
        let mut psql = self.psql(database);
        for (name, value) in variables {
            psql.arg("-v").arg(format!("{name}={value}"));
        }
        said(psql.args(["-1", "-f"]).arg(script))?;
        Ok(())
    }

    fn psql(&self, database: &str) -> Command {
        let mut command = Command::new("psql");
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database)]);
        command
    }

    /// Begins a transaction and leaves it open.
    ///
    /// # Errors
    /// `psql` cannot be started.
    pub fn hold_open(&self, database: &str) -> anyhow::Result<HeldOpen> {
        use std::io::Write as _;
        let mut psql = self
            .psql(database)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let input = psql.stdin.as_mut().context("no standard input")?;
        input.write_all(b"BEGIN; SELECT 1;\n")?;
        Ok(HeldOpen(psql))
    }
}

fn said(psql: &mut Command) -> anyhow::Result<String> {
    let output = psql.output()?;
    ensure!(
        output.status.success(),
        "psql: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

impl Drop for HeldOpen {
    fn drop(&mut self) {
        // It may have ended by itself, with its server.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Instance {
    /// Every database as text, by process.
    ///
    /// # Errors
    /// `pg_dump` fails.
    pub fn dump_databases(&self) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let platform = self.platform(Duration::ZERO)?;
        let tool = tool("pg_dump");
        let mut dumps = Vec::new();
        for (name, url) in &platform.endpoints().databases {
            let output = Command::new(&tool).arg("--inserts").arg(url).output()?;
            ensure!(
                output.status.success(),
                "pg_dump of {name}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            dumps.push((name.clone(), output.stdout));
        }
        Ok(dumps)
    }
}

/// An address that `deploy/servers env` says.
///
/// # Errors
/// It says none.
pub fn server(state: &Path, variable: &str) -> anyhow::Result<String> {
    let output = Command::new(repo().join("deploy/servers"))
        .args(["env", "--state"])
        .arg(state)
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(exported(&text, variable)?.to_owned())
}

/// A tool of PostgreSQL. Debian keeps some out of the path, a set for each version: the newest.
#[must_use]
pub fn tool(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|entry| entry.path().join("bin").join(name));
    found
        .filter(|path| path.exists())
        .max()
        .unwrap_or_else(|| PathBuf::from(name))
}
