//! Which deliveries an event calls for. Pure: the event, the directory and the answer; nothing is looked up.
//!
//! Reporters are told of what changes for them, officers of what they must do, agencies' own systems of every
//! event of their cases. Preferences and webhooks are applied afterwards, in the transaction of the event.

mod case;
mod officer;
mod reporter;
mod webhook;

use time::OffsetDateTime;
use tuntas_domain::{CaseId, PositionId, ReportId};
use tuntas_kit::directory::Snapshot;
use tuntas_proto::{
    event::v1::{EvaluationCaseChanged, Event, OmbudsmanActed, event::Payload},
    wire_time::instant,
};
use uuid::Uuid;

pub use case::agencies_of;
pub(crate) use officer::title;
pub use webhook::{concerned, payload};

use crate::{facts::Facts, template};

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// The reporter of a report.
    Reporter(ReportId),
    /// Who holds a position when the mail is sent.
    Position(PositionId),
    /// An agency's own system.
    Webhook(Uuid),
}

/// One planned delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Who is told.
    pub recipient: Recipient,
    /// Template of a mail; type of the event for a webhook.
    pub template: String,
    /// Facts as JSON; the body of a webhook.
    pub facts: String,
    /// The case it is about.
    pub case_id: Option<CaseId>,
    /// Why it is not to be sent at all.
    pub skip: Option<&'static str>,
}

/// A mail that the event calls for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Who is told.
    pub recipient: Recipient,
    /// Template.
    pub template: &'static str,
    /// What it says.
    pub facts: Facts,
    /// The case it is about.
    pub case_id: Option<CaseId>,
}

impl Recipient {
    /// Stable code of the kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Reporter(_) => "reporter",
            Self::Position(_) => "position",
            Self::Webhook(_) => "webhook",
        }
    }

    /// Report, position or webhook.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Reporter(report) => report.to_string(),
            Self::Position(position) => position.to_string(),
            Self::Webhook(webhook) => webhook.to_string(),
        }
    }

    /// How it is reached.
    #[must_use]
    pub const fn channel(&self) -> &'static str {
        match self {
            Self::Reporter(_) | Self::Position(_) => "email",
            Self::Webhook(_) => "webhook",
        }
    }
}

/// An id in the event that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is malformed")]
pub struct Malformed(pub &'static str);

/// The mails that an event calls for.
///
/// # Errors
/// An id in the event is malformed: such an event can never be handled.
pub fn mails(event: &Event, directory: &Snapshot) -> Result<Vec<Mail>, Malformed> {
    let at = event.occurred_at.as_ref().and_then(instant);
    match &event.payload {
        Some(Payload::ReportFiled(filed)) => {
            let filed_at = filed.filed_at.as_ref().and_then(instant).or(at);
            let facts = Facts::new().at("filed_at", filed_at);
            Ok(vec![to_reporter(&filed.report_id, "report_filed", facts)?])
        }
        Some(Payload::MessageSent(message)) if !message.from_reporter => {
            Ok(vec![to_reporter(&message.report_id, "message", Facts::new())?])
        }
        Some(Payload::ReceiptRecovered(recovered)) => Ok(vec![to_reporter(
            &recovered.report_id,
            template::RECEIPT_RECOVERED,
            Facts::new(),
        )?]),
        Some(Payload::IdentityRevealed(revealed)) => {
            let facts = Facts::new().at("at", at);
            Ok(vec![to_reporter(&revealed.report_id, "identity_revealed", facts)?])
        }
        Some(Payload::CaseEvent(case_event)) => case::mails(case_event, at, directory),
        Some(Payload::OmbudsmanActed(act)) => ombudsman(act, at, directory),
        Some(Payload::EvaluationCaseChanged(changed)) => Ok(evaluation(changed, directory)),
        _ => Ok(Vec::new()),
    }
}

fn to_reporter(report_id: &str, template: &'static str, facts: Facts) -> Result<Mail, Malformed> {
    let report = report_id.parse().map_err(|_| Malformed("report_id"))?;
    Ok(Mail {
        recipient: Recipient::Reporter(report),
        template,
        facts,
        case_id: None,
    })
}

/// A request of the Ombudsman goes to the head and the liaison of the agency addressed.
fn ombudsman(act: &OmbudsmanActed, at: Option<OffsetDateTime>, directory: &Snapshot) -> Result<Vec<Mail>, Malformed> {
    let asks = matches!(act.kind.as_str(), "comment" | "explanation_request" | "recommendation");
    let opens = matches!(act.status.as_str(), "" | "open");
    if !asks || !opens || act.addressed_opd.is_empty() {
        return Ok(Vec::new());
    }
    let case_id: CaseId = act.case_id.parse().map_err(|_| Malformed("case_id"))?;
    let opd = act.addressed_opd.parse().map_err(|_| Malformed("addressed_opd"))?;
    let facts = officer::about(case_id, Some(&opd), directory)
        .code("request", "request", &act.kind)
        .at("due", act.due_at.as_ref().and_then(instant));
    let told = officer::head_and_liaison(&opd, at, directory);
    Ok(officer::mails("officer_ombudsman", told, &facts, case_id, directory))
}

fn evaluation(changed: &EvaluationCaseChanged, directory: &Snapshot) -> Vec<Mail> {
    let template = match changed.status.as_str() {
        "opened" => "officer_evaluation_opened",
        "decided" => "officer_evaluation_decided",
        _ => return Vec::new(),
    };
    let Ok(position) = changed.position_id.parse::<PositionId>() else {
        return Vec::new();
    };
    let facts = Facts::new()
        .code("month", "month", &changed.month)
        .code("measure", "measure", &changed.measure)
        .at("due", changed.due_at.as_ref().and_then(instant))
        .text("position", officer::title(&position, directory));
    vec![Mail {
        recipient: Recipient::Position(position),
        template,
        facts,
        case_id: None,
    }]
}
