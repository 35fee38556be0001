//! `tuntas.outbox.v1.Outbox`, served by every service that publishes: what has been published for a queue, for the consumer that
//! missed some of it ([`consumer::CatchUp`](crate::consumer::CatchUp)).

use std::sync::Arc;

use sqlx::PgPool;
use tonic::{Request, Response, Status};
use tuntas_proto::outbox::v1::{
    GetPublishedRequest, GetPublishedResponse, ListPublishedRequest, ListPublishedResponse, PublishedMessage,
    outbox_server::Outbox,
};

use crate::{
    auth::TrustStore,
    broker::{self, QueueSpec},
    clock::Clock,
    consumer::compare::{self, Published},
    outbox::RELAY,
    problem::{NOT_FOUND, Problem},
};

/// Messages of one answer of `GetPublished`.
pub(crate) const MESSAGES_MAX: usize = 200;
/// Rows of the outbox that one call of `ListPublished` looks at.
const ROWS_MAX: i64 = 1_000;

/// The implementation.
#[derive(Clone)]
pub struct OutboxService {
    pool: PgPool,
    clock: Clock,
    trust: Arc<TrustStore>,
}

impl OutboxService {
    /// Shows the outbox behind `pool` to the services that `trust` knows.
    #[must_use]
    pub fn new(pool: PgPool, clock: Clock, trust: Arc<TrustStore>) -> Self {
        Self { pool, clock, trust }
    }

    /// The queue, if the caller is the service that it is named after.
    fn queue<T>(&self, request: &Request<T>, name: &str) -> Result<QueueSpec, Problem> {
        let Some(queue) = broker::queues(&[]).into_iter().find(|queue| queue.name == name) else {
            return Err(Problem::new(NOT_FOUND).message("there is no such queue of the centre"));
        };
        if !self.trust.is_empty() {
            let owner = name.split('.').next().unwrap_or_default();
            self.trust
                .assertion(request, self.clock.now())?
                .require_service(&[owner])?;
        }
        Ok(queue)
    }
}

#[tonic::async_trait]
impl Outbox for OutboxService {
    async fn list_published(
        &self,
        request: Request<ListPublishedRequest>,
    ) -> Result<Response<ListPublishedResponse>, Status> {
        let queue = self.queue(&request, &request.get_ref().queue)?;
        let asked = request.into_inner();
        let after = i64::try_from(asked.after_seq).map_err(|error| Problem::invalid("after_seq", error))?;
        // The cursor first: what it counts as published is there to be seen by the next statement.
        let last = last_published(&self.pool).await.map_err(Problem::from)?;
        let rows = rows_after(&self.pool, after, last, asked.min_age_s)
            .await
            .map_err(Problem::from)?;
        let full = rows.len() as u64 == ROWS_MAX.unsigned_abs();
        Ok(Response::new(compare::listing(&rows, after, last, full, &queue)))
    }

    async fn get_published(
        &self,
        request: Request<GetPublishedRequest>,
    ) -> Result<Response<GetPublishedResponse>, Status> {
        let queue = self.queue(&request, &request.get_ref().queue)?;
        let seqs = request.into_inner().seqs;
        if seqs.len() > MESSAGES_MAX {
            return Err(Problem::invalid("seqs", format!("are more than {MESSAGES_MAX}")).into());
        }
        let seqs = seqs
            .into_iter()
            .map(|seq| i64::try_from(seq).map_err(|error| Problem::invalid("seqs", error)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut messages = messages(&self.pool, &seqs).await.map_err(Problem::from)?;
        messages.retain(|message| queue.takes(&message.exchange, &message.routing_key));
        Ok(Response::new(GetPublishedResponse { messages }))
    }
}

async fn last_published(pool: &PgPool) -> sqlx::Result<i64> {
    sqlx::query_scalar!("SELECT seq FROM outbox_cursor WHERE name = $1", RELAY)
        .fetch_one(pool)
        .await
}

async fn rows_after(pool: &PgPool, after: i64, last: i64, min_age_s: u32) -> sqlx::Result<Vec<Published>> {
    sqlx::query_as!(
        Published,
        r#"SELECT seq, event_id, exchange, routing_key,
                  created_at <= clock_timestamp() - make_interval(secs => $3) AS "old!"
           FROM outbox WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $4"#,
        after,
        last,
        f64::from(min_age_s),
        ROWS_MAX
    )
    .fetch_all(pool)
    .await
}

async fn messages(pool: &PgPool, seqs: &[i64]) -> sqlx::Result<Vec<PublishedMessage>> {
    let rows = sqlx::query!(
        "SELECT seq, event_id, exchange, routing_key, body, traceparent
         FROM outbox
         WHERE seq = ANY ($1) AND seq <= (SELECT seq FROM outbox_cursor WHERE name = $2)
         ORDER BY seq",
        seqs,
        RELAY
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| PublishedMessage {
            seq: row.seq.unsigned_abs(),
            event_id: row.event_id.to_string(),
            exchange: row.exchange,
            routing_key: row.routing_key,
            body: row.body,
            traceparent: row.traceparent.unwrap_or_default(),
        })
        .collect())
}
