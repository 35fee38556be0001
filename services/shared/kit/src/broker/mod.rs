//! RabbitMQ. Nothing outside this module names the AMQP library.
//!
//! A [`Broker`] knows how to connect; a [`Link`] is one connection. A link that breaks is not mended but
//! replaced by whoever uses it, in a plain loop: the library's own recovery turned a 14 s outage into a
//! 32 s gap.

mod publisher;
pub mod settlement;
mod subscription;
mod topology;

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    types::{AMQPValue, FieldTable, ShortString},
    uri::AMQPUri,
};
use prometheus_client::metrics::gauge::Gauge;
use secrecy::{ExposeSecret as _, SecretString};
use tuntas_domain::OpdCode;

pub use publisher::{Publisher, Settled, Stop};
pub use subscription::{Peek, Subscription};
pub use topology::{
    DEAD_SUFFIX, INTAKE_CASES, NOTIFICATION_EVENTS, OVERSIGHT_EVENTS, QueueSpec, ROUTING_COMMANDS, ROUTING_INTAKE,
    dead_queue, opd_queue, queues,
};

use crate::config;

/// The library keeps two buffers of 32 frames per connection: 8 MiB at the broker's 128 KiB, 1 MiB at this.
const FRAME_BYTES_MAX: u32 = 16 * 1_024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
const MILLIS_PER_SECOND: u64 = 1_000;

/// How to reach the broker. Cheap to clone.
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

struct Inner {
    url: SecretString,
    name: String,
    heartbeat_s: u16,
    confirm_timeout: Duration,
    /// The connection of those who share one, as long as one of them has it.
    shared: tokio::sync::Mutex<Weak<Link>>,
}

/// One connection.
pub struct Link {
    connection: Connection,
    user: String,
    confirm_timeout: Duration,
}

/// A message on its way to the broker.
#[derive(Debug, Clone)]
pub struct Message {
    /// Exchange.
    pub exchange: String,
    /// Routing key.
    pub routing_key: String,
    /// AMQP `message_id`: the event id.
    pub message_id: String,
    /// AMQP `type`.
    pub kind: String,
    /// Text headers.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: Bytes,
}

/// A message from the broker.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// To acknowledge it on its channel.
    pub tag: u64,
    /// Whether the broker has delivered it before.
    pub redelivered: bool,
    /// Exchange it was published to.
    pub exchange: String,
    /// Routing key it was published with.
    pub routing_key: String,
    /// AMQP `message_id`, or empty.
    pub message_id: String,
    /// AMQP `type`, or empty.
    pub kind: String,
    /// AMQP `user_id`, or empty. Where it is set, the broker has checked that the publisher was logged in as that user.
    pub user_id: String,
    /// Text headers; others are left out.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: Bytes,
}

/// Why the broker did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The URL is not one.
    #[error("amqp.url is not valid: {0}")]
    Url(String),
    /// It did not answer in time.
    #[error("the broker did not answer {0} in time")]
    Timeout(&'static str),
    /// The connection or the channel ended.
    #[error("the broker closed the subscription")]
    Closed,
    /// The library's error.
    #[error("broker")]
    Amqp(#[from] lapin::Error),
}

impl Broker {
    /// A broker by configuration; `name` is what the management screen shows.
    ///
    /// # Errors
    /// No URL is configured.
    pub fn from_config(amqp: &config::Amqp, name: impl Into<String>) -> Result<Self, config::ConfigError> {
        Ok(Self {
            inner: Arc::new(Inner {
                url: amqp.url()?,
                name: name.into(),
                heartbeat_s: amqp.heartbeat_s,
                confirm_timeout: Duration::from_millis(amqp.confirm_timeout_ms),
                shared: tokio::sync::Mutex::default(),
            }),
        })
    }

    /// A broker by URL, with the default limits: for tests and tools.
    #[must_use]
    pub fn from_url(url: SecretString, name: impl Into<String>) -> Self {
        Self {
            inner: Arc::new(Inner {
                url,
                name: name.into(),
                heartbeat_s: 10,
                confirm_timeout: Duration::from_secs(15),
                shared: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// The broker is away, refuses, or does not answer within 5 s.
    pub async fn connect(&self) -> Result<Link, BrokerError> {
        let inner = &self.inner;
        let mut uri: AMQPUri = inner.url.expose_secret().parse().map_err(BrokerError::Url)?;
        // Both sides give up after two heartbeats without a sign of life.
        uri.query.heartbeat = Some((inner.heartbeat_s / 2).max(1));
        uri.query.frame_max = Some(FRAME_BYTES_MAX);
        let millis = u64::try_from(CONNECT_TIMEOUT.as_millis()).unwrap_or(5 * MILLIS_PER_SECOND);
        uri.query.connection_timeout = Some(millis);
        let user = uri.authority.userinfo.username.clone();
        let properties = ConnectionProperties::default().with_connection_name(inner.name.as_str().into());
        let connection = tokio::time::timeout(CONNECT_TIMEOUT, Connection::connect_uri(uri, properties))
            .await
            .map_err(|_| BrokerError::Timeout("the connection"))??;
        Ok(Link {
            connection,
            user,
            confirm_timeout: inner.confirm_timeout,
        })
    }

    /// A connection shared by the consumers of this process, each with a channel of its own: a desk for many agencies has a
    /// consumer for each. It is closed when the last of them lets it go. Who publishes much opens one of its own: while the
    /// broker holds publishers back it reads nothing from their connections.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn share(&self) -> Result<Arc<Link>, BrokerError> {
        let mut shared = self.inner.shared.lock().await;
        if let Some(link) = shared.upgrade().filter(|link| link.is_connected()) {
            return Ok(link);
        }
        let link = Arc::new(self.connect().await?);
        *shared = Arc::downgrade(&link);
        Ok(link)
    }

    /// Declares exchanges, queues and bindings of the centre and of these agencies. Idempotent.
    ///
    /// # Errors
    /// The broker is away, or something exists with other arguments.
    pub async fn declare(&self, opds: &[OpdCode]) -> Result<(), BrokerError> {
        let link = self.connect().await?;
        let outcome = topology::declare(&link, opds).await;
        link.close().await;
        outcome
    }

    /// Checks that queues exist, without the right to declare them.
    ///
    /// # Errors
    /// The broker is away, or a queue is missing.
    pub async fn check(&self, queues: &[String]) -> Result<(), BrokerError> {
        let link = self.connect().await?;
        for queue in queues {
            link.depth(queue).await?;
        }
        link.close().await;
        Ok(())
    }
}

impl Link {
    /// Whether the connection is up, as far as is known.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connection.status().connected()
    }

    /// A channel that publishes with confirms.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn publisher(&self) -> Result<Publisher, BrokerError> {
        Publisher::open(self).await
    }

    /// A channel that consumes `queue` with at most `prefetch` messages on their way.
    ///
    /// # Errors
    /// The connection is gone, the queue is missing, or it may not be read.
    pub async fn subscribe(&self, queue: &str, prefetch: u16) -> Result<Subscription, BrokerError> {
        self.subscribe_counting(queue, prefetch, Gauge::default()).await
    }

    /// Like [`subscribe`](Self::subscribe); `in_flight` counts messages from their arrival until they are acknowledged.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub async fn subscribe_counting(
        &self,
        queue: &str,
        prefetch: u16,
        in_flight: Gauge,
    ) -> Result<Subscription, BrokerError> {
        Subscription::open(self, queue, prefetch, in_flight).await
    }

    /// Looks at the messages of `queue` without taking them.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn peek(&self, queue: &str) -> Result<Peek, BrokerError> {
        Peek::open(self, queue).await
    }

    /// How many messages of `queue` are ready.
    ///
    /// # Errors
    /// As [`depths`](Self::depths).
    pub async fn depth(&self, queue: &str) -> Result<u32, BrokerError> {
        let depths = self.depths(&[queue.to_owned()]).await?;
        depths.first().copied().ok_or(BrokerError::Closed)
    }

    /// How many messages of each of these queues are ready.
    ///
    /// # Errors
    /// The connection is gone, or a queue is missing.
    pub async fn depths(&self, queues: &[String]) -> Result<Vec<u32>, BrokerError> {
        topology::depths(self, queues).await
    }

    /// Says goodbye, within one second.
    pub async fn close(&self) {
        let goodbye = self.connection.close(200, ShortString::from("bye"));
        match tokio::time::timeout(CLOSE_TIMEOUT, goodbye).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(error = %error, "the connection was gone already"),
            Err(_) => tracing::debug!("the broker did not answer the goodbye"),
        }
    }
}

fn properties(message: &Message, user: &str) -> BasicProperties {
    const PERSISTENT: u8 = 2;
    let mut headers = FieldTable::default();
    for (key, value) in &message.headers {
        headers.insert(key.as_str().into(), AMQPValue::LongString(value.as_str().into()));
    }
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/protobuf".into())
        .with_message_id(message.message_id.as_str().into())
        .with_type(message.kind.as_str().into())
        .with_user_id(user.into())
        .with_headers(headers)
}

impl From<lapin::message::Delivery> for Delivery {
    fn from(delivery: lapin::message::Delivery) -> Self {
        let text = |value: &Option<ShortString>| {
            value
                .as_ref()
                .map(|value| value.as_str().to_owned())
                .unwrap_or_default()
        };
        let properties = &delivery.properties;
        let headers = properties
            .headers()
            .iter()
            .flat_map(|table| table.inner())
            .filter_map(|(key, value)| Some((key.as_str().to_owned(), header_text(value)?)))
            .collect();
        Self {
            tag: delivery.delivery_tag,
            redelivered: delivery.redelivered,
            exchange: delivery.exchange.as_str().to_owned(),
            routing_key: delivery.routing_key.as_str().to_owned(),
            message_id: text(properties.message_id()),
            kind: text(properties.kind()),
            user_id: text(properties.user_id()),
            headers,
            body: delivery.data.into(),
        }
    }
}

fn header_text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        AMQPValue::LongLongInt(number) => Some(number.to_string()),
        AMQPValue::LongInt(number) => Some(number.to_string()),
        AMQPValue::Timestamp(seconds) => Some(seconds.to_string()),
        _ => None,
    }
}
