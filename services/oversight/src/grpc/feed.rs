//! `tuntas.oversight.v1.Feed`.

use tonic::{Request, Response, Status};
use tuntas_kit::problem::Problem;
use tuntas_proto::{event::v1::OmbudsmanRead, oversight::v1 as wire};
use uuid::Uuid;

use crate::{
    access::Access,
    feed::{EntryStream, Feed, Range},
    record_read::record_read,
    store,
};

/// Serves the feed.
#[derive(Debug, Clone)]
pub struct FeedService {
    /// Who may.
    pub access: Access,
    /// The feed.
    pub feed: Feed,
    /// Most entries answered for one case.
    pub case_entries_max: u32,
}

#[tonic::async_trait]
impl wire::feed_server::Feed for FeedService {
    type FollowStream = EntryStream;

    async fn follow(&self, request: Request<wire::FollowRequest>) -> Result<Response<EntryStream>, Status> {
        let caller = self.access.reader(&request).await?;
        let asked = request.into_inner();
        let read = OmbudsmanRead {
            what: "feed".to_owned(),
            from_position: asked.from_position,
            ..Default::default()
        };
        record_read(&self.access.pool, &caller, read).await?;
        let range = Range {
            from_position: asked.from_position,
            until_head: asked.until_head,
        };
        Ok(Response::new(self.feed.follow(range).await?))
    }

    async fn get_head(
        &self,
        request: Request<wire::GetHeadRequest>,
    ) -> Result<Response<wire::GetHeadResponse>, Status> {
        self.access.reader(&request).await?;
        Ok(Response::new(self.head().await?))
    }

    async fn list_case_entries(
        &self,
        request: Request<wire::ListCaseEntriesRequest>,
    ) -> Result<Response<wire::ListCaseEntriesResponse>, Status> {
        let caller = self.access.reader(&request).await?;
        let case_id: Uuid = request
            .into_inner()
            .case_id
            .parse()
            .map_err(|e| Problem::invalid("case_id", e))?;
        let read = OmbudsmanRead {
            case_id: case_id.to_string(),
            what: "case".to_owned(),
            ..OmbudsmanRead::default()
        };
        record_read(&self.access.pool, &caller, read).await?;
        Ok(Response::new(self.case_entries(case_id).await?))
    }
}

impl FeedService {
    async fn head(&self) -> Result<wire::GetHeadResponse, Problem> {
        let mut conn = self.access.pool.acquire().await?;
        let head = store::log::head(&mut conn).await?;
        let backlog = store::arrivals::backlog(&mut conn).await?;
        Ok(wire::GetHeadResponse {
            size: head.size.unsigned_abs(),
            chain_hash: head.chain_hash.to_vec(),
            held_back: backlog.held.unsigned_abs(),
        })
    }

    async fn case_entries(&self, case_id: Uuid) -> Result<wire::ListCaseEntriesResponse, Problem> {
        let mut conn = self.access.pool.acquire().await?;
        let entries = store::log::of_case(&mut conn, case_id, i64::from(self.case_entries_max)).await?;
        Ok(wire::ListCaseEntriesResponse {
            entries: entries.into_iter().map(Into::into).collect(),
        })
    }
}
