//! Foreign clients of the edge, as processes of their own: PyPI's `georeport` follows what Open311 tells, and `schemathesis` holds
//! the edge to its OpenAPI document.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tuntas_tests::{
    instance::{Instance, repo},
    portal::Portal,
};

const JURISDICTION: &str = "riau.go.id";
/// Which requests are made up; another seed finds other things.
const SEED: &str = "20261124";
/// Requests that a key may make, as many as there can be.
const KEY_LIMIT: &str = "6000";
/// Examples for each operation.
const EXAMPLES: &str = "40";

/// Where `deploy/test` put the clients; none when it said that they are not tested.
fn installed() -> anyhow::Result<Option<PathBuf>> {
    let folder = match std::env::var("TUNTAS_TEST_CLIENTS") {
        Ok(none) if none == "none" => return Ok(None),
        Ok(folder) => PathBuf::from(folder),
        Err(_) => repo().join("target/clients/bin"),
    };
    ensure!(
        folder.join("schemathesis").exists(),
        "the foreign clients are not in {}: run deploy/test, or set TUNTAS_TEST_CLIENTS to none",
        folder.display()
    );
    Ok(Some(folder))
}

/// Follows the public reports as another system would.
pub(crate) async fn follow(instance: &Instance, portal: &Portal) -> anyhow::Result<()> {
    let Some(clients) = installed()? else { return Ok(()) };
    let script = repo().join("tests/clients/follow.py");
    let base = format!("{}/open311/v2", portal.url());
    let arguments = [&script.display().to_string(), &base, JURISDICTION];
    run(&clients.join("python3"), &arguments, instance.state(), None).await
}

/// Makes requests up from the OpenAPI document, with a key and without, and holds the answers against it.
pub(crate) async fn hold_to_document(instance: &Instance, portal: &Portal) -> anyhow::Result<()> {
    let Some(clients) = installed()? else { return Ok(()) };
    let made = [
        "apikey",
        "add",
        "penguji",
        "--per-minute",
        KEY_LIMIT,
        "--burst",
        KEY_LIMIT,
        "--json",
    ];
    let (code, key, said) = instance.tuntas(&made)?;
    ensure!(code == 0, "no key: {said}");
    let key: Value = serde_json::from_str(&key)?;
    let key = key["secret"].as_str().context("no key")?;
    let config = repo().join("tests/clients/schemathesis.toml").display().to_string();
    let document = format!("{}/openapi.json", portal.url());
    let arguments = [
        "--config-file",
        &config,
        "run",
        &document,
        "--seed",
        SEED,
        "--max-examples",
        EXAMPLES,
        "--generation-database",
        "none",
        "--rate-limit",
        "auto",
    ];
    run(&clients.join("schemathesis"), &arguments, instance.state(), Some(key)).await
}

/// Runs a client in a folder where it may leave what it likes.
async fn run(program: &Path, arguments: &[&str], folder: &Path, key: Option<&str>) -> anyhow::Result<()> {
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("TUNTAS_TEST_API_KEY", key.unwrap_or_default())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| program.display().to_string())?;
    ensure!(
        output.status.success(),
        "{}: {}\n{}{}",
        program.display(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
