//! Configuration: embedded defaults, an optional file, environment variables, secrets from files.
//!
//! The defaults (kit's `default.toml` and the service's own laid over it) are also the list of keys: whatever
//! they do not name is refused with its name, and a value has the type of its default. An empty table in the
//! defaults is a map with keys of the operator's choice. An empty string means "not set", so a required key
//! is one whose default is empty and whose field is not an `Option`.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::{Deserialize, de::DeserializeOwned};
use toml::{Table, Value};

/// The sections that every service has, with their documentation.
pub const DEFAULT_TOML: &str = include_str!("default.toml");
/// Prefix of the environment variables; `__` separates section and key.
pub const ENV_PREFIX: &str = "TUNTAS__";

/// What a service starts with.
#[derive(Debug, Clone)]
pub struct Config<C> {
    /// The sections every service has.
    pub common: Common,
    /// The service's own sections.
    pub service: C,
}

/// The sections that every service has. The meaning of each key is documented in `default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Common {
    pub database: Database,
    pub amqp: Amqp,
    pub grpc: Grpc,
    pub http: Http,
    pub clock: ClockConfig,
    pub auth: Auth,
    pub telemetry: Telemetry,
    pub shutdown: Shutdown,
    pub retention: Retention,
}

/// `[database]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Database {
    pub url: Option<SecretString>,
    pub url_file: Option<PathBuf>,
    pub owner_url: Option<SecretString>,
    pub owner_url_file: Option<PathBuf>,
    pub max_connections: u32,
    pub acquire_timeout_ms: u64,
}

/// `[amqp]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Amqp {
    pub url: Option<SecretString>,
    pub url_file: Option<PathBuf>,
    pub heartbeat_s: u16,
    pub confirm_timeout_ms: u64,
}

/// `[grpc]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Grpc {
    pub listen: SocketAddr,
    pub reflection: bool,
    pub timeout_ms: u64,
    pub concurrency_per_connection_max: usize,
    pub tls_cert_file: Option<PathBuf>,
    pub tls_key_file: Option<PathBuf>,
    pub tls_client_ca_file: Option<PathBuf>,
}

/// `[http]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Http {
    pub listen: SocketAddr,
}

/// `[clock]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct ClockConfig {
    pub mode: ClockMode,
    pub file: Option<PathBuf>,
}

/// `clock.mode`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockMode {
    /// Real time.
    System,
    /// Time moved by RPC.
    Demo,
}

/// `[auth]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Auth {
    pub trust_file: Option<PathBuf>,
    pub key_id: Option<String>,
    pub private_key_file: Option<PathBuf>,
}

/// `[telemetry]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Telemetry {
    pub log_format: LogFormat,
    pub log_filter: String,
    pub otlp_endpoint: Option<String>,
}

/// `telemetry.log_format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people at a terminal.
    Pretty,
}

/// `[shutdown]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Shutdown {
    pub timeout_ms: u64,
}

/// `[retention]`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Retention {
    pub outbox_days: i32,
    pub inbox_days: i32,
    pub idempotency_days: i32,
}

/// Why the configuration was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A key that no default names.
    #[error("unknown configuration key `{key}` (from {origin})")]
    UnknownKey {
        /// Dotted name.
        key: String,
        /// Where it was found: a file or an environment variable.
        origin: String,
    },
    /// A value of another type than its default.
    #[error("configuration key `{key}` (from {origin}) must be {expected}")]
    WrongType {
        /// Dotted name.
        key: String,
        /// Where it was found.
        origin: String,
        /// The type of the default.
        expected: &'static str,
    },
    /// A file is not TOML.
    #[error("{origin} is not valid TOML")]
    Syntax {
        /// File name or "defaults".
        origin: String,
        /// What the parser says.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The merged configuration does not fit.
    #[error("configuration is not valid: {0}")]
    Invalid(String),
    /// A key that must be set is not.
    #[error("configuration key `{0}` is not set")]
    Missing(&'static str),
    /// A file named by the configuration cannot be read.
    #[error("{key}: cannot read {}", path.display())]
    Unreadable {
        /// Dotted name of the key that names the file.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Database {
    /// The run-time role's URL.
    ///
    /// # Errors
    /// Neither key is set, or the file cannot be read.
    pub fn url(&self) -> Result<SecretString, ConfigError> {
        secret("database.url", self.url.as_ref(), self.url_file.as_ref())?.ok_or(ConfigError::Missing("database.url"))
    }

    /// The owner role's URL, or the run-time role's where there is no other.
    ///
    /// # Errors
    /// No key is set, or a file cannot be read.
    pub fn owner_url(&self) -> Result<SecretString, ConfigError> {
        let owner = secret(
            "database.owner_url",
            self.owner_url.as_ref(),
            self.owner_url_file.as_ref(),
        )?;
        owner.map_or_else(|| self.url(), Ok)
    }

    /// How long a request waits for a connection.
    #[must_use]
    pub fn acquire_timeout(&self) -> Duration {
        Duration::from_millis(self.acquire_timeout_ms)
    }
}

impl Amqp {
    /// The broker's URL.
    ///
    /// # Errors
    /// Neither key is set, or the file cannot be read.
    pub fn url(&self) -> Result<SecretString, ConfigError> {
        secret("amqp.url", self.url.as_ref(), self.url_file.as_ref())?.ok_or(ConfigError::Missing("amqp.url"))
    }
}

/// A secret from the key `name` or, first, from the file that `name`_file names.
///
/// # Errors
/// The file cannot be read.
pub fn secret(
    name: &str,
    value: Option<&SecretString>,
    file: Option<&PathBuf>,
) -> Result<Option<SecretString>, ConfigError> {
    let Some(path) = file else {
        return Ok(value.cloned());
    };
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        key: format!("{name}_file"),
        path: path.clone(),
        source,
    })?;
    Ok(Some(SecretString::from(text.trim_end().to_owned())))
}

/// Loads a service's configuration: kit's defaults, the service's, `file`, this process's environment.
///
/// # Errors
/// An unknown key, a value of the wrong type, a missing value, an unreadable file: each by name.
pub fn load<C: DeserializeOwned>(service_default: &str, file: Option<&PathBuf>) -> Result<Config<C>, ConfigError> {
    load_from(service_default, file, std::env::vars())
}

/// Like [`load`], with the environment given.
///
/// # Errors
/// As [`load`].
pub fn load_from<C: DeserializeOwned>(
    service_default: &str,
    file: Option<&PathBuf>,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Config<C>, ConfigError> {
    let mut merged = parse(DEFAULT_TOML, "kit defaults")?;
    let common_sections: Vec<String> = merged.keys().cloned().collect();
    add_defaults(&mut merged, parse(service_default, "service defaults")?);
    if let Some(path) = file {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            key: "--config".to_owned(),
            path: path.clone(),
            source,
        })?;
        let origin = path.display().to_string();
        overlay(&mut merged, parse(&text, &origin)?, "", &origin)?;
    }
    let env: BTreeMap<String, String> = env.into_iter().collect();
    for (variable, text) in env {
        if let Some(path) = variable.strip_prefix(ENV_PREFIX) {
            set_from_env(&mut merged, path, &variable, &text)?;
        }
    }
    drop_empty(&mut merged);
    let (common, service): (Table, Table) = merged
        .into_iter()
        .partition(|(section, _)| common_sections.contains(section));
    Ok(Config {
        common: typed(common)?,
        service: typed(service)?,
    })
}

fn typed<T: DeserializeOwned>(table: Table) -> Result<T, ConfigError> {
    table
        .try_into()
        .map_err(|e: toml::de::Error| ConfigError::Invalid(e.to_string().trim_end().to_owned()))
}

fn parse(text: &str, origin: &str) -> Result<Table, ConfigError> {
    text.parse().map_err(|source| ConfigError::Syntax {
        origin: origin.to_owned(),
        source: Box::new(source),
    })
}

/// Lays the service's defaults over kit's: these may name new keys.
fn add_defaults(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(over)) => add_defaults(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Lays a file over the defaults: it may name only keys that are there.
fn overlay(base: &mut Table, over: Table, path: &str, origin: &str) -> Result<(), ConfigError> {
    let open = base.is_empty() && !path.is_empty();
    for (key, value) in over {
        let dotted = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match (base.get_mut(&key), value) {
            (None, value) if open => {
                base.insert(key, value);
            }
            (None, _) => {
                return Err(ConfigError::UnknownKey {
                    key: dotted,
                    origin: origin.to_owned(),
                });
            }
            (Some(Value::Table(base)), Value::Table(over)) => {
                overlay(base, over, &dotted, origin)?;
            }
            (Some(known), value) if known.same_type(&value) => *known = value,
            (Some(known), _) => {
                return Err(ConfigError::WrongType {
                    key: dotted,
                    origin: origin.to_owned(),
                    expected: type_name(known),
                });
            }
        }
    }
    Ok(())
}

/// Sets one key from an environment variable, `SECTION__KEY` of any depth, read as the type of its default.
/// A list is separated by commas.
fn set_from_env(base: &mut Table, path: &str, variable: &str, text: &str) -> Result<(), ConfigError> {
    let dotted = path.to_ascii_lowercase().replace("__", ".");
    let unknown = || ConfigError::UnknownKey {
        key: dotted.clone(),
        origin: format!("environment variable {variable}"),
    };
    let mut table = base;
    let (sections, key) = dotted.rsplit_once('.').ok_or_else(unknown)?;
    for section in sections.split('.') {
        table = match table.get_mut(section) {
            Some(Value::Table(inner)) => inner,
            _ => return Err(unknown()),
        };
    }
    if table.is_empty() {
        table.insert(key.to_owned(), Value::String(text.to_owned()));
        return Ok(());
    }
    let known = table.get_mut(key).ok_or_else(unknown)?;
    *known = read_as(known, text).ok_or_else(|| ConfigError::WrongType {
        key: dotted.clone(),
        origin: format!("environment variable {variable}"),
        expected: type_name(known),
    })?;
    Ok(())
}

fn read_as(known: &Value, text: &str) -> Option<Value> {
    match known {
        Value::String(_) => Some(Value::String(text.to_owned())),
        Value::Integer(_) => text.parse().ok().map(Value::Integer),
        Value::Float(_) => text.parse().ok().map(Value::Float),
        Value::Boolean(_) => text.parse().ok().map(Value::Boolean),
        Value::Array(_) => Some(Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.to_owned()))
                .collect(),
        )),
        Value::Datetime(_) | Value::Table(_) => None,
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section (set its keys one by one)",
    }
}

fn drop_empty(table: &mut Table) {
    table.retain(|_, value| !matches!(value, Value::String(text) if text.is_empty()));
    for (_, value) in table.iter_mut() {
        if let Value::Table(inner) = value {
            drop_empty(inner);
        }
    }
}
