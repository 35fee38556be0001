//! What routing says: cases, refusals, and the directory.
//!
//! A case event carries the resulting state, complete. So events may come in any order and twice: the state is
//! taken from the newest, a timeline entry is written once, a text is released once, a command is decided once.
//! An event that comes late adds its entry and its text, and leaves the newer state alone; nothing is held back.
//! An answer is compared with earlier ones when its event is taken in first, and never again.
//!
//! What is waiting is taken in together, a few statements for all of it, because round trips to the database are what
//! an event costs. The outcome is that of taking the events in one after the other: each step does what their order
//! leaves of it, so a state that a later event of the batch replaces is never written, and a report that a later one
//! hides is never listed.

mod happened;
mod list_reports;
mod move_cases;
mod release_texts;

use std::collections::{BTreeMap, HashSet};

use sqlx::PgConnection;
use tracing::{Instrument as _, Span};
use tuntas_kit::{
    consumer::{Handler, HandlerError, Received},
    directory,
    event::OutboxEvent,
    outbox,
};
use tuntas_proto::event::v1::{Event, event::Payload};
use uuid::Uuid;

use self::{
    happened::Happened,
    list_reports::list_reports,
    move_cases::move_cases,
    release_texts::{Texts, release_texts},
};
use crate::{
    find_near_copy::{Released, find_near_copy},
    intake::Intake,
    store::{
        case::{self, TimelineRow},
        command,
    },
};

/// The queue.
pub const QUEUE: &str = "intake.cases";

/// The fact that releases an answer.
const ANSWERED: &str = "answered";

/// The consumer of [`QUEUE`].
#[derive(Clone)]
pub struct Cases(pub Intake);

impl Handler for Cases {
    async fn handle(&self, conn: &mut PgConnection, received: &Received) -> Result<(), HandlerError> {
        self.handle_batch(conn, std::slice::from_ref(received)).await
    }

    async fn handle_batch(&self, conn: &mut PgConnection, batch: &[Received]) -> Result<(), HandlerError> {
        let arrived = batch.iter().map(|received| Arrived {
            event_id: received.event_id,
            event: &received.event,
            span: received.span(),
        });
        take_in(&self.0, conn, &arrived.collect::<Vec<_>>()).await
    }

    fn committed(&self, batch: &[Received]) {
        self.0
            .heard
            .tell(batch.iter().flat_map(|received| waited_for(&received.event)));
        self.0.directory.committed(batch.iter().map(|received| &received.event));
    }
}

/// What somebody may wait for: the command that an event decides, and the reports whose case it moves.
fn waited_for(event: &Event) -> Vec<Uuid> {
    let (command_id, members) = match &event.payload {
        Some(Payload::CaseEvent(moved)) => (&event.causation_id, moved.case.as_ref().map(|case| &case.members)),
        Some(Payload::CommandRefused(refused)) => (&refused.command_id, None),
        _ => return Vec::new(),
    };
    let reports = members.into_iter().flatten().map(|member| &member.report_id);
    reports.chain([command_id]).filter_map(|id| id.parse().ok()).collect()
}

/// Takes in one event of routing, and tells what was found in it.
///
/// # Errors
/// A message that is malformed is rejected; what the database says decides about the rest.
pub async fn handle(
    intake: &Intake,
    conn: &mut PgConnection,
    event_id: Uuid,
    event: &Event,
) -> Result<(), HandlerError> {
    let span = Span::current();
    take_in(intake, conn, &[Arrived { event_id, event, span }]).await
}

/// An event of a batch. The statements serve all; each event is a step in its own trace all the same.
struct Arrived<'a> {
    event_id: Uuid,
    event: &'a Event,
    span: Span,
}

async fn take_in(intake: &Intake, conn: &mut PgConnection, batch: &[Arrived<'_>]) -> Result<(), HandlerError> {
    let parsed = batch.iter().map(Happened::of).collect::<Result<Vec<_>, _>>()?;
    let cases: Vec<&Happened<'_>> = parsed.iter().flatten().collect();
    let entries: Vec<&TimelineRow> = cases.iter().map(|case| &case.entry).collect();
    let mut new: HashSet<Uuid> = case::insert_events(conn, &entries).await?.into_iter().collect();
    move_cases(conn, &cases).await?;
    decide_commands(conn, batch).await?;
    let texts = Texts::named_in(conn, &cases).await?;
    let redactions = release_texts(conn, &cases, &texts).await?;
    list_reports(intake, conn, &cases, redactions).await?;
    let mut found = Vec::new();
    // In their order: an answer is judged by the policy that was there before it.
    for (arrived, case) in batch.iter().zip(&parsed) {
        match case {
            // An event that is in the batch twice is new once.
            Some(case) if new.remove(&arrived.event_id) && case.entry.r#type == ANSWERED => {
                let near_copy = near_copy_of(intake, conn, case, &texts);
                found.extend(near_copy.instrument(arrived.span.clone()).await?);
            }
            Some(_) => {}
            None => {
                apply_to_directory(conn, arrived.event)
                    .instrument(arrived.span.clone())
                    .await?
            }
        }
    }
    // Last, after every lock of a report: a citizen's act locks its report first and appends then.
    outbox::append(conn, &found).await?;
    Ok(())
}

/// Does nothing with facts that concern others.
async fn apply_to_directory(conn: &mut PgConnection, event: &Event) -> Result<(), HandlerError> {
    match directory::apply(conn, event).await {
        Ok(_) => Ok(()),
        Err(directory::DirectoryError::Database(error)) => Err(error.into()),
        Err(malformed) => Err(HandlerError::Reject(malformed.to_string())),
    }
}

/// Says of citizens' commands what routing has decided. Desks' commands come on the same queue; they are not found
/// here.
async fn decide_commands(conn: &mut PgConnection, batch: &[Arrived<'_>]) -> sqlx::Result<()> {
    // The code of a refusal, or none for what was accepted.
    let mut decisions: BTreeMap<Uuid, Option<&str>> = BTreeMap::new();
    for arrived in batch {
        let (command_id, code) = match &arrived.event.payload {
            Some(Payload::CaseEvent(_)) => (&arrived.event.causation_id, None),
            Some(Payload::CommandRefused(refusal)) => (&refusal.command_id, Some(refusal.code.as_str())),
            _ => continue,
        };
        if let Ok(id) = command_id.parse() {
            // The first decision stands.
            decisions.entry(id).or_insert(code);
        }
    }
    let accepted = decisions.iter().filter(|(_, code)| code.is_none()).map(|(id, _)| *id);
    let refused = decisions.iter().filter_map(|(id, code)| Some((*id, (*code)?)));
    command::accepted(conn, &accepted.collect::<Vec<_>>()).await?;
    command::refused(conn, &refused.collect::<Vec<_>>()).await
}

/// What intake finds of the answer that an event has released: that it repeats an earlier one.
async fn near_copy_of(
    intake: &Intake,
    conn: &mut PgConnection,
    case: &Happened<'_>,
    texts: &Texts,
) -> Result<Option<OutboxEvent>, HandlerError> {
    let answer = case.state.answer.as_ref().filter(|answer| !answer.opd_code.is_empty());
    let Some((answer, reference)) = answer.and_then(|answer| Some((answer, answer.text.as_ref()?))) else {
        return Ok(None);
    };
    let text = texts.of(case.state, reference);
    let Some(text) = text.filter(|text| case.audience(text, ANSWERED).is_some()) else {
        return Ok(None);
    };
    let released = Released {
        text,
        case_id: case.entry.case_id,
        opd_code: &answer.opd_code,
        at: case.entry.at,
        event_id: case.entry.event_id,
    };
    find_near_copy(intake, conn, &released).await
}
