//! Consuming a queue: each event's effects exactly once, in one transaction with the proof that it was seen.
//!
//! What is waiting (at most `batch_max`) is decoded and handled in one transaction: claim the inbox, run the
//! handler, commit, acknowledge. If anything in a batch fails, it is rolled back and its messages are handled
//! one by one, so that one bad message costs the others nothing. Tries are counted in the inbox, not by the
//! broker, which counts a dropped connection as a delivery. What the broker did not bring is fetched from its source
//! ([`CatchUp`]).

mod burial;
mod catch_up;
pub mod compare;
pub mod course;
mod worker;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use futures::future::BoxFuture;
use prost::Message as _;
use sqlx::{PgConnection, PgPool};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span, info_span};
use tuntas_proto::event::v1::Event;
use uuid::Uuid;

use crate::{
    backoff::Backoff,
    broker::{Broker, Delivery},
    metrics::{Metrics, QueueLabels},
    problem::{self, Problem},
    telemetry,
    tx::{self, TxError},
};

pub use self::catch_up::{CatchUp, Source};
use self::worker::Worker;

/// Header of a dead letter that says why it died.
pub const REASON_HEADER: &str = "tuntas:reason";
/// Header of a dead letter that says when (RFC 3339, real time).
pub const DIED_AT_HEADER: &str = "tuntas:died-at";
/// Header of a dead letter with the number of tries.
pub const TRIES_HEADER: &str = "tuntas:tries";
/// Headers of a dead letter, and of one that was put back into its queue: exchange, routing key and broker user of the message
/// as it came first. Only who may publish to the default exchange can put something back, which no agency may.
pub(crate) const CAME_HEADERS: [&str; 3] = ["tuntas:exchange", "tuntas:routing-key", "tuntas:user"];

const PREFETCH_DEFAULT: u16 = 1_024;
const BATCH_MAX_DEFAULT: usize = 512;
const TRIES_MAX_DEFAULT: u32 = 8;

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
        let mut received = Self {
            event_id,
            event,
            body: delivery.body,
            exchange: delivery.exchange,
            routing_key: delivery.routing_key,
            user_id: delivery.user_id,
            headers: delivery.headers,
            redelivered: delivery.redelivered,
        };
        if received.exchange.is_empty() {
            received.restore_address();
        }
        Ok(received)
    }

    /// A message that was put back into its queue came over the default exchange: how it came first is in its headers.
    fn restore_address(&mut self) {
        let [exchange, routing_key, user_id] = CAME_HEADERS.map(|header| self.headers.remove(header));
        if let (Some(exchange), Some(routing_key), Some(user_id)) = (exchange, routing_key, user_id) {
            (self.exchange, self.routing_key, self.user_id) = (exchange, routing_key, user_id);
        }
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

    /// What was handled is committed: for telling those in this process who wait for it. Nothing that must happen belongs here: a
    /// process that is killed between commit and this call never gets to it.
    fn committed(&self, _batch: &[Received]) {}
}

/// A consumer of one queue.
#[derive(Clone)]
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
    turns: Option<Arc<Semaphore>>,
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
                turns: None,
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

    /// Handles a batch only with one of these permits, which consumers of one pool share: however many they are, callers find a
    /// connection.
    #[must_use]
    pub(crate) fn taking_turns(mut self, turns: Arc<Semaphore>) -> Self {
        self.settings.turns = Some(turns);
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
        let worker = Worker::new(self, pool, metrics, stop.clone());
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

/// [`Handler`] behind a pointer.
trait ErasedHandler: Send + Sync {
    fn handle_batch<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<(), HandlerError>>;

    fn committed(&self, batch: &[Received]);
}

impl<H: Handler> ErasedHandler for H {
    fn handle_batch<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<(), HandlerError>> {
        Box::pin(Handler::handle_batch(self, conn, batch))
    }

    fn committed(&self, batch: &[Received]) {
        Handler::committed(self, batch);
    }
}
