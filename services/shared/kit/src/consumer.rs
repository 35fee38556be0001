//! Consuming a queue: each event's effects exactly once, in one transaction with the proof that it was seen.
//!
//! What is waiting (at most `batch_max`) is decoded and handled in one transaction: claim the inbox, run the
//! handler, commit, acknowledge. If anything in a batch fails, it is rolled back and its messages are handled
//! one by one, so that one bad message costs the others nothing. Tries are counted in the inbox, not by the
//! broker, which counts a dropped connection as a delivery.

use std::{
    collections::{BTreeMap, HashSet},
    panic::AssertUnwindSafe,
    sync::Arc,
};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use prost::Message as _;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span, info_span};
use tuntas_proto::event::v1::Event;
use uuid::Uuid;

use crate::{
    backoff::Backoff,
    broker::{Broker, BrokerError, Delivery, Link, Message, Publisher, Subscription},
    event::DEAD,
    inbox,
    metrics::{Metrics, QueueLabels},
    problem::{self, Problem},
    telemetry,
    tx::{self, TxError},
};

/// Header of a dead letter that says why it died.
pub const REASON_HEADER: &str = "tuntas:reason";
/// Header of a dead letter that says when (RFC 3339, real time).
pub const DIED_AT_HEADER: &str = "tuntas:died-at";
/// Header of a dead letter with the number of tries.
pub const TRIES_HEADER: &str = "tuntas:tries";

const PREFETCH_DEFAULT: u16 = 1_024;
const BATCH_MAX_DEFAULT: usize = 512;
const TRIES_MAX_DEFAULT: u32 = 8;
const REASON_CHARS_MAX: usize = 500;

/// An event as it was received.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its id.
    pub event_id: Uuid,
    /// The message.
    pub event: Event,
    /// The exact bytes that were published.
    pub body: Bytes,
    /// Exchange it came through.
    pub exchange: String,
    /// Routing key it came with.
    pub routing_key: String,
    /// Broker user who published it, as the broker checked; empty when the publisher named none.
    pub user_id: String,
    /// Text headers: CloudEvents attributes and the trace context.
    pub headers: BTreeMap<String, String>,
    /// Whether the broker has delivered it before.
    pub redelivered: bool,
}

/// A message that is not an event.
struct Undecodable {
    delivery: Box<Delivery>,
    why: String,
}

impl Undecodable {
    fn new(delivery: Delivery, why: impl Into<String>) -> Self {
        Self {
            delivery: Box::new(delivery),
            why: why.into(),
        }
    }
}

impl Received {
    /// Decodes a message. Fails on what is not an event of ours.
    fn decode(delivery: Delivery) -> Result<Self, Undecodable> {
        let event = match Event::decode(delivery.body.clone()) {
            Ok(event) => event,
            Err(error) => return Err(Undecodable::new(delivery, format!("not an event: {error}"))),
        };
        let Ok(event_id) = event.event_id.parse() else {
            return Err(Undecodable::new(delivery, "the event has no id"));
        };
        Ok(Self {
            event_id,
            event,
            body: delivery.body,
            exchange: delivery.exchange,
            routing_key: delivery.routing_key,
            user_id: delivery.user_id,
            headers: delivery.headers,
            redelivered: delivery.redelivered,
        })
    }

    /// A span for handling this event: a child of the producer's, so that one trace spans a report's whole way.
    #[must_use]
    pub fn span(&self) -> Span {
        let span = info_span!(
            "process",
            otel.kind = "consumer",
            messaging.system = "rabbitmq",
            messaging.message.id = %self.event_id,
            messaging.destination.routing_key = %self.routing_key,
            event.kind = %self.event.r#type,
        );
        telemetry::set_parent(&span, self.headers.get(telemetry::TRACEPARENT).map(String::as_str));
        span
    }
}

/// What a handler did not do, and what is to become of the message.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// Something is away: try again, as long as it takes. Later messages of the queue wait.
    #[error("to be tried again")]
    Retry(#[source] anyhow::Error),
    /// The message can never be handled: dead-letter it now, with this reason (no personal data).
    #[error("rejected: {0}")]
    Reject(String),
    /// It may be us or the message: try a bounded number of times, then dead-letter it.
    #[error("failed")]
    Bounded(#[source] anyhow::Error),
}

impl From<sqlx::Error> for HandlerError {
    fn from(error: sqlx::Error) -> Self {
        if problem::is_unavailable(&error) || tx::is_conflict(&error) {
            Self::Retry(error.into())
        } else {
            Self::Bounded(error.into())
        }
    }
}

impl From<Problem> for HandlerError {
    /// What is unavailable is tried again, a fault of ours a bounded number of times, and what is refused is
    /// rejected. A handler that answers a refusal with an event does so before it gets here.
    fn from(error: Problem) -> Self {
        if error.kind() == problem::UNAVAILABLE || error.database_error().is_some_and(tx::is_conflict) {
            Self::Retry(error.into())
        } else if error.kind() == problem::INTERNAL {
            Self::Bounded(error.into())
        } else {
            Self::Reject(error.to_string())
        }
    }
}

impl TxError for HandlerError {
    fn database_error(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Retry(error) | Self::Bounded(error) => error.downcast_ref(),
            Self::Reject(_) => None,
        }
    }
}

/// What a service does with the events of a queue.
///
/// It runs in a transaction in which the event is already claimed; its effects, the events it appends and
/// the claim are committed together. It can run again after a rollback, so it has no effects but through
/// `conn`.
pub trait Handler: Send + Sync + 'static {
    /// Handles one event.
    fn handle(
        &self,
        conn: &mut PgConnection,
        received: &Received,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Handles several, in the order of the queue. To be replaced where one statement can do for all.
    fn handle_batch(
        &self,
        conn: &mut PgConnection,
        batch: &[Received],
    ) -> impl Future<Output = Result<(), HandlerError>> + Send {
        async move {
            for received in batch {
                self.handle(conn, received).instrument(received.span()).await?;
            }
            Ok(())
        }
    }
}

/// A consumer of one queue.
pub struct Consumer {
    settings: Settings,
    handler: Arc<dyn ErasedHandler>,
}

#[derive(Debug, Clone)]
struct Settings {
    queue: String,
    name: String,
    prefetch: u16,
    batch_max: usize,
    tries_max: u32,
    unknown_too: bool,
}

impl Consumer {
    /// A consumer of `queue`, known in the inbox by the queue's name.
    #[must_use]
    pub fn new(queue: impl Into<String>, handler: impl Handler) -> Self {
        let queue = queue.into();
        Self {
            settings: Settings {
                name: queue.clone(),
                queue,
                prefetch: PREFETCH_DEFAULT,
                batch_max: BATCH_MAX_DEFAULT,
                tries_max: TRIES_MAX_DEFAULT,
                unknown_too: false,
            },
            handler: Arc::new(handler),
        }
    }

    /// At most `n` messages on their way at once.
    #[must_use]
    pub fn prefetch(mut self, n: u16) -> Self {
        self.settings.prefetch = n;
        self
    }

    /// At most `n` messages in one transaction.
    #[must_use]
    pub fn batch_max(mut self, n: usize) -> Self {
        self.settings.batch_max = n.max(1);
        self
    }

    /// A message whose handler fails with [`HandlerError::Bounded`] is dead-lettered after `n` tries.
    #[must_use]
    pub fn tries_max(mut self, n: u32) -> Self {
        self.settings.tries_max = n.max(1);
        self
    }

    /// Hands events with an unknown payload to the handler too, instead of acknowledging and counting them.
    #[must_use]
    pub fn unknown_too(mut self) -> Self {
        self.settings.unknown_too = true;
        self
    }

    /// The queue.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.settings.queue
    }

    /// Consumes until `stop`, over as many connections as it takes.
    pub async fn run(self, pool: PgPool, broker: Broker, metrics: Metrics, stop: CancellationToken) {
        let labels = QueueLabels::of(&self.settings.queue);
        let connected = metrics.consumer_connected.get_or_create_owned(&labels);
        let worker = Worker {
            settings: self.settings,
            handler: self.handler,
            pool,
            metrics,
            stop: stop.clone(),
        };
        let mut backoff = Backoff::reconnect();
        while !stop.is_cancelled() {
            let ended = worker.session(&broker, &mut backoff, &connected).await;
            connected.set(0);
            if let Err(error) = ended {
                let wait = backoff.wait();
                tracing::warn!(
                    messaging.destination.name = %worker.settings.queue,
                    error.chain = %telemetry::chain(&error),
                    retry_in_ms = wait.as_millis(),
                    "consuming stopped"
                );
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    }
}

struct Worker {
    settings: Settings,
    handler: Arc<dyn ErasedHandler>,
    pool: PgPool,
    metrics: Metrics,
    stop: CancellationToken,
}

/// Whether the work was done, or broken off because the process stops.
#[derive(PartialEq, Eq)]
enum Done {
    Yes,
    Stopping,
}

impl Worker {
    /// One connection: subscribes, and handles batch after batch.
    async fn session(
        &self,
        broker: &Broker,
        backoff: &mut Backoff,
        connected: &prometheus_client::metrics::gauge::Gauge,
    ) -> Result<(), BrokerError> {
        let link = tokio::select! {
            () = self.stop.cancelled() => return Ok(()),
            link = broker.connect() => link?,
        };
        let outcome = self.consume(&link, backoff, connected).await;
        link.close().await;
        outcome
    }

    async fn consume(
        &self,
        link: &Link,
        backoff: &mut Backoff,
        connected: &prometheus_client::metrics::gauge::Gauge,
    ) -> Result<(), BrokerError> {
        let publisher = link.publisher().await?;
        let labels = QueueLabels::of(&self.settings.queue);
        let in_flight = self.metrics.consumer_in_flight.get_or_create_owned(&labels);
        let mut subscription = link
            .subscribe_counting(&self.settings.queue, self.settings.prefetch, in_flight)
            .await?;
        connected.set(1);
        tracing::info!(messaging.destination.name = %self.settings.queue, "consuming");
        loop {
            let first = tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                first = subscription.next() => first?,
            };
            let batch = self.collect(&mut subscription, first)?;
            let Some(last) = batch.last().map(|delivery| delivery.tag) else {
                continue;
            };
            if self.handle(&publisher, batch).await? == Done::Stopping {
                return Ok(());
            }
            subscription.ack_up_to(last).await?;
            backoff.reset();
        }
    }

    fn collect(&self, subscription: &mut Subscription, first: Delivery) -> Result<Vec<Delivery>, BrokerError> {
        let mut batch = vec![first];
        while batch.len() < self.settings.batch_max {
            match subscription.ready()? {
                Some(delivery) => batch.push(delivery),
                None => break,
            }
        }
        Ok(batch)
    }

    async fn handle(&self, publisher: &Publisher, deliveries: Vec<Delivery>) -> Result<Done, BrokerError> {
        let mut batch = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            match Received::decode(delivery) {
                Ok(received) if received.event.payload.is_none() && !self.settings.unknown_too => {
                    self.count("unknown", 1);
                }
                Ok(received) => batch.push(received),
                Err(bad) => self.bury_undecodable(publisher, *bad.delivery, &bad.why).await?,
            }
        }
        let batch: Arc<[Received]> = batch.into();
        if batch.is_empty() {
            return Ok(Done::Yes);
        }
        if batch.len() > 1 {
            match self.attempt(batch.clone()).await {
                Ok(()) => return Ok(Done::Yes),
                Err(error) => tracing::debug!(
                    error.chain = %telemetry::chain(&error),
                    messages = batch.len(),
                    "a batch failed; its messages are handled one by one"
                ),
            }
        }
        for received in batch.iter() {
            if self.until_settled(publisher, received).await? == Done::Stopping {
                return Ok(Done::Stopping);
            }
        }
        Ok(Done::Yes)
    }

    /// Handles one message until it is handled, or dead.
    async fn until_settled(&self, publisher: &Publisher, received: &Received) -> Result<Done, BrokerError> {
        let mut backoff = Backoff::retry();
        loop {
            let outcome = self.attempt(Arc::new([received.clone()])).await;
            let Err(error) = outcome else {
                return Ok(Done::Yes);
            };
            let death = match &error {
                HandlerError::Retry(_) => None,
                HandlerError::Reject(reason) => Some((reason.clone(), 1)),
                HandlerError::Bounded(_) => self.count_try(received, &error).await,
            };
            if let Some((reason, tries)) = death {
                self.bury(publisher, received, &reason, tries).await?;
                return Ok(Done::Yes);
            }
            let wait = backoff.wait();
            tracing::warn!(
                messaging.destination.name = %self.settings.queue,
                messaging.message.id = %received.event_id,
                event.kind = %received.event.r#type,
                error.chain = %telemetry::chain(&error),
                retry_in_ms = wait.as_millis(),
                "an event could not be handled"
            );
            self.count("retried", 1);
            tokio::select! {
                () = self.stop.cancelled() => return Ok(Done::Stopping),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One transaction: claim, handle what was not handled before, commit.
    async fn attempt(&self, batch: Arc<[Received]>) -> Result<(), HandlerError> {
        let handler = self.handler.clone();
        let consumer = self.settings.name.clone();
        let total = batch.len();
        let work = tx::run(&self.pool, move |conn| {
            Box::pin(async move {
                let ids: Vec<Uuid> = batch.iter().map(|received| received.event_id).collect();
                let mut claimed: HashSet<Uuid> = inbox::claim(conn, &consumer, &ids).await?.into_iter().collect();
                let fresh: Vec<Received> = batch
                    .iter()
                    .filter(|received| claimed.remove(&received.event_id))
                    .cloned()
                    .collect();
                if !fresh.is_empty() {
                    handler.handle_batch(conn, &fresh).await?;
                }
                Ok::<_, HandlerError>(fresh.len())
            })
        });
        // A panic may be the message's fault: it counts as a try, so that it cannot stop the queue for ever.
        let handled = AssertUnwindSafe(work)
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err(HandlerError::Bounded(anyhow::anyhow!("the handler panicked"))))?;
        self.count("handled", handled as u64);
        self.count("duplicate", (total - handled) as u64);
        Ok(())
    }

    /// Counts a failed try; answers the reason and the tries when they are used up. If even counting fails,
    /// the database is away and the message is simply tried again.
    async fn count_try(&self, received: &Received, error: &HandlerError) -> Option<(String, u32)> {
        let reason = shorten(&telemetry::chain(error));
        match inbox::count_try(&self.pool, &self.settings.name, received.event_id, &reason).await {
            Ok(tries) if tries >= self.settings.tries_max => Some((reason, tries)),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(error = %error, "a try could not be counted");
                None
            }
        }
    }

    async fn bury(
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
        let message = Message {
            exchange: DEAD.to_owned(),
            routing_key: self.settings.queue.clone(),
            message_id: received.event_id.to_string(),
            kind: received.event.r#type.clone(),
            headers: death_headers(received.headers.clone(), reason, tries),
            body: received.body.clone(),
        };
        self.publish_dead(publisher, message).await
    }

    async fn bury_undecodable(
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

    fn count(&self, outcome: &str, n: u64) {
        if n > 0 {
            self.metrics.count_consumed(&self.settings.queue, outcome, n);
        }
    }
}

fn death_headers(mut headers: BTreeMap<String, String>, reason: &str, tries: u32) -> BTreeMap<String, String> {
    headers.insert(REASON_HEADER.to_owned(), shorten(reason));
    headers.insert(TRIES_HEADER.to_owned(), tries.to_string());
    headers.insert(DIED_AT_HEADER.to_owned(), crate::clock::real_now_text());
    headers
}

fn shorten(text: &str) -> String {
    text.chars().take(REASON_CHARS_MAX).collect()
}

/// [`Handler`] behind a pointer.
trait ErasedHandler: Send + Sync {
    fn handle_batch<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<(), HandlerError>>;
}

impl<H: Handler> ErasedHandler for H {
    fn handle_batch<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<(), HandlerError>> {
        Box::pin(Handler::handle_batch(self, conn, batch))
    }
}
