//! A PostgreSQL with a synchronous standby, of a test's own (`deploy/standby`).

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    instance::{new_state, repo},
    script::{exported, ran},
    servers::POSTGRES,
};

/// A leader that does not say so within this is none.
const ASK_WITHIN: Duration = Duration::from_secs(1);

/// Two nodes of PostgreSQL, each under Patroni; they end with it.
pub struct Standby {
    state: PathBuf,
    url: String,
    ports: Vec<u16>,
    patroni_ports: Vec<u16>,
}

impl Standby {
    /// Starts both; the first leads.
    ///
    /// # Errors
    /// They do not start.
    pub fn start() -> anyhow::Result<Self> {
        let mut standby = Self {
            state: new_state()?,
            url: String::new(),
            ports: Vec::new(),
            patroni_ports: Vec::new(),
        };
        ran(&mut standby.command("start"))?;
        let output = standby.command("env").output()?;
        let text = String::from_utf8(output.stdout)?;
        let ports = |variable: &str| -> anyhow::Result<Vec<u16>> {
            exported(&text, variable)?
                .split(' ')
                .map(|port| Ok(port.parse()?))
                .collect()
        };
        standby.ports = ports("TUNTAS_POSTGRES_PORTS")?;
        standby.patroni_ports = ports("TUNTAS_PATRONI_PORTS")?;
        standby.url = exported(&text, POSTGRES)?.to_owned();
        Ok(standby)
    }

    /// Administrator's address of the first node, whoever leads.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where a node's PostgreSQL listens.
    #[must_use]
    pub fn port(&self, node: usize) -> Option<u16> {
        self.ports.get(node).copied()
    }

    /// The node that says that it leads.
    pub async fn leader(&self) -> Option<usize> {
        for (node, port) in self.patroni_ports.iter().enumerate() {
            if self.says(*port, "primary").await {
                return Some(node);
            }
        }
        None
    }

    async fn says(&self, port: u16, what: &str) -> bool {
        let client = reqwest::Client::new();
        let asked = client
            .get(format!("http://127.0.0.1:{port}/{what}"))
            .timeout(ASK_WITHIN)
            .send();
        asked.await.is_ok_and(|answer| answer.status().is_success())
    }

    /// Whether the node that does not lead says that it follows synchronously.
    pub async fn paired(&self) -> bool {
        for port in &self.patroni_ports {
            if self.says(*port, "sync").await {
                return true;
            }
        }
        false
    }

    /// Kills or starts a node: `kill-postgres`, `kill-node`, `start-node`.
    ///
    /// # Errors
    /// It does not work.
    pub fn run(&self, what: &str, node: usize) -> anyhow::Result<()> {
        let number = (node + 1).to_string();
        ran(self.command(what).args(["--node", &number]))
    }

    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(repo().join("deploy/standby"));
        command.arg(what).arg("--state").arg(&self.state).stdin(Stdio::null());
        command
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        // A test that failed is not made clearer by a failing clean-up: what cannot be stopped is left.
        if self.command("remove").status().is_ok() {
            let _ = fs::remove_dir_all(&self.state);
        }
    }
}
