//! What every use case of a desk needs.

use std::sync::Arc;

use sqlx::{PgPool, Postgres, pool::PoolConnection};
use tonic::{Request, service::interceptor::InterceptedService, transport::Channel};
use tuntas_kit::{
    auth::TrustStore, client::AsService, clock::Clock, directory::DirectoryReader, problem::Problem, wait::Board,
};
use tuntas_proto::intake::v1::vault_client::VaultClient;

use crate::{config, learnt::Learnt, metrics::Metrics};

/// Metadata by which a service hands on the assertion of the officer for whom it calls.
pub const ACTOR: &str = "x-tuntas-actor";

/// A client of intake's vault, as this service.
pub type Vault = VaultClient<InterceptedService<Channel, AsService>>;

/// A desk. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    /// Its database.
    pub pool: PgPool,
    /// What counts as now.
    pub clock: Clock,
    /// Whose assertions count.
    pub trust: Arc<TrustStore>,
    /// Its replica of the directory.
    pub directory: DirectoryReader,
    /// Which agencies it serves.
    pub scope: config::Scope,
    /// Intake's vault.
    pub vault: Vault,
    /// Its own metrics.
    pub metrics: Metrics,
    /// Told of cases that have come in, and of commands that are decided.
    pub heard: Board,
    /// Entries of the directory that it has committed.
    pub learnt: Learnt,
    /// Its settings.
    pub config: Arc<config::DeskConfig>,
}

impl Desk {
    /// A connection for reading.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn conn(&self) -> Result<PoolConnection<Postgres>, Problem> {
        Ok(self.pool.acquire().await?)
    }

    /// A call to intake on behalf of the officer whose assertion this is.
    ///
    /// # Errors
    /// The token is none.
    pub fn for_officer<T>(&self, message: T, token: &str) -> Result<Request<T>, Problem> {
        let mut request = Request::new(message);
        request.set_timeout(self.config.intake.timeout());
        let value = format!("Bearer {token}").parse().map_err(Problem::internal)?;
        request.metadata_mut().insert(ACTOR, value);
        Ok(request)
    }
}
