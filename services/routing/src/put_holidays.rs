//! Adds or removes holidays, and moves the clocks that are not yet due (rule K3).

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{Actor, CaseId, Command, Role, case::Effect};
use tuntas_kit::{auth::Assertion, event::OutboxEvent, idempotency, ids, outbox, problem::Problem, tx};
use tuntas_proto::{
    event::v1::{CalendarChanged, event::Payload},
    routing::v1::{PutHolidaysRequest, PutHolidaysResponse},
};
use uuid::Uuid;

use crate::{
    Routing,
    caller::Caller,
    change_directory::{apply_changes, kind_and_key, stored_body},
    command_error::CommandError,
    commit_command::{Moves, Order, decide_command},
    store,
};

const SCOPE: &str = "routing.put_holidays";
/// Days of one call: more than three years of holidays.
const DAYS_MAX: usize = 200;
/// Cases read at once while due times are moved.
const CASES_MAX: u32 = 500;

/// Changes the calendar and, in the same transaction, the due times that it moves: nobody ever sees a case of one
/// calendar beside a case of the other.
///
/// # Errors
/// `forbidden`, `invalid_argument`, or the database's.
pub(crate) async fn put_holidays(
    routing: &Routing,
    assertion: Assertion,
    request: PutHolidaysRequest,
) -> Result<PutHolidaysResponse, Problem> {
    if request.holidays.len() > DAYS_MAX {
        return Err(Problem::invalid("holidays", format!("more than {DAYS_MAX}")));
    }
    let context = routing.clone();
    tx::run(&routing.pool, move |conn| {
        Box::pin(async move { put(conn, &context, &assertion, &request).await })
    })
    .await
}

async fn put(
    conn: &mut PgConnection,
    routing: &Routing,
    assertion: &Assertion,
    request: &PutHolidaysRequest,
) -> Result<PutHolidaysResponse, Problem> {
    if let Some(answer) = idempotency::lookup(conn, SCOPE, &request.idempotency_key, request).await? {
        return Ok(answer);
    }
    store::directory::lock_for_change(conn).await?;
    let now = routing.clock.now();
    let (caller, _) = Caller::resolve(conn, &routing.directory, assertion, now).await?;
    caller.require(&["ctl"], &[Role::Patron, Role::Director, Role::Operator])?;
    let changes = differing(conn, &request.holidays).await?;
    let mut answer = PutHolidaysResponse {
        changed: u32::try_from(changes.len()).unwrap_or(u32::MAX),
        deadlines_moved: 0,
    };
    let mut events = Vec::new();
    if answer.changed > 0 {
        let changed = apply_changes(conn, changes, &caller.wire(), now).await?;
        events = changed.events;
        answer.deadlines_moved = move_deadlines(conn, routing, now, changed.last_event_id, &mut events).await?;
    }
    idempotency::remember(conn, SCOPE, &request.idempotency_key, request, &answer).await?;
    outbox::append(conn, &events).await?;
    Ok(answer)
}

/// The days that differ from the stored ones. Removing a day that was never a holiday changes nothing.
async fn differing(conn: &mut PgConnection, days: &[CalendarChanged]) -> Result<Vec<Payload>, Problem> {
    let stored = store::directory::latest(conn).await?;
    let mut changes = Vec::new();
    for day in days {
        let payload = Payload::CalendarChanged(day.clone());
        let (kind, key) = kind_and_key(&payload)?;
        let before = stored.iter().find(|(k, id, _)| k == kind && *id == key);
        let differs = match before {
            Some((.., body)) => *body != stored_body(&payload),
            None => !day.removed,
        };
        if differs {
            changes.push(payload);
        }
    }
    Ok(changes)
}

/// Applies the new calendar to every case with something to fall due; answers how many due times moved.
async fn move_deadlines(
    conn: &mut PgConnection,
    routing: &Routing,
    now: OffsetDateTime,
    causation_id: Option<Uuid>,
    events: &mut Vec<OutboxEvent>,
) -> Result<u32, Problem> {
    let directory = routing.directory.current(conn).await?;
    let command_id = ids::new_id();
    let mut after = CaseId::new(Uuid::nil());
    let mut moved = 0;
    loop {
        let cases = store::cases::lock_running_after(conn, after, CASES_MAX).await?;
        let Some(last) = cases.last() else { return Ok(moved) };
        after = last.id;
        let mut moves = Moves::with_directory(directory.clone(), now);
        for case in cases {
            let case_id = case.id;
            moves.track(case);
            let order = Order {
                case_id,
                command: Command::ApplyCalendar,
                actor: Actor::System,
                command_id,
                causation_id,
                issued_at: now,
                text: None,
            };
            match decide_command(&mut moves, &order, &[]) {
                // Nothing of this case moves.
                Ok(()) | Err(CommandError::Refused(_)) => {}
                Err(CommandError::Failed(problem)) => return Err(problem),
            }
        }
        moved += moves.count_effects(|effect| matches!(effect, Effect::DeadlineMoved { .. }));
        events.extend(moves.save(conn).await?);
    }
}
