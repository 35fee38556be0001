//! Evaluation cases: a position's holder answers for breaches that reached a rung (rules V3, K9).
//!
//! Opened by policy, decided by people: the right of reply (hak jawab) runs first, then the director or the patron
//! decides on a measure. Nothing is decided by the machine; what falls due only moves the case on or marks it late.

mod decide;

pub use decide::decide_evaluation;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::authorization::Role;
use crate::case::{Decider, TextRef};
use crate::clock::{Charge, ClockId, FiredRung};
use crate::directory::Position;
use crate::ids::{CaseId, EvaluationCaseId, HolderId, PositionId};
use crate::period::Period;
use crate::policy::EvaluationPolicy;

/// A breach for which the holder answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    /// The case.
    pub case_id: CaseId,
    /// Its clock.
    pub clock: ClockId,
    /// When the breach reached the rung.
    pub reached_at: OffsetDateTime,
}

/// What is decided (UU 25/2009 art. 54 for the last one).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// No measure.
    None,
    /// Guidance (pembinaan).
    Guidance,
    /// Written warning (teguran tertulis).
    WrittenWarning,
    /// Referral for a sanction under UU 25/2009 art. 54.
    ReferralArticle54,
}

impl Measure {
    /// All measures.
    pub const ALL: [Self; 4] = [
        Self::None,
        Self::Guidance,
        Self::WrittenWarning,
        Self::ReferralArticle54,
    ];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Guidance => "guidance",
            Self::WrittenWarning => "written_warning",
            Self::ReferralArticle54 => "referral_article54",
        }
    }
}

/// State of an evaluation case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum EvaluationState {
    /// The right of reply runs.
    AwaitingReply,
    /// Replied, or the time for it is over.
    AwaitingDecision,
    /// Decided.
    Decided {
        /// The measure.
        measure: Measure,
    },
}

/// An evaluation case; one per position, holder and month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationCase {
    /// Its id.
    pub id: EvaluationCaseId,
    /// Number of the last event, from 1.
    pub seq: u64,
    /// State.
    pub state: EvaluationState,
    /// The position.
    pub position: PositionId,
    /// Its holder.
    pub holder: HolderId,
    /// The month in which it was opened.
    pub month: Period,
    /// Role that decides: the patron for echelon II and above, the director for echelons III and IV.
    pub decided_by_role: Role,
    /// Version of the policy that it keeps.
    pub policy_version: u32,
    /// When it was opened.
    pub opened_at: OffsetDateTime,
    /// Breaches.
    pub grounds: Vec<Ground>,
    /// End of the right of reply.
    pub reply_due_at: OffsetDateTime,
    /// The reply, and when.
    pub replied: Option<(TextRef, OffsetDateTime)>,
    /// When the decision is due; none while the reply is awaited.
    pub decision_due_at: Option<OffsetDateTime>,
    /// When the decision's time ended without one.
    pub decision_late_since: Option<OffsetDateTime>,
    /// Who decided.
    pub decider: Option<Decider>,
    /// When it was decided.
    pub decided_at: Option<OffsetDateTime>,
}

/// A command to an evaluation case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum EvaluationCommand {
    /// A breach reached the rung: opens the case (rule V3).
    Open {
        /// Id of the new case.
        id: EvaluationCaseId,
        /// To whom the breach is charged.
        position: PositionId,
        /// Its holder then.
        holder: HolderId,
        /// Role that decides.
        decided_by_role: Role,
        /// The breach.
        ground: Ground,
    },
    /// One more breach in the same month.
    AddGround {
        /// The breach.
        ground: Ground,
    },
    /// The holder replies.
    Reply {
        /// The text.
        text: TextRef,
    },
    /// The director or the patron decides.
    Decide {
        /// The measure.
        measure: Measure,
        /// The reasons.
        text: TextRef,
    },
    /// The right of reply or the decision's time is over.
    FallDue,
}

/// What happened to an evaluation case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields are those of the command that each fact answers")]
pub enum EvaluationFact {
    /// Opened.
    Opened {
        id: EvaluationCaseId,
        position: PositionId,
        holder: HolderId,
        decided_by_role: Role,
        policy_version: u32,
        ground: Ground,
        reply_due_at: OffsetDateTime,
    },
    /// One more breach.
    GroundAdded { ground: Ground },
    /// Replied.
    Replied {
        text: TextRef,
        decision_due_at: OffsetDateTime,
    },
    /// The right of reply ended unused.
    ReplyTimeEnded { decision_due_at: OffsetDateTime },
    /// Decided.
    Decided {
        measure: Measure,
        text: TextRef,
        by: Decider,
    },
    /// The decision is late.
    DecisionLate,
}

/// An event of an evaluation case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationEvent {
    /// Number, contiguous from 1.
    pub seq: u64,
    /// When.
    pub at: OffsetDateTime,
    /// What happened.
    pub fact: EvaluationFact,
}

impl EvaluationEvent {
    /// Stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.fact {
            EvaluationFact::Opened { .. } => "opened",
            EvaluationFact::GroundAdded { .. } => "ground_added",
            EvaluationFact::Replied { .. } => "replied",
            EvaluationFact::ReplyTimeEnded { .. } => "reply_time_ended",
            EvaluationFact::Decided { .. } => "decided",
            EvaluationFact::DecisionLate => "decision_late",
        }
    }
}

/// Why a command to an evaluation case was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum EvaluationRefusal {
    /// There is no such case, or it is open already.
    #[error("there is no such evaluation case, or it is open already")]
    WrongCase,
    /// The state does not allow it.
    #[error("the evaluation case does not allow this now")]
    IllegalMove,
    /// Not the holder concerned, or not the role that decides.
    #[error("the actor may not do this")]
    NotPermitted,
    /// Nobody decides on themselves.
    #[error("nobody decides on themselves")]
    OwnCase,
    /// The right of reply still runs and is not used.
    #[error("the right of reply still runs")]
    ReplyTimeRuns,
    /// The breach is a ground already.
    #[error("the breach is a ground already")]
    GroundKnown,
    /// Nothing is due.
    #[error("nothing is due")]
    NotDue,
}

impl EvaluationRefusal {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::WrongCase => "wrong_evaluation_case",
            Self::IllegalMove => "illegal_move",
            Self::NotPermitted => "not_permitted",
            Self::OwnCase => "own_case",
            Self::ReplyTimeRuns => "reply_time_runs",
            Self::GroundKnown => "ground_known",
            Self::NotDue => "not_due",
        }
    }
}

/// Whether a rung that fired opens an evaluation case (rule V3): +5, for heads (and those above) +10.
/// A vacant position has no holder to answer; the breach stays charged to the position.
#[must_use]
pub fn opens_case(charge: &Charge, rung: &FiredRung, policy: &EvaluationPolicy) -> bool {
    let opens_at = match charge.role {
        Role::Liaison | Role::Executor | Role::Verifier => policy.opens_at_rung,
        _ => policy.opens_at_rung_for_heads,
    };
    charge.position.is_some() && charge.holder.is_some() && rung.after_working_days >= opens_at
}

/// Who decides on a position: the patron for echelons I and II, the director for the others.
#[must_use]
pub fn deciding_role(position: &Position) -> Role {
    let echelon = position.echelon.as_deref().unwrap_or_default();
    let upper = echelon == "I" || echelon == "II" || echelon.starts_with("I.") || echelon.starts_with("II.");
    if upper { Role::Patron } else { Role::Director }
}

impl EvaluationCase {
    /// The next moment at which [`EvaluationCommand::FallDue`] is due.
    #[must_use]
    pub fn next_due(&self) -> Option<OffsetDateTime> {
        match self.state {
            EvaluationState::AwaitingReply => Some(self.reply_due_at),
            EvaluationState::AwaitingDecision if self.decision_late_since.is_none() => self.decision_due_at,
            _ => None,
        }
    }

    /// Opens a case from its first event.
    #[must_use]
    pub fn open(event: &EvaluationEvent) -> Option<Self> {
        let EvaluationFact::Opened {
            id,
            position,
            holder,
            decided_by_role,
            policy_version,
            ground,
            reply_due_at,
        } = &event.fact
        else {
            return None;
        };
        Some(Self {
            id: *id,
            seq: event.seq,
            state: EvaluationState::AwaitingReply,
            position: position.clone(),
            holder: holder.clone(),
            month: Period::month_of(event.at),
            decided_by_role: *decided_by_role,
            policy_version: *policy_version,
            opened_at: event.at,
            grounds: vec![ground.clone()],
            reply_due_at: *reply_due_at,
            replied: None,
            decision_due_at: None,
            decision_late_since: None,
            decider: None,
            decided_at: None,
        })
    }

    /// Applies a later event.
    pub fn apply(&mut self, event: &EvaluationEvent) {
        self.seq = event.seq;
        match &event.fact {
            EvaluationFact::Opened { .. } => {}
            EvaluationFact::GroundAdded { ground } => self.grounds.push(ground.clone()),
            EvaluationFact::Replied { text, decision_due_at } => {
                self.replied = Some((*text, event.at));
                self.decision_due_at = Some(*decision_due_at);
                self.state = EvaluationState::AwaitingDecision;
            }
            EvaluationFact::ReplyTimeEnded { decision_due_at } => {
                self.decision_due_at = Some(*decision_due_at);
                self.state = EvaluationState::AwaitingDecision;
            }
            EvaluationFact::Decided { measure, by, .. } => {
                self.decider = Some(by.clone());
                self.decided_at = Some(event.at);
                self.state = EvaluationState::Decided { measure: *measure };
            }
            EvaluationFact::DecisionLate => self.decision_late_since = self.decision_due_at,
        }
    }

    /// Rebuilds a case from all its events.
    #[must_use]
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a EvaluationEvent>) -> Option<Self> {
        let mut events = events.into_iter();
        let mut case = Self::open(events.next()?)?;
        events.for_each(|event| case.apply(event));
        Some(case)
    }
}
