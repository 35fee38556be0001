//! Who may look at the log: those who see all cases by their office, and named services.

use std::sync::Arc;

use sqlx::PgPool;
use time::OffsetDateTime;
use tonic::Request;
use tuntas_domain::authorization::{Official, Role};
use tuntas_kit::{
    auth::{Assertion, Kind, TrustStore},
    clock::Clock,
    directory::DirectoryReader,
    problem::{FORBIDDEN, Problem},
};

/// Roles that see all cases.
const READERS: [Role; 4] = [Role::Ombudsman, Role::Auditor, Role::Director, Role::Patron];

/// Verifies callers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Access {
    /// Own database, with the replica of the directory.
    pub pool: PgPool,
    /// Whose assertions count.
    pub trust: Arc<TrustStore>,
    /// What counts as now.
    pub clock: Clock,
    /// The directory.
    pub directory: DirectoryReader,
    /// Services that may read the log.
    pub service_readers: Arc<[String]>,
}

/// A caller whose assertion was verified.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The assertion.
    pub assertion: Assertion,
    /// The official behind it; none for a service, and for a position that the asserted person does not hold.
    pub official: Option<Official>,
    /// When it was verified.
    pub at: OffsetDateTime,
}

impl Caller {
    /// Whether the caller has a role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.official
            .as_ref()
            .is_some_and(|official| official.roles.contains(&role))
    }

    /// The official.
    ///
    /// # Errors
    /// `forbidden` when it is none.
    pub fn official(&self) -> Result<&Official, Problem> {
        self.official.as_ref().ok_or_else(|| Problem::new(FORBIDDEN))
    }
}

impl Access {
    /// Who calls.
    ///
    /// # Errors
    /// `unauthenticated`, `assertion_expired`, or the database's.
    pub async fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Problem> {
        let at = self.clock.now();
        let assertion = self.trust.assertion(request, at)?;
        let official = match assertion.kind {
            Kind::Service => None,
            Kind::Position => {
                self.directory
                    .official(&mut *self.pool.acquire().await?, &assertion, at)
                    .await?
            }
        };
        Ok(Caller {
            assertion,
            official,
            at,
        })
    }

    /// Who calls, if they may look at the log.
    ///
    /// # Errors
    /// As [`caller`](Self::caller), or `forbidden`.
    pub async fn reader<T>(&self, request: &Request<T>) -> Result<Caller, Problem> {
        let caller = self.caller(request).await?;
        let is_service =
            caller.assertion.kind == Kind::Service && self.service_readers.contains(&caller.assertion.subject);
        if is_service || READERS.into_iter().any(|role| caller.has(role)) {
            return Ok(caller);
        }
        Err(Problem::new(FORBIDDEN).message("only those who see all cases by their office may read the log"))
    }
}
