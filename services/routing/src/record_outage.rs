//! Records that routing could take no commands for a while, and mends the breaches that it caused (rule K7).

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{
    Actor, Command, Role,
    case::{Effect, Outage},
};
use tuntas_kit::{auth::Assertion, event::OutboxEvent, idempotency, ids, outbox, problem::Problem, tx};
use tuntas_proto::{
    event::v1::{OutageRecorded, event::Payload},
    routing::v1::{RecordOutageRequest, RecordOutageResponse},
    wire_time::instant,
};
use uuid::Uuid;

use crate::{
    Routing,
    caller::Caller,
    change_directory::apply_changes,
    command_error::CommandError,
    commit_command::{Moves, Order, decide_command},
    store,
};

const SCOPE: &str = "routing.record_outage";
const CAUSE_CHARS_MAX: usize = 200;

/// Records the window. A command that a desk issued inside it counts from its issue: a breach that fell between the
/// two is corrected by a later event; escalation was not held back for it.
///
/// # Errors
/// `forbidden`, `invalid_argument`, or the database's.
pub(crate) async fn record_outage(
    routing: &Routing,
    assertion: Assertion,
    request: RecordOutageRequest,
) -> Result<RecordOutageResponse, Problem> {
    let context = routing.clone();
    tx::run(&routing.pool, move |conn| {
        Box::pin(async move { record(conn, &context, &assertion, &request).await })
    })
    .await
}

async fn record(
    conn: &mut PgConnection,
    routing: &Routing,
    assertion: &Assertion,
    request: &RecordOutageRequest,
) -> Result<RecordOutageResponse, Problem> {
    if let Some(answer) = idempotency::lookup(conn, SCOPE, &request.idempotency_key, request).await? {
        return Ok(answer);
    }
    store::directory::lock_for_change(conn).await?;
    let now = routing.clock.now();
    let (caller, _) = Caller::resolve(conn, &routing.directory, assertion, now).await?;
    caller.require(&["ctl"], &[Role::Operator])?;
    let outage = parse(request, now)?;
    store::outages::insert(conn, ids::new_id(), outage.from, outage.to, &request.cause, now).await?;
    let recorded = OutageRecorded {
        from: request.from,
        to: request.to,
        cause: request.cause.clone(),
    };
    let changes = vec![Payload::OutageRecorded(recorded)];
    let changed = apply_changes(conn, changes, &caller.wire(), now).await?;
    let mut events = changed.events;
    let corrected = correct(conn, routing, now, outage, changed.last_event_id, &mut events).await?;
    let answer = RecordOutageResponse { corrected };
    idempotency::remember(conn, SCOPE, &request.idempotency_key, request, &answer).await?;
    outbox::append(conn, &events).await?;
    Ok(answer)
}

fn parse(request: &RecordOutageRequest, now: OffsetDateTime) -> Result<Outage, Problem> {
    let at = |field, value: &Option<_>| {
        value
            .as_ref()
            .and_then(instant)
            .ok_or_else(|| Problem::invalid(field, "is not an instant"))
    };
    let outage = Outage {
        from: at("from", &request.from)?,
        to: at("to", &request.to)?,
    };
    if outage.from >= outage.to {
        return Err(Problem::invalid("to", "is not after `from`"));
    }
    if outage.to > now {
        return Err(Problem::invalid("to", "lies in the future"));
    }
    if !(1..=CAUSE_CHARS_MAX).contains(&request.cause.chars().count()) {
        return Err(Problem::invalid("cause", "has 1 to 200 characters"));
    }
    Ok(outage)
}

async fn correct(
    conn: &mut PgConnection,
    routing: &Routing,
    now: OffsetDateTime,
    outage: Outage,
    causation_id: Option<Uuid>,
    events: &mut Vec<OutboxEvent>,
) -> Result<u32, Problem> {
    let directory = routing.directory.current(conn).await?;
    let cases = store::events::cases_issued_between(conn, outage.from, outage.to).await?;
    let mut moves = Moves::with_directory(directory, now);
    moves.lock(conn, &cases).await?;
    let command_id = ids::new_id();
    for case_id in cases {
        let order = Order {
            case_id,
            command: Command::CorrectForOutage { outage },
            actor: Actor::System,
            command_id,
            causation_id,
            issued_at: now,
            text: None,
        };
        match decide_command(&mut moves, &order, &[]) {
            // No breach of this case was the outage's fault.
            Ok(()) | Err(CommandError::Refused(_)) => {}
            Err(CommandError::Failed(problem)) => return Err(problem),
        }
    }
    let corrected = moves.count_effects(|effect| matches!(effect, Effect::BreachCorrected { .. }));
    events.extend(moves.save(conn).await?);
    Ok(corrected)
}
