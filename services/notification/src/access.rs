//! Who may ask notification for what.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{CaseId, Official, OpdCode, PositionId, Role};
use tuntas_kit::{
    auth::{Assertion, Kind},
    directory::DirectoryReader,
    problem::{FORBIDDEN, Problem, UNKNOWN_CASE},
};

use crate::store::case_agencies;

/// Services that may see every delivery: the command line for operators, and intake for a reporter.
const SERVICES: &[&str] = &["ctl", "intake", "gateway"];
/// Roles that see the deliveries of every case.
const SEE_ALL: &[Role] = &[
    Role::Patron,
    Role::Director,
    Role::Manager,
    Role::Verifier,
    Role::Ombudsman,
    Role::Operator,
];

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
    pub(crate) async fn resolve(
        conn: &mut PgConnection,
        reader: &DirectoryReader,
        assertion: &Assertion,
        at: OffsetDateTime,
    ) -> Result<Self, Problem> {
        if assertion.kind == Kind::Service {
            return Ok(Self::Service(assertion.subject.clone()));
        }
        let official = reader.official(conn, assertion, at).await?;
        official
            .map(Self::Official)
            .ok_or_else(|| Problem::new(FORBIDDEN).message("the directory has no such holder of this position now"))
    }

    fn has(&self, roles: &[Role]) -> bool {
        matches!(self, Self::Official(official) if roles.iter().any(|role| official.roles.contains(role)))
    }

    fn is_service(&self) -> bool {
        matches!(self, Self::Service(name) if SERVICES.contains(&name.as_str()))
    }

    /// The deliveries of every case and report.
    pub(crate) fn see_all(&self) -> Result<(), Problem> {
        if self.is_service() || self.has(SEE_ALL) {
            Ok(())
        } else {
            Err(Problem::new(FORBIDDEN))
        }
    }

    /// The deliveries of one case. To an agency that it does not concern there is no such case.
    pub(crate) async fn see_case(&self, conn: &mut PgConnection, case_id: CaseId) -> Result<(), Problem> {
        if self.see_all().is_ok() {
            return Ok(());
        }
        let Self::Official(Official { opd: Some(opd), .. }) = self else {
            return Err(Problem::new(FORBIDDEN));
        };
        let agencies = case_agencies::get(conn, case_id).await?;
        if agencies.is_some_and(|agencies| agencies.concern(opd)) {
            return Ok(());
        }
        Err(Problem::new(UNKNOWN_CASE))
    }

    /// Own preferences; an operator's and the command line's everybody's.
    pub(crate) fn prefer_for(&self, position: &PositionId) -> Result<(), Problem> {
        let own = matches!(self, Self::Official(official) if official.position == *position);
        if own || self.is_service() || self.has(&[Role::Operator]) {
            Ok(())
        } else {
            Err(Problem::new(FORBIDDEN))
        }
    }

    /// Webhooks of an agency: its head and liaison, and operators.
    pub(crate) fn manage_webhooks(&self, opd: &OpdCode) -> Result<(), Problem> {
        let own = matches!(self, Self::Official(official) if official.opd.as_ref() == Some(opd));
        let allowed = own && self.has(&[Role::AccountableHead, Role::Liaison]);
        if allowed || self.has(&[Role::Operator]) {
            Ok(())
        } else {
            Err(Problem::new(FORBIDDEN))
        }
    }

    /// Trying again what was given up.
    pub(crate) fn retry(&self) -> Result<(), Problem> {
        if self.is_service() || self.has(&[Role::Operator, Role::Manager]) {
            return Ok(());
        }
        Err(Problem::new(FORBIDDEN))
    }

    /// The official.
    pub(crate) fn official(&self) -> Result<&Official, Problem> {
        match self {
            Self::Official(official) => Ok(official),
            Self::Service(_) => Err(Problem::new(FORBIDDEN).message("this needs an official")),
        }
    }
}
