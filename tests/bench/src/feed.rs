//! The Ombudsman's feed, followed while something is measured.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use prost::Message as _;
use tokio::{task::JoinHandle, time::Instant};
use tonic::Streaming;
use tuntas_ctl::{
    platform::{Platform, Who},
    rpc,
};
use tuntas_proto::{
    event::v1::Event,
    oversight::v1::{FeedEntry, FollowRequest, GetHeadRequest},
};
use tuntas_tests::play::{soon, who::OMBUDSMAN};

/// What the feed has brought since a follower began; it ends with it.
pub(crate) struct Feed {
    seen: Arc<Mutex<HashMap<String, Seen>>>,
    follower: JoinHandle<anyhow::Result<()>>,
}

/// An aggregate in the feed.
#[derive(Clone, Copy)]
struct Seen {
    /// When its first event came.
    first: Instant,
    /// Sequence of the latest.
    seq: u64,
}

impl Feed {
    /// Follows from what comes next.
    pub(crate) async fn from_head(platform: &Arc<Platform>) -> anyhow::Result<Self> {
        let head = rpc!(platform, Who::Position(OMBUDSMAN), feed().get_head(GetHeadRequest {}))?;
        let request = FollowRequest {
            from_position: head.size + 1,
            until_head: false,
        };
        let stream = rpc!(platform, Who::Position(OMBUDSMAN), feed().follow(request))?;
        let seen = Arc::default();
        Ok(Self {
            follower: tokio::spawn(follow(stream, Arc::clone(&seen))),
            seen,
        })
    }

    fn of(&self, aggregate: &str) -> Option<Seen> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(aggregate).copied()
    }

    /// When the first event of an aggregate came.
    pub(crate) fn first(&self, aggregate: &str) -> Option<Instant> {
        self.of(aggregate).map(|seen| seen.first)
    }

    /// Waits until the feed has an aggregate up to this sequence.
    pub(crate) async fn has(&self, aggregate: &str, seq: u64) -> anyhow::Result<()> {
        let what = format!("the feed to have {aggregate}");
        soon(&what, async || {
            Ok(self.of(aggregate).filter(|seen| seen.seq >= seq).map(|_| ()))
        })
        .await
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

async fn follow(mut stream: Streaming<FeedEntry>, seen: Arc<Mutex<HashMap<String, Seen>>>) -> anyhow::Result<()> {
    while let Some(entry) = stream.message().await? {
        let event = Event::decode(entry.event.as_slice())?;
        let first = Instant::now();
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.entry(event.aggregate_id).or_insert(Seen { first, seq: 0 });
        known.seq = event.aggregate_seq;
    }
    Ok(())
}
