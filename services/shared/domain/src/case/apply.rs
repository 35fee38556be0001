//! From event to next state. Nothing is decided here: an event is applied as it is.

use time::OffsetDateTime;

use super::Case;
use super::event::{CaseEvent, CaseFact, Effect};
use super::parts::{Interval, Member, OmbudsmanFlag};
use super::states::State;
use crate::clock::{CaseClock, ClockId, ClockResult, Pause};

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

    fn end_interval(&mut self, to: OffsetDateTime) {
        if let Some(open) = self.ledger.last_mut().filter(|interval| interval.to.is_none()) {
            open.to = Some(to);
        }
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
