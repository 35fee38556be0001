//! Agencies' commands. The broker lets an agency's user publish under its own routing key alone and checks the user that
//! a message names; here the message must name one, the command must be of the routing key's agency, and the officer's
//! assertion must have been valid when the command was issued (rule M13).

use std::slice;

use sqlx::PgConnection;
use tracing::Instrument as _;
use tuntas_domain::{Actor, CaseId, Official, OpdCode};
use tuntas_kit::{
    consumer::{Handler, HandlerError, Received},
    directory::{EXTERNAL, Snapshot},
    event::OutboxEvent,
    outbox,
    problem::{FORBIDDEN, Problem, UNAUTHENTICATED},
};
use tuntas_proto::{
    event::v1::{CaseCommandIssued, event::Payload},
    wire_time::instant,
};

use crate::{
    Routing,
    carry_out::{Ask, carry_out, cases_of},
    command_error::CommandError,
    commit_command::Moves,
    refuse_command::{self, Refused},
};

/// Decides the commands of the queue `routing.commands`.
pub(crate) struct DeskCommands {
    pub(crate) routing: Routing,
}

impl Handler for DeskCommands {
    async fn handle(&self, conn: &mut PgConnection, received: &Received) -> Result<(), HandlerError> {
        self.handle_batch(conn, slice::from_ref(received)).await
    }

    async fn handle_batch(&self, conn: &mut PgConnection, batch: &[Received]) -> Result<(), HandlerError> {
        let routing = &self.routing;
        let mut moves = Moves::begin(conn, &routing.directory, routing.clock.now()).await?;
        let mut cases = Vec::new();
        for (_, issued) in batch.iter().filter_map(issued) {
            if let Some((case_id, command)) = case_and_command(issued) {
                cases.extend(cases_of(conn, case_id, command).await?);
            }
        }
        moves.lock(conn, &cases).await?;
        let mut refusals = Vec::new();
        for (received, issued) in batch.iter().filter_map(issued) {
            let refused = decide(conn, routing, &mut moves, received, issued)
                .instrument(received.span())
                .await?;
            refusals.extend(refused);
        }
        let mut events = moves.save(conn).await?;
        events.extend(refusals);
        outbox::append(conn, &events).await?;
        Ok(())
    }

    fn committed(&self, batch: &[Received]) {
        let cases = batch
            .iter()
            .filter_map(issued)
            .filter_map(|(_, issued)| case_and_command(issued));
        self.routing.moved.tell(cases.map(|(case_id, _)| case_id.into_uuid()));
    }
}

fn issued(received: &Received) -> Option<(&Received, &CaseCommandIssued)> {
    match &received.event.payload {
        Some(Payload::CaseCommandIssued(issued)) => Some((received, issued)),
        _ => None,
    }
}

fn case_and_command(issued: &CaseCommandIssued) -> Option<(CaseId, &tuntas_proto::case::v1::CaseCommand)> {
    let command = issued.command.as_ref()?;
    Some((command.case_id.parse().ok()?, command))
}

/// Decides one command; answers the events of its refusal, if it is refused.
async fn decide(
    conn: &mut PgConnection,
    routing: &Routing,
    moves: &mut Moves,
    received: &Received,
    issued: &CaseCommandIssued,
) -> Result<Vec<OutboxEvent>, HandlerError> {
    let opd = agency(received)?;
    let Err(error) = attempt(conn, routing, moves, received, issued, &opd).await else {
        return Ok(Vec::new());
    };
    let (code, message) = refuse_command::code_and_message(error)?;
    tracing::info!(error.code = %code, opd = %opd, "a command was refused");
    let refused = Refused {
        command_id: received.event_id,
        case_id: issued
            .command
            .as_ref()
            .map(|command| command.case_id.clone())
            .unwrap_or_default(),
        report_id: String::new(),
        opd: Some(opd.clone()),
        code,
        message,
    };
    Ok(refuse_command::events(
        &refused,
        moves.now(),
        has_queue(moves.directory(), &opd),
    ))
}

async fn attempt(
    conn: &mut PgConnection,
    routing: &Routing,
    moves: &mut Moves,
    received: &Received,
    issued: &CaseCommandIssued,
    opd: &OpdCode,
) -> Result<(), CommandError> {
    if received.user_id.is_empty() {
        return Err(forbidden("the message does not name the broker user that published it").into());
    }
    if issued.opd_code != opd.as_str() {
        return Err(forbidden("the command names another agency than its routing key").into());
    }
    let issued_at = issued
        .issued_at
        .as_ref()
        .and_then(instant)
        .ok_or_else(|| Problem::invalid("issued_at", "is not an instant"))?;
    let assertion = routing
        .trust
        .verify(&issued.assertion, issued_at)
        .map_err(|error| Problem::new(UNAUTHENTICATED).message(error.to_string()))?;
    if !assertion.covers(opd) {
        return Err(forbidden("the key of the assertion may not speak for this agency").into());
    }
    // A desk whose clock is ahead gains nothing: the directory of now is asked at the latest.
    let as_of = issued_at.min(moves.now());
    let official: Official = moves
        .directory()
        .official(&assertion, as_of)
        .ok_or_else(|| forbidden("the person did not hold this position then"))?;
    if official.opd.as_ref() != Some(opd) {
        return Err(forbidden("the position belongs to another agency").into());
    }
    let command = issued
        .command
        .as_ref()
        .ok_or_else(|| Problem::invalid("command", "is missing"))?;
    let case_id = command
        .case_id
        .parse()
        .map_err(|error| Problem::invalid("case_id", error))?;
    let ask = Ask {
        case_id,
        command,
        actor: Actor::Official(official),
        command_id: received.event_id,
        causation_id: Some(received.event_id),
        issued_at: as_of,
    };
    carry_out(conn, moves, &ask).await
}

/// The agency by the routing key `opd.<code>.commands`, which the broker has checked.
fn agency(received: &Received) -> Result<OpdCode, HandlerError> {
    received
        .routing_key
        .strip_prefix("opd.")
        .and_then(|rest| rest.strip_suffix(".commands"))
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| HandlerError::Reject("the routing key names no agency".to_owned()))
}

fn forbidden(why: &'static str) -> Problem {
    Problem::new(FORBIDDEN).message(why)
}

/// Whether an agency has a queue: external authorities and unknown codes have none.
pub(crate) fn has_queue(directory: &Snapshot, opd: &OpdCode) -> bool {
    directory
        .agencies
        .get(opd)
        .is_some_and(|agency| agency.kind != EXTERNAL)
}
