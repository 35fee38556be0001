//! Consuming a queue: what has arrived, and acknowledging all of it up to a message.

use futures::StreamExt as _;
use lapin::{
    Channel, Consumer,
    options::{BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};

use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    sync::mpsc::{self, error::TryRecvError},
    task::JoinHandle,
};

use super::{BrokerError, Delivery, Link};

/// A channel with one consumer.
///
/// What the broker delivers is taken off the channel at once and counted, so that an empty queue and nothing in flight
/// together mean that nothing is under way.
pub struct Subscription {
    channel: Channel,
    arrivals: mpsc::Receiver<Result<Delivery, BrokerError>>,
    acked: u64,
    in_flight: Gauge,
    pump: JoinHandle<()>,
}

impl Subscription {
    pub(super) async fn open(link: &Link, queue: &str, prefetch: u16, in_flight: Gauge) -> Result<Self, BrokerError> {
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
        let (sender, arrivals) = mpsc::channel(usize::from(prefetch).max(1));
        Ok(Self {
            channel,
            arrivals,
            acked: 0,
            pump: tokio::spawn(pump(consumer, sender, in_flight.clone())),
            in_flight,
        })
    }

    /// The next message, as soon as there is one.
    ///
    /// # Errors
    /// The connection, the channel or the queue is gone.
    pub async fn next(&mut self) -> Result<Delivery, BrokerError> {
        self.arrivals.recv().await.ok_or(BrokerError::Closed)?
    }

    /// A message that has already arrived, if there is one.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn ready(&mut self) -> Result<Option<Delivery>, BrokerError> {
        match self.arrivals.try_recv() {
            Ok(arrived) => arrived.map(Some),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(BrokerError::Closed),
        }
    }

    /// Acknowledges every message up to and including `tag`.
    ///
    /// # Errors
    /// The channel is gone: the messages will come again.
    pub async fn ack_up_to(&mut self, tag: u64) -> Result<(), BrokerError> {
        let options = BasicAckOptions { multiple: true };
        self.channel.basic_ack(tag, options).await?;
        let settled = i64::try_from(tag.saturating_sub(self.acked)).unwrap_or(i64::MAX);
        self.in_flight.dec_by(settled);
        self.acked = tag;
        Ok(())
    }
}

impl Drop for Subscription {
    /// What was not acknowledged is the broker's again.
    fn drop(&mut self) {
        self.pump.abort();
        self.in_flight.set(0);
    }
}

/// Takes deliveries off the channel until it ends or nobody wants them.
async fn pump(mut consumer: Consumer, arrivals: mpsc::Sender<Result<Delivery, BrokerError>>, in_flight: Gauge) {
    while let Some(delivery) = consumer.next().await {
        if delivery.is_ok() {
            in_flight.inc();
        }
        let last = delivery.is_err();
        let sent = arrivals
            .send(delivery.map(Delivery::from).map_err(BrokerError::from))
            .await;
        if last || sent.is_err() {
            return;
        }
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
