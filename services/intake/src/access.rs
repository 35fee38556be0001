//! Which officer may read a report: the domain's table over what routing said last, and rule M10.

use std::time::Duration;

use prost::Message as _;
use sqlx::PgConnection;
use tuntas_domain::{Official, Party, Privacy, Role, authorization::Relation, may_see};
use tuntas_kit::{outbox, problem::Problem, tx};
use tuntas_proto::{
    case::v1::Case,
    convert,
    event::v1::{OmbudsmanRead, event::Payload},
};
use uuid::Uuid;

use crate::{
    caller::{Caller, actor_of, is_ombudsman},
    facts::{self, What},
    intake::Intake,
    problems::UNKNOWN_REPORT,
    store::{
        case,
        report::{self, Report},
    },
};

/// Roles that read while their agency has the case.
const AGENCY_ROLES: [Role; 4] = [Role::AccountableHead, Role::Liaison, Role::Executor, Role::Auditor];

/// A report, and the case that it lives on in.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The report.
    pub report: Report,
    /// Its surviving case; none until routing has opened one.
    pub case: Option<Case>,
}

impl Standing {
    /// Finds a report with its case.
    ///
    /// # Errors
    /// `unknown_report`, or the database's.
    pub async fn of(conn: &mut PgConnection, report_id: Uuid) -> Result<Self, Problem> {
        let (report, case) = report::with_case(conn, report_id)
            .await?
            .ok_or_else(|| Problem::new(UNKNOWN_REPORT))?;
        let case = match (case, report.case_id) {
            (Some(state), Some(case_id)) if state.merged => case::surviving(conn, case_id).await?,
            (Some(state), _) => Some(Case::decode(state.body.as_slice()).map_err(Problem::internal)?),
            (None, _) => None,
        };
        Ok(Self { report, case })
    }

    /// Whether an officer may read it now.
    #[must_use]
    pub fn may_be_read_by(&self, official: &Official) -> bool {
        let relation = self.relation(official);
        official
            .roles
            .iter()
            .any(|role| may_see(*role, &relation) && above_own_unit(*role, &relation))
    }

    /// Whether an officer's role verifies it now, and so may write its public text.
    #[must_use]
    pub fn may_be_redacted_by(&self, official: &Official) -> bool {
        let relation = self.relation(official);
        official.roles.iter().any(|role| {
            matches!(role, Role::Verifier | Role::Manager | Role::Director | Role::Patron)
                && above_own_unit(*role, &relation)
        })
    }

    /// Whether it is a supervisory case about the officer's own unit, of which that may not even know (rule M10).
    #[must_use]
    pub fn is_hidden_from(&self, official: &Official) -> bool {
        let relation = self.relation(official);
        relation.complained && relation.supervisory
    }

    /// The privacy that the reporter chose.
    ///
    /// # Errors
    /// The database holds a code that is unknown here.
    pub fn privacy(&self) -> Result<Privacy, Problem> {
        crate::store::parsed("privacy", &self.report.privacy)
    }

    /// Until a case is known, the agency that the reporter named counts as the one complained about.
    fn relation(&self, official: &Official) -> Relation {
        match &self.case {
            Some(case) => convert::relation(official, case),
            None => {
                let complained_opd = self.report.named_opd.clone().unwrap_or_default();
                convert::relation(
                    official,
                    &Case {
                        complained_opd,
                        ..Case::default()
                    },
                )
            }
        }
    }
}

/// Rule M10: a case about the unit that verifies is the director's, one about the director the patron's. The
/// Ombudsman sees all; an agency that leads a case sees it although it is complained about.
fn above_own_unit(role: Role, relation: &Relation) -> bool {
    match role {
        Role::Verifier | Role::Manager => relation.authority == Party::Manager && !relation.complained,
        Role::Director => relation.authority != Party::Patron,
        _ => true,
    }
}

/// The report, if the caller may read it now. To who may not, it looks as if there were none.
///
/// A desk may hear of a disposition a moment before intake does. So who is of an agency that does not have the case
/// yet is refused only when that is still so after `vault.catch_up_ms`.
///
/// # Errors
/// `unknown_report`, `forbidden` for a service, or the database's.
pub async fn readable(intake: &Intake, caller: &Caller, report_id: Uuid) -> Result<Standing, Problem> {
    let official = caller.officer()?;
    let catch_up = Duration::from_millis(intake.config.vault.catch_up_ms);
    let mut wait = intake.heard.wait(report_id, catch_up);
    loop {
        let standing = Standing::of(&mut *intake.conn().await?, report_id).await?;
        if standing.may_be_read_by(official) {
            return Ok(standing);
        }
        let of_an_agency = official.roles.iter().any(|role| AGENCY_ROLES.contains(role));
        if !of_an_agency || standing.is_hidden_from(official) || !wait.again().await {
            return Err(Problem::new(UNKNOWN_REPORT));
        }
    }
}

/// Logs that the Ombudsman reads the words of a report, before they are given out. For others it does nothing.
///
/// # Errors
/// The database's; then nothing may be given out.
pub async fn log_read(intake: &Intake, caller: &Caller, standing: &Standing) -> Result<(), Problem> {
    let Caller::Officer(official) = caller else {
        return Ok(());
    };
    if !is_ombudsman(official) {
        return Ok(());
    }
    let (report, at, actor) = (standing.report.id, intake.now(), actor_of(official));
    let read = OmbudsmanRead {
        case_id: standing
            .case
            .as_ref()
            .map(|case| case.case_id.clone())
            .unwrap_or_default(),
        what: "words".to_owned(),
        from_position: 0,
    };
    tx::run(&intake.pool, move |conn| {
        Box::pin(async move {
            let seq = report::next_seq(conn, report).await?;
            let event = facts::fact(
                What::OmbudsmanRead,
                report,
                seq,
                at,
                actor,
                Payload::OmbudsmanRead(read),
            );
            outbox::append(conn, &[event]).await?;
            Ok::<_, Problem>(())
        })
    })
    .await
}
