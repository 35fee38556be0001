//! Verification: accept, ask to complete, reject, refer, reclassify (rules M3, M8, M9, M10, K2).

use super::draft::{Draft, Ending};
use crate::Refusal;
use crate::authorization::{CommandKind, Role};
use crate::case::command::{Classification, Command};
use crate::case::event::CaseFact;
use crate::case::parts::{FlagReason, TextRef};
use crate::case::states::{RejectReason, State};
use crate::clock::{Basis, ClockKind};
use crate::directory::{AgencyKind, Directory};
use crate::ids::OpdCode;
use crate::party::Party;

/// Clocks that a decision of the manager meets.
pub(super) const MANAGERS: [ClockKind; 4] = [
    ClockKind::Verification,
    ClockKind::LegalNotice,
    ClockKind::Redisposition,
    ClockKind::BindingDecision,
];

/// Who verifies and disposes a case about a unit (rule M10).
pub(super) fn authority_for(directory: &Directory, unit: Option<&OpdCode>) -> Party {
    let own = &directory.own_units;
    match unit {
        Some(unit) if own.director.as_ref() == Some(unit) => Party::Patron,
        Some(unit) if own.manager == *unit || own.auditor == *unit => Party::Director,
        _ => Party::Manager,
    }
}

pub(super) fn decide(draft: &mut Draft<'_>, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::AcceptVerification { classification } => accept(draft, classification),
        Command::RequestCompletion { text } => request_completion(draft, *text),
        Command::Reject { reason } => reject(draft, *reason),
        Command::Refer { to } => refer(draft, to),
        Command::Reclassify { classification } => reclassify(draft, classification),
        other => Err(draft.illegal(other.kind())),
    }
}

fn accept(draft: &mut Draft<'_>, classification: &Classification) -> Result<(), Refusal> {
    draft.require(CommandKind::AcceptVerification, |state| {
        *state == State::AwaitingVerification
    })?;
    require_auditor_if_away(draft, classification)?;
    let authority = authority_for(draft.context.directory, classification.complained_unit.as_ref());
    let classification = classification.clone();
    if authority == draft.case.authority {
        draft.fact(CaseFact::Verified { classification });
        // Rule K8: the reporter is told that the report is complete.
        draft.stop(&[ClockKind::LegalNotice], Ending::Done);
    } else {
        draft.fact(CaseFact::HandedUp {
            classification,
            authority: authority.clone(),
        });
        hand_to(draft, &authority);
    }
    follow_kind(draft);
    Ok(())
}

/// Gives a case that is about to be verified or disposed to another authority (rule M10).
fn hand_to(draft: &mut Draft<'_>, authority: &Party) {
    draft.hold_by_due_party(draft.effective_at());
    draft.pass_long_clocks(authority);
    if *authority == Party::Patron {
        draft.flag(FlagReason::AboutDirector);
    }
}

/// The resolution limit follows the kind; counting starts where it started.
fn follow_kind(draft: &mut Draft<'_>) {
    let limit = draft.limits().resolution(draft.case.kind, draft.case.supervisory);
    let Some(clock) = draft
        .case
        .running_clock(ClockKind::Resolution)
        .filter(|clock| clock.is_undecided() && clock.basis.limit != limit)
        .cloned()
    else {
        return;
    };
    let with_limit = |basis: Basis| Basis { limit, ..basis };
    draft.stop_clock(clock.id, Ending::Void);
    let adopted = clock.adopted.into_iter().map(with_limit).collect();
    draft.start_from(clock.kind, clock.party, with_limit(clock.basis), adopted, None);
}

/// Rule M9: away from supervisory only with the auditor.
fn require_auditor_if_away(draft: &Draft<'_>, classification: &Classification) -> Result<(), Refusal> {
    let away = draft.case.supervisory && !classification.supervisory;
    let official = draft.context.actor.official();
    let auditor = official.is_some_and(|official| official.roles.contains(&Role::Auditor));
    if away && !auditor {
        Err(Refusal::AuditorRequired)
    } else {
        Ok(())
    }
}

fn reclassify(draft: &mut Draft<'_>, classification: &Classification) -> Result<(), Refusal> {
    if !draft.case.dispositions.is_empty() {
        return Err(Refusal::AlreadyDisposed);
    }
    draft.require(CommandKind::Reclassify, |state| {
        matches!(
            state,
            State::AwaitingVerification | State::AwaitingCompletion | State::AwaitingDisposition
        )
    })?;
    let case = &draft.case;
    let same = case.kind == classification.kind
        && case.supervisory == classification.supervisory
        && case.category == classification.category
        && case.region == classification.region
        && case.complained_unit == classification.complained_unit;
    if same {
        return Err(Refusal::NothingChanges);
    }
    require_auditor_if_away(draft, classification)?;
    let away = case.supervisory && !classification.supervisory;
    let authority = authority_for(draft.context.directory, classification.complained_unit.as_ref());
    let moves = authority != case.authority;
    draft.fact(CaseFact::Reclassified {
        classification: classification.clone(),
        authority: authority.clone(),
    });
    draft.flag(if away {
        FlagReason::AwayFromSupervisory
    } else {
        FlagReason::Reclassified
    });
    if moves {
        hand_to(draft, &authority);
    }
    follow_kind(draft);
    Ok(())
}

fn request_completion(draft: &mut Draft<'_>, text: Option<TextRef>) -> Result<(), Refusal> {
    draft.require(CommandKind::RequestCompletion, |state| {
        *state == State::AwaitingVerification
    })?;
    // Rule M3: one at verification.
    let before = draft
        .case
        .completion_requests
        .iter()
        .any(|request| request.by.opd().is_none());
    if before {
        return Err(Refusal::CompletionAlreadyRequested);
    }
    let by = draft.case.authority.clone();
    draft.fact(CaseFact::CompletionRequested { by, text });
    draft.stop(&[ClockKind::Verification, ClockKind::LegalNotice], Ending::Done);
    // Rule K2: resolution counts anew from the completion.
    draft.stop(&[ClockKind::Resolution, ClockKind::LegalDecision], Ending::Void);
    let at = draft.effective_at();
    draft.start(ClockKind::Completion, Party::Reporter, at, draft.limits().completion);
    draft.hold_by_due_party(at);
    Ok(())
}

fn require_before_agency(draft: &Draft<'_>, command: CommandKind) -> Result<(), Refusal> {
    draft.require(command, |state| {
        matches!(state, State::AwaitingVerification | State::AwaitingDisposition)
    })
}

fn reject(draft: &mut Draft<'_>, reason: RejectReason) -> Result<(), Refusal> {
    require_before_agency(draft, CommandKind::Reject)?;
    let completion_requested = !draft.case.completion_requests.is_empty();
    if reason == RejectReason::InsufficientAfterRequest && !completion_requested {
        return Err(Refusal::CompletionNotRequested);
    }
    let by = draft.decider()?;
    draft.fact(CaseFact::Rejected { reason, by });
    close_decided(draft);
    Ok(())
}

fn refer(draft: &mut Draft<'_>, to: &OpdCode) -> Result<(), Refusal> {
    require_before_agency(draft, CommandKind::Refer)?;
    if draft.context.directory.agencies.get(to) != Some(&AgencyKind::External) {
        return Err(Refusal::UnknownAgency);
    }
    let by = draft.decider()?;
    draft.fact(CaseFact::Referred { to: to.clone(), by });
    close_decided(draft);
    Ok(())
}

/// A decision that closes meets the manager's clocks and the legal decision limit (rules K2, K8); the others end.
pub(super) fn close_decided(draft: &mut Draft<'_>) {
    draft.stop(&MANAGERS, Ending::Done);
    draft.stop(&[ClockKind::LegalDecision], Ending::Done);
    draft.end_all();
}
