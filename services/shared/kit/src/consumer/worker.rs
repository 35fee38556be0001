//! One queue's events, batch after batch: each handled, or dead.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;
use sqlx::PgPool;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Consumer, ErasedHandler, HandlerError, Received, Settings,
    burial::shorten,
    course::{self, Course, Verdict, used_up},
};
use crate::{
    backoff::Backoff,
    broker::{Broker, BrokerError, Delivery, Link, Publisher, Subscription},
    inbox,
    metrics::{Metrics, QueueLabels},
    rest, telemetry, tx,
};

/// Does the work of a consumer, wherever its events come from.
pub(super) struct Worker {
    pub(super) settings: Settings,
    handler: Arc<dyn ErasedHandler>,
    pub(super) pool: PgPool,
    metrics: Metrics,
    stop: CancellationToken,
}

/// Whether the work was done, or broken off because the process stops.
#[derive(PartialEq, Eq)]
pub(super) enum Done {
    Yes,
    Stopping,
}

impl Worker {
    pub(super) fn new(consumer: Consumer, pool: PgPool, metrics: Metrics, stop: CancellationToken) -> Self {
        Self {
            settings: consumer.settings,
            handler: consumer.handler,
            pool,
            metrics,
            stop,
        }
    }

    /// One subscription: handles batch after batch until it ends.
    pub(super) async fn session(
        &self,
        broker: &Broker,
        backoff: &mut Backoff,
        connected: &prometheus_client::metrics::gauge::Gauge,
    ) -> Result<(), BrokerError> {
        let link = tokio::select! {
            () = self.stop.cancelled() => return Ok(()),
            link = broker.share() => link?,
        };
        self.consume(&link, backoff, connected).await
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
            let begun = Instant::now();
            let batch = self.collect(&mut subscription, first)?;
            let full = batch.len() >= self.settings.batch_max;
            let Some(last) = batch.last().map(|delivery| delivery.tag) else {
                continue;
            };
            if self.handle(&publisher, batch).await? == Done::Stopping {
                return Ok(());
            }
            subscription.ack_up_to(last).await?;
            backoff.reset();
            if !full {
                rest::after(begun, &self.stop).await;
            }
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
                Ok(received) => batch.push(received),
                Err(bad) => self.bury_undecodable(publisher, *bad.delivery, &bad.why).await?,
            }
        }
        self.settle(publisher, batch).await
    }

    /// Handles events, in this order, until each is handled or dead. An event of a later release is done with once it is counted,
    /// unless the consumer wants those, too.
    pub(super) async fn settle(&self, publisher: &Publisher, mut batch: Vec<Received>) -> Result<Done, BrokerError> {
        if !self.settings.unknown_too {
            let all = batch.len();
            batch.retain(|received| received.event.payload.is_some());
            self.count("unknown", (all - batch.len()) as u64);
        }
        let batch: Arc<[Received]> = batch.into();
        if batch.is_empty() {
            return Ok(Done::Yes);
        }
        let mut course = Course::new(batch.len());
        let mut backoff = Backoff::retry();
        while let Some(range) = course.attempt() {
            let attempted: Arc<[Received]> = match batch.get(range.clone()) {
                Some(part) if part.len() < batch.len() => part.into(),
                _ => batch.clone(),
            };
            let settled = match self.attempt(attempted).await {
                Ok(()) => true,
                Err(error) => match course.failed(&error) {
                    Verdict::OneByOne => {
                        tracing::debug!(
                            error.chain = %telemetry::chain(&error),
                            messages = batch.len(),
                            "a batch failed; its messages are handled one by one"
                        );
                        continue;
                    }
                    verdict => {
                        self.dies(publisher, &batch[range.start], &error, verdict, backoff.wait())
                            .await?
                    }
                },
            };
            if settled {
                course.settled();
                backoff.reset();
            } else if self.stop.is_cancelled() {
                return Ok(Done::Stopping);
            }
        }
        Ok(Done::Yes)
    }

    /// What becomes of an event after a failed try: answers whether it is dead, else after it was time to try it again.
    async fn dies(
        &self,
        publisher: &Publisher,
        received: &Received,
        error: &HandlerError,
        verdict: Verdict,
        wait: Duration,
    ) -> Result<bool, BrokerError> {
        let death = match (verdict, error) {
            (Verdict::Dead, HandlerError::Reject(reason)) => Some((reason.clone(), 1)),
            (Verdict::Count, _) => self.count_try(received, error).await,
            _ => None,
        };
        if let Some((reason, tries)) = death {
            self.bury(publisher, received, &reason, tries).await?;
            return Ok(true);
        }
        tracing::warn!(
            messaging.destination.name = %self.settings.queue,
            messaging.message.id = %received.event_id,
            event.kind = %received.event.r#type,
            error.chain = %telemetry::chain(error),
            retry_in_ms = wait.as_millis(),
            "an event could not be handled"
        );
        self.count("retried", 1);
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
        Ok(false)
    }

    /// One transaction: claim, handle what was not handled before, commit.
    async fn attempt(&self, batch: Arc<[Received]>) -> Result<(), HandlerError> {
        let handler = self.handler.clone();
        let consumer = self.settings.name.clone();
        let total = batch.len();
        let (done, told) = (self.handler.clone(), batch.clone());
        let _turn = match &self.settings.turns {
            Some(turns) => turns.acquire().await.ok(),
            None => None,
        };
        let work = tx::run(&self.pool, move |conn| {
            Box::pin(async move {
                let ids: Vec<Uuid> = batch.iter().map(|received| received.event_id).collect();
                let claimed = inbox::claim(conn, &consumer, &ids).await?;
                let fresh: Vec<Received> = course::fresh(&ids, claimed)
                    .into_iter()
                    .filter_map(|place| batch.get(place).cloned())
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
        done.committed(&told);
        self.count("handled", handled as u64);
        self.count("duplicate", (total - handled) as u64);
        Ok(())
    }

    /// Counts a failed try; answers the reason and the tries when they are used up. If even counting fails,
    /// the database is away and the message is simply tried again.
    async fn count_try(&self, received: &Received, error: &HandlerError) -> Option<(String, u32)> {
        let reason = shorten(&telemetry::chain(error));
        match inbox::count_try(&self.pool, &self.settings.name, received.event_id, &reason).await {
            Ok(tries) if used_up(tries, self.settings.tries_max) => Some((reason, tries)),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(error = %error, "a try could not be counted");
                None
            }
        }
    }

    pub(super) fn count(&self, outcome: &str, n: u64) {
        if n > 0 {
            self.metrics.count_consumed(&self.settings.queue, outcome, n);
        }
    }
}
