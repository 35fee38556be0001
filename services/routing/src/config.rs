//! routing's own sections of the configuration. Each key is documented in `default.toml`.

use std::time::Duration;

use serde::Deserialize;

/// routing's defaults, with the documentation of each key.
pub const DEFAULT_TOML: &str = include_str!("../default.toml");

/// routing's sections.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct RoutingConfig {
    pub reconciler: Reconciler,
    pub cases: Cases,
    pub suggestions: Suggestions,
    pub intake: Intake,
}

/// `[reconciler]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Reconciler {
    pub claim_batch_max: u32,
    pub workers: u32,
    pub interval_ms: u64,
}

/// `[cases]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Cases {
    pub read_wait_ms: u64,
    pub snapshot_chunk_max: u32,
}

/// `[suggestions]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Suggestions {
    pub vault_timeout_ms: u64,
    pub similar_max: u32,
    pub earlier_max: u32,
}

/// `[intake]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Intake {
    pub url: Option<String>,
}

impl Cases {
    /// How long a reader waits for a sequence.
    #[must_use]
    pub const fn read_wait(&self) -> Duration {
        Duration::from_millis(self.read_wait_ms)
    }
}

impl Suggestions {
    /// How long intake may take.
    #[must_use]
    pub const fn vault_timeout(&self) -> Duration {
        Duration::from_millis(self.vault_timeout_ms)
    }
}
