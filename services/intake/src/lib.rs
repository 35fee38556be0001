//! Intake: where reports come in, and where words and identity stay.
//!
//! - Citizens file, follow and act by receipt ([`file_report`], [`track_report`], [`citizen_command`]).
//! - Officers and services read and write through the [`vault`], each call authorised by who calls and by what
//!   routing said last of the case ([`access`], [`consume`]).
//! - What people wrote is sealed under a key per report ([`seal`], [`content`]); the database holds it nowhere in
//!   clear, except the verifier's redaction in the public register ([`search_register`]).
//!
//! Invariants: no log line, span, metric, error or event holds content or identity; a report's words never change;
//! the use cases publish nothing, they append to the outbox in their transaction; filing needs this database alone.

pub mod access;
pub mod attach;
pub mod attachment;
pub mod books;
pub mod caller;
pub mod citizen_command;
pub mod collect_files;
pub mod config;
pub mod consume;
pub mod content;
pub mod facts;
pub mod file_report;
pub mod find_near_copy;
pub mod group_commit;
pub mod grpc;
pub mod intake;
pub mod keep_indexes;
pub mod list_public_points;
pub mod list_public_updates;
pub mod problems;
pub mod public;
pub mod receipt;
pub mod recover_receipt;
pub mod seal;
pub mod search_register;
pub mod secrets;
pub mod send_message;
pub mod store;
pub mod suggest;
pub mod texts;
pub mod track_report;
pub mod upload_attachment;
pub mod validate;
pub mod vault;
pub mod words;

use sqlx::migrate::Migrator;
use tuntas_kit::{
    app::{Boot, Service, ServiceSpec},
    consumer::Consumer,
};
use tuntas_proto::intake::v1::{intake_server::IntakeServer, vault_server::VaultServer};

use crate::{
    config::IntakeConfig,
    consume::Cases,
    grpc::{Citizens, Officers},
    intake::Intake,
};

/// Intake's own migrations; kit's come before them.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// What makes a service this one.
pub const SPEC: ServiceSpec = ServiceSpec {
    name: "intake",
    default_toml: config::DEFAULT_TOML,
    migrator: &MIGRATOR,
};

/// Builds the service: gRPC, consumer, relay, and the reconcilers of files, word indexes and lost codes.
///
/// # Errors
/// A key is missing or not one, or the folder of the files cannot be used.
pub async fn build(boot: Boot<IntakeConfig>) -> anyhow::Result<Service> {
    let service = boot.service();
    let intake = Intake::new(boot.config, boot.pool, boot.clock, boot.trust)?;
    let (for_books, for_files, for_codes, for_indexes) =
        (intake.clone(), intake.clone(), intake.clone(), intake.clone());
    Ok(service
        .grpc(IntakeServer::new(Citizens(intake.clone())))
        .grpc(VaultServer::new(Officers(intake.clone())))
        .relay()
        .consumer(Consumer::new(consume::QUEUE, Cases(intake)))
        .task("collect files", move |stop| collect_files::run(for_files, stop))
        .task("keep indexes", move |stop| keep_indexes::run(for_indexes, stop))
        .task("recover receipts", move |stop| recover_receipt::run(for_codes, stop))
        .books(move || books::list(for_books.clone())))
}
