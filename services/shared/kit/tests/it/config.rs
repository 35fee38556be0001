//! A configuration that is wrong is refused by the name of what is wrong.

use std::path::PathBuf;

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use tuntas_kit::config::{ClockMode, Config, ConfigError, load_from};

const DEFAULTS: &str = r#"
[grpc]
listen = "127.0.0.1:7102"
[routing]
claim_batch_max = 200
seed_dir = ""
title = ""
opds = ["dishub"]
[routing.labels]
"#;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    routing: Routing,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Routing {
    claim_batch_max: u32,
    seed_dir: Option<PathBuf>,
    title: String,
    opds: Vec<String>,
    labels: std::collections::BTreeMap<String, String>,
}

fn load(env: &[(&str, &str)]) -> Result<Config<Settings>, ConfigError> {
    let title = [("TUNTAS__ROUTING__TITLE", "t")];
    let all = title
        .iter()
        .chain(env)
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    load_from(DEFAULTS, None, all)
}

fn scratch_file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn defaults_then_environment() {
    let config = load(&[
        ("TUNTAS__ROUTING__CLAIM_BATCH_MAX", "50"),
        ("TUNTAS__ROUTING__OPDS", "dinkes, dishub"),
        ("TUNTAS__ROUTING__LABELS__COLOUR", "green"),
        ("TUNTAS__CLOCK__MODE", "demo"),
        ("TUNTAS__DATABASE__URL", "postgres://someone"),
        ("PATH", "/bin"),
    ])
    .unwrap();
    assert_eq!(config.service.routing.claim_batch_max, 50);
    assert_eq!(config.service.routing.opds, ["dinkes", "dishub"]);
    assert_eq!(config.service.routing.labels["colour"], "green");
    assert_eq!(config.service.routing.seed_dir, None);
    assert_eq!(config.service.routing.title, "t");
    assert_eq!(config.common.clock.mode, ClockMode::Demo);
    assert_eq!(config.common.grpc.listen.port(), 7102);
    assert_eq!(
        config.common.database.url().unwrap().expose_secret(),
        "postgres://someone"
    );
    assert!(!format!("{config:?}").contains("someone"), "secrets are not printed");
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    for variable in [
        "TUNTAS__ROUTING__CLAIM_BATCH_MAXX",
        "TUNTAS__NOWHERE__KEY",
        "TUNTAS__LONELY",
    ] {
        let error = load(&[(variable, "1")]).unwrap_err();
        assert!(matches!(error, ConfigError::UnknownKey { .. }), "{error}");
        assert!(error.to_string().contains(variable), "{error}");
    }
    let file = scratch_file("unknown.toml", "[routing]\nclaim_batch = 3\n");
    let error = load_from::<Settings>(DEFAULTS, Some(&file), []).unwrap_err();
    assert!(error.to_string().contains("`routing.claim_batch`"), "{error}");
}

#[test]
fn a_wrong_type_or_value_is_refused_by_name() {
    let error = load(&[("TUNTAS__ROUTING__CLAIM_BATCH_MAX", "many")]).unwrap_err();
    assert!(matches!(error, ConfigError::WrongType { .. }), "{error}");
    let error = load(&[("TUNTAS__CLOCK__MODE", "lunar")]).unwrap_err();
    assert!(error.to_string().contains("lunar"), "{error}");
    let error = load(&[("TUNTAS__GRPC__LISTEN", "everywhere")]).unwrap_err();
    assert!(error.to_string().contains("listen"), "{error}");
}

#[test]
fn what_must_be_set_is_missed_by_name() {
    let error = load_from::<Settings>(DEFAULTS, None, []).unwrap_err();
    assert!(error.to_string().contains("title"), "{error}");
    let error = load(&[]).unwrap().common.database.url().unwrap_err();
    assert_eq!(error.to_string(), "configuration key `database.url` is not set");
}

#[test]
fn secrets_come_from_files_first() {
    let file = scratch_file("url", "postgres://from-file\n");
    let path = file.to_str().unwrap();
    let config = load(&[
        ("TUNTAS__DATABASE__URL", "postgres://inline"),
        ("TUNTAS__DATABASE__URL_FILE", path),
    ])
    .unwrap();
    assert_eq!(
        config.common.database.url().unwrap().expose_secret(),
        "postgres://from-file"
    );
    let config = load(&[("TUNTAS__AMQP__URL_FILE", "/nonexistent/url")]).unwrap();
    let error = config.common.amqp.url().unwrap_err();
    assert!(error.to_string().contains("amqp.url_file"), "{error}");
}
