//! Plumbing of every Tuntas service: what is the same everywhere, so that a service holds only what it is for.
//!
//! # A complete service
//!
//! `default.toml` (its own sections only; the common ones are in kit's `default.toml`, and may be overridden):
//!
//! ```toml
//! [grpc]
//! listen = "127.0.0.1:7102"
//! [http]
//! listen = "127.0.0.1:7202"
//! [routing]
//! # Overdue cases looked at in one go.
//! claim_batch_max = 200
//! # Empty means "not set": `Option<String>` is `None`, a `String` is refused as missing.
//! seed_dir = ""
//! ```
//!
//! `sqlx.toml`: `[common] database-url-var = "ROUTING_DATABASE_URL"`, `[migrate] table-name =
//! "_routing_migrations"`. `main.rs`:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use serde::Deserialize;
//! use tuntas_kit::{
//!     app::{self, Boot, Service, ServiceSpec},
//!     broker,
//!     consumer::{Consumer, Handler, HandlerError, Received},
//!     event::EventDraft,
//!     idempotency, outbox,
//!     problem::Problem,
//!     tx,
//! };
//! # use sqlx::{PgConnection, PgPool, migrate::Migrator};
//! # use tuntas_proto::event::v1::{OutageRecorded, event::Payload};
//!
//! static MIGRATOR: Migrator = /* sqlx::migrate!() */
//! # Migrator::DEFAULT;
//!
//! /// All keys of `default.toml` but the common sections.
//! #[derive(Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {
//!     routing: RoutingSettings,
//! }
//! #[derive(Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct RoutingSettings {
//!     claim_batch_max: u32,
//!     seed_dir: Option<std::path::PathBuf>,
//! }
//!
//! fn main() -> ExitCode {
//!     let spec = ServiceSpec {
//!         name: "routing",
//!         default_toml: /* include_str!("../default.toml") */
//! # "",
//!         migrator: &MIGRATOR,
//!     };
//!     // Own command line arguments: a struct with `#[derive(clap::Args)]` as second parameter of `Boot`.
//!     app::main(spec, async |boot: Boot<Settings>| build(boot))
//! }
//!
//! fn build(boot: Boot<Settings>) -> anyhow::Result<Service> {
//!     let pool = boot.pool.clone();
//!     Ok(boot
//!         .service()
//!         // .grpc(CasesServer::new(Api { pool: pool.clone(), clock: boot.clock.clone(), trust: boot.trust.clone() }))
//!         .relay()
//!         .consumer(Consumer::new(broker::ROUTING_INTAKE, IntakeEvents))
//!         .task("escalation", async move |stop| {
//!             stop.cancelled().await;
//!             Ok(())
//!         })
//!         .work_pending(move || {
//!             let pool = pool.clone();
//!             async move { Ok(outbox::depth(&pool).await?) }
//!         }))
//! }
//!
//! /// One event of the queue, in a transaction in which it is already claimed.
//! struct IntakeEvents;
//!
//! impl Handler for IntakeEvents {
//!     async fn handle(&self, conn: &mut PgConnection, received: &Received) -> Result<(), HandlerError> {
//!         match &received.event.payload {
//!             Some(Payload::ReportFiled(filed)) if filed.report_id.is_empty() => {
//!                 Err(HandlerError::Reject("no report id".to_owned()))
//!             }
//!             _ => Ok(()), // What does not concern this service is done.
//!         }
//!     }
//! }
//!
//! /// A use case: one transaction, which nobody can cancel; events appended last.
//! async fn record_outage(pool: &PgPool, key: String, request: OutageRecorded, now: time::OffsetDateTime)
//!     -> Result<OutageRecorded, Problem>
//! {
//!     tx::run(pool, move |conn| Box::pin(async move {
//!         if let Some(answer) = idempotency::lookup(conn, "RecordOutage", &key, &request).await? {
//!             return Ok(answer);
//!         }
//!         // ... the service's own `store` functions on `conn` ...
//!         idempotency::remember(conn, "RecordOutage", &key, &request, &request).await?;
//!         let event = EventDraft::new("tuntas.directory.outage", "routing", "directory", 1, now,
//!             Payload::OutageRecorded(request.clone())).policy_version("2026-1").seal();
//!         outbox::append(conn, &[event.to_events("routing.directory.outage")]).await?;
//!         Ok(request)
//!     })).await
//! }
//! ```
//!
//! In a gRPC handler: `let actor = self.trust.assertion(&request, self.clock.now())?;` gives the verified
//! [`auth::Assertion`], and `?` turns a [`problem::Problem`] into a `tonic::Status` with its stable code.
//! Calls to other services: `CasesClient::with_interceptor(client::channel(url)?, boot.as_service()?)`, or a
//! request in an officer's name by [`client::request_as`].
//!
//! The binary then has `routing` (run), `routing migrate`, `routing check-config`, serves `Ops` and health
//! beside its own gRPC services, and `/livez`, `/readyz`, `/metrics` on the HTTP port.
//!
//! # Rules that this crate keeps
//! - A transaction runs in a task of its own ([`tx`]); a use case never publishes, it appends to the
//!   [`outbox`]; the [`relay`] publishes.
//! - Consumed means: inbox claimed, effects written, events appended, one commit, then the acknowledgement
//!   ([`consumer`]).
//! - [`broker`] alone names the AMQP library; [`clock`] alone reads the time; [`ids`] alone draws randomness.
//! - What the broker did not bring is fetched from its source's outbox ([`consumer::CatchUp`]).
//! - Calls of `Ops` other than `GetStatus` need the service assertion of `ctl`, unless no key is trusted.

pub mod app;
pub mod auth;
pub mod backoff;
pub mod broker;
pub mod client;
pub mod clock;
pub mod config;
pub mod consumer;
pub mod database;
pub mod dead;
pub mod directory;
pub mod event;
pub mod idempotency;
pub mod ids;
pub mod inbox;
pub mod lifecycle;
pub mod metrics;
pub mod ombudsman;
mod ops;
pub mod outbox;
pub mod problem;
pub mod published;
pub mod rate_limit;
pub mod reconciler;
pub mod relay;
pub mod rest;
pub mod retention;
pub mod telemetry;
pub mod tx;
pub mod wait;
