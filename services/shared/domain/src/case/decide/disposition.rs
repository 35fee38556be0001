//! Disposition: dispose, bind, transfer, recall, add a contributor (rules M4, M5, M10).

use std::collections::BTreeSet;

use super::draft::{Draft, Ending};
use super::verification::MANAGERS;
use crate::Refusal;
use crate::authorization::CommandKind;
use crate::case::command::Command;
use crate::case::event::CaseFact;
use crate::case::states::State;
use crate::clock::{Basis, ClockKind};
use crate::ids::OpdCode;
use crate::party::Party;
use crate::policy::Limit;

pub(super) fn decide(draft: &mut Draft<'_>, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::Dispose { lead, contributors } => dispose(draft, lead, contributors),
        Command::Bind { lead } => bind(draft, lead),
        Command::Transfer { to } => transfer(draft, to),
        Command::DeclineTransfer => decline_transfer(draft),
        Command::Recall => recall(draft),
        Command::AddContributor { opd } => add_contributor(draft, opd),
        other => Err(draft.illegal(other.kind())),
    }
}

/// An agency of the province that does not handle a supervisory case about itself (rule M10).
fn require_handler(draft: &Draft<'_>, opd: &OpdCode) -> Result<(), Refusal> {
    if !draft.context.directory.is_provincial(opd) {
        return Err(Refusal::UnknownAgency);
    }
    if draft.case.supervisory && draft.case.complained_unit.as_ref() == Some(opd) {
        return Err(Refusal::OwnUnit);
    }
    Ok(())
}

/// Whether the next decision has to be the binding one (rule M4).
pub(super) fn returns_are_exhausted(draft: &Draft<'_>) -> bool {
    draft.case.returns.len() >= usize::from(draft.policy.returns_max)
}

fn dispose(draft: &mut Draft<'_>, lead: &OpdCode, contributors: &[OpdCode]) -> Result<(), Refusal> {
    draft.require(CommandKind::Dispose, |state| *state == State::AwaitingDisposition)?;
    if returns_are_exhausted(draft) {
        return Err(Refusal::BindingDecisionRequired);
    }
    let mut taking_part = BTreeSet::new();
    for opd in std::iter::once(lead).chain(contributors) {
        require_handler(draft, opd)?;
        if !taking_part.insert(opd) {
            return Err(Refusal::AlreadyTakesPart);
        }
    }
    draft.fact(CaseFact::Disposed {
        lead: lead.clone(),
        contributors: contributors.to_vec(),
    });
    draft.stop(&MANAGERS, Ending::Done);
    let at = draft.effective_at();
    draft.start(
        ClockKind::Acceptance,
        Party::Agency(lead.clone()),
        at,
        draft.limits().acceptance,
    );
    give_to(draft, lead);
    for opd in contributors {
        start_contribution(draft, opd);
    }
    Ok(())
}

/// The lead has the case from now on, with a clock for the first response (rule K6).
fn give_to(draft: &mut Draft<'_>, lead: &OpdCode) {
    let party = Party::Agency(lead.clone());
    let at = draft.effective_at();
    for id in draft.running(|clock| clock.kind == ClockKind::Contribution && clock.party == party) {
        draft.stop_clock(id, Ending::Void);
    }
    let responds = draft.running(|clock| clock.kind == ClockKind::FirstResponse);
    if draft.case.first_response_at.is_none() && responds.is_empty() {
        draft.start(
            ClockKind::FirstResponse,
            party.clone(),
            at,
            draft.limits().first_response,
        );
    }
    draft.pass_long_clocks(&party);
    draft.hold_by_due_party(at);
}

/// A contribution is due two working days before the case (rule M5); when that is over already, it has the
/// time of an acceptance.
fn start_contribution(draft: &mut Draft<'_>, opd: &OpdCode) {
    let party = Party::Agency(opd.clone());
    let at = draft.effective_at();
    let before = draft.limits().contribution_lead_working_days;
    let earlier = |basis: Basis| match basis.limit {
        Limit::WorkingDays(days) => Basis {
            limit: Limit::WorkingDays(days.saturating_sub(before)),
            ..basis
        },
        Limit::CalendarDays(_) => basis,
    };
    let case_clock = [ClockKind::Resolution, ClockKind::Reopen]
        .into_iter()
        .find_map(|kind| draft.case.running_clock(kind))
        .filter(|clock| clock.is_undecided())
        .cloned();
    if let Some(clock) = case_clock {
        let basis = earlier(clock.basis);
        let adopted: Vec<Basis> = clock.adopted.into_iter().map(earlier).collect();
        let calendar = draft.context.calendar;
        let still_ahead = std::iter::once(&basis)
            .chain(&adopted)
            .all(|basis| calendar.due_at(basis) > at);
        if still_ahead {
            draft.start_from(ClockKind::Contribution, party, basis, adopted, None);
            return;
        }
    }
    draft.start(ClockKind::Contribution, party, at, draft.limits().acceptance);
}

fn bind(draft: &mut Draft<'_>, lead: &OpdCode) -> Result<(), Refusal> {
    let asked = draft.case.transfer_requested;
    draft.require(CommandKind::Bind, |state| {
        *state == State::AwaitingDisposition || (*state == State::InProgress && asked)
    })?;
    if !returns_are_exhausted(draft) {
        return Err(Refusal::NothingToBind);
    }
    require_handler(draft, lead)?;
    let moves = draft.case.lead.as_ref() != Some(lead);
    draft.fact(CaseFact::Bound { lead: lead.clone() });
    draft.stop(&MANAGERS, Ending::Done);
    if moves {
        draft.stop(&[ClockKind::FirstResponse], Ending::Void);
    }
    give_to(draft, lead);
    Ok(())
}

fn transfer(draft: &mut Draft<'_>, to: &OpdCode) -> Result<(), Refusal> {
    draft.require(CommandKind::Transfer, |state| {
        matches!(state, State::AwaitingAcceptance | State::InProgress)
    })?;
    if draft.case.transfer_requested && returns_are_exhausted(draft) {
        return Err(Refusal::BindingDecisionRequired);
    }
    let from = draft.lead(CommandKind::Transfer)?;
    if from == *to {
        return Err(Refusal::NothingChanges);
    }
    require_handler(draft, to)?;
    draft.fact(CaseFact::Transferred { from, to: to.clone() });
    draft.stop(&MANAGERS, Ending::Done);
    draft.stop(&[ClockKind::Acceptance, ClockKind::FirstResponse], Ending::Void);
    let at = draft.effective_at();
    draft.start(
        ClockKind::Acceptance,
        Party::Agency(to.clone()),
        at,
        draft.limits().acceptance,
    );
    give_to(draft, to);
    Ok(())
}

fn decline_transfer(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.require(CommandKind::DeclineTransfer, |state| *state == State::InProgress)?;
    if !draft.case.transfer_requested {
        return Err(Refusal::NoTransferRequested);
    }
    if returns_are_exhausted(draft) {
        return Err(Refusal::BindingDecisionRequired);
    }
    draft.fact(CaseFact::TransferDeclined);
    draft.stop(&MANAGERS, Ending::Done);
    Ok(())
}

fn recall(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.require(CommandKind::Recall, |state| *state == State::AwaitingAcceptance)?;
    let from = draft.lead(CommandKind::Recall)?;
    draft.fact(CaseFact::Recalled { from });
    draft.stop(&[ClockKind::Acceptance], Ending::Void);
    back_to_authority(draft, ClockKind::Redisposition);
    Ok(())
}

/// The agencies no longer have the case; the authority decides anew, within a limit.
pub(super) fn back_to_authority(draft: &mut Draft<'_>, clock: ClockKind) {
    draft.stop(&[ClockKind::FirstResponse, ClockKind::Contribution], Ending::Void);
    let authority = draft.case.authority.clone();
    let at = draft.effective_at();
    start_managers(draft, clock);
    draft.pass_long_clocks(&authority);
    draft.hold_by_due_party(at);
}

/// Starts a clock of the authority: the binding decision or another redisposition.
pub(super) fn start_managers(draft: &mut Draft<'_>, clock: ClockKind) {
    let limits = draft.limits();
    let limit = match clock {
        ClockKind::BindingDecision => limits.binding_decision,
        _ => limits.redisposition,
    };
    let at = draft.effective_at();
    draft.start(clock, draft.case.authority.clone(), at, limit);
}

fn add_contributor(draft: &mut Draft<'_>, opd: &OpdCode) -> Result<(), Refusal> {
    draft.require(CommandKind::AddContributor, |state| {
        matches!(state, State::AwaitingAcceptance | State::InProgress)
    })?;
    require_handler(draft, opd)?;
    let takes_part = draft.case.lead.as_ref() == Some(opd) || draft.case.open_contribution(opd).is_some();
    if takes_part {
        return Err(Refusal::AlreadyTakesPart);
    }
    draft.fact(CaseFact::ContributorAdded { opd: opd.clone() });
    start_contribution(draft, opd);
    draft.hold_by_due_party(draft.effective_at());
    Ok(())
}
