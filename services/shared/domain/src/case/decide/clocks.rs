//! Clocks within a decision: start, stop, pause, breach, escalate (rules K1, K7, V1, E1, E2).

use time::OffsetDateTime;

use super::Context;
use super::draft::{Draft, Ending};
use crate::breach::{charge, responsible};
use crate::calendar::FAR_FUTURE;
use crate::case::event::{CaseFact, Effect};
use crate::case::parts::FlagReason;
use crate::clock::{Basis, Breach, CaseClock, ClockId, ClockKind, ClockResult, Correction, CorrectionCause, Pause};
use crate::escalation::{fire, next_rung};
use crate::ids::ReportId;
use crate::party::Party;
use crate::policy::Limit;

impl Draft<'_> {
    /// Starts a clock.
    pub(super) fn start(&mut self, kind: ClockKind, party: Party, started_at: OffsetDateTime, limit: Limit) {
        self.start_for(kind, party, started_at, limit, None);
    }

    pub(super) fn start_for(
        &mut self,
        kind: ClockKind,
        party: Party,
        started_at: OffsetDateTime,
        limit: Limit,
        report: Option<ReportId>,
    ) {
        let basis = Basis {
            started_at,
            limit,
            pauses: Vec::new(),
        };
        self.start_from(kind, party, basis, Vec::new(), report);
    }

    /// Starts a clock on given bases. While the Ombudsman has the case it starts paused.
    pub(super) fn start_from(
        &mut self,
        kind: ClockKind,
        party: Party,
        basis: Basis,
        adopted: Vec<Basis>,
        report: Option<ReportId>,
    ) {
        let mut clock = CaseClock {
            id: ClockId(u32::try_from(self.case.clocks.len()).unwrap_or(u32::MAX)),
            kind,
            party,
            report,
            due_at: basis.started_at,
            basis,
            adopted,
            provisional: false,
            stopped_at: None,
            stop_issued_at: None,
            result: None,
            correction: None,
            rungs: Vec::new(),
        };
        if self.case.taken_over_at.is_some() {
            let from = self.now.max(clock.started_at());
            for basis in std::iter::once(&mut clock.basis).chain(&mut clock.adopted) {
                basis.pauses.push(Pause { from, to: None });
            }
            clock.due_at = FAR_FUTURE;
        } else {
            clock.due_at = due_of(&clock, self.context);
            clock.provisional = self.context.calendar.is_provisional(clock.due_at);
        }
        self.effect(Effect::ClockStarted { clock: Box::new(clock) });
    }

    /// Ids of running clocks that fit.
    pub(super) fn running(&self, fits: impl Fn(&CaseClock) -> bool) -> Vec<ClockId> {
        let running = |clock: &&CaseClock| clock.is_running() && fits(clock);
        self.case.clocks.iter().filter(running).map(|clock| clock.id).collect()
    }

    /// Stops the running clocks of some kinds.
    pub(super) fn stop(&mut self, kinds: &[ClockKind], ending: Ending) {
        for id in self.running(|clock| kinds.contains(&clock.kind)) {
            self.stop_clock(id, ending);
        }
    }

    /// Stops all running clocks.
    pub(super) fn stop_all(&mut self, ending: Ending) {
        for id in self.running(|_| true) {
            self.stop_clock(id, ending);
        }
    }

    /// Stops one clock (rule K7).
    pub(super) fn stop_clock(&mut self, id: ClockId, ending: Ending) {
        let Some(clock) = self.case.clock(id).filter(|clock| clock.is_running()) else {
            return;
        };
        let at = self.effective_at().max(clock.started_at());
        let reporters = clock.kind.is_reporters();
        if let Some(breach) = clock.breach().cloned() {
            if ending == Ending::Done && at < self.now && at <= breach.at {
                let correction = Correction {
                    at: self.now,
                    cause: CorrectionCause::RoutingOutage,
                    was: breach,
                };
                self.effect(Effect::BreachCorrected { clock: id, correction });
            }
        } else if at > clock.due_at && !reporters {
            self.breach(id);
        }
        let undecided = self.case.clock(id).filter(|clock| clock.result.is_none());
        let result = undecided.map(|clock| match ending {
            Ending::Done if reporters => ClockResult::Met { by: None },
            Ending::Done => {
                let party = clock.party.clone();
                let by = responsible(&self.case, clock, party, at, self.context.directory);
                ClockResult::Met { by: Some(by) }
            }
            Ending::Void => ClockResult::Void,
            Ending::Expired => ClockResult::Expired,
        });
        let issued_at = (self.context.issued_at <= self.now).then_some(self.context.issued_at);
        self.effect(Effect::ClockStopped {
            clock: id,
            at,
            issued_at,
            result,
        });
    }

    /// Fixes the breach of an undecided clock at its due time (rules V1, K3), as an effect of the last fact.
    pub(super) fn breach(&mut self, id: ClockId) {
        let Some(clock) = self.case.clock(id).filter(|clock| clock.is_undecided()) else {
            return;
        };
        let at = clock.due_at;
        let context = self.context;
        let charged_to = charge(
            &self.case,
            clock,
            at,
            self.limits(),
            context.calendar,
            context.directory,
        );
        let ladder_version = context
            .policies
            .in_force(at)
            .map_or(self.policy.version, |policy| policy.version);
        let breach = Breach {
            at,
            charged_to,
            ladder_version,
        };
        self.effect(Effect::ClockBreached { clock: id, breach });
    }

    /// Fires one rung, and at once the next ones while the addressed position is vacant (rule E2).
    /// Returns whether any fired.
    pub(super) fn fire_rung(&mut self, id: ClockId) -> bool {
        let mut fired = false;
        loop {
            let context = self.context;
            let Some(clock) = self.case.clock(id) else { return fired };
            let Some(next) =
                next_rung(&self.case, clock, context.policies, context.calendar).filter(|next| next.due_at <= self.now)
            else {
                return fired;
            };
            let Some(breach) = clock.breach() else { return fired };
            let rung = fire(&next, &breach.charged_to.party, context.directory, self.now);
            let vacant = rung.holder.is_none();
            let flags = rung.flags_ombudsman;
            self.effect(Effect::RungFired { clock: id, rung });
            if flags {
                self.flag(FlagReason::LastRung);
            }
            fired = true;
            if !vacant {
                return fired;
            }
        }
    }

    /// Records what fell due before `now` and was not recorded yet, so that no command overtakes a breach.
    /// Reporters' clocks are left: their consequence is decided against `received_at` (rule M2).
    pub(super) fn catch_up(&mut self) {
        let now = self.now;
        let due = self.running(|clock| {
            clock.is_undecided() && clock.is_counting() && !clock.kind.is_reporters() && clock.due_at < now
        });
        for id in due {
            self.fact(CaseFact::Breached { clock: id });
            self.breach(id);
        }
        for id in self.running(|clock| clock.breach().is_some()) {
            while self.has_due_rung(id) {
                self.fact(CaseFact::Escalated { clock: id });
                if !self.fire_rung(id) {
                    break;
                }
            }
        }
    }

    fn has_due_rung(&self, id: ClockId) -> bool {
        self.case
            .clock(id)
            .and_then(|clock| next_rung(&self.case, clock, self.context.policies, self.context.calendar))
            .is_some_and(|next| next.due_at <= self.now)
    }

    /// Pauses running, undecided clocks.
    pub(super) fn pause(&mut self, fits: impl Fn(&CaseClock) -> bool) {
        let at = self.effective_at();
        for id in self.running(|clock| clock.is_undecided() && clock.is_counting() && fits(clock)) {
            let at = self.case.clock(id).map_or(at, |clock| at.max(clock.started_at()));
            self.effect(Effect::ClockPaused { clock: id, at });
        }
    }

    /// Lets paused clocks run again from a moment; not while the Ombudsman has the case.
    pub(super) fn resume(&mut self, at: OffsetDateTime, fits: impl Fn(&CaseClock) -> bool) {
        if self.case.taken_over_at.is_some() {
            return;
        }
        for id in self.running(|clock| clock.is_paused() && fits(clock)) {
            let Some(clock) = self.case.clock(id) else { continue };
            let mut resumed = clock.clone();
            let mut at = at;
            for basis in std::iter::once(&mut resumed.basis).chain(&mut resumed.adopted) {
                if let Some(pause) = basis.pauses.last_mut().filter(|pause| pause.to.is_none()) {
                    at = at.max(pause.from);
                    pause.to = Some(at);
                }
            }
            let due_at = due_of(&resumed, self.context);
            let provisional = self.context.calendar.is_provisional(due_at);
            self.effect(Effect::ClockResumed {
                clock: id,
                at,
                due_at,
                provisional,
            });
        }
    }
}

/// The due time of a clock by the current calendar: the earliest of its bases (rule M6).
pub(super) fn due_of(clock: &CaseClock, context: &Context<'_>) -> OffsetDateTime {
    let own = context.calendar.due_at(&clock.basis);
    clock
        .adopted
        .iter()
        .map(|basis| context.calendar.due_at(basis))
        .fold(own, OffsetDateTime::min)
}
