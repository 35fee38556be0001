//! A breach reached the rung at which its official must answer: an evaluation case is opened, or the breach is added to
//! the one of the month (rule V3).

use sqlx::PgConnection;
use tuntas_domain::{
    Actor,
    authorization::Role,
    clock::{Charge, ClockId, FiredRung},
    evaluation_case::{
        EvaluationCase, EvaluationCommand, EvaluationRefusal, Ground, decide_evaluation, deciding_role, opens_case,
    },
    ids::{CaseId, EvaluationCaseId, HolderId, PositionId},
    period::Period,
};
use tuntas_kit::{directory::Snapshot, event::OutboxEvent};
use uuid::Uuid;

use crate::{evaluation_cases as common, facts::EscalationFact, store::cases};

/// A rung that fired, with its place in the log.
pub struct Reached<'a> {
    /// The case.
    pub case_id: Uuid,
    /// The rung.
    pub escalation: &'a EscalationFact,
    /// Position in the log.
    pub position: i64,
    /// The event that says so.
    pub event_id: &'a str,
}

/// The official who answers.
struct Official {
    position: PositionId,
    holder: HolderId,
    decided_by_role: Role,
}

/// Opens or extends the evaluation case, when the rung is one that does. Answers what is to be told of it. What is
/// told follows from the log alone (ids and times too), so that a second run tells nothing new.
///
/// # Errors
/// The database's.
pub async fn on_escalation(
    conn: &mut PgConnection,
    snapshot: &Snapshot,
    reached: &Reached<'_>,
) -> sqlx::Result<Option<OutboxEvent>> {
    let at = reached.escalation.fired_at;
    let Some(policy) = snapshot.policies.in_force(at) else {
        return Ok(None);
    };
    let Some(charge) = charge(reached.escalation) else {
        return Ok(None);
    };
    if !opens_case(&charge, &rung(reached.escalation, charge.role), &policy.evaluation) {
        return Ok(None);
    }
    let Some(official) = official(snapshot, charge) else {
        return Ok(None);
    };
    let ground = Ground {
        case_id: CaseId::new(reached.case_id),
        clock: ClockId(reached.escalation.instance.unsigned_abs()),
        reached_at: at,
    };
    let id = common::id_of(&official.position, &official.holder, Period::month_of(at));
    let stored = cases::lock(conn, id).await?;
    let command = match &stored {
        None => EvaluationCommand::Open {
            id: EvaluationCaseId::new(id),
            position: official.position.clone(),
            holder: official.holder.clone(),
            decided_by_role: official.decided_by_role,
            ground,
        },
        Some(_) => EvaluationCommand::AddGround { ground },
    };
    let standing = stored.as_ref().map(|row| &row.state.0);
    let event = match decide_evaluation(standing, &command, at, &Actor::System, policy, &snapshot.calendar) {
        Ok(event) => event,
        Err(EvaluationRefusal::GroundKnown) => return Ok(None),
        Err(refusal) => {
            // Decided already: the breach is on record, and the month has its one case (rule V3).
            tracing::info!(evaluation_case.id = %id, %refusal, "a breach was not added to the evaluation case");
            return Ok(None);
        }
    };
    let row = match stored {
        Some(mut row) => {
            row.state.0.apply(&event);
            row.log_position = reached.position;
            common::refresh(&mut row);
            row
        }
        None => {
            let Some(case) = EvaluationCase::open(&event) else {
                return Ok(None);
            };
            common::new_row(case, &snapshot.directory, reached.position)
        }
    };
    cases::put(conn, &row).await?;
    let (case_id, clock) = (reached.case_id.to_string(), reached.escalation.instance.to_string());
    let event_id = common::derived_id(&["evaluation-event", &id.to_string(), event.name(), &case_id, &clock]);
    let draft = common::draft(&row, &event, common::system())
        .with_id(event_id)
        .caused_by(reached.event_id);
    Ok(Some(common::told(draft, &event)))
}

fn charge(escalation: &EscalationFact) -> Option<Charge> {
    let slug = |text: &Option<String>| text.clone().unwrap_or_default();
    Some(Charge {
        party: escalation.charged_party.clone(),
        position: PositionId::new(slug(&escalation.charged.position)).ok(),
        holder: HolderId::new(slug(&escalation.charged.holder)).ok(),
        role: escalation.charged_role.parse().ok()?,
    })
}

fn rung(escalation: &EscalationFact, role: Role) -> FiredRung {
    FiredRung {
        rung: escalation.rung.unsigned_abs(),
        after_working_days: u16::try_from(escalation.after_working_days).unwrap_or(u16::MAX),
        role: escalation.role.parse().unwrap_or(role),
        position: None,
        holder: None,
        due_at: escalation.fired_at,
        at: escalation.fired_at,
        flags_ombudsman: false,
    }
}

fn official(snapshot: &Snapshot, charge: Charge) -> Option<Official> {
    let position = charge.position?;
    let decided_by_role = deciding_role(snapshot.directory.positions.get(&position)?);
    Some(Official {
        position,
        holder: charge.holder?,
        decided_by_role,
    })
}
