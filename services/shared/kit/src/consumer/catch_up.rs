//! Catching up: what the broker did not bring is asked of its source.
//!
//! A confirmed mandatory message says only that *some* queue took it. While one of two bindings is missing, or after a queue
//! was lost, a consumer misses events that their sources count as published. So each consumer walks the outboxes of its
//! sources some time behind, compares them with its inbox, and takes what is missing the way it takes everything: claimed,
//! handled and committed in one transaction. That mends a restore of the consumer's database from an old backup, too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use prost::Message as _;
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::{service::interceptor::InterceptedService, transport::Channel};
use tuntas_proto::{
    event::v1::Event,
    outbox::v1::{
        GetPublishedRequest, ListPublishedRequest, ListPublishedResponse, PublishedMessage, outbox_client::OutboxClient,
    },
};

use super::{
    Consumer, Received, compare,
    worker::{Done, Worker},
};
use crate::{
    broker::{Broker, Publisher},
    client::{self, AsService},
    config::{self, ConfigError},
    database::{ANSWER_WITHIN, within},
    inbox,
    metrics::Metrics,
    problem::Problem,
    published::MESSAGES_MAX,
    reconciler::{self, Next},
    telemetry,
};

/// Rounds in a row in which a source does not answer until that is said.
const ROUNDS_FAILED_SAID: u32 = 4;

/// A service whose outbox is walked.
#[derive(Debug, Clone)]
pub struct Source {
    name: String,
    outbox: OutboxClient<InterceptedService<Channel, AsService>>,
}

impl Source {
    /// The service of that name at `url`, asked in the name of `caller`.
    ///
    /// # Errors
    /// `url` is not one.
    pub fn new(name: impl Into<String>, url: &str, caller: AsService) -> anyhow::Result<Self> {
        Ok(Self {
            name: name.into(),
            outbox: OutboxClient::with_interceptor(client::channel(url)?, caller),
        })
    }

    /// The sources that the configuration names (`name=url`, joined by commas).
    ///
    /// # Errors
    /// An entry is none, or an URL is not one.
    pub(crate) fn configured(config: &config::CatchUp, caller: &AsService) -> anyhow::Result<Vec<Self>> {
        let entries = config.sources.iter().flat_map(|list| list.split(','));
        entries
            .map(|entry| match entry.trim().split_once('=') {
                Some((name, url)) if !name.is_empty() => Self::new(name, url, caller.clone()),
                _ => Err(ConfigError::Invalid(format!("catch_up.sources: `{entry}` is not name=url")).into()),
            })
            .collect()
    }
}

/// Catches up for one consumer.
pub struct CatchUp {
    worker: Worker,
    broker: Broker,
    sources: Vec<(Source, AtomicU32)>,
    min_age_s: u32,
}

impl CatchUp {
    /// For `consumer`, from these sources, with events at least that old.
    #[must_use]
    pub fn new(
        consumer: Consumer,
        sources: Vec<Source>,
        min_age_s: u32,
        pool: PgPool,
        broker: Broker,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> Self {
        Self {
            worker: Worker::new(consumer, pool, metrics, stop),
            broker,
            sources: sources.into_iter().map(|source| (source, AtomicU32::new(0))).collect(),
            min_age_s,
        }
    }

    /// Catches up until `stop`, one round every `every`.
    ///
    /// # Errors
    /// None: it is a task of the app.
    pub async fn run(self, every: Duration, stop: CancellationToken) -> anyhow::Result<()> {
        let shared = Arc::new(self);
        let never_woken = Notify::new();
        reconciler::run("catch up", every, &never_woken, stop, move || {
            let shared = shared.clone();
            async move { Ok(shared.round().await) }
        })
        .await
    }

    /// One page of each source. A source that is away costs the others nothing.
    pub async fn round(&self) -> Next {
        let mut next = Next::Later;
        for (source, failed) in &self.sources {
            match self.page(source).await {
                Ok(more) => {
                    failed.store(0, Ordering::Relaxed);
                    if more == Next::AtOnce {
                        next = more;
                    }
                }
                // Said once: an agency's desk may be off for a night. Not at once: services start in any order.
                Err(error) if failed.fetch_add(1, Ordering::Relaxed) + 1 == ROUNDS_FAILED_SAID => tracing::warn!(
                    messaging.destination.name = %self.worker.settings.queue,
                    source = %source.name,
                    error.chain = %telemetry::chain(&error),
                    "what this source has published cannot be compared"
                ),
                Err(error) => tracing::debug!(source = %source.name, error = %error, "a source is still away"),
            }
        }
        next
    }

    async fn page(&self, source: &Source) -> Result<Next, Problem> {
        let (pool, consumer) = (&self.worker.pool, self.worker.settings.name.as_str());
        let after = within(ANSWER_WITHIN, seq(pool, consumer, &source.name)).await?;
        let mut outbox = source.outbox.clone();
        let request = ListPublishedRequest {
            queue: self.worker.settings.queue.clone(),
            after_seq: after.unsigned_abs(),
            min_age_s: self.min_age_s,
        };
        let page = outbox
            .list_published(request)
            .await
            .map_err(Problem::unavailable)?
            .into_inner();
        if compare::is_shorter(&page, after.unsigned_abs()) {
            tracing::warn!(source = %source.name, "the source's outbox is shorter than it was: it is compared from its start");
            within(ANSWER_WITHIN, set_seq(pool, consumer, &source.name, 0)).await?;
            return Ok(Next::AtOnce);
        }
        let missing = self.missing(&page).await?;
        if !missing.is_empty() && self.fetch_all(source, &missing).await? == Done::Stopping {
            return Ok(Next::Later);
        }
        if let Some(next) = compare::moves_to(&page, after.unsigned_abs()) {
            let next = i64::try_from(next).map_err(Problem::internal)?;
            within(ANSWER_WITHIN, set_seq(pool, consumer, &source.name, next)).await?;
        }
        Ok(if page.more { Next::AtOnce } else { Next::Later })
    }

    /// Sequences of the events that never came.
    async fn missing(&self, page: &ListPublishedResponse) -> Result<Vec<u64>, Problem> {
        let ids = compare::event_ids(page).map_err(Problem::internal)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let asked = inbox::known(&self.worker.pool, &self.worker.settings.name, &ids);
        let known = within(ANSWER_WITHIN, asked).await?;
        Ok(compare::missing(page, &ids, known))
    }

    /// Fetches what is missing on a page.
    async fn fetch_all(&self, source: &Source, missing: &[u64]) -> Result<Done, Problem> {
        // For the dead letters, should there be any.
        let link = self.broker.connect().await.map_err(Problem::unavailable)?;
        let fetched = async {
            let publisher = link.publisher().await.map_err(Problem::unavailable)?;
            for seqs in missing.chunks(MESSAGES_MAX) {
                if self.fetch(source, seqs, &publisher).await? == Done::Stopping {
                    return Ok(Done::Stopping);
                }
            }
            Ok(Done::Yes)
        };
        let fetched = fetched.await;
        link.close().await;
        fetched
    }

    /// Fetches events and takes them, in their order.
    async fn fetch(&self, source: &Source, seqs: &[u64], publisher: &Publisher) -> Result<Done, Problem> {
        let request = GetPublishedRequest {
            queue: self.worker.settings.queue.clone(),
            seqs: seqs.to_vec(),
        };
        let mut outbox = source.outbox.clone();
        let found = outbox
            .get_published(request)
            .await
            .map_err(Problem::unavailable)?
            .into_inner();
        let events = found
            .messages
            .into_iter()
            .map(|message| received(&source.name, message))
            .collect::<Result<Vec<_>, _>>()?;
        let taken = events.len() as u64;
        let settled = self.worker.settle(publisher, events).await;
        let done = settled.map_err(Problem::unavailable)?;
        if done == Done::Yes {
            self.worker.count("caught_up", taken);
            tracing::warn!(
                messaging.destination.name = %self.worker.settings.queue,
                source = %source.name,
                events = taken,
                "events that the broker did not bring were fetched"
            );
        }
        Ok(done)
    }
}

/// The event as the broker would have brought it. Its publisher is the source that was asked.
fn received(source: &str, message: PublishedMessage) -> Result<Received, Problem> {
    Ok(Received {
        event_id: message.event_id.parse().map_err(Problem::internal)?,
        event: Event::decode(message.body.as_slice()).map_err(Problem::internal)?,
        body: message.body.into(),
        exchange: message.exchange,
        routing_key: message.routing_key,
        user_id: source.to_owned(),
        headers: [(telemetry::TRACEPARENT.to_owned(), message.traceparent)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        redelivered: true,
    })
}

async fn seq(pool: &PgPool, consumer: &str, source: &str) -> sqlx::Result<i64> {
    let seq = sqlx::query_scalar!(
        "SELECT seq FROM catch_up WHERE consumer = $1 AND source = $2",
        consumer,
        source
    )
    .fetch_optional(pool)
    .await?;
    Ok(seq.unwrap_or_default())
}

async fn set_seq(pool: &PgPool, consumer: &str, source: &str, seq: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO catch_up (consumer, source, seq) VALUES ($1, $2, $3)
         ON CONFLICT (consumer, source) DO UPDATE SET seq = excluded.seq, updated_at = clock_timestamp()",
        consumer,
        source,
        seq
    )
    .execute(pool)
    .await?;
    Ok(())
}
