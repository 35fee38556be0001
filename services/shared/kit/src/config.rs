//! Configuration: embedded defaults, an optional file, environment variables, secrets from files.
//!
//! The defaults (kit's `default.toml` and the service's own laid over it) are also the list of keys: whatever
//! they do not name is refused with its name, and a value has the type of its default. An empty table in the
//! defaults is a map with keys of the operator's choice. An empty string means "not set", so a required key
//! is one whose default is empty and whose field is not an `Option`.

use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

use config::{FileFormat, Map, Value, ValueKind};
use secrecy::SecretString;
use serde::{Deserialize, de::DeserializeOwned};

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
    pub catch_up: CatchUp,
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

/// `[catch_up]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct CatchUp {
    pub sources: Option<String>,
    pub min_age_s: u32,
    pub every_s: u64,
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
        source: Box<config::ConfigError>,
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
    let common_sections: Vec<String> = parse(DEFAULT_TOML, "kit defaults")?.into_keys().collect();
    let toml = |text| config::File::from_str(text, FileFormat::Toml);
    let mut builder = config::Config::builder()
        .add_source(toml(DEFAULT_TOML))
        .add_source(toml(service_default));
    // The defaults are the list of keys: what is laid over them is checked against them by name and type.
    let known = builder
        .clone()
        .build()
        .map_err(|error| syntax("service defaults", error))?
        .cache;
    if let Some(path) = file {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            key: "--config".to_owned(),
            path: path.clone(),
            source,
        })?;
        let origin = path.display().to_string();
        check_table(&known, &parse(&text, &origin)?, "", &origin)?;
        builder = builder.add_source(toml(&text));
    }
    for (variable, text) in env {
        if let Some(path) = variable.strip_prefix(ENV_PREFIX) {
            let (key, value) = from_env(&known, path, &variable, &text)?;
            builder = builder.set_override(key, value).map_err(|error| invalid(&error))?;
        }
    }
    let mut merged = table(builder.build().map_err(|error| invalid(&error))?.cache);
    drop_empty(&mut merged);
    let (common, service): (Map<String, Value>, Map<String, Value>) = merged
        .into_iter()
        .partition(|(section, _)| common_sections.contains(section));
    Ok(Config {
        common: typed(common)?,
        service: typed(service)?,
    })
}

fn typed<T: DeserializeOwned>(table: Map<String, Value>) -> Result<T, ConfigError> {
    Value::new(None, ValueKind::Table(table))
        .try_deserialize()
        .map_err(|error| invalid(&error))
}

fn invalid(error: &config::ConfigError) -> ConfigError {
    ConfigError::Invalid(error.to_string())
}

fn syntax(origin: &str, source: config::ConfigError) -> ConfigError {
    ConfigError::Syntax {
        origin: origin.to_owned(),
        source: Box::new(source),
    }
}

fn table(value: Value) -> Map<String, Value> {
    match value.kind {
        ValueKind::Table(table) => table,
        _ => Map::new(),
    }
}

fn parse(text: &str, origin: &str) -> Result<Map<String, Value>, ConfigError> {
    let source = config::File::from_str(text, FileFormat::Toml);
    let parsed = config::Config::builder().add_source(source).build();
    Ok(table(parsed.map_err(|error| syntax(origin, error))?.cache))
}

/// That a file names only keys that the defaults have, each with a value of its default's type.
fn check_table(known: &Value, over: &Map<String, Value>, path: &str, origin: &str) -> Result<(), ConfigError> {
    for (key, value) in over {
        let dotted = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match (find(known, &dotted), &value.kind) {
            (Found::Open, _) => {}
            (Found::Key(default), ValueKind::Table(over)) if matches!(default.kind, ValueKind::Table(_)) => {
                check_table(known, over, &dotted, origin)?;
            }
            (Found::Key(default), kind) if type_name(&default.kind) == type_name(kind) => {}
            (Found::Key(default), _) => {
                return Err(ConfigError::WrongType {
                    key: dotted,
                    origin: origin.to_owned(),
                    expected: type_name(&default.kind),
                });
            }
            (Found::Nothing, _) => {
                return Err(ConfigError::UnknownKey {
                    key: dotted,
                    origin: origin.to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// What the defaults say of a dotted key.
enum Found<'a> {
    /// Its default.
    Key(&'a Value),
    /// It lies directly in a section that is empty in the defaults: a map with keys of the operator's choice.
    Open,
    /// Nothing.
    Nothing,
}

fn find<'a>(known: &'a Value, dotted: &str) -> Found<'a> {
    let mut place = known;
    for (depth, key) in dotted.split('.').enumerate() {
        let ValueKind::Table(table) = &place.kind else {
            return Found::Nothing;
        };
        match table.get(key) {
            Some(value) => place = value,
            None if table.is_empty() && depth > 0 => return Found::Open,
            None => return Found::Nothing,
        }
    }
    Found::Key(place)
}

/// One key from an environment variable, `SECTION__KEY` of any depth, read as the type of its default.
/// A list is separated by commas.
fn from_env(known: &Value, path: &str, variable: &str, text: &str) -> Result<(String, Value), ConfigError> {
    let key = path.to_ascii_lowercase().replace("__", ".");
    let origin = format!("environment variable {variable}");
    let kind = match find(known, &key) {
        Found::Open => ValueKind::String(text.to_owned()),
        Found::Key(default) if key.contains('.') => match read_as(&default.kind, text) {
            Some(kind) => kind,
            None => {
                return Err(ConfigError::WrongType {
                    expected: type_name(&default.kind),
                    key,
                    origin,
                });
            }
        },
        Found::Key(_) | Found::Nothing => return Err(ConfigError::UnknownKey { key, origin }),
    };
    Ok((key, Value::new(Some(&origin), kind)))
}

fn read_as(default: &ValueKind, text: &str) -> Option<ValueKind> {
    match default {
        ValueKind::String(_) => Some(ValueKind::String(text.to_owned())),
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => {
            text.parse().ok().map(ValueKind::I64)
        }
        ValueKind::Float(_) => text.parse().ok().map(ValueKind::Float),
        ValueKind::Boolean(_) => text.parse().ok().map(ValueKind::Boolean),
        ValueKind::Array(_) => Some(ValueKind::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::new(None, item))
                .collect(),
        )),
        ValueKind::Table(_) | ValueKind::Nil => None,
    }
}

const fn type_name(kind: &ValueKind) -> &'static str {
    match kind {
        ValueKind::Nil => "nothing",
        ValueKind::String(_) => "a string",
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => "an integer",
        ValueKind::Float(_) => "a number",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::Array(_) => "a list",
        ValueKind::Table(_) => "a section (set its keys one by one)",
    }
}

fn drop_empty(table: &mut Map<String, Value>) {
    table.retain(|_, value| !matches!(&value.kind, ValueKind::String(text) if text.is_empty()));
    for value in table.values_mut() {
        if let ValueKind::Table(inner) = &mut value.kind {
            drop_empty(inner);
        }
    }
}
