//! The command line: what is understood, global options, and the way from an error to an exit code.

use std::{io, path::PathBuf, process::ExitCode, time::Duration};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{
    commands::{self, Context},
    error::{CtlError, Exit, Result},
    platform::{Platform, fresh_key},
    render::Screen,
};

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  something unexpected
  2  the command line or its input is not valid
  3  refused by a rule of the platform; its stable code is printed
  4  no such report, case or thing
  5  not permitted
  6  a service or a server is away
  7  the books do not balance, or the doctor found something

Wherever a case id is expected, a ticket number (TTS-...) does as well.
Dates are shown in WIB (UTC+7). --json gives the protocol's own messages.";

/// Tuntas: public complaints, from filing to a closed case.
#[derive(Debug, Parser)]
#[command(name = "tuntas", version, about, after_help = AFTER_HELP, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options that every command takes.
#[derive(Debug, clap::Args)]
pub struct Global {
    /// Folder of the platform, as given to deploy/up [default: ~/.local/state/tuntas]
    #[arg(
        id = "state-dir",
        long = "state",
        global = true,
        env = "TUNTAS_STATE",
        value_name = "DIR"
    )]
    state: Option<PathBuf>,
    /// Act in this position, such as dishub.sekretaris
    #[arg(long = "as", global = true, env = "TUNTAS_AS", value_name = "POSITION")]
    acting_as: Option<String>,
    /// Show JSON instead of text
    #[arg(long, global = true)]
    json: bool,
    /// Idempotency key of the write, so that a script may safely repeat it [default: random]
    #[arg(long, global = true, value_name = "KEY")]
    key: Option<String>,
    /// Try this long again while a service is away
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 0)]
    patience: u64,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Citizen(commands::citizen::CitizenCommand),
    #[command(flatten)]
    Look(commands::look::LookCommand),
    #[command(flatten)]
    Centre(commands::centre::CentreCommand),
    #[command(flatten)]
    Desk(commands::desk::DeskCommand),
    #[command(flatten)]
    Ombudsman(commands::ombudsman::OmbudsmanCommand),
    #[command(flatten)]
    Scores(commands::scores::ScoresCommand),
    #[command(flatten)]
    Directory(commands::directory::DirectoryCommand),
    #[command(flatten)]
    Operator(commands::operator::OperatorCommand),
    #[command(flatten)]
    Backup(commands::backup::BackupCommand),
    /// Make keys and secrets of a new platform; what exists is kept
    #[command(subcommand)]
    Keys(commands::keys::KeysCommand),
    /// Accounts with which officers log in to the pages
    #[command(subcommand)]
    Account(commands::account::AccountCommand),
    /// Keys with which other systems file reports (Open311, SMS, WhatsApp)
    #[command(subcommand, name = "apikey")]
    ApiKey(commands::apikey::ApiKeyCommand),
    /// Compare the books of all services; exit 7 with a list when they differ
    Reconcile(commands::reconcile::ReconcileArgs),
    /// File fictitious reports and play the officers through eight weeks of demo time
    Demo(crate::demo::DemoArgs),
    /// Print completions for a shell
    Completions {
        /// Shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.global.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(CtlError::failure("runtime", error), json),
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(error, json),
    }
}

fn report(error: CtlError, json: bool) -> ExitCode {
    let code = ExitCode::from(error.exit() as u8);
    let screen = Screen::new(json);
    if json {
        screen.note(&error.to_json().to_string());
    } else {
        screen.note(&format!("{:?}", miette::Report::new(error)));
    }
    code
}

async fn run(cli: Cli) -> Result<()> {
    let screen = Screen::new(cli.global.json);
    let state = match cli.global.state {
        Some(state) => state,
        None => default_state()?,
    };
    match cli.command {
        Command::Keys(command) => return commands::keys::run(command, &state, screen),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "tuntas", &mut io::stdout());
            return Ok(());
        }
        _ => {}
    }
    let context = Context {
        platform: Platform::open(&state, Duration::from_secs(cli.global.patience))?,
        screen,
        acting_as: cli.global.acting_as,
        key: cli.global.key.unwrap_or_else(fresh_key),
        state,
    };
    match cli.command {
        Command::Citizen(command) => commands::citizen::run(command, &context).await,
        Command::Look(command) => commands::look::run(command, &context).await,
        Command::Centre(command) => commands::centre::run(command, &context).await,
        Command::Desk(command) => commands::desk::run(command, &context).await,
        Command::Ombudsman(command) => commands::ombudsman::run(command, &context).await,
        Command::Scores(command) => commands::scores::run(command, &context).await,
        Command::Directory(command) => commands::directory::run(command, &context).await,
        Command::Operator(command) => commands::operator::run(command, &context).await,
        Command::Backup(command) => commands::backup::run(command, &context).await,
        Command::Account(command) => commands::account::run(command, &context).await,
        Command::ApiKey(command) => commands::apikey::run(command, &context).await,
        Command::Reconcile(args) => commands::reconcile::run(args, &context).await,
        Command::Demo(args) => crate::demo::run(args, context).await,
        Command::Keys(_) | Command::Completions { .. } => Ok(()),
    }
}

fn default_state() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state")))
        .ok_or_else(|| CtlError::new(Exit::Usage, "there is no HOME").next("say --state DIR"))?;
    Ok(base.join("tuntas"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line for each command: options of a command must not get in the way of the global ones.
    const LINES: &[&str] = &[
        "file --title t --category c --region r --body b --lat -0.5 --lon 101.4",
        "track TTS-1 CODE",
        "complete TTS-1 CODE --body b",
        "dispute TTS-1 CODE --attach f",
        "rate TTS-1 CODE --stars 4",
        "withdraw TTS-1 CODE",
        "contest TTS-1 CODE",
        "message TTS-1 CODE",
        "search jalan --agency dishub",
        "inbox --status in_progress --overdue --limit 5",
        "show c",
        "suggest c",
        "deliveries c",
        "reveal c --reason r",
        "verify c --kind aspirasi --supervisory true --publish-as-filed",
        "request-completion c --text t",
        "reject c --reason abusive --text t",
        "refer c --to pln-riau --text t",
        "dispose c --to dishub --with dinkes --with disdik",
        "bind c --to dishub",
        "transfer c --to dishub",
        "decline-transfer c",
        "recall c",
        "merge c --into d",
        "unmerge c --report r",
        "add-contributor c --opd dishub",
        "reclassify c --category k --complained dishub",
        "decide-dispute c --upheld --reason r",
        "decide-contest c --denied --reason r",
        "accept c",
        "return c --reason other --text t --suggest dishub",
        "request-transfer c --reason other --text t",
        "assign c --to dishub.kabid-lalin",
        "note c --text t",
        "first-response c --text t",
        "answer c --claim clarified --text t",
        "answer c --draft",
        "contribution-done c",
        "lead-done c",
        "explain c --text t",
        "recommend c --text t --opd dishub",
        "comment c --text t",
        "answer-act a --case c --text t --implemented",
        "close-act a --case c --judgement not-satisfied --text t",
        "acts --open",
        "reopen c --reason r",
        "take-over c",
        "hand-back c",
        "feed follow --from 7 --until-head",
        "feed head",
        "scores --period 2026-11 --per position",
        "breaches --of dishub",
        "evaluations --open",
        "reply e --text t",
        "decide e --measure guidance --reason r",
        "directory import d",
        "directory list --positions --opd dishub",
        "acting p h --from 2026-11-01 --until 2026-11-10",
        "outage --from 2026-11-01 --until 2026-11-02 --cause c",
        "status",
        "doctor",
        "dead list --queue q",
        "dead show e",
        "dead replay q e1 e2",
        "clock show",
        "clock advance --hours 4",
        "backup d --key-dir k",
        "restore d --key-dir k --check",
        "erasures export f",
        "erasures apply",
        "keys init --dir d --desk desk-others=*",
        "reconcile --within 5 --skip-feed",
        "demo 10 --seed 1",
        "completions bash",
    ];

    #[test]
    fn every_command_is_understood_with_and_without_the_global_options() {
        for line in LINES {
            let plain = std::iter::once("tuntas").chain(line.split(' '));
            let global = [
                "--state",
                "dir",
                "--as",
                "sekda",
                "--json",
                "--key",
                "k",
                "--patience",
                "3",
            ];
            for arguments in [plain.clone().collect::<Vec<_>>(), plain.chain(global).collect()] {
                let parsed = Cli::try_parse_from(&arguments);
                assert!(
                    parsed.is_ok(),
                    "{arguments:?}: {}",
                    parsed.err().map(|e| e.to_string()).unwrap_or_default()
                );
            }
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
