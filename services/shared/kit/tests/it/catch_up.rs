//! What the broker did not bring is fetched from the outbox it was published from.

use std::sync::Arc;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tuntas_kit::{
    auth::{Kind, Signer, TrustEntry, TrustStore, generate_keypair},
    broker::ROUTING_INTAKE,
    client::AsService,
    clock::Clock,
    consumer::{CatchUp, Consumer, Handler, HandlerError, Source},
    dead, inbox,
    metrics::Metrics,
    outbox,
    published::OutboxService,
    reconciler::Next,
};
use tuntas_proto::outbox::v1::{ListPublishedRequest, outbox_client::OutboxClient, outbox_server::OutboxServer};

use crate::support::{
    Background, Failing, Recorder, TestBroker, append, effects, effects_of, event, eventually, from_intake,
    with_effects,
};

/// The outbox behind `pool`, served on a port of its own.
struct Served {
    url: String,
    /// The key of routing, which alone is trusted.
    signer: Signer,
    stop: CancellationToken,
}

impl Served {
    async fn of(pool: &PgPool) -> Self {
        let pair = generate_keypair().unwrap();
        let entry = TrustEntry {
            public_key: pair.public_key,
            may_assert: vec![Kind::Service],
            service: "routing".to_owned(),
            opds: Vec::new(),
        };
        let trust = TrustStore::from_entries([("routing-1".to_owned(), entry)]).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let service = OutboxServer::new(OutboxService::new(pool.clone(), Clock::System, Arc::new(trust)));
        let serving = tonic::transport::Server::builder().add_service(service);
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        tokio::spawn(serving.serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned()));
        Self {
            url,
            signer: Signer::from_pem("routing-1", &pair.private_key_pem).unwrap(),
            stop,
        }
    }

    fn caller(&self) -> AsService {
        AsService::new(self.signer.clone(), "routing", Clock::System)
    }

    fn catch_up(&self, pool: &PgPool, broker: &TestBroker, handler: impl Handler, min_age_s: u32) -> CatchUp {
        let source = Source::new("intake", &self.url, self.caller()).unwrap();
        CatchUp::new(
            Consumer::new(ROUTING_INTAKE, handler),
            vec![source],
            min_age_s,
            pool.clone(),
            broker.broker.clone(),
            Metrics::new(),
            CancellationToken::new(),
        )
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn published(pool: &PgPool) {
    eventually("the outbox is empty", async || {
        (outbox::depth(pool).await.unwrap() == 0).then_some(())
    })
    .await;
}

#[sqlx::test]
async fn a_consumer_whose_binding_is_gone_fetches_what_it_missed(pool: PgPool) {
    with_effects(&pool).await;
    let (broker, served) = (TestBroker::fresh().await, Served::of(&pool).await);
    let sealed: Vec<_> = (1..=6).map(|seq| event("a", seq)).collect();
    let relay = Background::relay(&pool, &broker.broker);
    let consumer = Background::consumer(&pool, &broker.broker, Consumer::new(ROUTING_INTAKE, Recorder));
    append(&pool, vec![from_intake(&sealed[0])]).await;
    effects_of(&pool, 1).await;

    broker.unbind("tuntas.events", ROUTING_INTAKE, "intake.#").await;
    append(&pool, sealed[1..].iter().map(from_intake).collect()).await;
    // Not for this queue, and not to be handed out for it.
    append(&pool, vec![event("b", 1).to_commands("dishub")]).await;
    published(&pool).await;

    let catch_up = served.catch_up(&pool, &broker, Recorder, 60);
    assert_eq!(catch_up.round().await, Next::Later);
    assert_eq!(effects(&pool).await.len(), 1, "they may be on their way");
    let catch_up = served.catch_up(&pool, &broker, Recorder, 0);
    for _ in 0..2 {
        assert_eq!(catch_up.round().await, Next::Later);
        let all: Vec<_> = sealed.iter().map(|sealed| sealed.event_id()).collect();
        assert_eq!(effects(&pool).await, all, "each once, in order");
    }
    relay.stop().await;
    consumer.stop().await;
}

/// As after a restore of the consumer's database; the source has more than one page.
#[sqlx::test]
async fn a_consumer_that_forgot_everything_fetches_page_after_page(pool: PgPool) {
    with_effects(&pool).await;
    let (broker, served) = (TestBroker::fresh().await, Served::of(&pool).await);
    let sealed: Vec<_> = (1..=1_234).map(|seq| event("a", seq)).collect();
    append(&pool, sealed.iter().map(from_intake).collect()).await;
    let relay = Background::relay(&pool, &broker.broker);
    published(&pool).await;
    relay.stop().await;
    let catch_up = served.catch_up(&pool, &broker, Recorder, 0);
    assert_eq!(catch_up.round().await, Next::AtOnce);
    assert_eq!(effects(&pool).await.len(), 1_000);
    assert_eq!(catch_up.round().await, Next::Later);
    let all: Vec<_> = sealed.iter().map(|sealed| sealed.event_id()).collect();
    assert_eq!(effects(&pool).await, all);
}

#[sqlx::test]
async fn a_source_that_was_restored_is_compared_from_its_start(pool: PgPool) {
    with_effects(&pool).await;
    let (broker, served) = (TestBroker::fresh().await, Served::of(&pool).await);
    append(&pool, vec![from_intake(&event("a", 1))]).await;
    let relay = Background::relay(&pool, &broker.broker);
    published(&pool).await;
    relay.stop().await;
    sqlx::query("INSERT INTO catch_up (consumer, source, seq) VALUES ($1, 'intake', 500)")
        .bind(ROUTING_INTAKE)
        .execute(&pool)
        .await
        .unwrap();
    let catch_up = served.catch_up(&pool, &broker, Recorder, 0);
    assert_eq!(catch_up.round().await, Next::AtOnce);
    assert_eq!(catch_up.round().await, Next::Later);
    assert_eq!(effects(&pool).await.len(), 1);
}

/// What is fetched and cannot be handled dies as if it had come by the broker, once.
#[sqlx::test]
async fn what_is_dead_is_not_fetched_again(pool: PgPool) {
    with_effects(&pool).await;
    let (broker, served) = (TestBroker::fresh().await, Served::of(&pool).await);
    broker.unbind("tuntas.events", ROUTING_INTAKE, "intake.#").await;
    append(&pool, vec![from_intake(&event("a", 1)), from_intake(&event("a", 2))]).await;
    let relay = Background::relay(&pool, &broker.broker);
    published(&pool).await;
    relay.stop().await;
    let refuse = || HandlerError::Reject("no".to_owned());
    let catch_up = served.catch_up(&pool, &broker, Failing::new(1, u64::MAX - 1, refuse), 0);
    assert_eq!(catch_up.round().await, Next::Later);
    // As if it had to start over.
    sqlx::query("DELETE FROM catch_up").execute(&pool).await.unwrap();
    assert_eq!(catch_up.round().await, Next::Later);
    assert_eq!(effects(&pool).await.len(), 1);
    let letters = dead::list(&broker.broker, ROUTING_INTAKE, 10).await.unwrap();
    assert_eq!((letters.len(), letters[0].reason.as_str()), (1, "no"));
}

/// A try that failed says nothing about where the event is now.
#[sqlx::test]
async fn what_was_only_tried_is_fetched(pool: PgPool) {
    with_effects(&pool).await;
    let (broker, served) = (TestBroker::fresh().await, Served::of(&pool).await);
    broker.unbind("tuntas.events", ROUTING_INTAKE, "intake.#").await;
    let sealed = event("a", 1);
    append(&pool, vec![from_intake(&sealed)]).await;
    let relay = Background::relay(&pool, &broker.broker);
    published(&pool).await;
    relay.stop().await;
    inbox::count_try(&pool, ROUTING_INTAKE, sealed.event_id(), "killed meanwhile")
        .await
        .unwrap();
    let catch_up = served.catch_up(&pool, &broker, Recorder, 0);
    assert_eq!(catch_up.round().await, Next::Later);
    assert_eq!(effects(&pool).await, [sealed.event_id()]);
}

#[sqlx::test]
async fn each_service_sees_what_is_for_its_own_queues(pool: PgPool) {
    let served = Served::of(&pool).await;
    let request = |queue: &str| ListPublishedRequest {
        queue: queue.to_owned(),
        ..ListPublishedRequest::default()
    };
    let channel = tuntas_kit::client::channel(&served.url).unwrap();
    let mut routing = OutboxClient::with_interceptor(channel.clone(), served.caller());
    assert!(routing.list_published(request(ROUTING_INTAKE)).await.is_ok());
    for (queue, code) in [
        ("oversight.events", tonic::Code::PermissionDenied),
        ("opd.dishub.cases", tonic::Code::NotFound),
        ("", tonic::Code::NotFound),
    ] {
        let refused = routing.list_published(request(queue)).await.unwrap_err();
        assert_eq!(refused.code(), code, "{queue}: {refused}");
    }
    let refused = OutboxClient::new(channel)
        .list_published(request(ROUTING_INTAKE))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
}
