//! Dead letters: look at them without taking them, and put them back.

use prost::Message as _;
use sqlx::PgPool;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tuntas_proto::{event::v1::Event, ops::v1::DeadLetter, wire_time::timestamp};
use uuid::Uuid;

use crate::{
    broker::{Broker, BrokerError, Delivery, Message, dead_queue},
    consumer::{DIED_AT_HEADER, REASON_HEADER, TRIES_HEADER},
    inbox,
    problem::Problem,
};

/// Most letters looked at in one call.
pub const LIST_MAX: usize = 500;
const UNKNOWN_REASON: &str = "expired or rejected by the broker";

/// The dead letters of `queue`, oldest first. They stay where they are.
///
/// # Errors
/// The broker's.
pub async fn list(broker: &Broker, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
    let link = broker.connect().await?;
    let mut peek = link.peek(&dead_queue(queue)).await?;
    let mut letters = Vec::new();
    while letters.len() < limit.min(LIST_MAX) {
        match peek.next().await? {
            Some(delivery) => letters.push(letter(queue, delivery)),
            None => break,
        }
    }
    // Closing gives back what was looked at.
    link.close().await;
    Ok(letters)
}

/// Puts dead letters back into `queue`: these, or all when `event_ids` is empty. Their tries start over.
/// Answers how many were put back.
///
/// # Errors
/// The broker's or the database's. What was put back before stays put back.
pub async fn replay(broker: &Broker, pool: &PgPool, queue: &str, event_ids: &[Uuid]) -> Result<u32, Problem> {
    inbox::forget_all_tries(pool, queue, event_ids).await?;
    let link = broker.connect().await.map_err(Problem::unavailable)?;
    let outcome = replay_over(&link, queue, event_ids).await;
    link.close().await;
    outcome.map_err(Problem::unavailable)
}

async fn replay_over(link: &crate::broker::Link, queue: &str, event_ids: &[Uuid]) -> Result<u32, BrokerError> {
    let wanted: Vec<String> = event_ids.iter().map(Uuid::to_string).collect();
    let publisher = link.publisher().await?;
    // Not more than there are now: what dies again meanwhile is for the next time.
    let there = link.depth(&dead_queue(queue)).await?;
    let mut peek = link.peek(&dead_queue(queue)).await?;
    let mut replayed = 0;
    for _ in 0..there {
        let Some(delivery) = peek.next().await? else {
            break;
        };
        if !wanted.is_empty() && !wanted.contains(&delivery.message_id) {
            continue;
        }
        let tag = delivery.tag;
        let settled = publisher.publish(&[back_to(queue, delivery)]).await;
        if let Some(stop) = settled.stop {
            tracing::warn!(error = %stop, "a dead letter could not be put back");
            return Err(BrokerError::Closed);
        }
        peek.ack(tag).await?;
        replayed += 1;
    }
    Ok(replayed)
}

/// Straight into the queue, over the default exchange: other queues have handled it long ago.
fn back_to(queue: &str, delivery: Delivery) -> Message {
    let mut headers = delivery.headers;
    for header in [REASON_HEADER, DIED_AT_HEADER, TRIES_HEADER] {
        headers.remove(header);
    }
    Message {
        exchange: String::new(),
        routing_key: queue.to_owned(),
        message_id: delivery.message_id,
        kind: delivery.kind,
        headers,
        body: delivery.body,
    }
}

fn letter(queue: &str, delivery: Delivery) -> DeadLetter {
    let header = |name: &str| delivery.headers.get(name).map(String::as_str);
    let event = Event::decode(delivery.body.clone()).ok();
    DeadLetter {
        queue: queue.to_owned(),
        event_id: event
            .as_ref()
            .map_or_else(|| delivery.message_id.clone(), |event| event.event_id.clone()),
        r#type: event.map_or_else(|| delivery.kind.clone(), |event| event.r#type),
        reason: header(REASON_HEADER)
            .or_else(|| header("x-first-death-reason"))
            .unwrap_or(UNKNOWN_REASON)
            .to_owned(),
        tries: header(TRIES_HEADER)
            .and_then(|text| text.parse().ok())
            .unwrap_or_default(),
        died_at: header(DIED_AT_HEADER)
            .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
            .map(timestamp),
        body: delivery.body.to_vec(),
    }
}
