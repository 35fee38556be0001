//! Following the feed: a batch is all or nothing, nothing is applied twice, and a broken log stops the measures.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
};

use sqlx::PgPool;
use time::macros::datetime;
use tokio::net::TcpListener;
use tokio_stream::{Stream, StreamExt as _, wrappers::TcpListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tuntas_evaluation::{
    apply::{Applier, ApplyError},
    follow::{FollowError, Follower},
    metrics::Metrics,
    scores::Per,
};
use tuntas_kit::{auth, client, clock::Clock};
use tuntas_proto::{
    event::v1::{AnswerFoundNearCopy, Event, event::Payload},
    oversight::v1::{self as wire, FeedEntry, feed_client::FeedClient},
};

use crate::{
    support::{apply, migrate, scores, until},
    world::{MONDAY, World},
};

fn world() -> World {
    let mut world = World::new();
    world.file(1);
    world.dispose(1, "dishub");
    world.run_to(datetime!(2025-03-31 09:00:00 +7));
    world
}

async fn position(pool: &PgPool) -> u64 {
    tuntas_evaluation::apply::position(&mut pool.acquire().await.unwrap())
        .await
        .unwrap()
}

/// The transaction of a batch dies at its last write and at one in the middle; a redo starts from what was committed.
#[sqlx::test(migrations = false)]
async fn a_crash_in_a_batch_leaves_nothing_behind(pool: PgPool) {
    migrate(&pool).await;
    let world = world();
    let (first, second) = world.log.entries.split_at(world.log.entries.len() - 6);
    apply(&pool, first, 10).await.unwrap();
    let before = scores(&pool, Per::Position, "2025-03").await;
    sqlx::query("CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'crash'; END $$")
        .execute(&pool)
        .await
        .unwrap();
    for table in ["log_cursor", "case_fact", "clock_fact", "escalation", "charge"] {
        let create = format!(
            "CREATE TRIGGER crash AFTER INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION crash()"
        );
        sqlx::query(sqlx::AssertSqlSafe(create)).execute(&pool).await.unwrap();
        assert!(apply(&pool, second, 100).await.is_err(), "{table}");
        sqlx::query(sqlx::AssertSqlSafe(format!("DROP TRIGGER crash ON {table}")))
            .execute(&pool)
            .await
            .unwrap();
        assert_eq!(position(&pool).await, first.len() as u64, "{table}");
        assert_eq!(scores(&pool, Per::Position, "2025-03").await, before, "{table}");
    }
    // Again, with what was committed before: it is left out.
    apply(&pool, &world.log.entries, 100).await.unwrap();
    assert_eq!(position(&pool).await, world.log.entries.len() as u64);
    let after = scores(&pool, Per::Position, "2025-03").await;
    apply(&pool, &world.log.entries, 3).await.unwrap();
    assert_eq!(scores(&pool, Per::Position, "2025-03").await, after);
}

#[sqlx::test(migrations = false)]
async fn a_gap_is_an_error(pool: PgPool) {
    migrate(&pool).await;
    let mut entries = world().log.entries;
    entries.remove(20);
    let error = apply(&pool, &entries, 5).await.unwrap_err();
    assert!(
        matches!(
            error,
            FollowError::Apply(ApplyError::Gap {
                expected: 21,
                found: 22
            })
        ),
        "{error:?}"
    );
    assert_eq!(position(&pool).await, 20, "what came before it is kept");
}

#[sqlx::test(migrations = false)]
async fn a_changed_entry_breaks_the_chain(pool: PgPool) {
    migrate(&pool).await;
    let world = world();
    let mut changed = world.log.entries.clone();
    changed[10].event.push(0);
    let error = apply(&pool, &changed, 1).await.unwrap_err();
    assert!(
        matches!(error, FollowError::Apply(ApplyError::Chain { position: 11 })),
        "{error:?}"
    );
    let mut swapped = world.log.entries.clone();
    let event = swapped[12].event.clone();
    swapped[12] = FeedEntry {
        event,
        ..swapped[11].clone()
    };
    assert!(apply(&pool, &swapped, 1).await.is_err());
    apply(&pool, &world.log.entries, 1).await.unwrap();
}

/// What cannot be read is counted and named, and the log goes on.
#[sqlx::test(migrations = false)]
async fn an_unreadable_entry_does_not_stop_the_measures(pool: PgPool) {
    migrate(&pool).await;
    let mut world = World::new();
    let without_state = crate::log::event(
        "case:x",
        1,
        MONDAY,
        Payload::CaseEvent(tuntas_proto::case::v1::CaseEvent::default()),
    );
    let position_of_it = world.log.append(&without_state);
    // A near copy of an answer that is not in the log, and one without its cause.
    let mut of_nothing = crate::log::event(
        "report:x",
        1,
        MONDAY,
        Payload::AnswerFoundNearCopy(AnswerFoundNearCopy {
            case_id: crate::world::case_id(1).to_string(),
            ..AnswerFoundNearCopy::default()
        }),
    );
    world.log.append(&of_nothing);
    of_nothing.causation_id = without_state.event_id.clone();
    world.log.append(&of_nothing);
    // An event of a later release: its payload is not known here.
    world.log.append(&Event {
        payload: None,
        ..without_state
    });
    world.file(1);
    apply(&pool, &world.log.entries, 10).await.unwrap();
    let named: Vec<(i64, String)> =
        sqlx::query_as("SELECT log_position, why FROM unreadable_entry ORDER BY log_position")
            .fetch_all(&pool)
            .await
            .unwrap();
    let first = i64::try_from(position_of_it).unwrap();
    let of_nothing = format!(
        "the log before it holds no answer released by event {}",
        of_nothing.causation_id
    );
    assert_eq!(
        named,
        [
            (first, "case is missing or malformed".to_owned()),
            (first + 1, "causation_id is missing or malformed".to_owned()),
            (first + 2, of_nothing),
        ]
    );
    assert_eq!(position(&pool).await, world.log.entries.len() as u64);
}

/// A feed whose streams break off after some entries.
#[derive(Clone)]
struct BreakingFeed {
    entries: Arc<Mutex<Vec<FeedEntry>>>,
    asked: Arc<Mutex<Vec<u64>>>,
    per_stream: usize,
}

#[tonic::async_trait]
impl wire::feed_server::Feed for BreakingFeed {
    type FollowStream = Pin<Box<dyn Stream<Item = Result<FeedEntry, Status>> + Send>>;

    async fn follow(&self, request: Request<wire::FollowRequest>) -> Result<Response<Self::FollowStream>, Status> {
        assert!(request.metadata().contains_key("authorization"));
        let from = request.into_inner().from_position;
        self.asked.lock().unwrap().push(from);
        let skip = usize::try_from(from).unwrap() - 1;
        let entries: Vec<FeedEntry> = self
            .entries
            .lock()
            .unwrap()
            .iter()
            .skip(skip)
            .take(self.per_stream)
            .cloned()
            .collect();
        let broken = tokio_stream::once(Err(Status::unavailable("the feed went away")));
        Ok(Response::new(Box::pin(
            tokio_stream::iter(entries.into_iter().map(Ok)).chain(broken),
        )))
    }

    async fn get_head(&self, _: Request<wire::GetHeadRequest>) -> Result<Response<wire::GetHeadResponse>, Status> {
        let size = self.entries.lock().unwrap().len() as u64;
        Ok(Response::new(wire::GetHeadResponse {
            size,
            ..wire::GetHeadResponse::default()
        }))
    }

    async fn list_case_entries(
        &self,
        _: Request<wire::ListCaseEntriesRequest>,
    ) -> Result<Response<wire::ListCaseEntriesResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
}

impl BreakingFeed {
    fn new(entries: &[FeedEntry]) -> Self {
        Self {
            entries: Arc::new(Mutex::new(entries.to_vec())),
            asked: Arc::default(),
            per_stream: 15,
        }
    }

    /// Serves until the process ends; answers a follower of it.
    async fn serve(&self, pool: &PgPool) -> Follower {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tonic::transport::Server::builder()
            .add_service(wire::feed_server::FeedServer::new(self.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        let key = auth::generate_keypair().unwrap();
        let signer = auth::Signer::from_pem("evaluation", &key.private_key_pem).unwrap();
        let as_service = client::AsService::new(signer, "evaluation", Clock::System);
        Follower {
            pool: pool.clone(),
            client: FeedClient::with_interceptor(client::channel(&url).unwrap(), as_service),
            applier: Applier::default(),
            batch_max: 4,
            metrics: Metrics::default(),
        }
    }
}

#[sqlx::test(migrations = false)]
async fn a_stream_that_breaks_is_taken_up_again_where_it_was(pool: PgPool) {
    migrate(&pool).await;
    let world = world();
    let feed = BreakingFeed::new(&world.log.entries);
    let follower = feed.serve(&pool).await;
    let stop = CancellationToken::new();
    let following = tokio::spawn(follower.run(stop.clone()));
    let all = world.log.entries.len() as u64;
    until("the whole log is applied", || async { position(&pool).await == all }).await;
    stop.cancel();
    following.await.unwrap();
    let asked = feed.asked.lock().unwrap().clone();
    assert_eq!(asked[0], 1);
    assert!(asked.len() as u64 >= all / 15, "{asked:?}");
    assert!(
        asked.is_sorted(),
        "each stream begins after what was committed: {asked:?}"
    );
}

/// A log that was set back (restored from an older copy) is not waited for in silence.
#[sqlx::test(migrations = false)]
async fn a_log_that_became_shorter_is_an_error(pool: PgPool) {
    migrate(&pool).await;
    let world = world();
    apply(&pool, &world.log.entries, 50).await.unwrap();
    let feed = BreakingFeed::new(&world.log.entries[..10]);
    let follower = feed.serve(&pool).await;
    let (metrics, stop) = (follower.metrics.clone(), CancellationToken::new());
    let following = tokio::spawn(follower.run(stop.clone()));
    until("it is said aloud", || async { metrics.log_broken.get() > 1 }).await;
    stop.cancel();
    following.await.unwrap();
    assert_eq!(feed.asked.lock().unwrap().len(), 0);
    assert_eq!(position(&pool).await, world.log.entries.len() as u64);
}
