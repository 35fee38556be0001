//! The agency's handling: accept, return, assign, progress, contributions, answer (rules M3, M4, M5, M12, K5, K6).

use super::disposition::{back_to_authority, returns_are_exhausted, start_managers};
use super::draft::{Draft, Ending};
use crate::Refusal;
use crate::authorization::CommandKind;
use crate::case::command::Command;
use crate::case::event::CaseFact;
use crate::case::parts::TextRef;
use crate::case::states::{ClaimedOutcome, ReturnReason, State};
use crate::clock::ClockKind;
use crate::ids::{OpdCode, PositionId};
use crate::party::Party;
use crate::report::ReportKind;

pub(super) fn decide(draft: &mut Draft<'_>, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::AcceptCase => accept(draft),
        Command::ReturnCase {
            reason,
            text,
            suggested,
        } => return_case(draft, *reason, *text, suggested.as_ref()),
        Command::RequestTransfer {
            reason,
            text,
            suggested,
        } => request_transfer(draft, *reason, *text, suggested.as_ref()),
        Command::Assign { executor } => assign(draft, executor),
        Command::RecordProgress { text } => record_progress(draft, *text),
        Command::AgencyCompletionRequest { text } => request_completion(draft, *text),
        Command::ContributionDone { text } => contribution_done(draft, *text),
        Command::DeclareLeadDone => declare_done(draft),
        Command::ReleaseFirstResponse { text } => release_first_response(draft, *text),
        Command::ReleaseAnswer {
            text,
            outcome,
            without_contributions,
        } => release_answer(draft, *text, *outcome, *without_contributions),
        other => Err(draft.illegal(other.kind())),
    }
}

fn accept(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.require(CommandKind::AcceptCase, |state| *state == State::AwaitingAcceptance)?;
    let opd = draft.lead(CommandKind::AcceptCase)?;
    draft.fact(CaseFact::Accepted { opd });
    draft.stop(&[ClockKind::Acceptance], Ending::Done);
    draft.hold_by_due_party(draft.effective_at());
    Ok(())
}

fn require_returnable(draft: &Draft<'_>) -> Result<(), Refusal> {
    if draft.case.binding || returns_are_exhausted(draft) {
        return Err(Refusal::ReturnsExhausted);
    }
    Ok(())
}

/// Whether one more return is the last: then the binding decision follows (rule M4).
fn next_is_last(draft: &Draft<'_>) -> bool {
    draft.case.returns.len().saturating_add(1) >= usize::from(draft.policy.returns_max)
}

const fn managers_clock(exhausted: bool) -> ClockKind {
    if exhausted {
        ClockKind::BindingDecision
    } else {
        ClockKind::Redisposition
    }
}

fn return_case(
    draft: &mut Draft<'_>,
    reason: ReturnReason,
    text: Option<TextRef>,
    suggested: Option<&OpdCode>,
) -> Result<(), Refusal> {
    draft.require(CommandKind::ReturnCase, |state| *state == State::AwaitingAcceptance)?;
    require_returnable(draft)?;
    let opd = draft.lead(CommandKind::ReturnCase)?;
    let exhausted = next_is_last(draft);
    draft.fact(CaseFact::Returned {
        opd,
        reason,
        text,
        suggested: suggested.cloned(),
        exhausted,
    });
    draft.stop(&[ClockKind::Acceptance], Ending::Done);
    back_to_authority(draft, managers_clock(exhausted));
    Ok(())
}

fn request_transfer(
    draft: &mut Draft<'_>,
    reason: ReturnReason,
    text: Option<TextRef>,
    suggested: Option<&OpdCode>,
) -> Result<(), Refusal> {
    draft.require(CommandKind::RequestTransfer, |state| *state == State::InProgress)?;
    if draft.case.transfer_requested {
        return Err(Refusal::TransferAlreadyRequested);
    }
    require_returnable(draft)?;
    let opd = draft.lead(CommandKind::RequestTransfer)?;
    let exhausted = next_is_last(draft);
    draft.fact(CaseFact::TransferRequested {
        opd,
        reason,
        text,
        suggested: suggested.cloned(),
        exhausted,
    });
    // The agency keeps the case, and the time, until the manager decides.
    start_managers(draft, managers_clock(exhausted));
    Ok(())
}

fn require_work(draft: &Draft<'_>, command: CommandKind) -> Result<(), Refusal> {
    let with_agency = !draft.case.awaiting_director;
    draft.require(command, |state| {
        *state == State::InProgress || (*state == State::Disputed && with_agency)
    })
}

fn assign(draft: &mut Draft<'_>, executor: &PositionId) -> Result<(), Refusal> {
    require_work(draft, CommandKind::Assign)?;
    let position = draft.context.directory.positions.get(executor);
    let own = position.is_some_and(|found| found.opd.is_some() && found.opd.as_ref() == draft.case.lead.as_ref());
    if !own {
        return Err(Refusal::UnknownPosition);
    }
    if draft.case.executor.as_ref() == Some(executor) {
        return Err(Refusal::NothingChanges);
    }
    draft.fact(CaseFact::Assigned {
        executor: executor.clone(),
    });
    Ok(())
}

fn own_opd(draft: &Draft<'_>) -> Result<OpdCode, Refusal> {
    let official = draft.context.actor.official().ok_or(Refusal::NotPermitted)?;
    official.opd.clone().ok_or(Refusal::NotPermitted)
}

fn record_progress(draft: &mut Draft<'_>, text: Option<TextRef>) -> Result<(), Refusal> {
    require_work(draft, CommandKind::RecordProgress)?;
    let opd = own_opd(draft)?;
    draft.fact(CaseFact::ProgressRecorded { opd, text });
    Ok(())
}

fn request_completion(draft: &mut Draft<'_>, text: Option<TextRef>) -> Result<(), Refusal> {
    draft.require(CommandKind::AgencyCompletionRequest, |state| {
        *state == State::InProgress
    })?;
    if draft.case.transfer_requested {
        return Err(Refusal::TransferAlreadyRequested);
    }
    let by = Party::Agency(draft.lead(CommandKind::AgencyCompletionRequest)?);
    // Rule M3: one per agency.
    if draft.case.completion_requests.iter().any(|request| request.by == by) {
        return Err(Refusal::CompletionAlreadyRequested);
    }
    draft.fact(CaseFact::CompletionRequested { by, text });
    // Rule K6: it is a text released to the reporter.
    draft.stop(&[ClockKind::FirstResponse], Ending::Done);
    draft.pause(|clock| {
        matches!(
            clock.kind,
            ClockKind::Resolution | ClockKind::Reopen | ClockKind::Contribution
        )
    });
    let at = draft.effective_at();
    draft.start(ClockKind::Completion, Party::Reporter, at, draft.limits().completion);
    draft.hold_by_due_party(at);
    Ok(())
}

fn contribution_done(draft: &mut Draft<'_>, text: Option<TextRef>) -> Result<(), Refusal> {
    draft.require(CommandKind::ContributionDone, |state| {
        matches!(
            state,
            State::AwaitingAcceptance | State::InProgress | State::AwaitingCompletion
        )
    })?;
    let opd = own_opd(draft)?;
    if draft.case.open_contribution(&opd).is_none() {
        return Err(Refusal::NoOpenContribution);
    }
    let party = Party::Agency(opd.clone());
    draft.fact(CaseFact::ContributionDone { opd, text });
    for id in draft.running(|clock| clock.kind == ClockKind::Contribution && clock.party == party) {
        draft.stop_clock(id, Ending::Done);
    }
    draft.hold_by_due_party(draft.effective_at());
    Ok(())
}

fn declare_done(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.require(CommandKind::DeclareLeadDone, |state| *state == State::InProgress)?;
    if draft.case.lead_done_at.is_some() {
        return Err(Refusal::AlreadyDone);
    }
    draft.fact(CaseFact::LeadDeclaredDone);
    // Rule K5: the earliest-disposed outstanding contributor is charged from here.
    draft.hold_by_due_party(draft.effective_at());
    Ok(())
}

fn release_first_response(draft: &mut Draft<'_>, text: TextRef) -> Result<(), Refusal> {
    require_work(draft, CommandKind::ReleaseFirstResponse)?;
    if draft.case.first_response_at.is_some() {
        return Err(Refusal::AlreadyDone);
    }
    draft.fact(CaseFact::FirstResponseReleased { text });
    draft.stop(&[ClockKind::FirstResponse], Ending::Done);
    Ok(())
}

fn release_answer(
    draft: &mut Draft<'_>,
    text: TextRef,
    outcome: ClaimedOutcome,
    without_contributions: Option<TextRef>,
) -> Result<(), Refusal> {
    require_work(draft, CommandKind::ReleaseAnswer)?;
    let noted = matches!(outcome, ClaimedOutcome::Noted { .. });
    if noted && draft.case.kind != ReportKind::Aspiration {
        return Err(Refusal::OutcomeDoesNotFit);
    }
    // Rule M5.
    let outstanding = draft.case.contributions.iter().any(|part| part.is_open());
    if outstanding && without_contributions.is_none() {
        return Err(Refusal::ContributionsOutstanding);
    }
    let opd = draft.lead(CommandKind::ReleaseAnswer)?;
    draft.fact(CaseFact::Answered {
        text,
        outcome,
        opd,
        without_contributions,
    });
    draft.stop(
        &[
            ClockKind::FirstResponse,
            ClockKind::Resolution,
            ClockKind::LegalDecision,
            ClockKind::Rework,
            ClockKind::Reopen,
        ],
        Ending::Done,
    );
    draft.stop_all(Ending::Void);
    let at = draft.effective_at();
    draft.start(
        ClockKind::ReporterSilence,
        Party::Reporter,
        draft.now,
        draft.limits().reporter_silence,
    );
    draft.hold_by_due_party(at);
    Ok(())
}
