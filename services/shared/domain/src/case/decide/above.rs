//! The director and the Ombudsman: disputes, contests, reopening, take-over (rules M7, M8, M11, K4).

use super::cluster::require_reports_back;
use super::disposition::start_managers;
use super::draft::{Draft, Ending};
use crate::Refusal;
use crate::authorization::CommandKind;
use crate::case::command::Command;
use crate::case::event::CaseFact;
use crate::case::parts::TextRef;
use crate::case::states::{Outcome, State};
use crate::clock::{Basis, ClockKind};
use crate::ids::ReportId;
use crate::party::Party;

pub(super) fn decide(draft: &mut Draft<'_>, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::DecideDispute { upheld, text } => decide_dispute(draft, *upheld, *text),
        Command::DecideContest { granted, text, reports } => decide_contest(draft, *granted, *text, reports),
        Command::Reopen => reopen(draft),
        Command::TakeOver => take_over(draft),
        Command::HandBack => hand_back(draft),
        other => Err(draft.illegal(other.kind())),
    }
}

fn decide_dispute(draft: &mut Draft<'_>, upheld: bool, text: Option<TextRef>) -> Result<(), Refusal> {
    let waits = draft.case.awaiting_director;
    draft.require(CommandKind::DecideDispute, |state| *state == State::Disputed && waits)?;
    let by = draft.decider()?;
    let claimed = draft.case.answer().map(|answer| Outcome::from(answer.outcome));
    let outcome = if upheld { None } else { claimed };
    draft.fact(CaseFact::DisputeDecided {
        upheld,
        text,
        by,
        outcome,
    });
    draft.stop(&[ClockKind::DirectorDecision], Ending::Done);
    if upheld {
        let at = draft.effective_at();
        let lead = Party::Agency(draft.lead(CommandKind::DecideDispute)?);
        draft.start(ClockKind::Rework, lead, at, draft.limits().rework);
        draft.hold_by_due_party(at);
    } else {
        draft.end_all();
    }
    Ok(())
}

fn decide_contest(
    draft: &mut Draft<'_>,
    granted: bool,
    text: Option<TextRef>,
    reports: &[ReportId],
) -> Result<(), Refusal> {
    draft.require(CommandKind::DecideContest, |state| {
        matches!(state, State::Closed { .. })
    })?;
    let waits = draft
        .case
        .contest
        .as_ref()
        .is_some_and(|contest| contest.granted.is_none());
    if !waits {
        return Err(Refusal::NoContest);
    }
    let by = draft.decider()?;
    // Rule M8: neither the position nor the person that decided first.
    let first = draft.case.decided_by.as_ref();
    if first.is_some_and(|first| first.position == by.position || first.holder == by.holder) {
        return Err(Refusal::DecidedFirst);
    }
    if granted {
        require_reports_back(draft, reports)?;
    }
    let reports = if granted { reports.to_vec() } else { Vec::new() };
    draft.fact(CaseFact::ContestDecided {
        granted,
        text,
        by,
        reports,
    });
    draft.stop(&[ClockKind::Contest], Ending::Done);
    if granted {
        start_reopened(draft);
    }
    Ok(())
}

/// The clocks and the holder of a case that the last fact has reopened (rule M11); old results stay.
pub(super) fn start_reopened(draft: &mut Draft<'_>) {
    let limits = draft.limits();
    let limit = limits
        .reopen
        .unwrap_or_else(|| limits.resolution(draft.case.kind, draft.case.supervisory));
    let at = draft.effective_at();
    let party = draft.case.due_party().unwrap_or_else(|| draft.case.authority.clone());
    draft.start(ClockKind::Reopen, party, at, limit);
    if draft.case.state == State::AwaitingDisposition {
        start_managers(draft, ClockKind::Redisposition);
    }
    draft.hold_by_due_party(at);
}

fn reopen(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    // A merged case has no reports of its own: it is unmerged instead.
    draft.require(CommandKind::Reopen, |state| {
        state
            .outcome()
            .is_some_and(|outcome| !matches!(outcome, Outcome::Merged { .. }))
    })?;
    draft.fact(CaseFact::Reopened);
    draft.stop(&[ClockKind::Contest], Ending::Void);
    start_reopened(draft);
    Ok(())
}

fn take_over(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    if draft.case.taken_over_at.is_some() {
        return Err(Refusal::TakenOver);
    }
    draft.require(CommandKind::TakeOver, |state| {
        !matches!(state, State::Answered | State::Closed { .. })
    })?;
    let basis = Basis {
        started_at: draft.case.filed_at,
        limit: draft.limits().ombudsman_takeover,
        pauses: Vec::new(),
    };
    if draft.now < draft.context.calendar.due_at(&basis) {
        return Err(Refusal::TakeOverTooEarly);
    }
    draft.fact(CaseFact::TakenOver);
    draft.pause(|_| true);
    draft.hold_by(Party::Ombudsman, draft.now);
    Ok(())
}

fn hand_back(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    if draft.case.taken_over_at.is_none() {
        return Err(Refusal::NotTakenOver);
    }
    draft.fact(CaseFact::HandedBack);
    let waits_for_reporter = draft.case.state == State::AwaitingCompletion;
    draft.resume(draft.now, |clock| {
        !waits_for_reporter || clock.kind == ClockKind::Completion
    });
    draft.hold_by_due_party(draft.now);
    Ok(())
}
