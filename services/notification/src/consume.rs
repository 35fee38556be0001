//! `notification.events`: plans deliveries in the transaction in which the event is claimed.

use std::sync::Arc;

use sqlx::PgConnection;
use tokio::sync::Notify;
use tuntas_kit::{
    clock::Clock,
    consumer::{Handler, HandlerError, Received},
    directory::{self, DirectoryReader},
    problem::Problem,
};
use tuntas_proto::event::v1::{Event, event::Payload};

use crate::{
    plan::{self, Mail, Planned, Recipient},
    store::{case_agencies, deliveries, preferences, webhooks},
};

/// Plans what an event calls for.
pub struct Planner {
    /// Business time, for when a delivery was planned.
    pub clock: Clock,
    /// Agencies, positions, policy and calendar.
    pub directory: DirectoryReader,
    /// Wakes the sender.
    pub planned: Arc<Notify>,
}

impl Handler for Planner {
    async fn handle(&self, conn: &mut PgConnection, received: &Received) -> Result<(), HandlerError> {
        let event = &received.event;
        if is_directory(event) {
            directory::apply(conn, event).await.map_err(Problem::from)?;
            return Ok(());
        }
        if let Some(Payload::CaseEvent(case_event)) = &event.payload
            && let Some(case) = &case_event.case
        {
            let case_id = case
                .case_id
                .parse()
                .map_err(|_| HandlerError::Reject("case_id is malformed".to_owned()))?;
            case_agencies::put(conn, case_id, case.seq, &plan::agencies_of(case)).await?;
        }
        let snapshot = self.directory.current(conn).await.map_err(Problem::from)?;
        let mails = plan::mails(event, &snapshot).map_err(|error| HandlerError::Reject(error.to_string()))?;
        let mut planned = Vec::with_capacity(mails.len());
        for mail in mails {
            planned.push(with_preference(conn, mail).await?);
        }
        planned.extend(to_webhooks(conn, event).await?);
        if planned.is_empty() {
            return Ok(());
        }
        deliveries::plan(conn, received.event_id, &planned, self.clock.now()).await?;
        // A little early, before the commit: the sender looks again at its next poll at the latest.
        self.planned.notify_one();
        Ok(())
    }
}

fn is_directory(event: &Event) -> bool {
    matches!(
        event.payload,
        Some(Payload::DirectoryChanged(_) | Payload::PolicyChanged(_) | Payload::CalendarChanged(_))
    )
}

/// A mail as it is planned: skipped when the position does not want it.
pub(crate) async fn with_preference(conn: &mut PgConnection, mail: Mail) -> Result<Planned, Problem> {
    let skip = match &mail.recipient {
        Recipient::Position(position) => {
            let channel = preferences::channel_for(conn, position, mail.template).await?;
            (channel == preferences::Channel::None).then_some("not_wanted")
        }
        Recipient::Reporter(_) | Recipient::Webhook(_) => None,
    };
    Ok(Planned {
        facts: mail.facts.to_json().map_err(Problem::internal)?,
        recipient: mail.recipient,
        template: mail.template.to_owned(),
        case_id: mail.case_id,
        skip,
    })
}

/// The calls of agencies' own systems that an event leads to.
async fn to_webhooks(conn: &mut PgConnection, event: &Event) -> Result<Vec<Planned>, HandlerError> {
    let opds = plan::concerned(event);
    if opds.is_empty() {
        return Ok(Vec::new());
    }
    let wanting = webhooks::wanting(conn, &opds, &event.r#type).await?;
    if wanting.is_empty() {
        return Ok(Vec::new());
    }
    let Some(body) = plan::payload(event) else {
        return Ok(Vec::new());
    };
    let case_id = match &event.payload {
        Some(Payload::CaseEvent(case_event)) => case_event.case.as_ref().and_then(|case| case.case_id.parse().ok()),
        Some(Payload::OmbudsmanActed(act)) => act.case_id.parse().ok(),
        _ => None,
    };
    Ok(wanting
        .into_iter()
        .map(|webhook| Planned {
            recipient: Recipient::Webhook(webhook.webhook_id),
            template: event.r#type.clone(),
            facts: body.clone(),
            case_id,
            skip: None,
        })
        .collect())
}
