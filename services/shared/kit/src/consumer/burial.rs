//! Where an event goes that cannot be handled: the queue's dead letters, with its reason.

use std::collections::BTreeMap;

use super::{CAME_HEADERS, DIED_AT_HEADER, REASON_HEADER, Received, TRIES_HEADER, worker::Worker};
use crate::{
    broker::{BrokerError, Delivery, Message, Publisher},
    event::DEAD,
    inbox,
};

const REASON_CHARS_MAX: usize = 500;

impl Worker {
    pub(super) async fn bury(
        &self,
        publisher: &Publisher,
        received: &Received,
        reason: &str,
        tries: u32,
    ) -> Result<(), BrokerError> {
        tracing::error!(
            messaging.destination.name = %self.settings.queue,
            messaging.message.id = %received.event_id,
            event.kind = %received.event.r#type,
            reason,
            tries,
            "an event was dead-lettered"
        );
        let mut headers = death_headers(received.headers.clone(), reason, tries);
        let came = [&received.exchange, &received.routing_key, &received.user_id];
        headers.extend(
            CAME_HEADERS
                .into_iter()
                .zip(came)
                .map(|(key, value)| (key.to_owned(), value.clone())),
        );
        let message = Message {
            exchange: DEAD.to_owned(),
            routing_key: self.settings.queue.clone(),
            message_id: received.event_id.to_string(),
            kind: received.event.r#type.clone(),
            headers,
            body: received.body.clone(),
        };
        self.publish_dead(publisher, message).await?;
        // For whoever compares the inbox with what was published: it came, and is where it is to be.
        if let Err(error) = inbox::bury(&self.pool, &self.settings.name, received.event_id, &shorten(reason)).await {
            tracing::warn!(error = %error, "a dead letter is not in the inbox; it may be fetched and die once more");
        }
        Ok(())
    }

    pub(super) async fn bury_undecodable(
        &self,
        publisher: &Publisher,
        delivery: Delivery,
        reason: &str,
    ) -> Result<(), BrokerError> {
        tracing::error!(
            messaging.destination.name = %self.settings.queue,
            messaging.message.id = %delivery.message_id,
            reason,
            "a message was dead-lettered: it is not an event"
        );
        let message = Message {
            exchange: DEAD.to_owned(),
            routing_key: self.settings.queue.clone(),
            message_id: delivery.message_id,
            kind: delivery.kind,
            headers: death_headers(delivery.headers, reason, 1),
            body: delivery.body,
        };
        self.publish_dead(publisher, message).await
    }

    async fn publish_dead(&self, publisher: &Publisher, message: Message) -> Result<(), BrokerError> {
        let settled = publisher.publish(&[message]).await;
        if let Some(stop) = settled.stop {
            tracing::error!(error = %stop, "a dead letter could not be published; the message stays in its queue");
            return Err(BrokerError::Closed);
        }
        self.count("dead", 1);
        Ok(())
    }
}

fn death_headers(mut headers: BTreeMap<String, String>, reason: &str, tries: u32) -> BTreeMap<String, String> {
    headers.insert(REASON_HEADER.to_owned(), shorten(reason));
    headers.insert(TRIES_HEADER.to_owned(), tries.to_string());
    headers.insert(DIED_AT_HEADER.to_owned(), crate::clock::real_now_text());
    headers
}

pub(super) fn shorten(text: &str) -> String {
    text.chars().take(REASON_CHARS_MAX).collect()
}
