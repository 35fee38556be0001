//! `notification.events`: plans deliveries in the transaction in which the event is claimed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sqlx::PgConnection;
use tokio::sync::Notify;
use tracing::Instrument as _;
use tuntas_domain::{CaseId, OpdCode, PositionId};
use tuntas_kit::{
    clock::Clock,
    consumer::{Handler, HandlerError, Received},
    directory::{self, DirectoryReader},
    problem::Problem,
};
use tuntas_proto::event::v1::{Event, event::Payload};
use uuid::Uuid;

use crate::{
    plan::{self, Mail, Planned, Recipient},
    store::{
        case_agencies::{self, CaseAgencies},
        deliveries, preferences, webhooks,
    },
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
        self.handle_batch(conn, std::slice::from_ref(received)).await
    }

    /// What comes between two changes of the directory is planned together.
    async fn handle_batch(&self, conn: &mut PgConnection, batch: &[Received]) -> Result<(), HandlerError> {
        let either = |one: &Received, next: &Received| is_directory(&one.event) == is_directory(&next.event);
        for run in batch.chunk_by(either) {
            if run.first().is_some_and(|first| is_directory(&first.event)) {
                for received in run {
                    let applied = directory::apply(conn, &received.event).instrument(received.span());
                    applied.await.map_err(Problem::from)?;
                }
            } else {
                self.plan(conn, run).await?;
            }
        }
        Ok(())
    }
}

impl Planner {
    /// Plans what these events call for, none of which changes the directory.
    async fn plan(&self, conn: &mut PgConnection, events: &[Received]) -> Result<(), HandlerError> {
        case_agencies::put(conn, &agencies_of_cases(events)?).await?;
        let snapshot = self.directory.current(conn).await.map_err(Problem::from)?;
        let mut mails = Vec::new();
        for received in events {
            // What an event calls for belongs to its trace; what is written is for all of them.
            let of_event = received
                .span()
                .in_scope(|| plan::mails(&received.event, &snapshot))
                .map_err(|error| HandlerError::Reject(error.to_string()))?;
            mails.extend(of_event.into_iter().map(|mail| (received.event_id, mail)));
        }
        let mut planned = with_preferences(conn, mails).await?;
        planned.extend(to_webhooks(conn, events).await?);
        if planned.is_empty() {
            return Ok(());
        }
        deliveries::plan(conn, &planned, self.clock.now()).await?;
        // A little early, before the commit: the sender looks again at its next poll at the latest.
        self.planned.notify_one();
        Ok(())
    }
}

/// The agencies of each case among these events, as of its latest.
fn agencies_of_cases(events: &[Received]) -> Result<BTreeMap<CaseId, (u64, CaseAgencies)>, HandlerError> {
    let mut latest = BTreeMap::new();
    for received in events {
        if let Some(Payload::CaseEvent(case_event)) = &received.event.payload
            && let Some(case) = &case_event.case
        {
            let case_id: CaseId = case
                .case_id
                .parse()
                .map_err(|_| HandlerError::Reject("case_id is malformed".to_owned()))?;
            let known = latest.get(&case_id).map_or(0, |(seq, _)| *seq);
            if case.seq >= known {
                latest.insert(case_id, (case.seq, plan::agencies_of(case)));
            }
        }
    }
    Ok(latest)
}

fn is_directory(event: &Event) -> bool {
    matches!(
        event.payload,
        Some(Payload::DirectoryChanged(_) | Payload::PolicyChanged(_) | Payload::CalendarChanged(_))
    )
}

/// Mails as they are planned, each with its event: skipped when the position does not want it.
pub(crate) async fn with_preferences(
    conn: &mut PgConnection,
    mails: Vec<(Uuid, Mail)>,
) -> Result<Vec<(Uuid, Planned)>, Problem> {
    let positions: BTreeSet<&PositionId> = mails
        .iter()
        .filter_map(|(_, mail)| match &mail.recipient {
            Recipient::Position(position) => Some(position),
            Recipient::Reporter(_) | Recipient::Webhook(_) => None,
        })
        .collect();
    let preferences = preferences::of(conn, positions).await?;
    mails
        .into_iter()
        .map(|(event_id, mail)| {
            let skip = match &mail.recipient {
                Recipient::Position(position) => {
                    let channel = preferences.channel_for(position, mail.template);
                    (channel == preferences::Channel::None).then_some("not_wanted")
                }
                Recipient::Reporter(_) | Recipient::Webhook(_) => None,
            };
            let planned = Planned {
                facts: mail.facts.to_json().map_err(Problem::internal)?,
                recipient: mail.recipient,
                template: mail.template.to_owned(),
                case_id: mail.case_id,
                skip,
            };
            Ok((event_id, planned))
        })
        .collect()
}

/// The calls of agencies' own systems that events lead to, each with its event.
async fn to_webhooks(conn: &mut PgConnection, events: &[Received]) -> Result<Vec<(Uuid, Planned)>, HandlerError> {
    let concerned: Vec<(&Received, Vec<OpdCode>)> = events
        .iter()
        .map(|received| (received, plan::concerned(&received.event)))
        .collect();
    let opds: BTreeSet<&OpdCode> = concerned.iter().flat_map(|(_, opds)| opds).collect();
    if opds.is_empty() {
        return Ok(Vec::new());
    }
    let webhooks = webhooks::of_agencies(conn, opds).await?;
    let mut planned = Vec::new();
    for (received, opds) in concerned {
        let event = &received.event;
        let mut wanting = webhooks
            .iter()
            .filter(|webhook| opds.contains(&webhook.opd) && webhook.wants(&event.r#type))
            .peekable();
        if wanting.peek().is_none() {
            continue;
        }
        let Some(body) = plan::payload(event) else { continue };
        let case_id = case_of(event);
        planned.extend(wanting.map(|webhook| {
            let call = Planned {
                recipient: Recipient::Webhook(webhook.webhook_id),
                template: event.r#type.clone(),
                facts: body.clone(),
                case_id,
                skip: None,
            };
            (received.event_id, call)
        }));
    }
    Ok(planned)
}

fn case_of(event: &Event) -> Option<CaseId> {
    match &event.payload {
        Some(Payload::CaseEvent(case_event)) => case_event.case.as_ref().and_then(|case| case.case_id.parse().ok()),
        Some(Payload::OmbudsmanActed(act)) => act.case_id.parse().ok(),
        _ => None,
    }
}
