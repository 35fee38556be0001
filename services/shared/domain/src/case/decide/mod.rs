//! Decides commands: `decide(case, command, context)` gives events or a refusal, and changes nothing (rules M1–M13).

mod above;
mod agency;
mod citizen;
mod clocks;
mod cluster;
mod disposition;
mod draft;
mod system;
mod verification;

use time::OffsetDateTime;

use self::draft::Draft;
use super::command::{Command, Outage};
use super::event::CaseEvent;
use super::{Case, State};
use crate::Refusal;
use crate::authorization::{Actor, CommandKind, authorize};
use crate::calendar::Calendar;
use crate::directory::Directory;
use crate::policy::PolicyBook;

/// All that a decision depends on besides the case and the command.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Now, at routing: the moment of the commit (rule K7).
    pub now: OffsetDateTime,
    /// When the command was issued at the desk; counts only inside a recorded outage (rule K7).
    pub issued_at: OffsetDateTime,
    /// Who issues it, as the directory had them at `issued_at` (rule M13).
    pub actor: &'a Actor,
    /// All versions of the policy.
    pub policies: &'a PolicyBook,
    /// The current calendar.
    pub calendar: &'a Calendar,
    /// The directory.
    pub directory: &'a Directory,
    /// Outages that routing recorded of itself.
    pub outages: &'a [Outage],
}

/// Decides a command.
///
/// The events are in order and start at the case's next number; applied to the case they give its next state.
/// Breaches and rungs that were due before `now` and not yet recorded come first.
///
/// # Errors
/// [`Refusal`] when the command is not possible; the case stays as it is.
pub fn decide(case: Option<&Case>, command: &Command, context: &Context<'_>) -> Result<Vec<CaseEvent>, Refusal> {
    if let Command::File { .. } = command {
        return match case {
            Some(_) => Err(Refusal::CaseAlreadyOpen),
            None => citizen::file(command, context),
        };
    }
    let case = case.ok_or(Refusal::UnknownCase)?;
    authorize(context.actor, command, case)?;
    refuse_while_taken_over(case, command.kind())?;
    let mut draft = Draft::new(case, context)?;
    if !matches!(command, Command::FallDue { .. } | Command::Escalate { .. }) {
        draft.catch_up();
    }
    decide_on(&mut draft, command)?;
    Ok(draft.into_events())
}

fn decide_on(draft: &mut Draft<'_>, command: &Command) -> Result<(), Refusal> {
    use Command as C;
    match command {
        C::File { .. } => Err(Refusal::CaseAlreadyOpen),
        C::CompleteReport { .. } | C::Withdraw { .. } | C::Dispute { .. } | C::Rate { .. } | C::Contest { .. } => {
            citizen::decide(draft, command)
        }
        C::AcceptVerification { .. }
        | C::RequestCompletion { .. }
        | C::Reject { .. }
        | C::Refer { .. }
        | C::Reclassify { .. } => verification::decide(draft, command),
        C::MergeInto { .. } | C::Absorb { .. } | C::Unmerge { .. } | C::SplitOff { .. } => {
            cluster::decide(draft, command)
        }
        C::Dispose { .. }
        | C::Bind { .. }
        | C::Transfer { .. }
        | C::DeclineTransfer
        | C::Recall
        | C::AddContributor { .. } => disposition::decide(draft, command),
        C::AcceptCase
        | C::ReturnCase { .. }
        | C::RequestTransfer { .. }
        | C::Assign { .. }
        | C::RecordProgress { .. }
        | C::AgencyCompletionRequest { .. }
        | C::ContributionDone { .. }
        | C::DeclareLeadDone
        | C::ReleaseFirstResponse { .. }
        | C::ReleaseAnswer { .. } => agency::decide(draft, command),
        C::DecideDispute { .. } | C::DecideContest { .. } | C::Reopen | C::TakeOver | C::HandBack => {
            above::decide(draft, command)
        }
        C::FallDue { .. } | C::Escalate { .. } | C::ApplyCalendar | C::CorrectForOutage { .. } => {
            system::decide(draft, command)
        }
    }
}

/// While the Ombudsman has the case, only the Ombudsman, the reporters' own acts and the platform move it.
fn refuse_while_taken_over(case: &Case, command: CommandKind) -> Result<(), Refusal> {
    use crate::authorization::{Issuer, issuer};
    let stays_possible = issuer(command) == Issuer::System
        || matches!(
            command,
            CommandKind::Withdraw
                | CommandKind::Rate
                | CommandKind::CompleteReport
                | CommandKind::Dispute
                | CommandKind::HandBack
                | CommandKind::TakeOver
        );
    if case.taken_over_at.is_some() && !stays_possible {
        return Err(Refusal::TakenOver);
    }
    Ok(())
}

/// The refusal for a command in a state that does not allow it.
fn illegal(state: &State, command: CommandKind) -> Refusal {
    Refusal::IllegalMove {
        command,
        state: state.code(),
    }
}
