//! Who calls a desk: an official of an agency that it serves, as the directory has them now (rule M13).

use std::sync::Arc;

use time::OffsetDateTime;
use tuntas_domain::{Official, OpdCode, Role};
use tuntas_kit::{
    auth::Assertion,
    directory::Snapshot,
    problem::{FORBIDDEN, NOT_FOUND, Problem, UNAVAILABLE},
};

use crate::desk::Desk;

/// Roles that handle cases at a desk.
const ROLES: [Role; 3] = [Role::AccountableHead, Role::Liaison, Role::Executor];

/// A caller that has been looked up.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The official.
    pub official: Official,
    /// Their agency.
    pub opd: OpdCode,
    /// The assertion, to hand on.
    pub token: String,
    /// When they ask.
    pub at: OffsetDateTime,
    /// The directory by which they were looked up.
    pub directory: Arc<Snapshot>,
}

impl Caller {
    /// Looks a verified assertion up.
    ///
    /// # Errors
    /// `forbidden` for everybody but head, liaison and executors of an agency of this desk; `unavailable` while the
    /// desk has not learnt the directory.
    pub async fn resolve(desk: &Desk, assertion: &Assertion, at: OffsetDateTime) -> Result<Self, Problem> {
        let (official, directory) = desk.directory.caller(&desk.pool, assertion, at).await?;
        if directory.positions.is_empty() {
            return Err(Problem::new(UNAVAILABLE).message("the desk has not learnt the directory yet; try again"));
        }
        let official = official
            .ok_or_else(|| Problem::new(FORBIDDEN).message("the directory has no such holder of this position now"))?;
        let opd = official.opd.clone().filter(|opd| desk.scope.covers(opd));
        let opd = opd.ok_or_else(|| Problem::new(FORBIDDEN).message("this desk does not serve the caller's agency"))?;
        if !assertion.covers(&opd) {
            return Err(Problem::new(FORBIDDEN).message("the key of the assertion may not speak for this agency"));
        }
        if !ROLES.iter().any(|role| official.roles.contains(role)) {
            return Err(Problem::new(FORBIDDEN).message("the position handles no cases"));
        }
        Ok(Self {
            official,
            opd,
            token: assertion.token.clone(),
            at,
            directory,
        })
    }

    /// That a request is about the caller's own agency. To others there is nothing here.
    ///
    /// # Errors
    /// `invalid_argument` or `not_found`.
    pub fn own(&self, opd_code: &str) -> Result<(), Problem> {
        let opd: OpdCode = opd_code.parse().map_err(|error| Problem::invalid("opd_code", error))?;
        if opd == self.opd {
            Ok(())
        } else {
            Err(Problem::new(NOT_FOUND))
        }
    }
}
