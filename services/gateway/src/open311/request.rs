//! A service request as everybody may see it: a report of the register.

use tuntas_proto::{
    Timestamp,
    case::v1::{Outcome, State},
    convert::{outcome_code, report_kind, state_name},
    intake::v1::PublicReport,
    wire_time::instant,
};

use super::{filter::written, render::Node};
use crate::{directory::Directory, lang::Lang, web::format};

/// What a list of requests is called in XML, and each of them.
pub const LIST: &str = "service_requests";
/// See [`LIST`].
pub const ITEM: &str = "request";

/// A request in either notation. One that is not in the register has no words and nothing that was decided about it.
#[must_use]
pub fn node(report: &PublicReport, directory: &Directory, province: &str, extensions: bool) -> Node {
    let listed = |node: Node| if report.listed { node } else { Node::Null };
    let region = directory.region(&report.region_code);
    let mut fields = vec![
        ("service_request_id", Node::text(report.ticket.as_str())),
        ("status", Node::text(status(report))),
        ("status_notes", listed(notes(report))),
        (
            "service_name",
            Node::text(directory.category(&report.category_code, Lang::Id)),
        ),
        ("service_code", Node::text(report.category_code.as_str())),
        ("description", listed(Node::text(report.body.as_str()))),
        (
            "agency_responsible",
            listed(Node::text(directory.agency(&report.lead_opd))),
        ),
        ("service_notice", Node::Null),
        ("requested_datetime", time(report.filed_at.as_ref())),
        ("updated_datetime", time(report.updated_at.as_ref())),
        ("expected_datetime", time(report.answer_due_at.as_ref())),
        ("address", listed(Node::text(format!("{region}, {province}")))),
        ("address_id", listed(Node::text(report.region_code.as_str()))),
        ("zipcode", Node::Null),
        // Only where a verifier published the place.
        ("lat", report.latitude.map_or(Node::Null, Node::Number)),
        ("long", report.longitude.map_or(Node::Null, Node::Number)),
        ("media_url", Node::Null),
    ];
    if extensions {
        fields.push(("extended_attributes", extended(report)));
    }
    Node::Object(fields)
}

fn extended(report: &PublicReport) -> Node {
    let listed = |node: Node| if report.listed { node } else { Node::Null };
    Node::Object(vec![
        ("title", listed(Node::text(report.title.as_str()))),
        (
            "kind",
            Node::text(report_kind(report.kind).map_or("", |kind| kind.code())),
        ),
        ("state", Node::text(state_name(report.state))),
        ("outcome", Node::text(outcome_code(report.outcome))),
        (
            "detailed_status",
            Node::text(detailed_status(report.state, report.outcome)),
        ),
        ("answer", listed(Node::text(report.answer.as_str()))),
        ("agency_code", listed(Node::text(report.lead_opd.as_str()))),
        ("published", Node::Bool(report.listed)),
    ])
}

/// Whether a request is open.
#[must_use]
pub fn status(report: &PublicReport) -> &'static str {
    if report.state == i32::from(State::Closed) {
        "closed"
    } else {
        "open"
    }
}

/// The answer, when it is public; before there is one, where the report stands.
fn notes(report: &PublicReport) -> Node {
    if report.answer.is_empty() {
        Node::text(format::state(Lang::Id, report.state))
    } else {
        Node::text(report.answer.as_str())
    }
}

/// The state in FixMyStreet's words.
#[must_use]
pub fn detailed_status(state: i32, outcome: i32) -> &'static str {
    match State::try_from(state).unwrap_or_default() {
        State::Unspecified | State::AwaitingVerification | State::AwaitingCompletion => "OPEN",
        State::AwaitingDisposition | State::AwaitingAcceptance | State::Disputed => "INVESTIGATING",
        State::InProgress | State::Answered => "IN_PROGRESS",
        State::Closed => closed_status(outcome),
    }
}

/// How a request ended, in FixMyStreet's words.
#[must_use]
pub fn closed_status(outcome: i32) -> &'static str {
    match Outcome::try_from(outcome).unwrap_or_default() {
        Outcome::Resolved => "FIXED",
        Outcome::NotedTakenUp => "ACTION_SCHEDULED",
        Outcome::Clarified | Outcome::Informed | Outcome::NotedNotTakenUp | Outcome::Rejected => "NO_FURTHER_ACTION",
        Outcome::Referred => "NOT_COUNCILS_RESPONSIBILITY",
        Outcome::Merged => "DUPLICATE",
        Outcome::Unspecified | Outcome::Withdrawn | Outcome::Lapsed => "CLOSED",
    }
}

/// A moment in either notation.
#[must_use]
pub fn time(at: Option<&Timestamp>) -> Node {
    Node::maybe(at.and_then(instant).map(written))
}
