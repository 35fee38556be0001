//! Gateway: the only HTTP edge of the platform.
//!
//! It turns pages and Open311 into gRPC calls and owns nothing but officers' accounts and sessions. Pages are made on the
//! server; every one works without JavaScript. Words and identity pass through it and are kept nowhere in it.

pub mod accounts;
pub mod admin;
pub mod api_keys;
pub mod citizen;
pub mod config;
pub mod directory;
pub mod figures;
pub mod grpc;
pub mod inbox;
pub mod lang;
pub mod login;
pub mod officer;
pub mod ombudsman;
pub mod open311;
pub mod openapi;
pub mod platform;
pub mod qr;
pub mod web;

use std::net::SocketAddr;

use anyhow::Context as _;
use sqlx::migrate::Migrator;
use tuntas_kit::app::{Boot, Service, ServiceSpec};
use tuntas_proto::gateway::v1::{accounts_server::AccountsServer, api_keys_server::ApiKeysServer};

use crate::{config::GatewayConfig, platform::Platform, web::Web};

/// Migrations of gateway's own tables.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// What makes a process this service.
pub const SPEC: ServiceSpec = ServiceSpec {
    name: "gateway",
    default_toml: config::DEFAULT_TOML,
    migrator: &MIGRATOR,
};

/// Builds the service.
///
/// # Errors
/// An address or a file of the configuration is not what it should be.
pub async fn build(boot: Boot<GatewayConfig>) -> anyhow::Result<Service> {
    let config = &boot.config;
    let secret = config.login.secret()?;
    let platform = Platform::new(
        &config.services,
        &boot.as_service()?,
        boot.signer()?,
        boot.clock.clone(),
    )?;
    let web = Web::new(config, platform, boot.pool.clone(), &secret)?;
    let listener = tokio::net::TcpListener::bind(config.edge.listen)
        .await
        .with_context(|| format!("edge.listen {}", config.edge.listen))?;
    tracing::info!(listen = %config.edge.listen, "pages");
    let api = grpc::Api {
        web: web.clone(),
        trust: boot.trust.clone(),
    };
    let keys = grpc::Api {
        web: web.clone(),
        trust: boot.trust.clone(),
    };
    Ok(boot
        .service()
        .grpc(AccountsServer::new(api))
        .grpc(ApiKeysServer::new(keys))
        .task("edge", move |stop| async move {
            let live = web.live.clone();
            let router = web::router(&web).into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, router)
                .with_graceful_shutdown(async move {
                    stop.cancelled_owned().await;
                    live.stop();
                })
                .await?;
            Ok(())
        }))
}
