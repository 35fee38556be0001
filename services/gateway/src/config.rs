//! Gateway's own sections of the configuration. Each key is documented in `default.toml`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::Deserialize;
use tuntas_kit::config::{ConfigError, secret};

/// The defaults, with the documentation of each key.
pub const DEFAULT_TOML: &str = include_str!("../default.toml");
const SECRET_CHARS_MIN: usize = 32;

/// Gateway's sections.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct GatewayConfig {
    pub edge: Edge,
    pub services: Services,
    pub login: Login,
    pub oidc: Oidc,
    pub filing: Filing,
    pub open311: Open311,
    pub inbox: Inbox,
}

/// `[edge]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Edge {
    pub listen: SocketAddr,
    pub public_url: String,
    pub province: String,
    pub trusted_proxies: usize,
    pub timeout_ms: u64,
    pub map_tile_url: Option<String>,
    pub cache_ms: u64,
}

/// `[services]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Services {
    pub intake: String,
    pub routing: String,
    pub oversight: String,
    pub notification: String,
    pub evaluation: String,
    pub desks: String,
}

/// `[login]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Login {
    pub idle_min: i64,
    pub absolute_h: i64,
    pub wrong_max: i32,
    pub locked_min: i64,
    pub per_peer_burst: u32,
    pub per_peer_per_minute: u32,
    pub argon2_memory_kib: u32,
    pub argon2_passes: u32,
    pub argon2_lanes: u32,
    pub hashing_at_once_max: usize,
    pub secret: Option<SecretString>,
    pub secret_file: Option<PathBuf>,
}

/// `[oidc]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Oidc {
    pub issuer: Option<String>,
    pub client_id: Option<String>,
    pub client_secret: Option<SecretString>,
    pub client_secret_file: Option<PathBuf>,
    pub label: String,
    pub claim: String,
    pub scopes: String,
    pub metadata_max_age_min: u64,
    pub timeout_ms: u64,
}

/// `[filing]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Filing {
    pub per_peer_burst: u32,
    pub per_peer_per_minute: u32,
    pub attachments_max: usize,
    pub attachment_bytes_max: usize,
}

/// `[open311]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Open311 {
    pub jurisdiction_id: String,
    pub contact: String,
    pub per_peer_burst: u32,
    pub per_peer_per_minute: u32,
}

/// `[inbox]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Inbox {
    pub other_category: String,
}

impl Edge {
    /// Whether people reach this edge over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// How long a page may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

impl Login {
    /// The secret of this edge.
    ///
    /// # Errors
    /// It is not set, too short, or its file cannot be read.
    pub fn secret(&self) -> Result<SecretString, ConfigError> {
        use secrecy::ExposeSecret as _;
        secret("login.secret", self.secret.as_ref(), self.secret_file.as_ref())?
            .filter(|secret| secret.expose_secret().chars().count() >= SECRET_CHARS_MIN)
            .ok_or(ConfigError::Missing("login.secret_file (at least 32 characters)"))
    }
}
