//! Follows the oversight log in order, from the position committed with the measures (rule V4).
//!
//! A batch of entries is one transaction: measures, evaluation cases, what is to be said of them, and the position.
//! Entries come by gRPC; when the stream breaks the next one begins at the committed position. What is not the next
//! entry, or does not continue the chain, is never skipped: it is an error that an operator must see.

use futures::{FutureExt as _, StreamExt as _};
use serde::Deserialize;
use sqlx::PgPool;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming, service::interceptor::InterceptedService, transport::Channel};
use tuntas_kit::{
    backoff::Backoff,
    client::AsService,
    database::{ANSWER_WITHIN, within},
    rest, telemetry,
    tx::{self, TxError},
};
use tuntas_proto::oversight::v1::{FeedEntry, FollowRequest, GetHeadRequest, feed_client::FeedClient};

use crate::{
    apply::{self, Applier, ApplyError},
    metrics::Metrics,
};

/// Client of the feed, with this service's assertion.
pub type Client = FeedClient<InterceptedService<Channel, AsService>>;

/// Largest entry accepted, in bytes.
const ENTRY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// `[follow]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Settings {
    pub oversight_url: String,
    pub batch_max: u16,
}

/// Why following stopped.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The feed broke off or refused.
    #[error("the feed of oversight broke off")]
    Feed(#[from] Status),
    /// The log is shorter than what was read of it: it was set back, or it is another one.
    #[error("the log has {size} entries, of which {position} were read before")]
    Shrunk {
        /// Its size.
        size: u64,
        /// The committed position.
        position: u64,
    },
    /// An entry could not be applied.
    #[error("an entry of the log could not be applied")]
    Apply(#[from] ApplyError),
    /// The database failed.
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl TxError for FollowError {
    fn database_error(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Database(error) | Self::Apply(ApplyError::Database(error)) => Some(error),
            _ => None,
        }
    }
}

/// Follows the log. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Follower {
    /// Own database.
    pub pool: PgPool,
    /// The feed.
    pub client: Client,
    /// What an entry does.
    pub applier: Applier,
    /// Largest batch.
    pub batch_max: usize,
    /// What the operator sees.
    pub metrics: Metrics,
}

impl Follower {
    /// Follows until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut backoff = Backoff::reconnect();
        while !stop.is_cancelled() {
            let ended = self.session(&mut backoff, &stop).await;
            self.metrics.following.set(0);
            if let Err(error) = ended {
                self.tell(&error);
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(backoff.wait()) => {}
            }
        }
    }

    /// The stream from the committed position on.
    async fn begin(&self) -> Result<Streaming<FeedEntry>, FollowError> {
        let asked = within(ANSWER_WITHIN, async {
            apply::position(&mut *self.pool.acquire().await?).await
        });
        let position = asked.await?;
        let mut client = self.client.clone().max_decoding_message_size(ENTRY_BYTES_MAX);
        let size = client.get_head(GetHeadRequest {}).await?.into_inner().size;
        if size < position {
            return Err(FollowError::Shrunk { size, position });
        }
        let request = FollowRequest {
            from_position: position + 1,
            until_head: false,
        };
        Ok(client.follow(request).await?.into_inner())
    }

    /// One stream, until it ends.
    async fn session(&self, backoff: &mut Backoff, stop: &CancellationToken) -> Result<(), FollowError> {
        let mut stream = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            stream = self.begin() => stream?,
        };
        self.metrics.following.set(1);
        loop {
            let first = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                first = stream.next() => first,
            };
            let Some(first) = first.transpose()? else { return Ok(()) };
            let begun = Instant::now();
            let (batch, broken) = collect(&mut stream, first, self.batch_max);
            let full = batch.len() >= self.batch_max;
            // What came before a break is good.
            self.apply(batch).await?;
            backoff.reset();
            if let Some(status) = broken {
                return Err(status.into());
            }
            if !full {
                rest::after(begun, stop).await;
            }
        }
    }

    /// Applies consecutive entries in one transaction. Entries at or before the committed position change nothing.
    ///
    /// # Errors
    /// A gap, a broken chain, an entry that does not decode, or the database's: then nothing has changed.
    pub async fn apply(&self, batch: Vec<FeedEntry>) -> Result<u64, FollowError> {
        let applier = self.applier.clone();
        let position = tx::run(&self.pool, move |conn| {
            Box::pin(async move { Ok::<_, FollowError>(applier.apply_batch(conn, &batch).await?) })
        })
        .await?;
        self.metrics.position.set(i64::try_from(position).unwrap_or(i64::MAX));
        Ok(position)
    }

    fn tell(&self, error: &FollowError) {
        match error {
            broken @ (FollowError::Shrunk { .. }
            | FollowError::Apply(ApplyError::Gap { .. } | ApplyError::Chain { .. })) => {
                self.metrics.log_broken.inc();
                tracing::error!(error.chain = %telemetry::chain(broken), "the oversight log is broken: measures stop here");
            }
            FollowError::Apply(apply) if apply.database_error().is_none() => {
                self.metrics.log_broken.inc();
                tracing::error!(error.chain = %telemetry::chain(apply), "an entry cannot be applied: measures stop here");
            }
            other => {
                tracing::warn!(error.chain = %telemetry::chain(other), "following the log broke off; trying again")
            }
        }
    }
}

/// What has already arrived, after `first`, up to `batch_max` entries; and the error that broke the stream off, if
/// that has arrived too.
fn collect(stream: &mut Streaming<FeedEntry>, first: FeedEntry, batch_max: usize) -> (Vec<FeedEntry>, Option<Status>) {
    let mut batch = vec![first];
    while batch.len() < batch_max {
        // The end of the stream, and what is not there yet, are for the next turn.
        match stream.next().now_or_never().flatten() {
            Some(Ok(entry)) => batch.push(entry),
            Some(Err(status)) => return (batch, Some(status)),
            None => break,
        }
    }
    (batch, None)
}
