//! What an agency's own system is told: the events of its cases, without words, without reporters.

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tuntas_domain::OpdCode;
use tuntas_proto::{
    Timestamp,
    case::v1::{Case, CaseEvent, Privacy, ReportKind},
    event::v1::{Event, OmbudsmanActed, event::Payload},
    wire_time::instant,
};

use super::{
    case::agencies_of,
    reporter::{outcome_code, state_code},
};

/// Agencies whose webhooks are called for an event: those that the case concerns, and the one it has just left.
#[must_use]
pub fn concerned(event: &Event) -> Vec<OpdCode> {
    match &event.payload {
        Some(Payload::CaseEvent(CaseEvent {
            case: Some(case),
            details,
            ..
        })) => {
            let agencies = agencies_of(case);
            let left = details
                .as_ref()
                .and_then(|details| details.from_opd.parse::<OpdCode>().ok());
            let mut opds = agencies.opds;
            opds.extend(left);
            opds.retain(|opd| agencies.hidden_from.as_ref() != Some(opd));
            opds.sort();
            opds.dedup();
            opds
        }
        Some(Payload::OmbudsmanActed(act)) => act.addressed_opd.parse().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The body of a webhook in the form of Standard Webhooks: `type`, `timestamp`, `data`.
#[must_use]
pub fn payload(event: &Event) -> Option<String> {
    let data = match &event.payload {
        Some(Payload::CaseEvent(CaseEvent {
            case: Some(case),
            details,
            r#type,
            ..
        })) => case_data(event, r#type, case, details.as_ref()),
        Some(Payload::OmbudsmanActed(act)) => act_data(event, act),
        _ => return None,
    };
    let body = json!({ "type": event.r#type, "timestamp": moment(event.occurred_at.as_ref()), "data": data });
    Some(body.to_string())
}

fn case_data(
    event: &Event,
    what: &str,
    case: &Case,
    details: Option<&tuntas_proto::case::v1::case_event::Details>,
) -> Value {
    let details = details.cloned().unwrap_or_default();
    json!({
        "event_id": event.event_id,
        "case_id": case.case_id,
        "seq": case.seq,
        "what": what,
        "state": state_code(case.state()),
        "outcome": outcome_code(case.outcome()),
        "kind": kind_code(case.kind()),
        "privacy": privacy_code(case.privacy()),
        "supervisory": case.supervisory,
        "category_code": case.category_code,
        "region_code": case.region_code,
        "lead_opd": case.lead_opd,
        "contributor_opds": case.contributions.iter().map(|part| part.opd_code.as_str()).collect::<Vec<_>>(),
        "assigned_position_id": case.assigned_position_id,
        "filed_at": moment(case.filed_at.as_ref()),
        "next_due_at": moment(case.next_due_at.as_ref()),
        "details": {
            "from_opd": details.from_opd,
            "to_opd": details.to_opd,
            "reason_code": details.reason_code,
            "clock_kind": details.clock_kind,
            "rung": details.rung,
            "due_at": moment(details.due_at.as_ref()),
        },
    })
}

fn act_data(event: &Event, act: &OmbudsmanActed) -> Value {
    json!({
        "event_id": event.event_id,
        "case_id": act.case_id,
        "act_id": act.act_id,
        "kind": act.kind,
        "status": act.status,
        "addressed_opd": act.addressed_opd,
        "due_at": moment(act.due_at.as_ref()),
    })
}

/// RFC 3339, or null.
fn moment(at: Option<&Timestamp>) -> Value {
    at.and_then(instant)
        .and_then(|at: OffsetDateTime| at.format(&Rfc3339).ok())
        .map_or(Value::Null, Value::String)
}

const fn kind_code(kind: ReportKind) -> &'static str {
    match kind {
        ReportKind::Unspecified => "unspecified",
        ReportKind::Complaint => "complaint",
        ReportKind::Aspiration => "aspiration",
        ReportKind::InformationRequest => "information_request",
    }
}

const fn privacy_code(privacy: Privacy) -> &'static str {
    match privacy {
        Privacy::Unspecified => "unspecified",
        Privacy::Open => "open",
        Privacy::Anonymous => "anonymous",
        Privacy::Confidential => "confidential",
    }
}
