//! PostgreSQL and RabbitMQ of a test's own that no platform has started: for platforms that reach their servers by a way that the
//! test breaks.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;

use crate::{
    disk::SmallDisk,
    instance::{new_state, repo},
    script::ran,
    sql::server,
};

/// Variable with the administrator's address of PostgreSQL.
pub const POSTGRES: &str = "TUNTAS_POSTGRES_ADMIN_URL";
/// Variable with the administrator's address of RabbitMQ.
pub const AMQP: &str = "TUNTAS_AMQP_URL";
/// Variable with the address of RabbitMQ's management API.
pub const MANAGEMENT: &str = "TUNTAS_AMQP_MGMT_URL";

/// Both servers; they end with it.
pub struct Servers {
    state: PathBuf,
    disk: Option<SmallDisk>,
}

impl Servers {
    /// Starts both, with every write on the disk before it is acknowledged.
    ///
    /// # Errors
    /// They do not start.
    pub fn start() -> anyhow::Result<Self> {
        let servers = Self {
            state: new_state()?,
            disk: None,
        };
        servers.run("start")?;
        Ok(servers)
    }

    /// Starts both, PostgreSQL on a disk of its own of this size, in KiB.
    ///
    /// # Errors
    /// They do not start, or who runs this is not root.
    pub fn start_on_disk(kib: u32) -> anyhow::Result<Self> {
        let state = new_state()?;
        let servers = Self {
            disk: Some(SmallDisk::over(&state.join("servers/postgres"), kib)?),
            state,
        };
        servers.run("start")?;
        Ok(servers)
    }

    /// The disk of PostgreSQL, where it has one of its own.
    #[must_use]
    pub fn disk(&self) -> Option<&SmallDisk> {
        self.disk.as_ref()
    }

    /// Starts a RabbitMQ alone, as another node of the cluster of these.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_node(&self) -> anyhow::Result<Self> {
        let node = Self {
            state: new_state()?,
            disk: None,
        };
        ran(node.command("start-rabbitmq").arg("--join").arg(&self.state))?;
        Ok(node)
    }

    /// Kills or starts one: `kill-rabbitmq`, `start-rabbitmq`, `kill-postgres`, `start-postgres`.
    ///
    /// # Errors
    /// It does not work.
    pub fn run(&self, what: &str) -> anyhow::Result<()> {
        ran(&mut self.command(what))
    }

    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(repo().join("deploy/servers"));
        command.arg(what).arg("--state").arg(&self.state).stdin(Stdio::null());
        command
    }

    /// Their state folder.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Addresses of both, by variable.
    ///
    /// # Errors
    /// `deploy/servers` does not know them.
    pub fn addresses(&self) -> anyhow::Result<Addresses> {
        Ok(Addresses {
            postgres: server(&self.state, POSTGRES)?,
            amqp: server(&self.state, AMQP)?,
            management: server(&self.state, MANAGEMENT)?,
        })
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // A test that failed is not made clearer by a failing clean-up: what cannot be stopped is left.
        if self.disk.is_some() {
            let _ = self.run("stop");
            self.disk = None;
        }
        let remove = self.command("remove").stderr(Stdio::null()).status();
        if remove.is_ok() {
            let _ = fs::remove_dir_all(&self.state);
        }
    }
}

/// Where a platform finds its servers.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Administrator's address of PostgreSQL.
    pub postgres: String,
    /// Administrator's address of RabbitMQ.
    pub amqp: String,
    /// Management API of RabbitMQ.
    pub management: String,
}

impl Addresses {
    /// The same servers, reached through other ports of this machine: PostgreSQL's and RabbitMQ's.
    ///
    /// # Errors
    /// An address has no port.
    pub fn through(mut self, postgres: u16, amqp: u16) -> anyhow::Result<Self> {
        self.postgres = with_port(&self.postgres, postgres)?;
        self.amqp = with_port(&self.amqp, amqp)?;
        Ok(self)
    }

    /// As `deploy/up` reads them.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, &str); 3] {
        [
            (POSTGRES, &self.postgres),
            (AMQP, &self.amqp),
            (MANAGEMENT, &self.management),
        ]
    }
}

/// Port of an address of a server on this machine.
///
/// # Errors
/// It has none.
pub fn port_of(url: &str) -> anyhow::Result<u16> {
    let (_, after) = url.rsplit_once(':').context("an address with a port")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    Ok(digits.parse()?)
}

fn with_port(url: &str, port: u16) -> anyhow::Result<String> {
    let (before, after) = url.rsplit_once(':').context("an address with a port")?;
    let rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
    Ok(format!("{before}:{port}{rest}"))
}
