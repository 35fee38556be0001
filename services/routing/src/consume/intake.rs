//! Reports open cases (rule M1); citizens' commands are decided as of when intake took them (rule M2).

use std::{collections::HashMap, slice};

use sqlx::PgConnection;
use tracing::Instrument as _;
use tuntas_domain::{Actor, CaseId, Outcome, Refusal, ReportId};
use tuntas_kit::{
    consumer::{Handler, HandlerError, Received},
    event::OutboxEvent,
    outbox,
};
use tuntas_proto::{
    case::v1::{CaseCommand, case_command::Command as Wire},
    event::v1::{CitizenCommandReceived, event::Payload},
    wire_time::instant,
};

use crate::{
    Routing,
    carry_out::{Ask, came_from, carry_out},
    command_error::CommandError,
    commit_command::Moves,
    open_case::open_case,
    refuse_command::{self, Refused},
    store,
};

/// Handles the events of the queue `routing.intake`.
pub(crate) struct IntakeEvents {
    pub(crate) routing: Routing,
}

impl Handler for IntakeEvents {
    async fn handle(&self, conn: &mut PgConnection, received: &Received) -> Result<(), HandlerError> {
        self.handle_batch(conn, slice::from_ref(received)).await
    }

    async fn handle_batch(&self, conn: &mut PgConnection, batch: &[Received]) -> Result<(), HandlerError> {
        let routing = &self.routing;
        let mut moves = Moves::begin(conn, &routing.directory, routing.clock.now()).await?;
        let mut places = locked_places(conn, &mut moves, batch).await?;
        let mut refusals = Vec::new();
        for received in batch {
            let span = received.span();
            match &received.event.payload {
                Some(Payload::ReportFiled(filed)) => {
                    async { open_case(&mut moves, &mut places, received.event_id, filed) }
                        .instrument(span)
                        .await?;
                }
                Some(Payload::CitizenCommandReceived(sent)) => {
                    let refused = decide(conn, &mut moves, &places, received, sent);
                    refusals.extend(refused.instrument(span).await?);
                }
                // What else intake tells (messages, revealed identities, erasures) moves no case.
                _ => {}
            }
        }
        let mut events = moves.save(conn).await?;
        events.extend(refusals);
        outbox::append(conn, &events).await?;
        Ok(())
    }

    fn committed(&self, batch: &[Received]) {
        self.routing
            .moved
            .tell(batch.iter().filter_map(report_of).map(ReportId::into_uuid));
    }
}

/// Where the batch's reports are, with all cases locked that its commands can move.
async fn locked_places(
    conn: &mut PgConnection,
    moves: &mut Moves,
    batch: &[Received],
) -> Result<HashMap<ReportId, CaseId>, HandlerError> {
    let reports: Vec<ReportId> = batch.iter().filter_map(report_of).collect();
    let before = store::reports::find(conn, &reports).await?;
    let mut cases: Vec<CaseId> = Vec::new();
    for place in before.values() {
        cases.push(place.case_id);
        cases.push(place.original_case_id);
    }
    for received in batch {
        if let Some((report, place)) = contested(received).and_then(|r| Some((r, before.get(&r)?)))
            && let Some(survivor) = store::cases::load(conn, place.case_id).await?
        {
            cases.extend(came_from(&survivor, report));
        }
    }
    moves.lock(conn, &cases).await?;
    // A merge may have moved a report between the look and the lock.
    if store::reports::find(conn, &reports).await? != before {
        let why = "a report was moved to another case meanwhile";
        return Err(HandlerError::Retry(anyhow::anyhow!(why)));
    }
    Ok(before
        .into_iter()
        .map(|(report, place)| (report, place.case_id))
        .collect())
}

fn report_of(received: &Received) -> Option<ReportId> {
    match &received.event.payload {
        Some(Payload::ReportFiled(filed)) => filed.report_id.parse().ok(),
        Some(Payload::CitizenCommandReceived(sent)) => sent.report_id.parse().ok(),
        _ => None,
    }
}

/// The report of a contest: it may be for the case that the report was merged from.
fn contested(received: &Received) -> Option<ReportId> {
    match &received.event.payload {
        Some(Payload::CitizenCommandReceived(sent)) if is_contest(sent.command.as_ref()) => sent.report_id.parse().ok(),
        _ => None,
    }
}

fn is_contest(command: Option<&CaseCommand>) -> bool {
    matches!(
        command,
        Some(CaseCommand {
            command: Some(Wire::Contest(_)),
            ..
        })
    )
}

/// Decides one citizen's command; answers the events of its refusal, if it is refused.
async fn decide(
    conn: &mut PgConnection,
    moves: &mut Moves,
    places: &HashMap<ReportId, CaseId>,
    received: &Received,
    sent: &CitizenCommandReceived,
) -> Result<Vec<OutboxEvent>, HandlerError> {
    let report: ReportId = sent
        .report_id
        .parse()
        .map_err(|_| HandlerError::Reject("the report id is not one".to_owned()))?;
    // Its filing comes before it in the queue; if it does not, somebody has to look.
    let place = *places
        .get(&report)
        .ok_or_else(|| HandlerError::Bounded(anyhow::anyhow!("no case was opened for the report yet")))?;
    let case_id = target(moves, place, report, sent.command.as_ref());
    let Err(error) = attempt(conn, moves, case_id, report, received, sent).await else {
        return Ok(Vec::new());
    };
    let (code, message) = refuse_command::code_and_message(error)?;
    let refused = Refused {
        command_id: received.event_id,
        case_id: case_id.to_string(),
        report_id: report.to_string(),
        opd: None,
        code,
        message,
    };
    Ok(refuse_command::events(&refused, moves.now(), false))
}

/// A contest is for the closing that this reporter can contest: that of the surviving case, or the merge itself.
fn target(moves: &Moves, place: CaseId, report: ReportId, command: Option<&CaseCommand>) -> CaseId {
    let Some(survivor) = moves.case(place).filter(|_| is_contest(command)) else {
        return place;
    };
    let contestable = survivor.state.outcome().is_some_and(Outcome::is_contestable);
    match came_from(survivor, report) {
        Some(duplicate) if !contestable => duplicate,
        _ => place,
    }
}

async fn attempt(
    conn: &mut PgConnection,
    moves: &mut Moves,
    case_id: CaseId,
    report: ReportId,
    received: &Received,
    sent: &CitizenCommandReceived,
) -> Result<(), CommandError> {
    let command = sent.command.clone().unwrap_or_default();
    let command = of_report(command, report).ok_or(Refusal::NotPermitted)?;
    let received_at = sent.received_at.as_ref().and_then(instant).unwrap_or(moves.now());
    let ask = Ask {
        case_id,
        command: &command,
        actor: Actor::Reporter,
        command_id: received.event_id,
        causation_id: Some(received.event_id),
        issued_at: received_at,
    };
    carry_out(conn, moves, &ask).await
}

/// The command for the report whose receipt it came with, whatever it names itself; none for an officer's command.
fn of_report(mut command: CaseCommand, report: ReportId) -> Option<CaseCommand> {
    let named = match command.command.as_mut()? {
        Wire::Complete(ask) => &mut ask.report_id,
        Wire::Withdraw(ask) => &mut ask.report_id,
        Wire::Dispute(ask) => &mut ask.report_id,
        Wire::Rate(ask) => &mut ask.report_id,
        Wire::Contest(ask) => &mut ask.report_id,
        _ => return None,
    };
    *named = report.to_string();
    Some(command)
}
