//! What routing has published, as its outbox holds it.

use prost::Message as _;
use tuntas_domain::CaseId;
use tuntas_proto::{
    case::v1 as wire,
    event::v1::{Event, event::Payload},
};
use uuid::Uuid;

use super::World;

/// A message of the outbox.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) event: Event,
}

impl World {
    /// Everything published so far, in order.
    pub(crate) async fn published(&self) -> Vec<Published> {
        let rows: Vec<(String, String, Vec<u8>)> =
            sqlx::query_as("SELECT exchange, routing_key, body FROM outbox ORDER BY seq")
                .fetch_all(&self.routing.pool)
                .await
                .unwrap();
        rows.into_iter()
            .map(|(exchange, routing_key, body)| Published {
                exchange,
                routing_key,
                event: Event::decode(body.as_slice()).unwrap(),
            })
            .collect()
    }

    /// Facts about a case, in order.
    pub(crate) async fn facts(&self, case: CaseId) -> Vec<Event> {
        let aggregate = format!("case:{case}");
        let all = self.published().await.into_iter();
        all.filter(|found| found.exchange == "tuntas.events" && found.event.aggregate_id == aggregate)
            .map(|found| found.event)
            .collect()
    }

    /// Names of the facts about a case, in order.
    pub(crate) async fn names(&self, case: CaseId) -> Vec<String> {
        self.facts(case)
            .await
            .iter()
            .map(|event| name(event).to_owned())
            .collect()
    }

    /// Agencies whose queue got a fact.
    pub(crate) async fn told(&self, event_id: &str) -> Vec<String> {
        let all = self.published().await.into_iter();
        all.filter(|found| found.exchange == "tuntas.work" && found.event.event_id == event_id)
            .map(|found| found.routing_key)
            .collect()
    }

    pub(super) async fn answer_to(&self, cause: Uuid) -> Event {
        let cause = cause.to_string();
        let all = self.published().await;
        let answer = all.into_iter().rev().find(|found| found.event.causation_id == cause);
        answer.unwrap().event
    }
}

/// Last part of an event's type.
pub(crate) fn name(event: &Event) -> &str {
    event.r#type.rsplit('.').next().unwrap()
}

/// The fact in an event.
pub(crate) fn fact(event: &Event) -> &wire::CaseEvent {
    match &event.payload {
        Some(Payload::CaseEvent(fact)) => fact,
        other => panic!("not a fact: {other:?}"),
    }
}

/// Code of a refusal event.
pub(crate) fn refusal(event: &Event) -> &str {
    match &event.payload {
        Some(Payload::CommandRefused(refused)) => &refused.code,
        other => panic!("not a refusal: {other:?}"),
    }
}
