//! What every page shares: the router's layers, the reader's language and session, errors as pages.

pub mod assets;
pub mod fault;
pub mod format;
pub mod headers;
pub mod origin;
pub mod page;
pub mod peer;
pub mod refusal;
pub mod upload;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    routing::get,
};
use secrecy::SecretString;
use sqlx::PgPool;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{NotForContentType, Predicate, SizeAbove},
    },
    timeout::TimeoutLayer,
};
use tuntas_kit::{clock::Clock, problem::NOT_FOUND};

use crate::{
    accounts::{Accounts, seal::Seal},
    admin,
    api_keys::ApiKeys,
    citizen,
    config::{Edge, Filing, GatewayConfig, Inbox, Open311},
    directory::DirectoryCache,
    figures::Figures,
    inbox,
    login::{self, provider::Provider},
    officer, ombudsman, open311, openapi,
    platform::Platform,
    web::{fault::Fault, page::Page, peer::PeerLimit},
};

/// Largest body of a form without files, in bytes.
const FORM_BYTES_MAX: usize = 256 << 10;

/// What a handler works with. Cheap to clone.
#[derive(Clone)]
pub struct Web {
    inner: Arc<Inner>,
}

/// See [`Web`].
pub struct Inner {
    /// `[edge]`
    pub edge: Edge,
    /// `[filing]`
    pub filing: Filing,
    /// Services.
    pub platform: Platform,
    /// Directory.
    pub directory: DirectoryCache,
    /// Public figures.
    pub figures: Figures,
    /// Accounts and sessions.
    pub accounts: Accounts,
    /// Where people may log in instead.
    pub provider: Option<Arc<Provider>>,
    /// Sealing of logins under way.
    pub flows: Seal,
    /// What counts as now.
    pub clock: Clock,
    /// Filings per address.
    pub filings: PeerLimit,
    /// Live updates of officers' pages.
    pub live: officer::live::Live,
    /// Imports of backlogs under way.
    pub imports: officer::import::jobs::Imports,
    /// `[open311]`
    pub open311: Open311,
    /// `[inbox]`
    pub inbox: Inbox,
    /// Keys of integrations.
    pub api_keys: ApiKeys,
    /// Programs' requests per address.
    pub reads: PeerLimit,
}

impl std::ops::Deref for Web {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl Web {
    /// Everything behind the pages.
    ///
    /// # Errors
    /// A setting is not what it should be.
    pub fn new(
        config: &GatewayConfig,
        platform: Platform,
        pool: PgPool,
        secret: &SecretString,
    ) -> anyhow::Result<Self> {
        let fresh_for = std::time::Duration::from_millis(config.edge.cache_ms);
        let clock = platform.clock().clone();
        Ok(Self {
            inner: Arc::new(Inner {
                edge: config.edge.clone(),
                filing: config.filing.clone(),
                directory: DirectoryCache::new(platform.clone(), pool.clone(), fresh_for),
                figures: Figures::new(platform.clone(), fresh_for),
                open311: config.open311.clone(),
                inbox: config.inbox.clone(),
                api_keys: ApiKeys::new(pool.clone(), secret),
                reads: PeerLimit::new(config.open311.per_peer_per_minute, config.open311.per_peer_burst),
                accounts: Accounts::new(pool, &config.login, secret, clock.clone()),
                filings: PeerLimit::new(config.filing.per_peer_per_minute, config.filing.per_peer_burst),
                imports: officer::import::jobs::Imports::new(secret),
                live: officer::live::Live::default(),
                provider: Provider::new(&config.oidc, &config.edge.public_url)?.map(Arc::new),
                flows: Seal::new(secret, "oidc"),
                platform,
                clock,
            }),
        })
    }
}

/// The whole edge.
pub fn router(web: &Web) -> Router {
    let pages = Router::new()
        .merge(citizen::routes(web))
        .merge(login::routes())
        .merge(officer::routes())
        .merge(ombudsman::routes())
        .merge(admin::routes())
        .merge(open311::pages())
        .fallback(unknown_page)
        .layer(from_fn_with_state(web.clone(), fault::show));
    Router::new()
        .route("/static/{stamp}/{name}", get(assets::serve))
        .route("/robots.txt", get(assets::robots))
        .merge(pages)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn(origin::refuse_other_sites))
        // Programs have no cookie that another site could use.
        .merge(open311::routes(web))
        .merge(inbox::routes())
        .merge(openapi::routes())
        // Live updates are never held back by a compressor.
        .layer(
            CompressionLayer::new().compress_when(
                SizeAbove::new(512)
                    .and(NotForContentType::IMAGES)
                    .and(NotForContentType::SSE),
            ),
        )
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            web.edge.timeout(),
        ))
        .layer(CatchPanicLayer::new())
        // Outermost, so that what the layers answer has them too.
        .layer(from_fn_with_state(web.clone(), headers::add))
        .with_state(web.clone())
}

async fn unknown_page(_page: Page) -> Fault {
    Fault::new(NOT_FOUND)
}
