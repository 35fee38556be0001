//! Programs that a test runs to their end, and what `deploy`'s scripts say.

use std::process::Command;

use anyhow::{Context as _, ensure};

/// Runs a program that must succeed.
///
/// # Errors
/// It does not start, or does not succeed.
pub fn ran(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status()?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

/// What a script's `env` exports as a variable.
pub(crate) fn exported<'a>(text: &'a str, variable: &str) -> anyhow::Result<&'a str> {
    let start = format!("export {variable}='");
    let line = text.lines().find_map(|line| line.strip_prefix(&start));
    line.and_then(|rest| rest.strip_suffix('\''))
        .with_context(|| format!("env says no {variable}"))
}
