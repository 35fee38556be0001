//! Decides commands to an evaluation case.

use time::OffsetDateTime;

use super::{
    EvaluationCase, EvaluationCommand, EvaluationEvent, EvaluationFact, EvaluationRefusal, EvaluationState, Ground,
    Measure,
};
use crate::authorization::{Actor, Official};
use crate::calendar::Calendar;
use crate::case::{Decider, TextRef};
use crate::policy::{EvaluationPolicy, Policy};

/// Decides a command to an evaluation case.
///
/// # Errors
/// [`EvaluationRefusal`]; the case stays as it is.
pub fn decide_evaluation(
    case: Option<&EvaluationCase>,
    command: &EvaluationCommand,
    now: OffsetDateTime,
    actor: &Actor,
    policy: &Policy,
    calendar: &Calendar,
) -> Result<EvaluationEvent, EvaluationRefusal> {
    use EvaluationCommand as C;
    let limits = &policy.evaluation;
    let fact = match (case, command) {
        (
            None,
            C::Open {
                id,
                position,
                holder,
                decided_by_role,
                ground,
            },
        ) => {
            require_system(actor)?;
            EvaluationFact::Opened {
                id: *id,
                position: position.clone(),
                holder: holder.clone(),
                decided_by_role: *decided_by_role,
                policy_version: policy.version,
                ground: ground.clone(),
                reply_due_at: calendar.due_after(now, limits.reply),
            }
        }
        (Some(case), C::AddGround { ground }) => {
            require_system(actor)?;
            add_ground(case, ground)?
        }
        (Some(case), C::Reply { text }) => {
            let decision_due_at = calendar.due_after(now, limits.decision);
            reply(case, *text, now, actor, decision_due_at)?
        }
        (Some(case), C::Decide { measure, text }) => decide_measure(case, *measure, *text, actor)?,
        (Some(case), C::FallDue) => {
            require_system(actor)?;
            fall_due(case, now, limits, calendar)?
        }
        _ => return Err(EvaluationRefusal::WrongCase),
    };
    let seq = case.map_or(1, |case| case.seq.saturating_add(1));
    Ok(EvaluationEvent { seq, at: now, fact })
}

fn require_system(actor: &Actor) -> Result<(), EvaluationRefusal> {
    if *actor == Actor::System {
        Ok(())
    } else {
        Err(EvaluationRefusal::NotPermitted)
    }
}

fn require_official(actor: &Actor) -> Result<&Official, EvaluationRefusal> {
    actor.official().ok_or(EvaluationRefusal::NotPermitted)
}

fn add_ground(case: &EvaluationCase, ground: &Ground) -> Result<EvaluationFact, EvaluationRefusal> {
    if matches!(case.state, EvaluationState::Decided { .. }) {
        return Err(EvaluationRefusal::IllegalMove);
    }
    let known = |old: &Ground| old.case_id == ground.case_id && old.clock == ground.clock;
    if case.grounds.iter().any(known) {
        return Err(EvaluationRefusal::GroundKnown);
    }
    Ok(EvaluationFact::GroundAdded { ground: ground.clone() })
}

fn reply(
    case: &EvaluationCase,
    text: TextRef,
    now: OffsetDateTime,
    actor: &Actor,
    decision_due_at: OffsetDateTime,
) -> Result<EvaluationFact, EvaluationRefusal> {
    // The right belongs to the person, also after a change of office.
    if require_official(actor)?.holder != case.holder {
        return Err(EvaluationRefusal::NotPermitted);
    }
    if case.state != EvaluationState::AwaitingReply || now > case.reply_due_at {
        return Err(EvaluationRefusal::IllegalMove);
    }
    Ok(EvaluationFact::Replied { text, decision_due_at })
}

fn decide_measure(
    case: &EvaluationCase,
    measure: Measure,
    text: TextRef,
    actor: &Actor,
) -> Result<EvaluationFact, EvaluationRefusal> {
    let official = require_official(actor)?;
    if official.position == case.position || official.holder == case.holder {
        return Err(EvaluationRefusal::OwnCase);
    }
    if !official.roles.contains(&case.decided_by_role) {
        return Err(EvaluationRefusal::NotPermitted);
    }
    match case.state {
        EvaluationState::AwaitingReply => Err(EvaluationRefusal::ReplyTimeRuns),
        EvaluationState::Decided { .. } => Err(EvaluationRefusal::IllegalMove),
        EvaluationState::AwaitingDecision => Ok(EvaluationFact::Decided {
            measure,
            text,
            by: Decider {
                position: official.position.clone(),
                holder: official.holder.clone(),
            },
        }),
    }
}

fn fall_due(
    case: &EvaluationCase,
    now: OffsetDateTime,
    limits: &EvaluationPolicy,
    calendar: &Calendar,
) -> Result<EvaluationFact, EvaluationRefusal> {
    if case.next_due().is_none_or(|due_at| due_at > now) {
        return Err(EvaluationRefusal::NotDue);
    }
    if case.state == EvaluationState::AwaitingReply {
        let decision_due_at = calendar.due_after(case.reply_due_at, limits.decision);
        return Ok(EvaluationFact::ReplyTimeEnded { decision_due_at });
    }
    Ok(EvaluationFact::DecisionLate)
}
