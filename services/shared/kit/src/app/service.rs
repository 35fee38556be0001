//! What a service consists of, and starting it.

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use sqlx::PgPool;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    codegen::{Service as TowerService, http},
    server::NamedService,
    service::RoutesBuilder,
};
use tuntas_proto::{
    ops::v1::{BookLine, ops_server::OpsServer},
    outbox::v1::outbox_server::OutboxServer,
};

use super::{Boot, grpc};
use crate::{
    broker::Broker,
    config,
    consumer::{CatchUp, Consumer, Source},
    lifecycle::Lifecycle,
    metrics::Metrics,
    ops::{OpsService, Queues},
    problem::Problem,
    published::OutboxService,
    relay::Relay,
};

type Task = Box<dyn FnOnce(CancellationToken) -> futures::future::BoxFuture<'static, anyhow::Result<()>> + Send>;

/// A service: what it serves and what it does in the background. [`Boot::service`] makes an empty one.
pub struct Service {
    pool: PgPool,
    metrics: Metrics,
    broker: Option<Broker>,
    late: Consumers,
    routes: RoutesBuilder,
    names: Vec<&'static str>,
    ops: OpsService,
    relay: bool,
    consumers: Vec<Consumer>,
    sources: Vec<Source>,
    tasks: Vec<(String, Task)>,
}

/// Starts consumers while the process runs, for queues that appear later, such as a new agency's. Cheap to clone.
#[derive(Clone)]
pub struct Consumers {
    pool: PgPool,
    broker: Option<Broker>,
    metrics: Metrics,
    lifecycle: Lifecycle,
    queues: Queues,
    turns: Arc<Semaphore>,
}

impl Consumers {
    /// Consumes a queue from now on; its dead letters are shown and replayed through `Ops`. A queue that this
    /// process consumes already stays with its consumer.
    ///
    /// # Errors
    /// `amqp.url` is not set.
    pub fn add(&self, consumer: Consumer) -> Result<(), config::ConfigError> {
        let broker = self.broker.clone().ok_or(config::ConfigError::Missing("amqp.url"))?;
        if !self.queues.add(consumer.queue()) {
            return Ok(());
        }
        let name = format!("consumer {}", consumer.queue());
        let consumer = consumer.taking_turns(Arc::clone(&self.turns));
        let run = consumer.run(self.pool.clone(), broker, self.metrics.clone(), self.lifecycle.stop());
        self.lifecycle.spawn(name, async move {
            run.await;
            Ok(())
        });
        Ok(())
    }

    fn catch_up(
        &self,
        consumer: Consumer,
        sources: Vec<Source>,
        config: &config::CatchUp,
    ) -> Result<(), config::ConfigError> {
        let broker = self.broker.clone().ok_or(config::ConfigError::Missing("amqp.url"))?;
        let name = format!("catch up {}", consumer.queue());
        let (pool, metrics, stop) = (self.pool.clone(), self.metrics.clone(), self.lifecycle.stop());
        let catch_up = CatchUp::new(consumer, sources, config.min_age_s, pool, broker, metrics, stop.clone());
        self.lifecycle
            .spawn(name, catch_up.run(Duration::from_secs(config.every_s), stop));
        Ok(())
    }
}

impl Service {
    pub(super) fn new<C, A>(boot: &Boot<C, A>) -> Self {
        let ops = OpsService {
            service: boot.name,
            migration: boot.migration,
            pool: boot.pool.clone(),
            clock: boot.clock.clone(),
            trust: boot.trust.clone(),
            broker: boot.broker.clone(),
            queues: Queues::default(),
            metrics: boot.metrics.clone(),
            books: None,
            pending: None,
        };
        let late = Consumers {
            pool: boot.pool.clone(),
            broker: boot.broker.clone(),
            metrics: boot.metrics.clone(),
            lifecycle: boot.lifecycle.clone(),
            queues: ops.queues.clone(),
            turns: Arc::new(Semaphore::new(turns(&boot.pool))),
        };
        Self {
            pool: boot.pool.clone(),
            metrics: boot.metrics.clone(),
            broker: boot.broker.clone(),
            late,
            routes: RoutesBuilder::default(),
            names: Vec::new(),
            ops,
            relay: false,
            consumers: Vec::new(),
            sources: boot.sources.clone(),
            tasks: Vec::new(),
        }
    }

    /// Serves a gRPC service (`IntakeServer::new(...)`). `Ops` and health are there already.
    #[must_use]
    pub fn grpc<S>(mut self, service: S) -> Self
    where
        S: TowerService<http::Request<Body>, Error = std::convert::Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }

    /// Publishes the outbox.
    #[must_use]
    pub fn relay(mut self) -> Self {
        self.relay = true;
        self
    }

    /// Consumes a queue; its dead letters are shown and replayed through `Ops`. What the broker does not bring is fetched from the
    /// sources that `[catch_up]` names.
    #[must_use]
    pub fn consumer(mut self, consumer: Consumer) -> Self {
        self.consumers.push(consumer);
        self
    }

    /// Where consumers are added while the process runs.
    #[must_use]
    pub fn consumers(&self) -> Consumers {
        self.late.clone()
    }

    /// Runs a task until the process stops; it gets the token that tells it to. One that ends before is a
    /// crash of the process.
    #[must_use]
    pub fn task<F, Fut>(mut self, name: impl Into<String>, task: F) -> Self
    where
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.tasks.push((name.into(), Box::new(|stop| task(stop).boxed())));
        self
    }

    /// What `Ops/ListBooks` answers: one line for each thing the service answers for.
    #[must_use]
    pub fn books<F, Fut>(mut self, books: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<BookLine>, Problem>> + Send + 'static,
    {
        self.ops.books = Some(Arc::new(move || books().boxed()));
        self
    }

    /// What `Ops/GetStatus` answers as `work_pending`: how much is due and not done.
    #[must_use]
    pub fn work_pending<F, Fut>(mut self, pending: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<u64, Problem>> + Send + 'static,
    {
        self.ops.pending = Some(Arc::new(move || pending().boxed()));
        self
    }

    pub(super) async fn start(mut self, common: &config::Common, lifecycle: &Lifecycle) -> anyhow::Result<()> {
        if self.relay {
            self = self.published();
        }
        let ops = OpsServer::new(self.ops);
        self.routes.add_service(ops);
        self.names.push(<OpsServer<OpsService> as NamedService>::NAME);
        grpc::start(&common.grpc, self.routes, &self.names, &self.metrics, lifecycle).await?;
        if self.relay {
            let broker = self.broker.ok_or(config::ConfigError::Missing("amqp.url"))?;
            let relay = Relay::new(self.pool, broker, self.metrics);
            let stop = lifecycle.stop();
            lifecycle.spawn("relay", async move {
                relay.run(stop).await;
                Ok(())
            });
        }
        for consumer in self.consumers {
            if !self.sources.is_empty() {
                self.late
                    .catch_up(consumer.clone(), self.sources.clone(), &common.catch_up)?;
            }
            self.late.add(consumer)?;
        }
        for (name, task) in self.tasks {
            lifecycle.spawn(name, task(lifecycle.stop()));
        }
        Ok(())
    }

    /// Who publishes also says what it has published.
    fn published(self) -> Self {
        let outbox = OutboxService::new(self.pool.clone(), self.ops.clock.clone(), self.ops.trust.clone());
        self.grpc(OutboxServer::new(outbox))
    }
}

/// How many consumers may be in a transaction at once: half of the pool, the rest is for callers.
fn turns(pool: &PgPool) -> usize {
    (pool.options().get_max_connections() as usize / 2).max(1)
}
