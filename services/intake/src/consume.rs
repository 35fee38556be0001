//! What routing says: cases, refusals, and the directory.
//!
//! A case event carries the resulting state, complete. So events may come in any order and twice: the state is
//! taken from the newest, a timeline entry is written once, a text is released once, a command is decided once.
//! An event that comes late adds its entry and its text, and leaves the newer state alone; nothing is held back.
//! An answer is compared with earlier ones when its event is taken in first, and never again.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tracing::Instrument as _;
use tuntas_kit::{
    consumer::{Handler, HandlerError, Received},
    directory,
    event::OutboxEvent,
    outbox,
    problem::Problem,
};
use tuntas_proto::{
    case::v1::{Case, CaseEvent, Member, Privacy, case_event::Details},
    common::v1::TextRef,
    event::v1::{CommandRefused, Event, event::Payload},
    wire_time::instant,
};
use uuid::Uuid;

use crate::{
    content::TextBody,
    find_near_copy::{Released, find_near_copy},
    intake::Intake,
    store::{
        case::{self, TimelineRow},
        command, point, register, report,
        text::{self, StoredText},
    },
    words,
};

/// The queue.
pub const QUEUE: &str = "intake.cases";

/// Facts whose reason the reporter reads; the reasons of other facts go from one officer to the next.
const REASONS_FOR_REPORTER: [&str; 6] = [
    "rejected",
    "referred",
    "dispute_decided",
    "contest_decided",
    "reopened",
    "merged_into",
];

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
        let mut found = Vec::new();
        for received in batch {
            let taken_in = take_in(&self.0, conn, received.event_id, &received.event);
            found.extend(taken_in.instrument(received.span()).await?);
        }
        // Last, after every lock of a report: a citizen's act locks its report first and appends then.
        outbox::append(conn, &found).await?;
        Ok(())
    }
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
    let found = take_in(intake, conn, event_id, event).await?;
    outbox::append(conn, found.as_slice()).await?;
    Ok(())
}

/// Answers what is to be told of the event.
async fn take_in(
    intake: &Intake,
    conn: &mut PgConnection,
    event_id: Uuid,
    event: &Event,
) -> Result<Option<OutboxEvent>, HandlerError> {
    match &event.payload {
        Some(Payload::CaseEvent(case_event)) => return case_happened(intake, conn, event_id, event, case_event).await,
        Some(Payload::CommandRefused(refusal)) => command_refused(conn, refusal).await?,
        Some(Payload::DirectoryChanged(_) | Payload::PolicyChanged(_) | Payload::CalendarChanged(_)) => {
            directory::apply(conn, event).await.map_err(directory_error)?;
        }
        // Facts that concern others.
        _ => {}
    }
    Ok(None)
}

fn directory_error(error: directory::DirectoryError) -> HandlerError {
    match error {
        directory::DirectoryError::Database(error) => error.into(),
        malformed => HandlerError::Reject(malformed.to_string()),
    }
}

async fn command_refused(conn: &mut PgConnection, refusal: &CommandRefused) -> Result<(), HandlerError> {
    // Desks' commands are refused on the same queue; they are not found here.
    if let Ok(id) = refusal.command_id.parse() {
        command::refused(conn, id, &refusal.code).await?;
    }
    Ok(())
}

async fn case_happened(
    intake: &Intake,
    conn: &mut PgConnection,
    event_id: Uuid,
    event: &Event,
    case_event: &CaseEvent,
) -> Result<Option<OutboxEvent>, HandlerError> {
    let reject = |why: &str| HandlerError::Reject(why.to_owned());
    let state = case_event
        .case
        .as_ref()
        .ok_or_else(|| reject("a case event without its case"))?;
    let case_id: Uuid = state
        .case_id
        .parse()
        .map_err(|_| reject("a case event with a malformed case id"))?;
    let at = event
        .occurred_at
        .as_ref()
        .and_then(instant)
        .ok_or_else(|| reject("a case event without its time"))?;
    let details = case_event.details.clone().unwrap_or_default();
    let row = timeline_row(case_id, event_id, event, case_event, &details, at);
    let is_new = case::insert_event(conn, &row).await?;
    if case::put_state(conn, case_id, state, at).await? {
        case::put_members(conn, case_id, &members(state)).await?;
        register::case_moved(conn, case_id).await?;
    }
    if let Ok(command_id) = event.causation_id.parse() {
        command::accepted(conn, command_id).await?;
    }
    release_texts(intake, conn, case_id, case_event, &details, at).await?;
    if !may_be_listed(state) {
        register::remove(conn, &members(state)).await?;
    }
    if is_new && case_event.r#type == ANSWERED {
        return near_copy_of(intake, conn, state, &row).await;
    }
    Ok(None)
}

/// What intake finds of the answer that an event has released: that it repeats an earlier one.
async fn near_copy_of(
    intake: &Intake,
    conn: &mut PgConnection,
    state: &Case,
    row: &TimelineRow,
) -> Result<Option<OutboxEvent>, HandlerError> {
    let answer = state.answer.as_ref().filter(|answer| !answer.opd_code.is_empty());
    let Some((answer, reference)) = answer.and_then(|answer| Some((answer, answer.text.as_ref()?))) else {
        return Ok(None);
    };
    let text = named_text(conn, state, reference).await?;
    let Some(text) = text.filter(|text| audience(text, ANSWERED, state).is_some()) else {
        return Ok(None);
    };
    let released = Released {
        text: &text,
        case_id: row.case_id,
        opd_code: &answer.opd_code,
        at: row.at,
        event_id: row.event_id,
    };
    find_near_copy(intake, conn, &released).await
}

fn timeline_row(
    case_id: Uuid,
    event_id: Uuid,
    event: &Event,
    case_event: &CaseEvent,
    details: &Details,
    at: OffsetDateTime,
) -> TimelineRow {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let state = case_event.case.as_ref();
    let opd = given(&details.to_opd).or_else(|| state.and_then(|case| given(&case.lead_opd)));
    let due = details
        .due_at
        .as_ref()
        .or_else(|| state.and_then(|case| case.next_due_at.as_ref()));
    TimelineRow {
        case_id,
        seq: i64::try_from(event.aggregate_seq).unwrap_or(i64::MAX),
        event_id,
        r#type: case_event.r#type.clone(),
        at,
        opd_code: opd,
        due_at: due.and_then(instant),
        reason_code: given(&details.reason_code),
        report_id: details.report_id.parse().ok(),
    }
}

/// Reports that are in the case now: not those moved to another one.
fn members(case: &Case) -> Vec<Uuid> {
    let here = |member: &&Member| member.moved_to.is_empty();
    case.members
        .iter()
        .filter(here)
        .filter_map(|member| member.report_id.parse().ok())
        .collect()
}

/// A supervisory case is never public.
const fn may_be_listed(case: &Case) -> bool {
    !case.supervisory
}

/// Shows the texts that an event names to whom they are for: the text that came with the command, and the answer
/// that stands (which every later state names too, should the event that released it ever be missed).
async fn release_texts(
    intake: &Intake,
    conn: &mut PgConnection,
    case_id: Uuid,
    case_event: &CaseEvent,
    details: &Details,
    at: OffsetDateTime,
) -> Result<(), HandlerError> {
    let Some(state) = &case_event.case else {
        return Ok(());
    };
    let answer = state.answer.as_ref().and_then(|answer| answer.text.as_ref());
    let of_command = details.text.iter().map(|text| (text, case_event.r#type.as_str()));
    for (reference, event_type) in of_command.chain(answer.map(|text| (text, ANSWERED))) {
        let Some(text) = named_text(conn, state, reference).await? else {
            continue;
        };
        if text.kind == "redaction" {
            list(intake, conn, state, &text, at).await?;
        } else if let Some(audience) = audience(&text, event_type, state) {
            text::release(conn, text.id, case_id, audience, at).await?;
        }
    }
    Ok(())
}

/// The text behind a reference, if it belongs to a report of this case and is the one that was committed to.
async fn named_text(
    conn: &mut PgConnection,
    state: &Case,
    reference: &TextRef,
) -> Result<Option<StoredText>, HandlerError> {
    let Ok(id) = reference.text_id.parse::<Uuid>() else {
        return Ok(None);
    };
    let Some(text) = text::by_id(conn, id).await? else {
        // After a restore routing may know of texts that this database has lost.
        tracing::warn!(text.id = %id, case.id = %state.case_id, "an event names a text that is not here");
        return Ok(None);
    };
    let report = text.report_id.to_string();
    let of_this_case = state.members.iter().any(|member| member.report_id == report);
    if !of_this_case || text.commitment != reference.commitment {
        tracing::warn!(text.id = %id, case.id = %state.case_id, "an event names a text that is not its own");
        return Ok(None);
    }
    Ok(Some(text))
}

/// Who may read an officer's text once an event of this type names it; none when it stays the officers'.
fn audience(text: &StoredText, event_type: &str, case: &Case) -> Option<&'static str> {
    if text.from_reporter {
        return None;
    }
    let confidential = case.privacy == i32::from(Privacy::Confidential);
    match (text.kind.as_str(), event_type) {
        ("answer", ANSWERED) | ("first_response", "first_response_released") => {
            let public = may_be_listed(case) && !confidential;
            Some(if public { "public" } else { "reporter" })
        }
        ("completion_request", "completion_requested") => Some("reporter"),
        ("explanation" | "reason", fact) if REASONS_FOR_REPORTER.contains(&fact) => Some("reporter"),
        _ => None,
    }
}

/// Lists a report in the register under the verifier's text, unless it is not for the public.
async fn list(
    intake: &Intake,
    conn: &mut PgConnection,
    state: &Case,
    text: &StoredText,
    at: OffsetDateTime,
) -> Result<(), HandlerError> {
    let Some(report) = report::by_id(conn, text.report_id).await? else {
        return Ok(());
    };
    if !may_be_listed(state) || report.privacy == "confidential" {
        return Ok(());
    }
    let Some(key) = intake.key(conn, report.id).await? else {
        return Ok(());
    };
    let opened = TextBody::open(&key, report.id, text.id, &text.sealed).map_err(Problem::from)?;
    let words = words::normal_form(&format!("{} {}", opened.title, opened.body));
    register::put(conn, report.id, &opened.title, &opened.body, &words, at).await?;
    point::put(conn, report.id, report.filed_at, opened.place).await?;
    Ok(())
}
