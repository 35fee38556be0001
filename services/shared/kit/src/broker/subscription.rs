//! Consuming a queue: what has arrived, and acknowledging all of it up to a message.

use futures::{FutureExt as _, StreamExt as _};
use lapin::{
    Channel, Consumer,
    options::{BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};

use super::{BrokerError, Delivery, Link};

/// A channel with one consumer.
pub struct Subscription {
    channel: Channel,
    consumer: Consumer,
}

impl Subscription {
    pub(super) async fn open(link: &Link, queue: &str, prefetch: u16) -> Result<Self, BrokerError> {
        let channel = link.connection.create_channel().await?;
        channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
        let consumer = channel
            .basic_consume(
                queue.into(),
                ShortString::from(""),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await?;
        Ok(Self { channel, consumer })
    }

    /// The next message, as soon as there is one.
    ///
    /// # Errors
    /// The connection, the channel or the queue is gone.
    pub async fn next(&mut self) -> Result<Delivery, BrokerError> {
        let delivery = self.consumer.next().await.ok_or(BrokerError::Closed)??;
        Ok(delivery.into())
    }

    /// A message that has already arrived, if there is one.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn ready(&mut self) -> Result<Option<Delivery>, BrokerError> {
        match self.consumer.next().now_or_never() {
            None => Ok(None),
            Some(None) => Err(BrokerError::Closed),
            Some(Some(delivery)) => Ok(Some(delivery?.into())),
        }
    }

    /// Acknowledges every message up to and including `tag`.
    ///
    /// # Errors
    /// The channel is gone: the messages will come again.
    pub async fn ack_up_to(&self, tag: u64) -> Result<(), BrokerError> {
        let options = BasicAckOptions { multiple: true };
        Ok(self.channel.basic_ack(tag, options).await?)
    }
}

/// Looks at the messages of a queue one by one. What is not acknowledged goes back when the link closes.
pub struct Peek {
    channel: Channel,
    queue: String,
}

impl Peek {
    pub(super) async fn open(link: &Link, queue: &str) -> Result<Self, BrokerError> {
        Ok(Self {
            channel: link.connection.create_channel().await?,
            queue: queue.to_owned(),
        })
    }

    /// The next message that was not looked at yet.
    ///
    /// # Errors
    /// The connection is gone, the queue is missing, or it may not be read.
    pub async fn next(&mut self) -> Result<Option<Delivery>, BrokerError> {
        let found = self
            .channel
            .basic_get(self.queue.as_str().into(), BasicGetOptions::default())
            .await?;
        Ok(found.map(|message| message.delivery.into()))
    }

    /// Takes a message away for good.
    ///
    /// # Errors
    /// The channel is gone: the message goes back.
    pub async fn ack(&self, tag: u64) -> Result<(), BrokerError> {
        Ok(self.channel.basic_ack(tag, BasicAckOptions::default()).await?)
    }
}
