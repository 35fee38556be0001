//! Who calls the vault: an officer by an assertion, or a service of the platform.

use time::OffsetDateTime;
use tonic::{Request, metadata::MetadataMap};
use tuntas_domain::{Official, Role};
use tuntas_kit::{
    auth::{AUTHORIZATION, Assertion, AssertionError, Kind},
    problem::{FORBIDDEN, Problem},
};
use tuntas_proto::common::v1::Actor;

use crate::intake::Intake;

/// Metadata by which a service hands on the assertion of the officer for whom it calls.
pub const ACTOR: &str = "x-tuntas-actor";
const BEARER: &str = "Bearer ";

/// A verified caller.
#[derive(Debug, Clone)]
pub enum Caller {
    /// An officer, with roles as of the assertion (rule M13).
    Officer(Official),
    /// A service in its own name.
    Service(String),
}

impl Caller {
    /// The officer.
    ///
    /// # Errors
    /// `forbidden` for a service.
    pub fn officer(&self) -> Result<&Official, Problem> {
        match self {
            Self::Officer(official) => Ok(official),
            Self::Service(_) => Err(Problem::new(FORBIDDEN).message("this needs an officer")),
        }
    }

    /// That it is this service.
    ///
    /// # Errors
    /// `forbidden` for everybody else.
    pub fn require_service(&self, name: &str) -> Result<(), Problem> {
        match self {
            Self::Service(service) if service == name => Ok(()),
            _ => Err(Problem::new(FORBIDDEN)),
        }
    }
}

/// The actor of an event, for an officer.
#[must_use]
pub fn actor_of(official: &Official) -> Actor {
    Actor {
        position_id: official.position.to_string(),
        holder_id: official.holder.to_string(),
        via: "officer".to_owned(),
    }
}

/// Whether an officer is the Ombudsman, whose reads are facts.
#[must_use]
pub fn is_ombudsman(official: &Official) -> bool {
    official.roles.contains(&Role::Ombudsman)
}

/// Verifies who calls. A service may hand on an officer's assertion; then the officer is the caller.
///
/// # Errors
/// `unauthenticated`, `assertion_expired`, `forbidden`, or the database's.
pub async fn caller<T: Sync>(intake: &Intake, request: &Request<T>) -> Result<Caller, Problem> {
    let now = intake.now();
    let direct = verified(intake, request.metadata(), AUTHORIZATION, now)?.ok_or(AssertionError::Missing)?;
    let handed_on = verified(intake, request.metadata(), ACTOR, now)?;
    let assertion = match (direct.kind, handed_on) {
        (Kind::Position, _) => direct,
        (Kind::Service, Some(officers)) => officers,
        (Kind::Service, None) => return Ok(Caller::Service(direct.subject)),
    };
    let found = intake.directory.caller(&intake.pool, &assertion, assertion.issued_at);
    let (official, _) = found.await?;
    official
        .map(Caller::Officer)
        .ok_or_else(|| Problem::new(FORBIDDEN).message("the person does not hold this position"))
}

/// The token under a metadata key, with or without `Bearer`, verified.
fn verified(
    intake: &Intake,
    metadata: &MetadataMap,
    key: &str,
    at: OffsetDateTime,
) -> Result<Option<Assertion>, Problem> {
    let Some(value) = metadata.get(key) else {
        return Ok(None);
    };
    let token = value.to_str().map_err(|_| AssertionError::Malformed)?;
    let token = token.strip_prefix(BEARER).unwrap_or(token);
    Ok(Some(intake.trust.verify(token, at)?))
}
