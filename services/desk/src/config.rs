//! The desk's own sections of the configuration. Each key is documented in `default.toml`.

use std::{collections::BTreeSet, time::Duration};

use serde::Deserialize;
use tuntas_domain::{OpdCode, ids::IdError};
use tuntas_kit::directory::Snapshot;

/// The defaults, with the documentation of each key.
pub const DEFAULT_TOML: &str = include_str!("../default.toml");

const ALL: &str = "*";

/// The desk's sections.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct DeskConfig {
    pub desk: Desk,
    pub intake: Intake,
    pub routing: Routing,
}

/// `[desk]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Desk {
    pub opds: Vec<String>,
    pub except: Vec<String>,
    pub gap_hold_ms: u32,
    pub reconcile_interval_ms: u64,
    pub snapshot_retry_ms: u64,
    pub templates_max: u32,
}

/// `[intake]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Intake {
    pub url: String,
    pub timeout_ms: u64,
}

/// `[routing]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Routing {
    pub url: String,
}

/// The desk's own arguments.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct DeskArgs {
    /// Agency to serve; repeat it for several, "*" for all. Goes before `desk.opds`.
    #[arg(long = "opd", value_name = "CODE")]
    pub opds: Vec<String>,
    /// Ask routing for everything once more at the start, as after the loss of the database.
    #[arg(long)]
    pub rebuild: bool,
}

/// Which agencies a desk serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// These.
    These(BTreeSet<OpdCode>),
    /// Every agency of the province but these.
    AllBut(BTreeSet<OpdCode>),
}

impl Scope {
    /// The scope of a configuration; the arguments go before it.
    ///
    /// # Errors
    /// A code is malformed.
    pub fn new(config: &Desk, args: &DeskArgs) -> Result<Self, IdError> {
        let opds = if args.opds.is_empty() { &config.opds } else { &args.opds };
        let codes = |texts: &[String]| {
            texts
                .iter()
                .map(|text| text.parse())
                .collect::<Result<BTreeSet<_>, _>>()
        };
        if opds.iter().any(|text| text == ALL) {
            return Ok(Self::AllBut(codes(&config.except)?));
        }
        Ok(Self::These(codes(opds)?))
    }

    /// Whether an agency is served here, if it is one of the province.
    #[must_use]
    pub fn covers(&self, opd: &OpdCode) -> bool {
        match self {
            Self::These(opds) => opds.contains(opd),
            Self::AllBut(except) => !except.contains(opd),
        }
    }

    /// The agencies to serve, by the directory as it stands.
    #[must_use]
    pub fn agencies(&self, directory: &Snapshot) -> Vec<OpdCode> {
        match self {
            Self::These(opds) => opds.iter().cloned().collect(),
            Self::AllBut(except) => directory
                .provincial()
                .filter(|opd| !except.contains(*opd))
                .cloned()
                .collect(),
        }
    }

    /// Whether the agencies are learnt from the directory.
    #[must_use]
    pub const fn needs_directory(&self) -> bool {
        matches!(self, Self::AllBut(_))
    }
}

impl Intake {
    /// How long the words of a case may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    fn desk(opds: &[&str], except: &[&str]) -> Desk {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Desk {
            opds: owned(opds),
            except: owned(except),
            gap_hold_ms: 1,
            reconcile_interval_ms: 1,
            snapshot_retry_ms: 1,
            templates_max: 1,
        }
    }

    #[test]
    fn arguments_go_before_the_configuration_and_all_leaves_out_the_exceptions() {
        let dishub: OpdCode = "dishub".parse().unwrap();
        let dinkes: OpdCode = "dinkes".parse().unwrap();
        let all = Scope::new(&desk(&["*"], &["dishub"]), &DeskArgs::default()).unwrap();
        assert!(!all.covers(&dishub) && all.covers(&dinkes));
        let args = DeskArgs {
            opds: vec!["dishub".to_owned()],
            rebuild: false,
        };
        let one = Scope::new(&desk(&["*"], &[]), &args).unwrap();
        assert!(one.covers(&dishub) && !one.covers(&dinkes));
        assert!(Scope::new(&desk(&["Not A Code"], &[]), &DeskArgs::default()).is_err());
    }
}
