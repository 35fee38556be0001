//! Who calls, and whose figures and evaluation cases they may see.

use std::sync::Arc;

use sqlx::PgPool;
use time::OffsetDateTime;
use tonic::Request;
use tuntas_domain::{
    Directory,
    authorization::{Official, Role},
    ids::PositionId,
};
use tuntas_kit::{
    auth::{Assertion, Kind, TrustStore},
    clock::Clock,
    directory::DirectoryReader,
    problem::{FORBIDDEN, Problem},
};

use crate::{scores::Per, store::cases::Scope};

/// Roles that see everybody's evaluation.
const SEE_ALL: [Role; 4] = [Role::Director, Role::Patron, Role::Ombudsman, Role::Auditor];

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
    /// Services that may see all figures.
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
    is_reader: bool,
}

impl Access {
    /// Who calls.
    ///
    /// # Errors
    /// `unauthenticated`, `assertion_expired`, or the database's.
    pub async fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Problem> {
        let at = self.clock.now();
        let assertion = self.trust.assertion(request, at)?;
        let is_service = assertion.kind == Kind::Service;
        let official = match is_service {
            true => None,
            false => {
                self.directory
                    .official(&mut *self.pool.acquire().await?, &assertion, at)
                    .await?
            }
        };
        let is_reader = is_service && self.service_readers.contains(&assertion.subject);
        Ok(Caller {
            assertion,
            official,
            at,
            is_reader,
        })
    }
}

impl Caller {
    /// The official.
    ///
    /// # Errors
    /// `forbidden` when it is none.
    pub fn official(&self) -> Result<&Official, Problem> {
        self.official.as_ref().ok_or_else(|| Problem::new(FORBIDDEN))
    }

    fn has_any(&self, roles: &[Role]) -> bool {
        self.official
            .as_ref()
            .is_some_and(|official| roles.iter().any(|role| official.roles.contains(role)))
    }

    /// Figures are for everybody in office.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn may_see_scores(&self) -> Result<(), Problem> {
        if self.is_reader || self.official.is_some() {
            return Ok(());
        }
        Err(Problem::new(FORBIDDEN))
    }

    /// Breaches name cases: everybody's for those who see all and for the manager, else those of the own agency.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn may_see_breaches(&self, directory: &Directory, per: Per, subject: &str) -> Result<(), Problem> {
        if self.is_reader || self.has_any(&SEE_ALL) || self.has_any(&[Role::Manager]) {
            return Ok(());
        }
        let own = self.official()?.opd.as_ref();
        let opd_of = |position: &str| {
            let id = PositionId::new(position).ok()?;
            directory.positions.get(&id)?.opd.as_ref()
        };
        let is_own = own.is_some_and(|own| match per {
            Per::Province => false,
            Per::Opd => own.as_str() == subject,
            Per::Position => opd_of(subject) == Some(own),
            Per::Holder => subject.split_once('/').and_then(|(position, _)| opd_of(position)) == Some(own),
        });
        if is_own {
            return Ok(());
        }
        Err(Problem::new(FORBIDDEN).message("these are another agency's breaches; name your own agency or position"))
    }

    /// Whose evaluation cases the caller sees: everybody's, the own agency's for its head, else the own.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn scope(&self) -> Result<Scope, Problem> {
        if self.is_reader || self.has_any(&SEE_ALL) {
            return Ok(Scope {
                all: true,
                ..Scope::default()
            });
        }
        let official = self.official()?;
        let opd = match self.has_any(&[Role::AccountableHead]) {
            true => official.opd.as_ref().map(ToString::to_string),
            false => None,
        };
        Ok(Scope {
            all: false,
            opd,
            position: Some(official.position.to_string()),
            holder: Some(official.holder.to_string()),
        })
    }
}
