//! Tells everybody that a command which came as a message was not accepted. A refusal is a settled outcome.

use time::OffsetDateTime;
use tuntas_domain::{OpdCode, Refusal};
use tuntas_kit::{
    consumer::HandlerError,
    event::{EventDraft, OutboxEvent},
    problem::{INTERNAL, Problem, UNAVAILABLE},
};
use tuntas_proto::{
    common::v1::Actor as WireActor,
    event::v1::{CommandRefused, event::Payload},
};
use uuid::Uuid;

use crate::{change_directory::SOURCE, command_error::CommandError};

/// A command that was refused, and why.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    /// Event that carried the command.
    pub(crate) command_id: Uuid,
    /// Case it was for, as far as is known.
    pub(crate) case_id: String,
    /// Report it was for, when a citizen gave it.
    pub(crate) report_id: String,
    /// Agency that gave it.
    pub(crate) opd: Option<OpdCode>,
    /// Stable code.
    pub(crate) code: String,
    /// Sentence.
    pub(crate) message: String,
}

/// Code and sentence of a refusal, if the error is one; a fault or an outage is for the consumer to try again.
///
/// # Errors
/// The error that is no refusal.
pub(crate) fn code_and_message(error: CommandError) -> Result<(String, String), HandlerError> {
    match error {
        CommandError::Refused(refusal) => Ok(of_refusal(refusal)),
        CommandError::Failed(problem) if is_fault(&problem) => Err(problem.into()),
        CommandError::Failed(problem) => Ok((problem.code().to_owned(), problem.text().to_owned())),
    }
}

/// Code and sentence of a domain's refusal.
pub(crate) fn of_refusal(refusal: Refusal) -> (String, String) {
    (refusal.code().to_owned(), refusal.to_string())
}

fn is_fault(problem: &Problem) -> bool {
    problem.kind() == INTERNAL || problem.kind() == UNAVAILABLE || problem.database_error().is_some()
}

/// The event of a refusal: for everybody, and for the agency that asked if it has a queue.
pub(crate) fn events(refused: &Refused, at: OffsetDateTime, has_queue: bool) -> Vec<OutboxEvent> {
    let payload = Payload::CommandRefused(CommandRefused {
        command_id: refused.command_id.to_string(),
        case_id: refused.case_id.clone(),
        code: refused.code.clone(),
        message: refused.message.clone(),
        opd_code: refused.opd.as_ref().map(ToString::to_string).unwrap_or_default(),
        report_id: refused.report_id.clone(),
    });
    let aggregate = format!("refusal:{}", refused.command_id);
    let sealed = EventDraft::new("tuntas.command.refused", SOURCE, aggregate, 1, at, payload)
        .actor(WireActor {
            via: "system".to_owned(),
            ..WireActor::default()
        })
        .caused_by(refused.command_id)
        .seal();
    let mut events = vec![sealed.to_events("routing.command.refused")];
    if let Some(opd) = refused.opd.as_ref().filter(|_| has_queue) {
        events.push(sealed.to_work(opd));
    }
    events
}
