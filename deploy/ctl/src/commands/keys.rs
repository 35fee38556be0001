//! `tuntas keys`: what has to exist before anything of a platform starts.

use std::path::{Path, PathBuf};

use crate::{
    error::{CtlError, Result},
    render::Screen,
    trust::{self, DeskKey},
};

/// Subcommands.
#[derive(Debug, clap::Subcommand)]
pub enum KeysCommand {
    /// Make Ed25519 keys, trust.json and intake's secrets
    Init {
        /// Folder for them, mode 0700 [default: trust in the state folder]
        #[arg(long)]
        dir: Option<PathBuf>,
        /// A desk deployment and the agencies it speaks for: NAME=OPD+OPD, or NAME=* for all others
        #[arg(long = "desk", value_name = "NAME=OPDS", default_values = ["desk-dishub=dishub", "desk-pupr-pkpp=pupr-pkpp", "desk-others=*"])]
        desks: Vec<DeskKey>,
    },
}

/// Runs `tuntas keys`.
///
/// # Errors
/// The folder cannot be written.
pub fn run(command: KeysCommand, state: &Path, screen: Screen) -> Result<()> {
    let KeysCommand::Init { dir, desks } = command;
    let dir = dir.unwrap_or_else(|| state.join("trust"));
    let report = trust::init(&dir, &desks)?;
    let value = serde_json::to_value(&report).map_err(|e| CtlError::failure("report", e))?;
    screen.show_value(&value, || {
        format!(
            "{}: {} files made, {} kept",
            dir.display(),
            report.made.len(),
            report.kept.len()
        )
    })
}
