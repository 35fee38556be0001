//! A decision in the making: facts and effects are applied to a copy of the case as they are recorded, so that
//! every step sees the state that the events so far lead to.

use time::OffsetDateTime;

use super::Context;
use crate::Refusal;
use crate::authorization::CommandKind;
use crate::case::event::{CaseEvent, CaseFact, Effect};
use crate::case::parts::{Decider, FlagReason};
use crate::case::{Case, State};
use crate::clock::CaseClock;
use crate::ids::OpdCode;
use crate::party::Party;
use crate::policy::{Limits, Policy};

/// How a clock ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// What it waited for was done.
    Done,
    /// Nobody has to meet it any more.
    Void,
    /// A reporter's clock ran out.
    Expired,
}

pub(super) struct Draft<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) policy: &'a Policy,
    /// Never before the last event: nodes' clocks may differ by a little.
    pub(super) now: OffsetDateTime,
    pub(super) case: Case,
    events: Vec<CaseEvent>,
}

impl<'a> Draft<'a> {
    /// A citizen's command is never decided before intake received it (their clocks may differ by a little).
    pub(super) fn not_before(&mut self, received_at: OffsetDateTime) {
        self.now = self.now.max(received_at);
    }

    pub(super) fn new(case: &Case, context: &'a Context<'a>) -> Result<Self, Refusal> {
        let policy = context
            .policies
            .version(case.policy_version)
            .ok_or(Refusal::UnknownPolicy)?;
        let now = context.now.max(case.updated_at);
        Ok(Self {
            context,
            policy,
            now,
            case: case.clone(),
            events: Vec::new(),
        })
    }

    /// A decision that opens a case.
    pub(super) fn opening(context: &'a Context<'a>, at: OffsetDateTime, fact: CaseFact) -> Result<Self, Refusal> {
        let case = Case::from_filed(at, &fact).ok_or(Refusal::UnknownCase)?;
        let mut draft = Self::new(&case, context)?;
        draft.events.push(CaseEvent {
            seq: 1,
            at,
            fact,
            effects: Vec::new(),
        });
        Ok(draft)
    }

    pub(super) fn into_events(self) -> Vec<CaseEvent> {
        self.events
    }

    pub(super) fn limits(&self) -> &'a Limits {
        &self.policy.limits
    }

    pub(super) fn illegal(&self, command: CommandKind) -> Refusal {
        super::illegal(&self.case.state, command)
    }

    /// Refuses unless the case is in one of the states.
    pub(super) fn require(&self, command: CommandKind, allowed: impl FnOnce(&State) -> bool) -> Result<(), Refusal> {
        if allowed(&self.case.state) {
            Ok(())
        } else {
            Err(self.illegal(command))
        }
    }

    /// Records a fact and applies it.
    pub(super) fn fact(&mut self, fact: CaseFact) {
        let seq = self.case.seq.saturating_add(1);
        self.case.begin(seq, self.now);
        self.case.apply_fact(&fact);
        self.events.push(CaseEvent {
            seq,
            at: self.now,
            fact,
            effects: Vec::new(),
        });
    }

    /// Adds an effect to the last fact and applies it.
    pub(super) fn effect(&mut self, effect: Effect) {
        self.case.apply_effect(&effect);
        if let Some(event) = self.events.last_mut() {
            event.effects.push(effect);
        }
    }

    /// The moment that counts for stopping clocks and for the ledger: now, or the issue of the command inside a
    /// recorded outage (rule K7).
    pub(super) fn effective_at(&self) -> OffsetDateTime {
        let issued_at = self.context.issued_at;
        let covered = self.context.outages.iter().any(|outage| outage.covers(issued_at));
        if covered && issued_at < self.now {
            issued_at
        } else {
            self.now
        }
    }

    /// The official who decides.
    pub(super) fn decider(&self) -> Result<Decider, Refusal> {
        let official = self.context.actor.official().ok_or(Refusal::NotPermitted)?;
        Ok(Decider {
            position: official.position.clone(),
            holder: official.holder.clone(),
        })
    }

    pub(super) fn lead(&self, command: CommandKind) -> Result<OpdCode, Refusal> {
        self.case.lead.clone().ok_or_else(|| self.illegal(command))
    }

    pub(super) fn flag(&mut self, reason: FlagReason) {
        self.effect(Effect::FlaggedToOmbudsman { reason });
    }

    /// Charges the case to a party from a moment on, at the earliest from the start of the present interval.
    pub(super) fn hold_by(&mut self, party: Party, from: OffsetDateTime) {
        let kept_by_ombudsman = self.case.taken_over_at.is_some() && party != Party::Ombudsman;
        if kept_by_ombudsman || self.case.holder() == Some(&party) {
            return;
        }
        let from = match self.case.ledger.last() {
            // The case was closed: it is open again from now on, not before.
            Some(last) if last.to.is_some() => self.now,
            Some(last) => from.max(last.from),
            None => from,
        };
        self.effect(Effect::HeldBy { party, from });
    }

    /// Ends the last interval.
    pub(super) fn hold_by_nobody(&mut self) {
        if self.case.holder().is_some() {
            self.effect(Effect::HeldByNobody { from: self.now });
        }
    }

    /// Charges the case to whoever has to act in its present state (rules K4, K5).
    pub(super) fn hold_by_due_party(&mut self, from: OffsetDateTime) {
        if let Some(party) = self.case.due_party() {
            self.hold_by(party, from);
        }
    }

    /// Clocks that run through many hands now run for a party.
    pub(super) fn pass_long_clocks(&mut self, party: &Party) {
        let long = |clock: &CaseClock| clock.kind.is_long() && clock.is_undecided() && clock.party != *party;
        for clock in self.running(long) {
            self.effect(Effect::ClockPassedTo {
                clock,
                party: party.clone(),
            });
        }
    }

    /// Ends every clock and the last interval of a case that the last fact has closed.
    pub(super) fn end_all(&mut self) {
        self.stop_all(Ending::Void);
        self.hold_by_nobody();
    }
}
