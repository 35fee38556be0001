//! Notification's own sections of the configuration. Each key is documented in `default.toml`.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::Deserialize;
use tuntas_kit::config::{ConfigError, secret};

/// The defaults, with the documentation of each key.
pub const DEFAULT_TOML: &str = include_str!("../default.toml");

/// Notification's sections.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct NotificationConfig {
    pub intake: Peer,
    pub routing: Peer,
    pub smtp: Smtp,
    pub mail: Mail,
    pub webhook: Webhook,
    pub sender: Sender,
    pub digest: Digest,
}

/// `[digest]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Digest {
    pub hour: u8,
    pub lines_max: usize,
    pub poll_interval_ms: u64,
}

/// `[intake]` and `[routing]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Peer {
    pub url: String,
}

/// `[smtp]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    pub user: Option<String>,
    pub password: Option<SecretString>,
    pub password_file: Option<PathBuf>,
    pub from: String,
    pub message_id_domain: String,
    pub timeout_ms: u64,
    pub connections_max: u32,
}

/// `smtp.tls`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// Plain: for a relay on this machine.
    None,
    /// Plain until STARTTLS, which is required.
    Starttls,
    /// From the first byte.
    Tls,
}

/// `[mail]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Mail {
    pub portal_url: String,
}

/// `[webhook]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Webhook {
    pub allow_http: bool,
    pub allow_private: bool,
    pub timeout_ms: u64,
    pub per_agency_max: u32,
}

/// `[sender]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Sender {
    pub lease_batch_max: u32,
    pub concurrency_max: usize,
    pub lease_ms: u32,
    pub poll_interval_ms: u64,
    pub retry_first_ms: u64,
    pub retry_max_ms: u64,
    pub tries_max: u32,
    pub give_up_after_h: u32,
}

impl Smtp {
    /// User and password, when both are set.
    ///
    /// # Errors
    /// The password's file cannot be read.
    pub fn login(&self) -> Result<Option<(String, SecretString)>, ConfigError> {
        let password = secret("smtp.password", self.password.as_ref(), self.password_file.as_ref())?;
        Ok(self.user.clone().zip(password))
    }

    /// How long one step of the conversation may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}
