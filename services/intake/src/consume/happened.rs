//! An event of a case, parsed: what it says of the case, and to whom it shows what.

use time::OffsetDateTime;
use tracing::Span;
use tuntas_kit::consumer::HandlerError;
use tuntas_proto::{
    case::v1::{Case, CaseEvent, Member, Privacy, case_event::Details},
    common::v1::TextRef,
    event::v1::{Event, event::Payload},
    wire_time::instant,
};
use uuid::Uuid;

use super::{ANSWERED, Arrived};
use crate::store::{
    case::{self, TimelineRow},
    text::{PUBLIC, REPORTER, StoredText},
};

/// Facts whose reason the reporter reads; the reasons of other facts go from one officer to the next.
const REASONS_FOR_REPORTER: [&str; 6] = [
    "rejected",
    "referred",
    "dispute_decided",
    "contest_decided",
    "reopened",
    "merged_into",
];

/// An event of a case.
pub(super) struct Happened<'a> {
    /// Its entry in the timelines.
    pub(super) entry: TimelineRow,
    /// The case as it stands after it.
    pub(super) state: &'a Case,
    pub(super) span: &'a Span,
    /// The text that came with the command.
    text: Option<&'a TextRef>,
}

impl<'a> Happened<'a> {
    /// Nothing when the event is another one.
    pub(super) fn of(arrived: &'a Arrived<'a>) -> Result<Option<Self>, HandlerError> {
        let event = arrived.event;
        let Some(Payload::CaseEvent(case_event)) = &event.payload else {
            return Ok(None);
        };
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
        if !case::passes_checks(state) {
            return Err(reject("a case event with a malformed state"));
        }
        Ok(Some(Self {
            entry: timeline_row(case_id, arrived.event_id, event, case_event, state, at),
            state,
            span: &arrived.span,
            text: case_event.details.as_ref().and_then(|details| details.text.as_ref()),
        }))
    }

    /// Reports that are in the case now: not those moved to another one.
    pub(super) fn members(&self) -> impl Iterator<Item = Uuid> {
        let here = |member: &&Member| member.moved_to.is_empty();
        let members = self.state.members.iter().filter(here);
        members.filter_map(|member| member.report_id.parse().ok())
    }

    /// A supervisory case is never public.
    pub(super) const fn may_be_listed(&self) -> bool {
        !self.state.supervisory
    }

    /// The texts that the event names, each with the fact that may show it: the text that came with the command, and
    /// the answer that stands (which every later state names too, should the event that released it ever be missed).
    pub(super) fn texts(&self) -> impl Iterator<Item = (&'a TextRef, &str)> {
        let answer = self.state.answer.as_ref().and_then(|answer| answer.text.as_ref());
        let of_command = self.text.map(|text| (text, self.entry.r#type.as_str()));
        of_command.into_iter().chain(answer.map(|text| (text, ANSWERED)))
    }

    /// Who may read an officer's text once a fact of this type names it; none when it stays the officers'.
    pub(super) fn audience(&self, text: &StoredText, fact: &str) -> Option<&'static str> {
        if text.from_reporter {
            return None;
        }
        let confidential = self.state.privacy == i32::from(Privacy::Confidential);
        match (text.kind.as_str(), fact) {
            ("answer", ANSWERED) | ("first_response", "first_response_released") => {
                let public = self.may_be_listed() && !confidential;
                Some(if public { PUBLIC } else { REPORTER })
            }
            ("completion_request", "completion_requested") => Some(REPORTER),
            ("explanation" | "reason", fact) if REASONS_FOR_REPORTER.contains(&fact) => Some(REPORTER),
            _ => None,
        }
    }
}

fn timeline_row(
    case_id: Uuid,
    event_id: Uuid,
    event: &Event,
    case_event: &CaseEvent,
    state: &Case,
    at: OffsetDateTime,
) -> TimelineRow {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let nothing = Details::default();
    let details = case_event.details.as_ref().unwrap_or(&nothing);
    TimelineRow {
        case_id,
        seq: i64::try_from(event.aggregate_seq).unwrap_or(i64::MAX),
        event_id,
        r#type: case_event.r#type.clone(),
        at,
        opd_code: given(&details.to_opd).or_else(|| given(&state.lead_opd)),
        due_at: details.due_at.or(state.next_due_at).as_ref().and_then(instant),
        reason_code: given(&details.reason_code),
        report_id: details.report_id.parse().ok(),
    }
}
