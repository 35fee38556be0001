//! Evaluation's own events come back through the log. This database said them, so they tell it nothing, except after a
//! fresh start over an old log: then what officials did (a reply, a decision) is known from there alone.

use sqlx::PgConnection;
use tuntas_domain::{
    case::Decider,
    evaluation_case::{EvaluationCase, EvaluationState},
    ids::{HolderId, PositionId},
};
use tuntas_proto::{
    event::v1::{EvaluationCaseChanged, Event},
    wire_time::instant,
};
use uuid::Uuid;

use crate::{evaluation_cases as common, facts::Unreadable, store::cases};

/// How far a case is: it never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Reply,
    Decision,
    Decided,
}

/// Takes over what the log says beyond what is known here.
///
/// # Errors
/// The database's; inside, that the event cannot be read.
pub async fn apply(
    conn: &mut PgConnection,
    event: &Event,
    changed: &EvaluationCaseChanged,
) -> sqlx::Result<Result<(), Unreadable>> {
    let Ok(id) = changed.evaluation_case_id.parse::<Uuid>() else {
        return Ok(Err(Unreadable("evaluation_case_id is malformed".to_owned())));
    };
    let Some(mut row) = cases::lock(conn, id).await? else {
        // Its opening follows from the log before it.
        return Ok(Err(Unreadable(format!(
            "evaluation case {id} does not follow from the log"
        ))));
    };
    let said = stage_said(&changed.status);
    if said <= stage_of(&row.state.0) {
        return Ok(Ok(()));
    }
    if let Err(unreadable) = take_over(&mut row.state.0, event, changed, said) {
        return Ok(Err(unreadable));
    }
    common::refresh(&mut row);
    cases::put(conn, &row).await?;
    Ok(Ok(()))
}

fn stage_said(status: &str) -> Stage {
    match status {
        "replied" | "reply_time_ended" | "decision_late" => Stage::Decision,
        "decided" => Stage::Decided,
        _ => Stage::Reply,
    }
}

const fn stage_of(case: &EvaluationCase) -> Stage {
    match case.state {
        EvaluationState::AwaitingReply => Stage::Reply,
        EvaluationState::AwaitingDecision => Stage::Decision,
        EvaluationState::Decided { .. } => Stage::Decided,
    }
}

fn take_over(
    case: &mut EvaluationCase,
    event: &Event,
    changed: &EvaluationCaseChanged,
    said: Stage,
) -> Result<(), Unreadable> {
    case.seq = case.seq.max(event.aggregate_seq);
    if said == Stage::Decision {
        case.state = EvaluationState::AwaitingDecision;
        case.decision_due_at = changed.due_at.as_ref().and_then(instant);
        return Ok(());
    }
    let measure = common::measure_of(&changed.measure)
        .ok_or_else(|| Unreadable(format!("measure {:?} is unknown", changed.measure)))?;
    case.state = EvaluationState::Decided { measure };
    case.decided_at = event.occurred_at.as_ref().and_then(instant);
    let actor = event.actor.clone().unwrap_or_default();
    case.decider = PositionId::new(actor.position_id)
        .ok()
        .zip(HolderId::new(actor.holder_id).ok())
        .map(|(position, holder)| Decider { position, holder });
    Ok(())
}
