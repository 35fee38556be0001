//! What can be said about a command before routing decides it: the form, the role, and what the state obviously does
//! not allow. Routing decides; a refusal here spares the officer the wait.
//!
//! Commands that are still pending count as done: with routing away, an officer accepts a case, assigns it and
//! answers it, one after the other.

use time::OffsetDateTime;
use tuntas_domain::{
    CommandKind, Official, PositionId, Refusal, ReportKind,
    authorization::{Relation, may},
    refusal::StateCode,
};
use tuntas_kit::{directory::Snapshot, problem::Problem};
use tuntas_proto::{
    case::v1::{Case, CaseCommand, State, case_command::Command},
    convert,
};

use crate::store::commands::StoredCommand;

/// The name of an agency's command, as it is stored and shown; none for a command that is no agency's.
#[must_use]
pub const fn name_of(command: &Command) -> Option<&'static str> {
    Some(match command {
        Command::Accept(_) => "accept",
        Command::Return(_) => "return",
        Command::RequestTransfer(_) => "request_transfer",
        Command::Assign(_) => "assign",
        Command::RecordProgress(_) => "record_progress",
        Command::ReleaseFirstResponse(_) => "release_first_response",
        Command::AgencyRequestCompletion(_) => "agency_request_completion",
        Command::ContributionDone(_) => "contribution_done",
        Command::DeclareLeadDone(_) => "declare_lead_done",
        Command::ReleaseAnswer(_) => "release_answer",
        _ => return None,
    })
}

/// Checks the form of a command whose text, if it needs one, is already named.
///
/// # Errors
/// `invalid_argument` with the field.
pub fn check_form(command: &CaseCommand, at: OffsetDateTime) -> Result<(), Problem> {
    convert::asked(command, at, ReportKind::Complaint)
        .map(|_| ())
        .map_err(|error| Problem::invalid(error.field, &error.why))
}

/// Checks role and state.
///
/// # Errors
/// The refusal that routing would give.
pub fn check(
    official: &Official,
    case: &Case,
    pending: &[StoredCommand],
    command: &CaseCommand,
    directory: &Snapshot,
) -> Result<(), Refusal> {
    let kind = convert::name_of(command).ok_or(Refusal::NotPermitted)?;
    authorize(official, case, kind)?;
    let state = state_after(case.state(), pending);
    if !allows(state, kind) {
        return Err(Refusal::IllegalMove { command: kind, state });
    }
    if let Some(Command::Assign(assign)) = &command.command {
        let position = assign.position_id.parse::<PositionId>().ok();
        let found = position.and_then(|position| directory.directory.positions.get(&position));
        if found.is_none_or(|position| position.opd != official.opd) {
            return Err(Refusal::UnknownPosition);
        }
    }
    Ok(())
}

fn authorize(official: &Official, case: &Case, kind: CommandKind) -> Result<(), Refusal> {
    let relation = convert::relation(official, case);
    let may_with = |relation: &Relation| official.roles.iter().any(|role| may(*role, kind, relation));
    if may_with(&relation) {
        return Ok(());
    }
    if may_with(&Relation {
        head_required: false,
        ..relation
    }) {
        return Err(Refusal::HeadRequired);
    }
    Err(Refusal::NotPermitted)
}

/// The state of a case once the commands that are still pending are confirmed.
fn state_after(state: State, pending: &[StoredCommand]) -> StateCode {
    let known = match state {
        State::Unspecified | State::AwaitingVerification => StateCode::AwaitingVerification,
        State::AwaitingCompletion => StateCode::AwaitingCompletion,
        State::AwaitingDisposition => StateCode::AwaitingDisposition,
        State::AwaitingAcceptance => StateCode::AwaitingAcceptance,
        State::InProgress => StateCode::InProgress,
        State::Answered => StateCode::Answered,
        State::Disputed => StateCode::Disputed,
        State::Closed => StateCode::Closed,
    };
    pending
        .iter()
        .fold(known, |state, command| match (state, command.kind.as_str()) {
            (StateCode::AwaitingAcceptance, "accept") => StateCode::InProgress,
            (StateCode::AwaitingAcceptance, "return") => StateCode::AwaitingDisposition,
            (StateCode::InProgress, "agency_request_completion") => StateCode::AwaitingCompletion,
            (StateCode::InProgress | StateCode::Disputed, "release_answer") => StateCode::Answered,
            (state, _) => state,
        })
}

/// The states in which an agency's command has any chance (rule M1).
const fn allows(state: StateCode, kind: CommandKind) -> bool {
    use CommandKind as C;
    use StateCode as S;
    match kind {
        C::AcceptCase | C::ReturnCase => matches!(state, S::AwaitingAcceptance),
        C::RequestTransfer | C::AgencyCompletionRequest | C::DeclareLeadDone => matches!(state, S::InProgress),
        C::Assign | C::RecordProgress | C::ReleaseFirstResponse | C::ReleaseAnswer => {
            matches!(state, S::InProgress | S::Disputed)
        }
        C::ContributionDone => matches!(state, S::AwaitingAcceptance | S::InProgress | S::AwaitingCompletion),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::collections::BTreeSet;

    use time::macros::datetime;
    use tuntas_domain::Role;
    use tuntas_proto::case::v1::case_command;
    use uuid::Uuid;

    use super::*;
    use crate::store::commands::Status;

    fn official(roles: &[Role]) -> Official {
        Official {
            position: "dishub.sekretaris".parse().unwrap(),
            holder: "h-dishub-sekretaris-1".parse().unwrap(),
            roles: roles.iter().copied().collect::<BTreeSet<_>>(),
            opd: Some("dishub".parse().unwrap()),
            acting: false,
        }
    }

    fn pending(kind: &str) -> StoredCommand {
        StoredCommand {
            command_id: Uuid::nil(),
            opd: "dishub".parse().unwrap(),
            case_id: Uuid::nil().into(),
            kind: kind.to_owned(),
            issued_at: datetime!(2026-11-24 03:00 UTC),
            status: Status::Pending,
        }
    }

    #[test]
    fn what_is_pending_counts_as_done() {
        let awaiting = State::AwaitingAcceptance;
        assert_eq!(state_after(awaiting, &[]), StateCode::AwaitingAcceptance);
        assert_eq!(state_after(awaiting, &[pending("accept")]), StateCode::InProgress);
        let all = [pending("accept"), pending("assign"), pending("release_answer")];
        assert_eq!(state_after(awaiting, &all), StateCode::Answered);
    }

    #[test]
    fn roles_are_the_domains() {
        let case = Case {
            lead_opd: "dishub".to_owned(),
            state: State::Disputed.into(),
            head_required: true,
            ..Case::default()
        };
        let answer = CommandKind::ReleaseAnswer;
        assert_eq!(authorize(&official(&[Role::AccountableHead]), &case, answer), Ok(()));
        assert_eq!(
            authorize(&official(&[Role::Liaison]), &case, answer),
            Err(Refusal::HeadRequired)
        );
        assert_eq!(
            authorize(&official(&[Role::Executor]), &case, answer),
            Err(Refusal::NotPermitted)
        );
        let others = Case {
            lead_opd: "dinkes".to_owned(),
            ..case
        };
        assert_eq!(
            authorize(&official(&[Role::AccountableHead]), &others, answer),
            Err(Refusal::NotPermitted)
        );
    }

    #[test]
    fn only_an_agencys_commands_have_a_name_here() {
        assert_eq!(name_of(&Command::Accept(case_command::Accept {})), Some("accept"));
        assert_eq!(name_of(&Command::TakeOver(case_command::TakeOver {})), None);
    }
}
