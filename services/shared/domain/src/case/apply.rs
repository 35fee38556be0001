//! From event to next state. Nothing is decided here: an event is applied as it is.

use time::OffsetDateTime;

use super::Case;
use super::command::Classification;
use super::event::{CaseEvent, CaseFact, Effect};
use super::parts::{
    Answer, CompletionRequest, ContestRecord, Contribution, Disposition, DisputeRecord, Interval, Member,
    OmbudsmanFlag, Outcome, Rating, ReturnRecord, State,
};
use crate::clock::{CaseClock, ClockId, ClockResult, Pause};
use crate::ids::{OpdCode, ReportId};
use crate::party::Party;

impl Case {
    /// Opens a case from its first event; none when that is not `filed`.
    #[must_use]
    pub fn open(event: &CaseEvent) -> Option<Self> {
        let mut case = Self::from_filed(event.at, &event.fact)?;
        case.seq = event.seq;
        for effect in &event.effects {
            case.apply_effect(effect);
        }
        Some(case)
    }

    /// Applies an event. Events of a case are applied in the order of their numbers; the caller keeps that order.
    pub fn apply(&mut self, event: &CaseEvent) {
        self.begin(event.seq, event.at);
        self.apply_fact(&event.fact);
        for effect in &event.effects {
            self.apply_effect(effect);
        }
    }

    /// Rebuilds a case from all its events; none when there are none, or the first is not `filed`.
    #[must_use]
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a CaseEvent>) -> Option<Self> {
        let mut events = events.into_iter();
        let mut case = Self::open(events.next()?)?;
        for event in events {
            case.apply(event);
        }
        Some(case)
    }

    pub(super) const fn begin(&mut self, seq: u64, at: OffsetDateTime) {
        self.seq = seq;
        self.updated_at = at;
    }

    pub(super) fn from_filed(at: OffsetDateTime, fact: &CaseFact) -> Option<Self> {
        let CaseFact::Filed {
            case_id,
            report,
            privacy,
            classification,
            filed_at,
            policy_version,
            authority,
        } = fact
        else {
            return None;
        };
        let member = Member {
            report: *report,
            privacy: *privacy,
            joined_at: *filed_at,
            came_from: None,
            withdrawn_at: None,
            moved_to: None,
            disputed_answer: None,
            rating: None,
        };
        Some(Self {
            id: *case_id,
            seq: 1,
            updated_at: at,
            state: State::AwaitingVerification,
            kind: classification.kind,
            supervisory: classification.supervisory,
            category: classification.category.clone(),
            region: classification.region.clone(),
            complained_unit: classification.complained_unit.clone(),
            authority: authority.clone(),
            filed_at: *filed_at,
            counted_from: *filed_at,
            policy_version: *policy_version,
            members: vec![member],
            lead: None,
            dispositions: Vec::new(),
            contributions: Vec::new(),
            lead_done_at: None,
            returns: Vec::new(),
            binding: false,
            transfer_requested: false,
            completion_requests: Vec::new(),
            first_response_at: None,
            executor: None,
            answers: Vec::new(),
            disputes: Vec::new(),
            awaiting_director: false,
            decided_by: None,
            contest: None,
            reopened: 0,
            taken_over_at: None,
            flags: Vec::new(),
            closed_at: None,
            clocks: Vec::new(),
            ledger: Vec::new(),
        })
    }

    pub(super) fn apply_fact(&mut self, fact: &CaseFact) {
        match fact {
            CaseFact::Completed { .. }
            | CaseFact::Withdrawn { .. }
            | CaseFact::Disputed { .. }
            | CaseFact::DisputeJoined { .. }
            | CaseFact::AppealReferredToOmbudsman { .. }
            | CaseFact::Rated { .. }
            | CaseFact::Contested { .. } => self.apply_citizens(fact),
            CaseFact::Verified { .. }
            | CaseFact::HandedUp { .. }
            | CaseFact::CompletionRequested { .. }
            | CaseFact::Rejected { .. }
            | CaseFact::Referred { .. }
            | CaseFact::MergedInto { .. }
            | CaseFact::Absorbed { .. }
            | CaseFact::Unmerged { .. }
            | CaseFact::SplitOff { .. }
            | CaseFact::Reclassified { .. } => self.apply_verification(fact),
            CaseFact::Disposed { .. }
            | CaseFact::Bound { .. }
            | CaseFact::Transferred { .. }
            | CaseFact::TransferDeclined
            | CaseFact::Recalled { .. }
            | CaseFact::ContributorAdded { .. }
            | CaseFact::Returned { .. }
            | CaseFact::TransferRequested { .. } => self.apply_disposition(fact),
            CaseFact::Accepted { .. }
            | CaseFact::Assigned { .. }
            | CaseFact::ProgressRecorded { .. }
            | CaseFact::ContributionDone { .. }
            | CaseFact::LeadDeclaredDone
            | CaseFact::FirstResponseReleased { .. }
            | CaseFact::Answered { .. } => self.apply_agencys(fact),
            CaseFact::Filed { .. }
            | CaseFact::DisputeDecided { .. }
            | CaseFact::ContestDecided { .. }
            | CaseFact::Reopened
            | CaseFact::TakenOver
            | CaseFact::HandedBack
            | CaseFact::Breached { .. }
            | CaseFact::WindowEnded { .. }
            | CaseFact::ClosedBySilence { .. }
            | CaseFact::Lapsed
            | CaseFact::Escalated { .. }
            | CaseFact::CalendarApplied { .. }
            | CaseFact::OutageCorrected { .. } => self.apply_above(fact),
        }
    }

    fn apply_citizens(&mut self, fact: &CaseFact) {
        match fact {
            CaseFact::Completed { received_at, .. } => {
                let by_agency = match self.completion_requests.last_mut() {
                    Some(request) => {
                        request.completed_at = Some(*received_at);
                        matches!(request.by, Party::Agency(_))
                    }
                    None => false,
                };
                self.closed_at = None;
                if by_agency {
                    self.state = State::InProgress;
                } else {
                    self.state = State::AwaitingVerification;
                    self.counted_from = *received_at;
                }
            }
            CaseFact::Withdrawn { report, closes, .. } => {
                let at = self.updated_at;
                if let Some(member) = self.member_mut(*report) {
                    member.withdrawn_at = Some(at);
                }
                if *closes {
                    self.close(Outcome::Withdrawn);
                }
            }
            CaseFact::Disputed {
                report,
                received_at,
                to_director,
            } => {
                let answer = self.answer_number();
                self.mark_disputed(*report);
                self.disputes.push(DisputeRecord {
                    report: *report,
                    answer,
                    received_at: *received_at,
                    upheld: None,
                });
                self.awaiting_director = *to_director;
                self.closed_at = None;
                self.state = State::Disputed;
            }
            CaseFact::DisputeJoined { report, .. } => self.mark_disputed(*report),
            CaseFact::AppealReferredToOmbudsman { report, outcome, .. } => {
                self.mark_disputed(*report);
                self.close(outcome.clone());
            }
            CaseFact::Rated {
                report,
                score,
                received_at,
            } => {
                if let Some(member) = self.member_mut(*report) {
                    member.rating = Some(Rating {
                        score: *score,
                        at: *received_at,
                    });
                }
            }
            CaseFact::Contested { report, received_at } => {
                self.contest = Some(ContestRecord {
                    report: *report,
                    received_at: *received_at,
                    granted: None,
                    decided_by: None,
                });
            }
            _ => {}
        }
    }

    fn apply_verification(&mut self, fact: &CaseFact) {
        match fact {
            CaseFact::Verified { classification } => {
                self.classify(classification);
                self.state = State::AwaitingDisposition;
            }
            CaseFact::HandedUp {
                classification,
                authority,
            }
            | CaseFact::Reclassified {
                classification,
                authority,
            } => {
                self.classify(classification);
                self.authority = authority.clone();
            }
            CaseFact::CompletionRequested { by, .. } => {
                self.completion_requests.push(CompletionRequest {
                    by: by.clone(),
                    at: self.updated_at,
                    completed_at: None,
                });
                if matches!(by, Party::Agency(_)) {
                    self.first_response_at = self.first_response_at.or(Some(self.updated_at));
                }
                self.state = State::AwaitingCompletion;
            }
            CaseFact::Rejected { reason, by } => {
                self.decided_by = Some(by.clone());
                self.close(Outcome::Rejected { reason: *reason });
            }
            CaseFact::Referred { to, by } => {
                self.decided_by = Some(by.clone());
                self.close(Outcome::Referred { to: to.clone() });
            }
            CaseFact::MergedInto { into, by } => {
                self.decided_by = Some(by.clone());
                for member in self.members.iter_mut().filter(|member| member.is_live()) {
                    member.moved_to = Some(*into);
                }
                self.close(Outcome::Merged { into: *into });
            }
            CaseFact::Absorbed { members, .. } => self.members.extend(members.iter().cloned()),
            CaseFact::Unmerged { reports, .. } => {
                self.take_back(reports);
                self.reopen();
            }
            CaseFact::SplitOff { case_id, closes } => {
                for member in &mut self.members {
                    if member.came_from == Some(*case_id) && member.moved_to.is_none() {
                        member.moved_to = Some(*case_id);
                    }
                }
                if *closes {
                    self.close(Outcome::Withdrawn);
                }
            }
            _ => {}
        }
    }

    fn apply_disposition(&mut self, fact: &CaseFact) {
        match fact {
            CaseFact::Disposed { lead, contributors } => {
                self.lead_by(lead, false);
                for opd in contributors {
                    self.add_contribution(opd);
                }
                self.state = State::AwaitingAcceptance;
            }
            CaseFact::Bound { lead } => {
                self.lead_by(lead, true);
                self.binding = true;
                self.state = State::InProgress;
            }
            CaseFact::Transferred { to, .. } => {
                self.lead_by(to, false);
                self.state = State::AwaitingAcceptance;
            }
            CaseFact::TransferDeclined => self.transfer_requested = false,
            CaseFact::Recalled { .. } => self.without_lead(),
            CaseFact::ContributorAdded { opd } => self.add_contribution(opd),
            CaseFact::Returned {
                opd, reason, suggested, ..
            } => {
                self.push_return(opd, *reason, suggested.as_ref(), false);
                self.without_lead();
            }
            CaseFact::TransferRequested {
                opd, reason, suggested, ..
            } => {
                self.push_return(opd, *reason, suggested.as_ref(), true);
                self.transfer_requested = true;
            }
            _ => {}
        }
    }

    fn apply_agencys(&mut self, fact: &CaseFact) {
        let at = self.updated_at;
        match fact {
            CaseFact::Accepted { .. } => self.state = State::InProgress,
            CaseFact::Assigned { executor } => self.executor = Some(executor.clone()),
            CaseFact::ContributionDone { opd, .. } => {
                let open = self
                    .contributions
                    .iter_mut()
                    .find(|part| part.opd == *opd && part.is_open());
                if let Some(part) = open {
                    part.done_at = Some(at);
                }
            }
            CaseFact::LeadDeclaredDone => self.lead_done_at = Some(at),
            CaseFact::FirstResponseReleased { .. } => {
                self.first_response_at = self.first_response_at.or(Some(at));
            }
            CaseFact::Answered { text, outcome, opd, .. } => {
                self.first_response_at = self.first_response_at.or(Some(at));
                self.answers.push(Answer {
                    text: *text,
                    outcome: *outcome,
                    opd: opd.clone(),
                    released_at: at,
                });
                self.end_contributions();
                self.transfer_requested = false;
                self.state = State::Answered;
            }
            _ => {}
        }
    }

    fn apply_above(&mut self, fact: &CaseFact) {
        match fact {
            CaseFact::DisputeDecided { upheld, outcome, .. } => {
                if let Some(dispute) = self.disputes.last_mut() {
                    dispute.upheld = Some(*upheld);
                }
                self.awaiting_director = false;
                if let Some(outcome) = outcome {
                    self.close(outcome.clone());
                }
            }
            CaseFact::ContestDecided {
                granted, by, reports, ..
            } => {
                if let Some(contest) = &mut self.contest {
                    contest.granted = Some(*granted);
                    contest.decided_by = Some(by.clone());
                }
                if *granted {
                    self.take_back(reports);
                    self.reopen();
                }
            }
            CaseFact::Reopened => self.reopen(),
            CaseFact::TakenOver => self.taken_over_at = Some(self.updated_at),
            CaseFact::HandedBack => self.taken_over_at = None,
            CaseFact::ClosedBySilence { outcome } => self.close(outcome.clone()),
            CaseFact::Lapsed => self.close(Outcome::Lapsed),
            _ => {}
        }
    }

    pub(super) fn apply_effect(&mut self, effect: &Effect) {
        match effect {
            Effect::ClockStarted { clock } => self.clocks.push(CaseClock::clone(clock)),
            Effect::HeldBy { party, from } => {
                self.end_interval(*from);
                self.ledger.push(Interval {
                    party: party.clone(),
                    from: *from,
                    to: None,
                });
            }
            Effect::HeldByNobody { from } => self.end_interval(*from),
            Effect::FlaggedToOmbudsman { reason } => {
                self.flags.push(OmbudsmanFlag {
                    reason: *reason,
                    at: self.updated_at,
                });
            }
            Effect::ClockPassedTo { clock, .. }
            | Effect::ClockPaused { clock, .. }
            | Effect::ClockResumed { clock, .. }
            | Effect::ClockStopped { clock, .. }
            | Effect::ClockBreached { clock, .. }
            | Effect::BreachCorrected { clock, .. }
            | Effect::DeadlineMoved { clock, .. }
            | Effect::RungFired { clock, .. } => {
                if let Some(clock) = self.clock_mut(*clock) {
                    apply_to_clock(clock, effect);
                }
            }
        }
    }

    fn classify(&mut self, classification: &Classification) {
        self.kind = classification.kind;
        self.supervisory = classification.supervisory;
        self.category = classification.category.clone();
        self.region = classification.region.clone();
        self.complained_unit = classification.complained_unit.clone();
    }

    fn close(&mut self, outcome: Outcome) {
        self.end_contributions();
        self.closed_at = Some(self.updated_at);
        self.taken_over_at = None;
        self.awaiting_director = false;
        self.transfer_requested = false;
        self.state = State::Closed { outcome };
    }

    fn reopen(&mut self) {
        self.closed_at = None;
        self.reopened = self.reopened.saturating_add(1);
        self.lead_done_at = None;
        self.state = if self.lead.is_some() {
            State::InProgress
        } else {
            State::AwaitingDisposition
        };
    }

    /// Reports that were moved away with a merge belong to this case again.
    fn take_back(&mut self, reports: &[ReportId]) {
        for member in self
            .members
            .iter_mut()
            .filter(|member| reports.contains(&member.report))
        {
            member.moved_to = None;
        }
    }

    fn lead_by(&mut self, lead: &OpdCode, binding: bool) {
        let at = self.updated_at;
        if self.lead.as_ref() != Some(lead) {
            self.first_response_at = None;
            self.executor = None;
        }
        for part in self
            .contributions
            .iter_mut()
            .filter(|part| part.opd == *lead && part.is_open())
        {
            part.ended_at = Some(at);
        }
        self.lead = Some(lead.clone());
        self.lead_done_at = None;
        self.transfer_requested = false;
        self.dispositions.push(Disposition {
            lead: lead.clone(),
            at,
            binding,
        });
    }

    fn without_lead(&mut self) {
        self.lead = None;
        self.executor = None;
        self.first_response_at = None;
        self.end_contributions();
        self.state = State::AwaitingDisposition;
    }

    fn push_return(
        &mut self,
        opd: &OpdCode,
        reason: super::ReturnReason,
        suggested: Option<&OpdCode>,
        transfer_request: bool,
    ) {
        self.returns.push(ReturnRecord {
            opd: opd.clone(),
            at: self.updated_at,
            reason,
            suggested: suggested.cloned(),
            transfer_request,
        });
    }

    fn add_contribution(&mut self, opd: &OpdCode) {
        self.contributions.push(Contribution {
            opd: opd.clone(),
            disposed_at: self.updated_at,
            done_at: None,
            ended_at: None,
        });
    }

    fn end_contributions(&mut self) {
        let at = self.updated_at;
        for part in self.contributions.iter_mut().filter(|part| part.is_open()) {
            part.ended_at = Some(at);
        }
    }

    fn end_interval(&mut self, to: OffsetDateTime) {
        if let Some(open) = self.ledger.last_mut().filter(|interval| interval.to.is_none()) {
            open.to = Some(to);
        }
    }

    fn member_mut(&mut self, report: ReportId) -> Option<&mut Member> {
        self.members.iter_mut().rev().find(|member| member.report == report)
    }

    fn mark_disputed(&mut self, report: ReportId) {
        let answer = self.answer_number();
        if let Some(member) = self.member_mut(report) {
            member.disputed_answer = Some(answer);
        }
    }

    pub(super) fn answer_number(&self) -> u32 {
        u32::try_from(self.answers.len()).unwrap_or(u32::MAX)
    }

    fn clock_mut(&mut self, id: ClockId) -> Option<&mut CaseClock> {
        usize::try_from(id.0).ok().and_then(|place| self.clocks.get_mut(place))
    }
}

fn apply_to_clock(clock: &mut CaseClock, effect: &Effect) {
    match effect {
        Effect::ClockPassedTo { party, .. } => clock.party = party.clone(),
        Effect::ClockPaused { at, .. } => {
            for basis in std::iter::once(&mut clock.basis).chain(&mut clock.adopted) {
                basis.pauses.push(Pause { from: *at, to: None });
            }
            clock.due_at = crate::calendar::FAR_FUTURE;
        }
        Effect::ClockResumed {
            at,
            due_at,
            provisional,
            ..
        } => {
            for basis in std::iter::once(&mut clock.basis).chain(&mut clock.adopted) {
                if let Some(pause) = basis.pauses.last_mut().filter(|pause| pause.to.is_none()) {
                    pause.to = Some(*at);
                }
            }
            clock.due_at = *due_at;
            clock.provisional = *provisional;
        }
        Effect::ClockStopped {
            at, issued_at, result, ..
        } => {
            clock.stopped_at = Some(*at);
            clock.stop_issued_at = *issued_at;
            if clock.result.is_none() {
                clock.result = result.clone();
            }
        }
        Effect::ClockBreached { breach, .. } => {
            clock.result = Some(ClockResult::Breached(breach.clone()));
        }
        Effect::BreachCorrected { correction, .. } => {
            clock.result = Some(ClockResult::Met {
                by: Some(correction.was.charged_to.clone()),
            });
            clock.correction = Some(correction.clone());
        }
        Effect::DeadlineMoved {
            to,
            provisional,
            adopted,
            ..
        } => {
            clock.due_at = *to;
            clock.provisional = *provisional;
            clock.adopted.extend(adopted.iter().cloned());
        }
        Effect::RungFired { rung, .. } => clock.rungs.push(rung.clone()),
        Effect::ClockStarted { .. }
        | Effect::HeldBy { .. }
        | Effect::HeldByNobody { .. }
        | Effect::FlaggedToOmbudsman { .. } => {}
    }
}
