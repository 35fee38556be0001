//! Publishing with confirms: a window of messages, settled one by one.

use std::time::Duration;

use lapin::{
    Channel, Confirmation, PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};

use super::{
    BrokerError, Link, Message, properties,
    settlement::{Answer, Settlement},
};

/// Messages after which whoever else runs on this thread gets their turn: the library takes a message without ever waiting, and a
/// window of a thousand would hold the thread for many milliseconds.
const TURN_EVERY: usize = 16;

/// A channel in confirm mode.
pub struct Publisher {
    channel: Channel,
    user: String,
    confirm_timeout: Duration,
    blocked: lapin::ConnectionStatus,
}

/// How a window ended: the first `published` messages are safe, and why the next one is not.
#[derive(Debug)]
pub struct Settled {
    /// How many messages from the start of the window are confirmed and were not returned.
    pub published: usize,
    /// Why it stopped there; `None` when the whole window is published.
    pub stop: Option<Stop>,
}

/// Why a message is not published.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// No queue takes it.
    #[error("returned: no queue is bound for it")]
    Returned,
    /// The broker did not take it, as when a queue is full or unavailable.
    #[error("not confirmed by the broker")]
    Nacked,
    /// The connection or channel broke; whether the broker has it is unknown.
    #[error(transparent)]
    Broken(#[from] BrokerError),
}

impl Publisher {
    pub(super) async fn open(link: &Link) -> Result<Self, BrokerError> {
        let channel = link.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self {
            channel,
            user: link.user.clone(),
            confirm_timeout: link.confirm_timeout,
            blocked: link.connection.status().clone(),
        })
    }

    /// Publishes messages in order, persistent and mandatory, and waits until each is settled. Returned
    /// messages are matched by `message_id` over the whole window, because the library attaches a return to
    /// whichever confirm comes next.
    pub async fn publish(&self, window: &[Message]) -> Settled {
        let mut pending = Vec::with_capacity(window.len());
        let mut unsent = None;
        for (number, message) in window.iter().enumerate() {
            if number % TURN_EVERY == TURN_EVERY - 1 {
                tokio::task::yield_now().await;
            }
            match self.send(message).await {
                Ok(confirm) => pending.push(confirm),
                Err(error) => {
                    unsent = Some(error);
                    break;
                }
            }
        }
        let mut settlement = Settlement::new();
        for confirm in pending {
            let answer = self.settle(confirm).await.map(|confirmation| Answer {
                acked: confirmation.is_ack(),
                returned: message_key(confirmation),
            });
            if settlement.answer(answer).is_break() {
                break;
            }
        }
        settlement.settled(window.iter().map(key_of), unsent)
    }

    async fn send(&self, message: &Message) -> Result<PublisherConfirm, BrokerError> {
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        Ok(self
            .channel
            .basic_publish(
                message.exchange.as_str().into(),
                message.routing_key.as_str().into(),
                options,
                &message.body,
                properties(message, &self.user),
            )
            .await?)
    }

    /// Waits for one confirm, as long as it takes while the broker holds publishers back (an alarm), else
    /// for the configured time.
    async fn settle(&self, mut confirm: PublisherConfirm) -> Result<Confirmation, BrokerError> {
        loop {
            match tokio::time::timeout(self.confirm_timeout, &mut confirm).await {
                Ok(Ok(Confirmation::NotRequested)) => return Err(BrokerError::Closed),
                Ok(outcome) => return Ok(outcome?),
                Err(_) if self.blocked.blocked() => {
                    tracing::warn!("the broker blocks publishers (memory or disk alarm)");
                }
                Err(_) => return Err(BrokerError::Timeout("a publish")),
            }
        }
    }
}

/// Two rows of the outbox may carry the same event to two destinations, so the id alone is not enough.
type Key = (String, String, String);

fn key_of(message: &Message) -> Key {
    (
        message.message_id.clone(),
        message.exchange.clone(),
        message.routing_key.clone(),
    )
}

fn message_key(confirmation: Confirmation) -> Option<Key> {
    let returned = confirmation.take_message()?;
    let message_id = returned
        .properties
        .message_id()
        .as_ref()
        .map(|id| id.as_str().to_owned())
        .unwrap_or_default();
    Some((
        message_id,
        returned.exchange.as_str().to_owned(),
        returned.routing_key.as_str().to_owned(),
    ))
}
