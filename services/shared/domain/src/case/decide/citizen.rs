//! Citizens' commands: file, complete, withdraw, dispute, rate, contest (rules M1, M2, M6, M7, M8).

use time::OffsetDateTime;

use super::Context;
use super::draft::{Draft, Ending};
use super::verification::authority_for;
use crate::Refusal;
use crate::authorization::CommandKind;
use crate::case::command::Command;
use crate::case::event::{CaseEvent, CaseFact};
use crate::case::parts::FlagReason;
use crate::case::states::{Outcome, State};
use crate::clock::{Basis, CaseClock, ClockKind, ClockResult};
use crate::ids::ReportId;
use crate::party::Party;

/// A report opens its case (rule M1).
pub(super) fn file(command: &Command, context: &Context<'_>) -> Result<Vec<CaseEvent>, Refusal> {
    let Command::File {
        case_id,
        report,
        privacy,
        classification,
        filed_at,
    } = command
    else {
        return Err(Refusal::UnknownCase);
    };
    let policy = context.policies.in_force(*filed_at).ok_or(Refusal::UnknownPolicy)?;
    let authority = authority_for(context.directory, classification.complained_unit.as_ref());
    let fact = CaseFact::Filed {
        case_id: *case_id,
        report: *report,
        privacy: *privacy,
        classification: classification.clone(),
        filed_at: *filed_at,
        policy_version: policy.version,
        authority: authority.clone(),
    };
    let mut draft = Draft::opening(context, context.now.max(*filed_at), fact)?;
    draft.hold_by(authority.clone(), *filed_at);
    start_from_complete(&mut draft, *filed_at);
    if authority == Party::Patron {
        draft.flag(FlagReason::AboutDirector);
    }
    Ok(draft.into_events())
}

/// The clocks that count from filing or from the completion (rules K2, K8).
fn start_from_complete(draft: &mut Draft<'_>, at: OffsetDateTime) {
    let limits = draft.limits();
    let authority = draft.case.authority.clone();
    let resolution = limits.resolution(draft.case.kind, draft.case.supervisory);
    draft.start(ClockKind::Verification, authority.clone(), at, limits.verification);
    draft.start(ClockKind::LegalNotice, authority.clone(), at, limits.legal_notice);
    draft.start(ClockKind::Resolution, authority.clone(), at, resolution);
    draft.start(ClockKind::LegalDecision, authority, at, limits.legal_decision);
}

pub(super) fn decide(draft: &mut Draft<'_>, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::CompleteReport { report, received_at } => complete(draft, *report, *received_at),
        Command::Withdraw { report, received_at } => withdraw(draft, *report, *received_at),
        Command::Dispute { report, received_at } => dispute(draft, *report, *received_at),
        Command::Rate {
            report,
            score,
            received_at,
        } => rate(draft, *report, *score, *received_at),
        Command::Contest { report, received_at } => contest(draft, *report, *received_at),
        other => Err(draft.illegal(other.kind())),
    }
}

fn require_live(draft: &Draft<'_>, report: ReportId) -> Result<(), Refusal> {
    let member = draft.case.members.iter().rev().find(|member| member.report == report);
    match member {
        Some(member) if member.is_live() => Ok(()),
        Some(member) if member.withdrawn_at.is_some() => Err(Refusal::AlreadyWithdrawn),
        _ => Err(Refusal::ReportNotInCase),
    }
}

fn complete(draft: &mut Draft<'_>, report: ReportId, received_at: OffsetDateTime) -> Result<(), Refusal> {
    let lapsed = draft.case.state
        == State::Closed {
            outcome: Outcome::Lapsed,
        };
    draft.require(CommandKind::CompleteReport, |state| {
        *state == State::AwaitingCompletion || lapsed
    })?;
    require_live(draft, report)?;
    // Rule M2: received at or before the due time wins, also when the case has lapsed meanwhile.
    let clock = draft.case.latest_clock(ClockKind::Completion);
    let Some(clock) = clock.filter(|clock| received_at <= clock.due_at) else {
        return Err(Refusal::CompletionWindowOver);
    };
    let received_at = received_at.max(clock.started_at());
    draft.not_before(received_at);
    draft.fact(CaseFact::Completed { report, received_at });
    draft.stop(&[ClockKind::Completion], Ending::Done);
    if draft.case.state == State::AwaitingVerification {
        start_from_complete(draft, received_at);
    } else {
        draft.resume(received_at, |clock| clock.kind != ClockKind::ReporterSilence);
        if lapsed {
            revive(draft, received_at);
        }
    }
    if lapsed {
        draft.stop(&[ClockKind::Contest], Ending::Void);
    }
    draft.hold_by_due_party(received_at);
    Ok(())
}

/// Clocks that the lapse ended run on as if it had not been, without the time of waiting.
fn revive(draft: &mut Draft<'_>, at: OffsetDateTime) {
    for kind in [ClockKind::Resolution, ClockKind::LegalDecision, ClockKind::Reopen] {
        let Some(ended) = draft
            .case
            .latest_clock(kind)
            .filter(|clock| clock.result == Some(ClockResult::Void))
            .cloned()
        else {
            continue;
        };
        let end = |mut basis: Basis| {
            if let Some(pause) = basis.pauses.last_mut().filter(|pause| pause.to.is_none()) {
                pause.to = Some(at.max(pause.from));
            }
            basis
        };
        let adopted = ended.adopted.into_iter().map(end).collect();
        draft.start_from(kind, ended.party, end(ended.basis), adopted, None);
    }
}

fn withdraw(draft: &mut Draft<'_>, report: ReportId, received_at: OffsetDateTime) -> Result<(), Refusal> {
    draft.require(CommandKind::Withdraw, |state| !matches!(state, State::Closed { .. }))?;
    require_live(draft, report)?;
    draft.not_before(received_at);
    // Rule M6: only with the last live report.
    let closes = draft.case.live_members().count() == 1;
    draft.fact(CaseFact::Withdrawn {
        report,
        received_at,
        closes,
    });
    for id in draft.running(|clock| clock.report == Some(report)) {
        draft.stop_clock(id, Ending::Void);
    }
    if closes {
        draft.end_all();
    }
    Ok(())
}

fn dispute(draft: &mut Draft<'_>, report: ReportId, received_at: OffsetDateTime) -> Result<(), Refusal> {
    let answer = draft.case.answer();
    let (State::Answered | State::Disputed | State::Closed { .. }, Some(answer)) = (&draft.case.state, answer) else {
        return Err(draft.illegal(CommandKind::Dispute));
    };
    let claimed = Outcome::from(answer.outcome);
    let superseded = received_at < answer.released_at;
    let closed_as_answered = draft.case.state.outcome().is_some_and(|outcome| *outcome == claimed);
    if !draft.case.is_open() && !closed_as_answered {
        return Err(draft.illegal(CommandKind::Dispute));
    }
    require_live(draft, report)?;
    let heard = draft.case.disputes.len();
    let heard_max = usize::from(draft.policy.disputes_max);
    if !draft.case.is_open() && heard >= heard_max {
        return Err(Refusal::AppealToOmbudsman);
    }
    if superseded {
        return Err(Refusal::AnswerSuperseded);
    }
    // Rule M2: received at or before the due time wins, also when silence has closed the case meanwhile.
    if window(draft, report).is_none_or(|clock| received_at > clock.due_at) {
        return Err(Refusal::DisputeWindowOver);
    }
    draft.not_before(received_at);
    if draft.case.state == State::Disputed {
        return join_dispute(draft, report, received_at);
    }
    if heard >= heard_max {
        // Rule M7: refused, and the case closes.
        draft.fact(CaseFact::AppealReferredToOmbudsman {
            report,
            received_at,
            outcome: claimed,
        });
        draft.flag(FlagReason::AppealToOmbudsman);
        draft.stop(&[ClockKind::ReporterSilence], Ending::Done);
        draft.end_all();
        return Ok(());
    }
    let to_director = heard.saturating_add(1) >= heard_max;
    draft.fact(CaseFact::Disputed {
        report,
        received_at,
        to_director,
    });
    draft.stop(&[ClockKind::ReporterSilence], Ending::Done);
    let limits = draft.limits();
    if to_director {
        let party = draft.case.dispute_authority();
        draft.start(ClockKind::DirectorDecision, party, draft.now, limits.director_decision);
    } else {
        let party = Party::Agency(draft.lead(CommandKind::Dispute)?);
        draft.start(ClockKind::Rework, party, draft.now, limits.rework);
    }
    draft.hold_by_due_party(received_at);
    Ok(())
}

/// The reporter's own window on the present answer, else everybody's (rule M6).
fn window<'d>(draft: &'d Draft<'_>, report: ReportId) -> Option<&'d CaseClock> {
    let released_at = draft.case.answer()?.released_at;
    let windows = || {
        draft
            .case
            .clocks
            .iter()
            .rev()
            .filter(move |clock| clock.kind == ClockKind::ReporterSilence && clock.started_at() >= released_at)
    };
    windows()
        .find(|clock| clock.report == Some(report))
        .or_else(|| windows().find(|clock| clock.report.is_none()))
}

fn join_dispute(draft: &mut Draft<'_>, report: ReportId, received_at: OffsetDateTime) -> Result<(), Refusal> {
    let answer = draft.case.answer_number();
    let before = draft.case.live_member(report).and_then(|member| member.disputed_answer);
    if before == Some(answer) {
        return Err(Refusal::AlreadyDisputed);
    }
    draft.fact(CaseFact::DisputeJoined { report, received_at });
    Ok(())
}

fn rate(draft: &mut Draft<'_>, report: ReportId, score: u8, received_at: OffsetDateTime) -> Result<(), Refusal> {
    if !(1..=5).contains(&score) {
        return Err(Refusal::InvalidScore);
    }
    if draft.case.answers.is_empty() {
        return Err(Refusal::NothingToRate);
    }
    require_live(draft, report)?;
    if draft
        .case
        .live_member(report)
        .is_some_and(|member| member.rating.is_some())
    {
        return Err(Refusal::AlreadyRated);
    }
    draft.not_before(received_at);
    draft.fact(CaseFact::Rated {
        report,
        score,
        received_at,
    });
    Ok(())
}

fn contest(draft: &mut Draft<'_>, report: ReportId, received_at: OffsetDateTime) -> Result<(), Refusal> {
    let Some(closed_at) = draft.case.closed_at else {
        return Err(draft.illegal(CommandKind::Contest));
    };
    if !draft.case.state.outcome().is_some_and(Outcome::is_contestable) {
        return Err(Refusal::NotContestable);
    }
    // A merged report has moved away, and it is the merge itself that is contested.
    let member = draft.case.members.iter().find(|member| member.report == report);
    match member {
        None => return Err(Refusal::ReportNotInCase),
        Some(member) if member.withdrawn_at.is_some() => return Err(Refusal::AlreadyWithdrawn),
        Some(_) => {}
    }
    if draft.case.contest.is_some() {
        return Err(Refusal::ContestAlreadyUsed);
    }
    let limits = draft.limits();
    let basis = Basis {
        started_at: closed_at,
        limit: limits.contest_window,
        pauses: Vec::new(),
    };
    if received_at > draft.context.calendar.due_at(&basis) {
        return Err(Refusal::ContestWindowOver);
    }
    draft.not_before(received_at);
    draft.fact(CaseFact::Contested { report, received_at });
    let party = draft.case.contest_authority();
    draft.start(ClockKind::Contest, party, draft.now, limits.contest_decision);
    Ok(())
}
