//! Who calls: a service of the platform, or an official as the directory has them now (rule M13).

use std::sync::Arc;

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{Actor, Official, Role};
use tuntas_kit::{
    auth::{Assertion, Kind},
    directory::{DirectoryReader, Snapshot},
    problem::{FORBIDDEN, Problem},
};
use tuntas_proto::common::v1::Actor as WireActor;

/// A caller that has been looked up.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// A service, by name.
    Service(String),
    /// An official.
    Official(Official),
}

impl Caller {
    /// Looks a verified assertion up in the directory as of `at`.
    ///
    /// # Errors
    /// `forbidden` when the position is unknown or the person does not hold it then.
    pub(crate) fn of(assertion: &Assertion, directory: &Snapshot, at: OffsetDateTime) -> Result<Self, Problem> {
        if assertion.kind == Kind::Service {
            return Ok(Self::Service(assertion.subject.clone()));
        }
        let official = directory
            .official(assertion, at)
            .ok_or_else(|| Problem::new(FORBIDDEN).message("the directory has no such holder of this position now"))?;
        Ok(Self::Official(official))
    }

    /// Looks an assertion up and gives the directory with it.
    ///
    /// # Errors
    /// As [`Caller::of`], or the database's.
    pub(crate) async fn resolve(
        conn: &mut PgConnection,
        reader: &DirectoryReader,
        assertion: &Assertion,
        at: OffsetDateTime,
    ) -> Result<(Self, Arc<Snapshot>), Problem> {
        let directory = reader.current(conn).await?;
        Ok((Self::of(assertion, &directory, at)?, directory))
    }

    /// The official.
    ///
    /// # Errors
    /// `forbidden` for a service.
    pub(crate) fn official(&self) -> Result<&Official, Problem> {
        match self {
            Self::Official(official) => Ok(official),
            Self::Service(_) => Err(Problem::new(FORBIDDEN).message("this needs an official")),
        }
    }

    /// Whether it is a service of this name.
    pub(crate) fn is_service(&self, name: &str) -> bool {
        matches!(self, Self::Service(own) if own == name)
    }

    /// Whether it is an official with one of these roles.
    pub(crate) fn has_role(&self, roles: &[Role]) -> bool {
        matches!(self, Self::Official(official) if roles.iter().any(|role| official.roles.contains(role)))
    }

    /// That it is a service of one of these names or an official with one of these roles.
    ///
    /// # Errors
    /// `forbidden`.
    pub(crate) fn require(&self, services: &[&str], roles: &[Role]) -> Result<(), Problem> {
        if services.iter().any(|name| self.is_service(name)) || self.has_role(roles) {
            return Ok(());
        }
        Err(Problem::new(FORBIDDEN))
    }

    /// The actor of an event.
    pub(crate) fn wire(&self) -> WireActor {
        match self {
            Self::Service(name) => WireActor {
                via: name.clone(),
                ..WireActor::default()
            },
            Self::Official(official) => wire_official(official),
        }
    }
}

/// An official as the actor of an event.
pub(crate) fn wire_official(official: &Official) -> WireActor {
    WireActor {
        position_id: official.position.to_string(),
        holder_id: official.holder.to_string(),
        via: "officer".to_owned(),
    }
}

/// The domain's actor as the actor of an event.
pub(crate) fn wire_actor(actor: &Actor) -> WireActor {
    match actor {
        Actor::Official(official) => wire_official(official),
        Actor::Reporter => WireActor {
            via: "citizen".to_owned(),
            ..WireActor::default()
        },
        Actor::System => WireActor {
            via: "system".to_owned(),
            ..WireActor::default()
        },
    }
}
