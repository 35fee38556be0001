//! Decides one officer's command and commits it.

use sqlx::PgConnection;
use tuntas_domain::{Actor, CaseId, Refusal};
use tuntas_kit::{auth::Assertion, idempotency, ids, outbox, problem::Problem, tx};
use tuntas_proto::{
    case::v1::CaseCommand,
    common::v1::WriteResult,
    routing::v1::{ExecuteCommandRequest, ExecuteCommandResponse},
};

use crate::{
    Routing,
    caller::Caller,
    carry_out::{Ask, carry_out, cases_of},
    command_error::CommandError,
    commit_command::Moves,
};

/// Decides the command at once, with the rights that the caller has now (rule M13).
///
/// # Errors
/// The refusal's code, `forbidden`, `invalid_argument`, or the database's.
pub(crate) async fn execute_command(
    routing: &Routing,
    assertion: Assertion,
    request: ExecuteCommandRequest,
) -> Result<ExecuteCommandResponse, Problem> {
    let context = routing.clone();
    let answer: ExecuteCommandResponse = tx::run(&routing.pool, move |conn| {
        Box::pin(async move { execute(conn, &context, &assertion, &request).await })
    })
    .await?;
    let moved = answer.result.iter().filter_map(|result| result.case_id.parse().ok());
    routing.moved.tell(moved);
    Ok(answer)
}

async fn execute(
    conn: &mut PgConnection,
    routing: &Routing,
    assertion: &Assertion,
    request: &ExecuteCommandRequest,
) -> Result<ExecuteCommandResponse, Problem> {
    let scope = format!("routing.execute_command/{}", assertion.subject);
    if let Some(answer) = idempotency::lookup(conn, &scope, &request.idempotency_key, request).await? {
        return Ok(answer);
    }
    let command = request
        .command
        .as_ref()
        .ok_or_else(|| Problem::invalid("command", "is missing"))?;
    let case_id: CaseId = command
        .case_id
        .parse()
        .map_err(|error| Problem::invalid("case_id", error))?;

    let mut moves = Moves::begin(conn, &routing.directory, routing.clock.now()).await?;
    let caller = Caller::of(assertion, moves.directory(), moves.now())?;
    let official = caller.official()?.clone();
    let cases = cases_of(conn, case_id, command).await?;
    moves.lock(conn, &cases).await?;
    let answer = decide(conn, &mut moves, case_id, command, Actor::Official(official)).await?;

    let events = moves.save(conn).await?;
    idempotency::remember(conn, &scope, &request.idempotency_key, request, &answer).await?;
    outbox::append(conn, &events).await?;
    Ok(answer)
}

async fn decide(
    conn: &mut PgConnection,
    moves: &mut Moves,
    case_id: CaseId,
    command: &CaseCommand,
    actor: Actor,
) -> Result<ExecuteCommandResponse, CommandError> {
    let command_id = ids::new_id();
    let issued_at = moves.now();
    let ask = Ask {
        case_id,
        command,
        actor,
        command_id,
        causation_id: None,
        issued_at,
    };
    carry_out(conn, moves, &ask).await?;
    let case = moves.case(case_id).ok_or(Refusal::UnknownCase)?;
    let result = WriteResult {
        case_id: case_id.to_string(),
        seq: case.seq,
        pending: false,
        command_id: command_id.to_string(),
    };
    Ok(ExecuteCommandResponse {
        result: Some(result),
        case: Some(moves.wire(case)),
    })
}
