//! `tuntas backup` and `tuntas restore`: all databases, the sealed attachments, the broker's definitions; the vault's
//! key apart in another folder, because whoever has both can read everything.
//!
//! Erasures (UU 27/2022) outlive a restore: a backup notes, beside the key, every report erased so far; a restore leaves
//! the list in the state folder, and `tuntas erasures apply` erases them again once the services are up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use prost::Message as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tuntas_proto::{
    event::v1::{Event, event::Payload},
    intake::v1::EraseReportRequest,
    oversight::v1::FollowRequest,
};

use super::{Context, doctor::without_login};
use crate::{
    error::{CtlError, Exit, Result, at_path},
    platform::Who,
    rpc,
    trust::write_secret,
    wib,
};

const MANIFEST: &str = "manifest.json";
const BROKER: &str = "broker-definitions.json";
const ERASURES: &str = "erasures.json";
const VAULT_KEY: &str = "vault-master.key";
const FORMAT: u32 = 1;

/// Commands of this group.
#[derive(Debug, clap::Subcommand)]
pub enum BackupCommand {
    /// Back up all databases, sealed attachments and broker definitions
    Backup {
        /// New folder for the backup
        dir: PathBuf,
        /// Another folder, for the vault's key and the list of erasures; keep it apart from the backup
        #[arg(long)]
        key_dir: PathBuf,
    },
    /// Restore a backup over the databases of this platform; its services must be stopped, its servers up
    Restore {
        /// Folder of the backup
        dir: PathBuf,
        /// Folder of the vault's key and the list of erasures
        #[arg(long)]
        key_dir: PathBuf,
        /// Only check whether the restore would work
        #[arg(long)]
        check: bool,
    },
    /// Erasures that have to survive a restore
    #[command(subcommand)]
    Erasures(ErasuresCommand),
}

/// Subcommands of `erasures`.
#[derive(Debug, clap::Subcommand)]
pub enum ErasuresCommand {
    /// Note every report erased so far
    Export {
        /// File
        file: PathBuf,
    },
    /// Erase the reports of a list again; erasing twice changes nothing
    Apply {
        /// File [default: the list left by the last restore]
        file: Option<PathBuf>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    version: String,
    made_at: String,
    /// SHA-256 of the vault's key: tells whether a key belongs to this backup, and nothing else.
    vault_key_sha256: String,
    /// Database by service, and SHA-256 of each file.
    databases: BTreeMap<String, String>,
    broker_sha256: String,
    attachments: u64,
}

/// Runs a command of this group.
///
/// # Errors
/// Something cannot be read or written, or does not fit together.
pub async fn run(command: BackupCommand, context: &Context) -> Result<()> {
    match command {
        BackupCommand::Backup { dir, key_dir } => backup(context, &dir, &key_dir).await,
        BackupCommand::Restore { dir, key_dir, check } => restore(context, &dir, &key_dir, check).await,
        BackupCommand::Erasures(ErasuresCommand::Export { file }) => {
            let erased = erased_reports(context).await?;
            write_json(&file, &json!(erased))?;
            context.screen.show_value(&json!({"erasures": erased.len()}), || {
                format!("{} erasures noted in {}", erased.len(), file.display())
            })
        }
        BackupCommand::Erasures(ErasuresCommand::Apply { file }) => apply_erasures(context, file).await,
    }
}

async fn backup(context: &Context, dir: &Path, key_dir: &Path) -> Result<()> {
    let endpoints = context.platform.endpoints();
    if endpoints.databases.is_empty() {
        return Err(CtlError::usage("the endpoints of this platform name no databases")
            .next("is --state the folder given to deploy/up?"));
    }
    if dir.exists() {
        return Err(CtlError::usage(format!("{} exists", dir.display()))
            .next("name a new folder: a backup never overwrites another"));
    }
    let erased = erased_reports(context).await?;
    let key = vault_key(context)?;
    fs::create_dir_all(dir).map_err(at_path(dir))?;
    fs::create_dir_all(key_dir).map_err(at_path(key_dir))?;
    let key_home = key_dir.canonicalize().map_err(at_path(key_dir))?;
    if key_home.starts_with(dir.canonicalize().map_err(at_path(dir))?) {
        return Err(CtlError::usage("--key-dir lies within the backup")
            .next("whoever gets the backup must not get the key: name another folder, best on another machine"));
    }
    let mut databases = BTreeMap::new();
    for (name, url) in &endpoints.databases {
        let file = dir.join(format!("{name}.dump"));
        let mut dump = postgres("pg_dump", url)?;
        dump.args(["--format=custom", "--no-owner", "--file"]).arg(&file);
        finish(dump, &format!("pg_dump of {name}"))?;
        databases.insert(name.clone(), sha256_of(&file)?);
        context.screen.note(&format!("{name}: dumped"));
    }
    let definitions = broker_definitions(context).await?;
    let broker_file = dir.join(BROKER);
    write_secret(&broker_file, definitions.as_bytes())?;
    let attachments = copy_folder(&attachments_dir(context), &dir.join("attachments"))?;
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: wib::instant(context.platform.now()),
        vault_key_sha256: hex::encode(Sha256::digest(&key)),
        databases,
        broker_sha256: sha256_of(&broker_file)?,
        attachments,
    };
    write_secret(&key_dir.join(VAULT_KEY), &key)?;
    write_json(&key_dir.join(ERASURES), &json!(erased))?;
    write_json(&dir.join(MANIFEST), &json!(manifest))?;
    context.screen.show_value(&json!(manifest), || {
        format!(
            "{} databases, {} attachments in {}\nvault key and {} erasures in {}: keep it apart",
            manifest.databases.len(),
            attachments,
            dir.display(),
            erased.len(),
            key_dir.display()
        )
    })
}

async fn restore(context: &Context, dir: &Path, key_dir: &Path, check_only: bool) -> Result<()> {
    let manifest = checked_manifest(context, dir, key_dir)?;
    let summary = json!({"backup": manifest, "restored": !check_only});
    if check_only {
        return context.screen.show_value(&summary, || {
            format!("{}: complete, and fits this platform", dir.display())
        });
    }
    for name in manifest.databases.keys() {
        let Some(url) = context.platform.endpoints().databases.get(name) else {
            continue;
        };
        let mut restore = postgres("pg_restore", url)?;
        restore.args([
            "--clean",
            "--if-exists",
            "--no-owner",
            "--single-transaction",
            "--exit-on-error",
            "--dbname",
        ]);
        restore.arg(database_name(url)?).arg(dir.join(format!("{name}.dump")));
        finish(restore, &format!("pg_restore of {name}"))?;
        context.screen.note(&format!("{name}: restored"));
    }
    put_broker_definitions(context, &dir.join(BROKER)).await?;
    copy_folder(&dir.join("attachments"), &attachments_dir(context))?;
    if let Some(key_file) = &context.platform.endpoints().vault_key_file {
        write_secret(key_file, &read(&key_dir.join(VAULT_KEY))?)?;
    }
    let pending = context.state.join(ERASURES);
    fs::copy(key_dir.join(ERASURES), &pending).map_err(at_path(&pending))?;
    context.screen.show_value(&summary, || {
        "restored; now start the services (deploy/up), run `tuntas erasures apply`, then `tuntas reconcile`".to_owned()
    })
}

/// Everything that can be known to go wrong is found before anything is written.
fn checked_manifest(context: &Context, dir: &Path, key_dir: &Path) -> Result<Manifest> {
    let manifest: Manifest = serde_json::from_slice(&read(&dir.join(MANIFEST))?).map_err(|e| {
        CtlError::usage(format!("{}: {e}", dir.join(MANIFEST).display()))
            .next("name the folder that `tuntas backup` made")
    })?;
    if manifest.format != FORMAT {
        return Err(CtlError::usage(format!(
            "backup format {} is not known to this version",
            manifest.format
        ))
        .next(format!("restore it with tuntas {}", manifest.version)));
    }
    let key = read(&key_dir.join(VAULT_KEY))?;
    if hex::encode(Sha256::digest(&key)) != manifest.vault_key_sha256 {
        return Err(CtlError::usage("this vault key does not belong to this backup")
            .next("name the --key-dir that was written with it: with another key nothing can be read any more"));
    }
    read(&key_dir.join(ERASURES))?;
    if sha256_of(&dir.join(BROKER))? != manifest.broker_sha256 {
        return Err(damaged(&dir.join(BROKER)));
    }
    for (name, sum) in &manifest.databases {
        let file = dir.join(format!("{name}.dump"));
        if sha256_of(&file)? != *sum {
            return Err(damaged(&file));
        }
        let mut list = Command::new(postgres_tool("pg_restore"));
        list.arg("--list").arg(&file).stdout(Stdio::null());
        finish(list, &format!("pg_restore --list of {name}"))?;
        let url = context.platform.endpoints().databases.get(name).ok_or_else(|| {
            CtlError::usage(format!("this platform has no database {name}"))
                .next("start it once with the same desks as the backup")
        })?;
        let mut query = postgres("psql", url)?;
        query.args([
            "-XAtqc",
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        ]);
        let sessions = finish(query, &format!("connection to the database {name}"))?;
        if sessions.trim() != "0" {
            return Err(CtlError::new(
                Exit::Refused,
                format!("{} sessions are open on the database {name}", sessions.trim()),
            )
            .next("stop the services first, and leave PostgreSQL and RabbitMQ up: deploy/servers start --state DIR"));
        }
    }
    Ok(manifest)
}

fn damaged(file: &Path) -> CtlError {
    CtlError::usage(format!("{} is not as it was written", file.display()))
        .next("take another copy of the backup; nothing was changed")
}

async fn erased_reports(context: &Context) -> Result<BTreeSet<String>> {
    let request = FollowRequest {
        from_position: 1,
        until_head: true,
    };
    let mut stream = rpc!(context.platform, Who::Operator, feed().follow(request))?;
    let mut erased = BTreeSet::new();
    while let Some(entry) = stream.message().await? {
        let event = Event::decode(entry.event.as_slice()).map_err(|e| CtlError::failure("feed entry", e))?;
        if let Some(Payload::ReportErased(report)) = event.payload {
            erased.insert(report.report_id);
        }
    }
    Ok(erased)
}

async fn apply_erasures(context: &Context, file: Option<PathBuf>) -> Result<()> {
    let file = file.unwrap_or_else(|| context.state.join(ERASURES));
    let erased: BTreeSet<String> =
        serde_json::from_slice(&read(&file)?).map_err(|e| CtlError::usage(format!("{}: {e}", file.display())))?;
    let mut done = 0_u64;
    for report_id in &erased {
        let request = EraseReportRequest {
            idempotency_key: format!("erase-again:{report_id}"),
            report_id: report_id.clone(),
        };
        match rpc!(context.platform, context.reader(), vault().erase_report(request)) {
            Ok(_) => done += 1,
            // Filed after the backup: it is not there to be erased.
            Err(error) if error.exit() == Exit::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    context.screen.show_value(&json!({"erased": done}), || {
        format!("{done} of {} reports erased again", erased.len())
    })
}

fn vault_key(context: &Context) -> Result<Vec<u8>> {
    let file = context.platform.endpoints().vault_key_file.as_deref().ok_or_else(|| {
        CtlError::usage("the endpoints of this platform do not say where the vault's key is")
            .next("is --state the folder given to deploy/up?")
    })?;
    read(file)
}

fn attachments_dir(context: &Context) -> PathBuf {
    context.state.join("data").join("attachments")
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).map_err(at_path(file))
}

fn write_json(file: &Path, value: &serde_json::Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|e| CtlError::failure(&file.display().to_string(), e))?;
    write_secret(file, text.as_bytes())
}

fn sha256_of(file: &Path) -> Result<String> {
    let mut open = fs::File::open(file).map_err(at_path(file))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 20];
    loop {
        let read = std::io::Read::read(&mut open, &mut buffer).map_err(at_path(file))?;
        if read == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&buffer[..read]);
    }
}

/// Copies a folder with everything in it; gives the number of files.
fn copy_folder(from: &Path, to: &Path) -> Result<u64> {
    if !from.is_dir() {
        return Ok(0);
    }
    fs::create_dir_all(to).map_err(at_path(to))?;
    let mut files = 0;
    for entry in fs::read_dir(from).map_err(at_path(from))? {
        let entry = entry.map_err(at_path(from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            files += copy_folder(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(at_path(&target))?;
            files += 1;
        }
    }
    Ok(files)
}

/// A program of PostgreSQL: the newest installed, because an older `pg_dump` refuses a newer server.
fn postgres_tool(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(std::result::Result::ok);
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin").join(name),
            ))
        })
        .filter(|(_, path)| path.exists())
        .collect();
    found.sort();
    found.pop().map_or_else(|| PathBuf::from(name), |(_, path)| path)
}

/// A program of PostgreSQL on a database; the password travels by environment, arguments are everybody's to read.
fn postgres(tool: &str, url: &str) -> Result<Command> {
    let parsed = reqwest::Url::parse(url).map_err(|e| CtlError::failure("database address", e))?;
    let mut command = Command::new(postgres_tool(tool));
    command
        .env("PGHOST", parsed.host_str().unwrap_or_default())
        .env("PGPORT", parsed.port().unwrap_or(5432).to_string())
        .env("PGUSER", parsed.username())
        .env("PGPASSWORD", parsed.password().unwrap_or_default())
        .env("PGDATABASE", database_name(url)?)
        .stdin(Stdio::null());
    Ok(command)
}

fn database_name(url: &str) -> Result<String> {
    let parsed = reqwest::Url::parse(url).map_err(|e| CtlError::failure("database address", e))?;
    Ok(parsed.path().trim_start_matches('/').to_owned())
}

fn finish(mut command: Command, what: &str) -> Result<String> {
    let output = command.output().map_err(|e| {
        CtlError::failure(what, e).next("install the PostgreSQL client programs: apt-get install postgresql-client")
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(CtlError::failure(what, said.lines().last().unwrap_or("failed")).next("is PostgreSQL up? `tuntas doctor`"))
}

async fn broker_definitions(context: &Context) -> Result<String> {
    let response = broker(context, reqwest::Method::GET)?.send().await;
    let answer = response.and_then(reqwest::Response::error_for_status);
    answer.map_err(broker_error)?.text().await.map_err(broker_error)
}

async fn put_broker_definitions(context: &Context, file: &Path) -> Result<()> {
    let request = broker(context, reqwest::Method::POST)?
        .header("content-type", "application/json")
        .body(read(file)?);
    request
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .map_err(broker_error)?;
    Ok(())
}

fn broker(context: &Context, method: reqwest::Method) -> Result<reqwest::RequestBuilder> {
    let url = context
        .platform
        .endpoints()
        .amqp_management_url
        .as_deref()
        .ok_or_else(|| {
            CtlError::usage("the endpoints of this platform do not name the broker's management API")
                .next("is --state the folder given to deploy/up?")
        })?;
    let parsed = reqwest::Url::parse(url).map_err(|e| CtlError::failure("broker address", e))?;
    let request = reqwest::Client::new().request(method, format!("{}/api/definitions", without_login(&parsed)));
    Ok(request.basic_auth(parsed.username(), parsed.password()))
}

fn broker_error(error: reqwest::Error) -> CtlError {
    CtlError::new(
        Exit::Unavailable,
        format!("the broker's management API: {}", error.without_url()),
    )
    .next("is RabbitMQ up? `tuntas doctor`")
}
