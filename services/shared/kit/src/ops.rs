//! `tuntas.ops.v1.Ops`, served by every service: what an operator may ask.
//!
//! Status is open to whoever reaches the port. All else needs the assertion of the service `ctl`, unless the
//! process trusts no keys at all (a developer's).

use std::{
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures::{Stream, StreamExt as _, future::BoxFuture, stream};
use sqlx::PgPool;
use tonic::{Request, Response, Status};
use tuntas_proto::{
    ops::v1::{
        AdvanceClockRequest, AdvanceClockResponse, BookLine, GetStatusRequest, GetStatusResponse, ListBooksRequest,
        ListDeadLettersRequest, ListDeadLettersResponse, QueueDepth, ReplayDeadLettersRequest,
        ReplayDeadLettersResponse, ops_server::Ops,
    },
    wire_time::{instant, timestamp},
};

use crate::{
    auth::TrustStore,
    broker::{Broker, BrokerError, dead_queue},
    clock::{Clock, ClockError},
    dead, directory,
    metrics::{Metrics, QueueLabels},
    outbox,
    problem::{CLOCK_NOT_ADJUSTABLE, NOT_FOUND, Problem},
};

/// Name of the service whose assertion these calls need.
pub(crate) const OPERATOR: &str = "ctl";

/// A connection that has fallen silent does not say so at once.
const DEPTHS_WITHIN: Duration = Duration::from_secs(5);

pub(crate) type Books = Arc<dyn Fn() -> BoxFuture<'static, Result<Vec<BookLine>, Problem>> + Send + Sync>;
pub(crate) type Pending = Arc<dyn Fn() -> BoxFuture<'static, Result<u64, Problem>> + Send + Sync>;

/// The queues that this process consumes; more may come while it runs. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queues(Arc<RwLock<Vec<String>>>);

impl Queues {
    /// Adds a queue; answers whether it is new.
    pub(crate) fn add(&self, queue: &str) -> bool {
        let mut queues = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let new = !queues.iter().any(|known| known == queue);
        if new {
            queues.push(queue.to_owned());
        }
        new
    }

    fn has(&self, queue: &str) -> bool {
        self.list().iter().any(|known| known == queue)
    }

    fn list(&self) -> Vec<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The implementation.
#[derive(Clone)]
pub(crate) struct OpsService {
    pub(crate) service: &'static str,
    pub(crate) migration: i64,
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) trust: Arc<TrustStore>,
    pub(crate) broker: Option<Broker>,
    pub(crate) queues: Queues,
    pub(crate) metrics: Metrics,
    pub(crate) books: Option<Books>,
    pub(crate) pending: Option<Pending>,
}

impl OpsService {
    fn authorize<T>(&self, request: &Request<T>) -> Result<(), Status> {
        if self.trust.is_empty() {
            return Ok(());
        }
        let assertion = self.trust.assertion(request, self.clock.now())?;
        Ok(assertion.require_service(&[OPERATOR])?)
    }

    fn queue<'a>(&self, queue: &'a str) -> Result<(&'a str, &Broker), Problem> {
        match &self.broker {
            Some(broker) if self.queues.has(queue) => Ok((queue, broker)),
            _ => Err(Problem::new(NOT_FOUND).message("this service has no such queue")),
        }
    }

    /// Depths as far as they can be had: with the broker away there are none.
    async fn depths(&self) -> Result<Vec<QueueDepth>, BrokerError> {
        let Some(broker) = &self.broker else {
            return Ok(Vec::new());
        };
        let queues = self.queues.list();
        // Those of the dead letters follow in the same order.
        let dead = queues.iter().map(|queue| dead_queue(queue));
        let asked: Vec<String> = queues.iter().cloned().chain(dead).collect();
        let asking = async { broker.share().await?.depths(&asked).await };
        let Ok(found) = tokio::time::timeout(DEPTHS_WITHIN, asking).await else {
            return Err(BrokerError::Timeout("for the depths of queues"));
        };
        let found = found?;
        let (ready, dead) = found.split_at(queues.len().min(found.len()));
        let depths = queues.into_iter().zip(ready).zip(dead).map(|((queue, ready), dead)| {
            // Asked after the broker: what it has handed over meanwhile is counted here.
            let in_flight = self
                .metrics
                .consumer_in_flight
                .get_or_create_owned(&QueueLabels::of(&queue));
            QueueDepth {
                queue,
                ready: (*ready).into(),
                dead: (*dead).into(),
                in_flight: in_flight.get().max(0).unsigned_abs(),
            }
        });
        Ok(depths.collect())
    }
}

#[tonic::async_trait]
impl Ops for OpsService {
    async fn get_status(&self, _: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        let (queues, reachable) = match self.depths().await {
            Ok(queues) => (queues, self.broker.is_some()),
            Err(error) => {
                tracing::warn!(error.chain = %crate::telemetry::chain(&error), "no depths of queues");
                (Vec::new(), false)
            }
        };
        let work_pending = match &self.pending {
            Some(pending) => pending().await?,
            None => 0,
        };
        let mut conn = self.pool.acquire().await.map_err(Problem::from)?;
        let directory = directory::extent(&mut conn).await.map_err(Problem::from)?;
        drop(conn);
        Ok(Response::new(GetStatusResponse {
            directory_seq: directory.seq.unsigned_abs(),
            directory_entries: directory.entries.unsigned_abs(),
            service: self.service.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            migration: self.migration,
            broker_connected: reachable,
            outbox_depth: outbox::depth(&self.pool).await.map_err(Problem::from)?,
            work_pending,
            queues,
            now: Some(timestamp(self.clock.now())),
            clock_adjustable: self.clock.is_demo(),
        }))
    }

    async fn advance_clock(
        &self,
        request: Request<AdvanceClockRequest>,
    ) -> Result<Response<AdvanceClockResponse>, Status> {
        self.authorize(&request)?;
        let request = request.into_inner();
        let moved = if request.follow_real_time {
            self.clock.follow_real_time()
        } else {
            let to = request
                .to
                .as_ref()
                .and_then(instant)
                .ok_or_else(|| Problem::invalid("to", "is not an instant"))?;
            self.clock.advance_to(to)
        };
        let now = moved.map_err(|error| match error {
            ClockError::NotDemo | ClockError::Backwards { .. } => {
                Problem::new(CLOCK_NOT_ADJUSTABLE).message(error.to_string())
            }
            _ => Problem::internal(error),
        })?;
        Ok(Response::new(AdvanceClockResponse {
            now: Some(timestamp(now)),
        }))
    }

    type ListBooksStream = Pin<Box<dyn Stream<Item = Result<BookLine, Status>> + Send>>;

    async fn list_books(&self, request: Request<ListBooksRequest>) -> Result<Response<Self::ListBooksStream>, Status> {
        self.authorize(&request)?;
        let lines = match &self.books {
            Some(books) => books().await?,
            None => Vec::new(),
        };
        Ok(Response::new(stream::iter(lines).map(Ok).boxed()))
    }

    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        self.authorize(&request)?;
        let request = request.into_inner();
        let (queue, broker) = self.queue(&request.queue)?;
        let limit = match request.limit {
            0 => dead::LIST_MAX,
            limit => limit as usize,
        };
        let letters = dead::list(broker, queue, limit).await.map_err(Problem::unavailable)?;
        Ok(Response::new(ListDeadLettersResponse { letters }))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<ReplayDeadLettersRequest>,
    ) -> Result<Response<ReplayDeadLettersResponse>, Status> {
        self.authorize(&request)?;
        let request = request.into_inner();
        let (queue, broker) = self.queue(&request.queue)?;
        let event_ids = request
            .event_ids
            .iter()
            .map(|id| id.parse().map_err(|error| Problem::invalid("event_ids", error)))
            .collect::<Result<Vec<_>, _>>()?;
        let replayed = dead::replay(broker, &self.pool, queue, &event_ids).await?;
        Ok(Response::new(ReplayDeadLettersResponse { replayed }))
    }
}
