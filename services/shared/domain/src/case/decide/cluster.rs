//! Clusters of duplicates: merge and unmerge, each in two halves, one per case (rule M6).
//!
//! routing decides both halves in one transaction.

use super::above::start_reopened;
use super::clocks::due_of;
use super::draft::{Draft, Ending};
use super::verification::MANAGERS;
use crate::Refusal;
use crate::authorization::CommandKind;
use crate::case::command::{ClusterFacts, Command};
use crate::case::event::{CaseFact, DeadlineCause, Effect};
use crate::case::parts::Member;
use crate::case::states::{Outcome, State};
use crate::clock::{Basis, ClockKind, Pause};
use crate::ids::{CaseId, ReportId};
use crate::party::Party;

pub(super) fn decide(draft: &mut Draft<'_>, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::MergeInto { survivor } => merge_into(draft, survivor),
        Command::Absorb { duplicate } => absorb(draft, duplicate),
        Command::Unmerge { reports } => unmerge(draft, reports),
        Command::SplitOff { case_id } => split_off(draft, *case_id),
        other => Err(draft.illegal(other.kind())),
    }
}

fn require_mergeable(draft: &Draft<'_>, other: &ClusterFacts) -> Result<(), Refusal> {
    if other.case_id == draft.case.id {
        return Err(Refusal::SameCase);
    }
    if other.supervisory != draft.case.supervisory {
        return Err(Refusal::SupervisoryMismatch);
    }
    if !other.open {
        return Err(Refusal::OtherCaseClosed);
    }
    Ok(())
}

fn merge_into(draft: &mut Draft<'_>, survivor: &ClusterFacts) -> Result<(), Refusal> {
    draft.require(CommandKind::MergeInto, |state| {
        !matches!(state, State::Answered | State::Disputed | State::Closed { .. })
    })?;
    require_mergeable(draft, survivor)?;
    let by = draft.decider()?;
    draft.fact(CaseFact::MergedInto {
        into: survivor.case_id,
        by,
    });
    draft.stop(&MANAGERS, Ending::Done);
    draft.end_all();
    Ok(())
}

fn absorb(draft: &mut Draft<'_>, duplicate: &ClusterFacts) -> Result<(), Refusal> {
    // An incomplete case takes in nothing: its resolution will count anew, which would relax the deadline.
    draft.require(CommandKind::Absorb, |state| {
        !matches!(state, State::AwaitingCompletion | State::Closed { .. })
    })?;
    require_mergeable(draft, duplicate)?;
    let is_here = |member: &Member| draft.case.live_member(member.report).is_some();
    if duplicate.members.iter().any(is_here) {
        return Err(Refusal::AlreadyMerged);
    }
    let now = draft.now;
    let joined = |member: &Member| Member {
        joined_at: now,
        came_from: Some(duplicate.case_id),
        withdrawn_at: None,
        moved_to: None,
        disputed_answer: None,
        ..member.clone()
    };
    let members: Vec<Member> = duplicate.members.iter().map(joined).collect();
    let reports: Vec<ReportId> = members.iter().map(|member| member.report).collect();
    draft.fact(CaseFact::Absorbed {
        from: duplicate.case_id,
        members,
    });
    adopt_deadline(draft, &duplicate.resolution);
    if draft.case.state == State::Answered {
        let limit = draft.limits().reporter_silence;
        for report in reports {
            let kind = ClockKind::ReporterSilence;
            draft.start_for(kind, Party::Reporter, now, limit, Some(report));
        }
    }
    Ok(())
}

/// The deadline is the earliest of the cluster, never relaxed (rule M6).
fn adopt_deadline(draft: &mut Draft<'_>, bases: &[Basis]) {
    let Some(clock) = draft
        .case
        .running_clock(ClockKind::Resolution)
        .filter(|clock| clock.is_undecided())
        .cloned()
    else {
        return;
    };
    let mut adopted = bases.to_vec();
    for pause in adopted.iter_mut().flat_map(|basis| basis.pauses.last_mut()) {
        pause.to = pause.to.or(Some(draft.now));
    }
    if clock.is_paused() {
        for basis in &mut adopted {
            basis.pauses.push(Pause {
                from: draft.now,
                to: None,
            });
        }
    }
    let mut moved = clock.clone();
    moved.adopted.extend(adopted.iter().cloned());
    // A deadline that has passed already is due now: time before the merge stays with whoever held it.
    let to = due_of(&moved, draft.context).max(draft.now);
    if adopted.is_empty() || (to >= clock.due_at && !clock.is_paused()) {
        return;
    }
    draft.effect(Effect::DeadlineMoved {
        clock: clock.id,
        from: clock.due_at,
        to,
        provisional: draft.context.calendar.is_provisional(to),
        cause: DeadlineCause::Merge,
        adopted,
    });
}

fn unmerge(draft: &mut Draft<'_>, reports: &[ReportId]) -> Result<(), Refusal> {
    let Some(Outcome::Merged { into }) = draft.case.state.outcome().cloned() else {
        return Err(draft.illegal(CommandKind::Unmerge));
    };
    require_reports_back(draft, reports)?;
    draft.fact(CaseFact::Unmerged {
        from: into,
        reports: reports.to_vec(),
    });
    draft.stop(&[ClockKind::Contest], Ending::Void);
    start_reopened(draft);
    Ok(())
}

/// Reports come back only from where this case was merged into, and at least one.
pub(super) fn require_reports_back(draft: &Draft<'_>, reports: &[ReportId]) -> Result<(), Refusal> {
    let Some(Outcome::Merged { into }) = draft.case.state.outcome() else {
        return if reports.is_empty() {
            Ok(())
        } else {
            Err(Refusal::NotMerged)
        };
    };
    let moved_there = |report: &ReportId| {
        draft
            .case
            .members
            .iter()
            .any(|member| member.report == *report && member.moved_to == Some(*into))
    };
    if reports.is_empty() || !reports.iter().all(moved_there) {
        return Err(Refusal::NotMerged);
    }
    Ok(())
}

fn split_off(draft: &mut Draft<'_>, case_id: CaseId) -> Result<(), Refusal> {
    let leaving = draft.case.live_members_from(case_id);
    if leaving.is_empty() {
        return Err(Refusal::NotMerged);
    }
    let closes = draft.case.is_open() && draft.case.live_members().count() == leaving.len();
    draft.fact(CaseFact::SplitOff { case_id, closes });
    for id in draft.running(|clock| clock.report.is_some_and(|report| leaving.contains(&report))) {
        draft.stop_clock(id, Ending::Void);
    }
    if closes {
        draft.end_all();
    }
    Ok(())
}
