//! Intake's configuration. Each key is documented in `default.toml`.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::Deserialize;

/// The embedded defaults.
pub const DEFAULT_TOML: &str = include_str!("../default.toml");

/// Intake's own sections.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct IntakeConfig {
    pub vault: VaultConfig,
    pub receipt: ReceiptConfig,
    pub attachments: AttachmentsConfig,
    pub filing: FilingConfig,
    pub search: SearchConfig,
}

/// `[vault]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct VaultConfig {
    pub master_key: Option<SecretString>,
    pub master_key_file: Option<PathBuf>,
    pub catch_up_ms: u64,
}

/// `[receipt]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct ReceiptConfig {
    pub secret: Option<SecretString>,
    pub secret_file: Option<PathBuf>,
    pub wrong_per_ticket_burst: u32,
    pub wrong_per_ticket_per_minute: u32,
    pub wrong_per_peer_burst: u32,
    pub wrong_per_peer_per_minute: u32,
}

/// `[attachments]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct AttachmentsConfig {
    pub dir: PathBuf,
    pub size_bytes_max: usize,
    pub pixels_max: u64,
    pub decoding_at_once_max: usize,
    pub orphan_after_h: u32,
    pub collect_every_s: u64,
    pub clamd: Option<String>,
    pub clamd_timeout_ms: u64,
}

/// `[filing]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct FilingConfig {
    pub attachments_max: usize,
}

/// `[search]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct SearchConfig {
    pub similar_window_days: u32,
    pub similar_min: u32,
    pub answers_compared_max: u32,
}

impl AttachmentsConfig {
    /// Age at which an upload that nothing names is deleted.
    #[must_use]
    pub fn orphan_after(&self) -> time::Duration {
        time::Duration::hours(i64::from(self.orphan_after_h))
    }

    /// Pause between two searches for such uploads.
    #[must_use]
    pub fn collect_every(&self) -> Duration {
        Duration::from_secs(self.collect_every_s)
    }
}
