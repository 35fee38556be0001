//! The Ombudsman's requests and their clocks (rule K9; UU 37/2008 art. 33 and 38).
//!
//! A request for an explanation has 14 calendar days, is then repeated once by the platform, and after 14 more is
//! unanswered. A recommendation has 60 calendar days for the report on its implementation.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::authorization::{Actor, Official, Role};
use crate::calendar::Calendar;
use crate::case::TextRef;
use crate::ids::{CaseId, HolderId, OpdCode, PositionId, RecommendationId};
use crate::policy::OversightPolicy;

/// What the Ombudsman asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActKind {
    /// Permintaan penjelasan.
    Explanation,
    /// Rekomendasi.
    Recommendation,
}

impl ActKind {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Explanation => "explanation",
            Self::Recommendation => "recommendation",
        }
    }
}

/// State of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActState {
    /// Waits for the answer.
    Requested,
    /// Asked a second time (explanations only).
    RequestedAgain,
    /// The time is over without an answer; an answer is still taken.
    Overdue,
    /// Answered; the Ombudsman judges.
    Answered,
    /// The Ombudsman has closed it.
    Closed,
}

impl ActState {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::RequestedAgain => "requested_again",
            Self::Overdue => "overdue",
            Self::Answered => "answered",
            Self::Closed => "closed",
        }
    }
}

/// The Ombudsman's judgement at closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Explained or implemented.
    Satisfied,
    /// Implemented in part.
    PartlySatisfied,
    /// Not explained or not implemented.
    NotSatisfied,
    /// Taken back by the Ombudsman.
    Withdrawn,
}

impl Judgement {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Satisfied,
        Self::PartlySatisfied,
        Self::NotSatisfied,
        Self::Withdrawn,
    ];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Satisfied => "satisfied",
            Self::PartlySatisfied => "partly_satisfied",
            Self::NotSatisfied => "not_satisfied",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A request of the Ombudsman.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OversightAct {
    /// Its id.
    pub id: RecommendationId,
    /// Number of the last event, from 1.
    pub seq: u64,
    /// What it asks for.
    pub kind: ActKind,
    /// State.
    pub state: ActState,
    /// The case; none for the service as a whole.
    pub case_id: Option<CaseId>,
    /// The agency addressed; none for the province (director).
    pub addressed_to: Option<OpdCode>,
    /// Its text.
    pub text: TextRef,
    /// When it was made.
    pub requested_at: OffsetDateTime,
    /// When the answer is due.
    pub due_at: OffsetDateTime,
    /// Since when it is overdue for good.
    pub overdue_since: Option<OffsetDateTime>,
    /// The last answer, and when.
    pub answered: Option<(TextRef, OffsetDateTime)>,
    /// The answer came in time (at the first or second request); none before.
    pub answered_in_time: Option<bool>,
    /// The judgement.
    pub judgement: Option<Judgement>,
}

/// A command to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum ActCommand {
    /// The Ombudsman asks.
    Request {
        /// Id of the new request.
        id: RecommendationId,
        /// What for.
        kind: ActKind,
        /// The case, if it is about one.
        case_id: Option<CaseId>,
        /// The agency addressed; none for the province.
        addressed_to: Option<OpdCode>,
        /// The text.
        text: TextRef,
    },
    /// The addressed agency (its head or liaison), or the director, answers.
    Answer {
        /// The text.
        text: TextRef,
    },
    /// The Ombudsman closes it with a judgement.
    Close {
        /// The judgement.
        judgement: Judgement,
    },
    /// Its time is over.
    FallDue,
}

/// What happened to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields are those of the command that each fact answers")]
pub enum ActFact {
    /// Asked.
    Requested {
        id: RecommendationId,
        kind: ActKind,
        case_id: Option<CaseId>,
        addressed_to: Option<OpdCode>,
        text: TextRef,
        due_at: OffsetDateTime,
    },
    /// Asked a second time.
    RequestedAgain { due_at: OffsetDateTime },
    /// The time is over for good.
    BecameOverdue,
    /// Answered.
    Answered {
        text: TextRef,
        position: PositionId,
        holder: HolderId,
    },
    /// Closed.
    Closed { judgement: Judgement },
}

/// An event of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActEvent {
    /// Number, contiguous from 1.
    pub seq: u64,
    /// When.
    pub at: OffsetDateTime,
    /// What happened.
    pub fact: ActFact,
}

impl ActEvent {
    /// Stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.fact {
            ActFact::Requested { .. } => "requested",
            ActFact::RequestedAgain { .. } => "requested_again",
            ActFact::BecameOverdue => "became_overdue",
            ActFact::Answered { .. } => "answered",
            ActFact::Closed { .. } => "closed",
        }
    }
}

/// Why a command to a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ActRefusal {
    /// There is no such request, or it exists already.
    #[error("there is no such request, or it exists already")]
    WrongAct,
    /// The state does not allow it.
    #[error("the request does not allow this now")]
    IllegalMove,
    /// Not the Ombudsman, or not the one addressed.
    #[error("the actor may not do this")]
    NotPermitted,
    /// Nothing is due.
    #[error("nothing is due")]
    NotDue,
}

impl ActRefusal {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::WrongAct => "wrong_act",
            Self::IllegalMove => "illegal_move",
            Self::NotPermitted => "not_permitted",
            Self::NotDue => "not_due",
        }
    }
}

/// Decides a command to a request of the Ombudsman.
///
/// # Errors
/// [`ActRefusal`]; the request stays as it is.
pub fn decide_act(
    act: Option<&OversightAct>,
    command: &ActCommand,
    now: OffsetDateTime,
    actor: &Actor,
    policy: &OversightPolicy,
    calendar: &Calendar,
) -> Result<ActEvent, ActRefusal> {
    let fact = match (act, command) {
        (
            None,
            ActCommand::Request {
                id,
                kind,
                case_id,
                addressed_to,
                text,
            },
        ) => {
            require_ombudsman(actor)?;
            let limit = match kind {
                ActKind::Explanation => policy.explanation,
                ActKind::Recommendation => policy.implementation,
            };
            ActFact::Requested {
                id: *id,
                kind: *kind,
                case_id: *case_id,
                addressed_to: addressed_to.clone(),
                text: *text,
                due_at: calendar.due_after(now, limit),
            }
        }
        (Some(act), ActCommand::Answer { text }) => {
            let official = actor.official().ok_or(ActRefusal::NotPermitted)?;
            if !act.may_answer(official) {
                return Err(ActRefusal::NotPermitted);
            }
            if act.state == ActState::Closed {
                return Err(ActRefusal::IllegalMove);
            }
            ActFact::Answered {
                text: *text,
                position: official.position.clone(),
                holder: official.holder.clone(),
            }
        }
        (Some(act), ActCommand::Close { judgement }) => {
            require_ombudsman(actor)?;
            if act.state == ActState::Closed {
                return Err(ActRefusal::IllegalMove);
            }
            ActFact::Closed { judgement: *judgement }
        }
        (Some(act), ActCommand::FallDue) => {
            if *actor != Actor::System {
                return Err(ActRefusal::NotPermitted);
            }
            fall_due(act, now, policy, calendar)?
        }
        _ => return Err(ActRefusal::WrongAct),
    };
    Ok(ActEvent {
        seq: act.map_or(1, |act| act.seq.saturating_add(1)),
        at: now,
        fact,
    })
}

fn require_ombudsman(actor: &Actor) -> Result<(), ActRefusal> {
    let official = actor.official().ok_or(ActRefusal::NotPermitted)?;
    if official.roles.contains(&Role::Ombudsman) {
        Ok(())
    } else {
        Err(ActRefusal::NotPermitted)
    }
}

fn fall_due(
    act: &OversightAct,
    now: OffsetDateTime,
    policy: &OversightPolicy,
    calendar: &Calendar,
) -> Result<ActFact, ActRefusal> {
    if act.next_due().is_none_or(|due_at| due_at > now) {
        return Err(ActRefusal::NotDue);
    }
    if act.kind == ActKind::Explanation && act.state == ActState::Requested {
        // The limit ended at 24:00; the second one starts with that day, not with the next.
        let started_at = act.due_at - time::Duration::SECOND;
        let due_at = calendar.due_after(started_at, policy.explanation_again);
        return Ok(ActFact::RequestedAgain { due_at });
    }
    Ok(ActFact::BecameOverdue)
}

impl OversightAct {
    /// The next moment at which [`ActCommand::FallDue`] is due.
    #[must_use]
    pub const fn next_due(&self) -> Option<OffsetDateTime> {
        match self.state {
            ActState::Requested | ActState::RequestedAgain => Some(self.due_at),
            ActState::Overdue | ActState::Answered | ActState::Closed => None,
        }
    }

    /// Whether an official answers for the one addressed: its head or liaison; the director for the province.
    #[must_use]
    pub fn may_answer(&self, official: &Official) -> bool {
        match &self.addressed_to {
            Some(opd) => {
                official.opd.as_ref() == Some(opd)
                    && (official.roles.contains(&Role::AccountableHead) || official.roles.contains(&Role::Liaison))
            }
            None => official.roles.contains(&Role::Director) || official.roles.contains(&Role::Patron),
        }
    }

    /// Opens a request from its first event.
    #[must_use]
    pub fn open(event: &ActEvent) -> Option<Self> {
        let ActFact::Requested {
            id,
            kind,
            case_id,
            addressed_to,
            text,
            due_at,
        } = &event.fact
        else {
            return None;
        };
        Some(Self {
            id: *id,
            seq: event.seq,
            kind: *kind,
            state: ActState::Requested,
            case_id: *case_id,
            addressed_to: addressed_to.clone(),
            text: *text,
            requested_at: event.at,
            due_at: *due_at,
            overdue_since: None,
            answered: None,
            answered_in_time: None,
            judgement: None,
        })
    }

    /// Applies a later event.
    pub fn apply(&mut self, event: &ActEvent) {
        self.seq = event.seq;
        match &event.fact {
            ActFact::Requested { .. } => {}
            ActFact::RequestedAgain { due_at } => {
                self.due_at = *due_at;
                self.state = ActState::RequestedAgain;
            }
            ActFact::BecameOverdue => {
                self.overdue_since = Some(self.due_at);
                self.state = ActState::Overdue;
            }
            ActFact::Answered { text, .. } => {
                self.answered = Some((*text, event.at));
                // The first answer decides; a later one only adds to it.
                let in_time = event.at <= self.due_at && self.overdue_since.is_none();
                self.answered_in_time = self.answered_in_time.or(Some(in_time));
                self.state = ActState::Answered;
            }
            ActFact::Closed { judgement } => {
                self.judgement = Some(*judgement);
                self.state = ActState::Closed;
            }
        }
    }

    /// Rebuilds a request from all its events.
    #[must_use]
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a ActEvent>) -> Option<Self> {
        let mut events = events.into_iter();
        let mut act = Self::open(events.next()?)?;
        events.for_each(|event| act.apply(event));
        Some(act)
    }
}
