//! The whole way over a real RabbitMQ: queues declared for the directory's agencies, a filing in, facts out, a desk's
//! command in, its agency told. `TUNTAS_TEST_AMQP_URL` and `TUNTAS_TEST_AMQP_MGMT_URL` name the broker.

use std::time::{Duration, Instant};

use prost::Message as _;
use secrecy::SecretString;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tuntas_domain::OpdCode;
use tuntas_kit::{
    broker::{Broker, INTAKE_CASES, Message, ROUTING_COMMANDS, ROUTING_INTAKE, opd_queue},
    consumer::{Consumer, Received},
    ids,
    metrics::Metrics,
    relay::Relay,
};
use tuntas_proto::event::v1::event::Payload;
use tuntas_routing::declare_queues;

use crate::support::{
    LIAISON, OPDS, VERIFIER, accept, code, dispose, empty_with, received, riau,
    seed::{contacts, entries},
    verify,
};

const DEADLINE: Duration = Duration::from_secs(60);

/// A virtual host of its own, removed at the end.
struct Vhost {
    broker: Broker,
    name: String,
    management: String,
}

impl Vhost {
    async fn fresh() -> Self {
        let amqp = std::env::var("TUNTAS_TEST_AMQP_URL").unwrap();
        let management = std::env::var("TUNTAS_TEST_AMQP_MGMT_URL").unwrap();
        let name = format!("routing-{}", ids::new_id());
        let user = amqp.split(['/', ':']).nth(3).unwrap().to_owned();
        let everything = r#"{"configure": ".*", "write": ".*", "read": ".*"}"#;
        put(format!("{management}/api/vhosts/{name}"), "{}").await;
        put(format!("{management}/api/permissions/{name}/{user}"), everything).await;
        let (server, _) = amqp.rsplit_once('/').unwrap();
        let broker = Broker::from_url(SecretString::from(format!("{server}/{name}")), "routing-test");
        Self {
            broker,
            name,
            management,
        }
    }

    async fn publish(&self, exchange: &str, received: &Received) {
        let link = self.broker.connect().await.unwrap();
        let message = Message {
            exchange: exchange.to_owned(),
            routing_key: received.routing_key.clone(),
            message_id: received.event_id.to_string(),
            kind: String::new(),
            headers: Default::default(),
            body: received.event.encode_to_vec().into(),
        };
        let settled = link.publisher().await.unwrap().publish(&[message]).await;
        assert_eq!(settled.published, 1, "{:?}", settled.stop);
        link.close().await;
    }

    /// Type of the first message of a queue that came through an exchange; what came through others is passed over.
    async fn first_of(&self, exchange: &str, queue: &str) -> String {
        let link = self.broker.connect().await.unwrap();
        let mut subscription = link.subscribe(queue, 1_000).await.unwrap();
        let kind = loop {
            let next = tokio::time::timeout(DEADLINE, subscription.next());
            let delivery = next.await.unwrap().unwrap();
            if delivery.exchange == exchange {
                break delivery.kind;
            }
        };
        link.close().await;
        kind
    }

    async fn depth(&self, queue: &str) -> u32 {
        let link = self.broker.connect().await.unwrap();
        let depth = link.depth(queue).await.unwrap();
        link.close().await;
        depth
    }
}

impl Drop for Vhost {
    /// On a thread of its own, because the test's runtime is ending.
    fn drop(&mut self) {
        let url = format!("{}/api/vhosts/{}", self.management, self.name);
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async { reqwest::Client::new().delete(url).send().await.is_ok() })
        });
        let _ = removal.join();
    }
}

async fn put(url: String, body: &'static str) {
    let request = reqwest::Client::new()
        .put(url)
        .header("content-type", "application/json")
        .body(body);
    request.send().await.unwrap().error_for_status().unwrap();
}

async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[sqlx::test(migrations = false)]
async fn an_agencys_queue_is_there_before_its_first_event(pool: PgPool) {
    let vhost = Vhost::fresh().await;
    let world = empty_with(pool.clone(), Some(vhost.broker.clone())).await;
    world.import(entries(), contacts()).await.unwrap();
    for opd in OPDS {
        let opd: OpdCode = opd.parse().unwrap();
        assert_eq!(vhost.depth(&opd_queue(&opd)).await, 0);
    }
}

#[sqlx::test(migrations = false)]
async fn without_a_broker_no_agency_appears(pool: PgPool) {
    let nowhere = Broker::from_url(SecretString::from("amqp://127.0.0.1:9/%2f".to_owned()), "routing-test");
    let world = empty_with(pool.clone(), Some(nowhere)).await;
    let refused = world.import(entries(), contacts()).await.unwrap_err();
    assert_eq!(code(&refused), "unavailable");
    assert!(world.published().await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_filing_in_and_the_agency_told(pool: PgPool) {
    let world = riau(pool.clone()).await;
    let vhost = Vhost::fresh().await;
    declare_queues::declare(&world.routing, &vhost.broker).await.unwrap();
    declare_queues::declare(&world.routing, &vhost.broker).await.unwrap();
    for opd in OPDS {
        let opd: OpdCode = opd.parse().unwrap();
        assert_eq!(vhost.depth(&opd_queue(&opd)).await, 0);
    }

    let (stop, metrics) = (CancellationToken::new(), Metrics::new());
    let relay = tokio::spawn(Relay::new(pool.clone(), vhost.broker.clone(), metrics.clone()).run(stop.clone()));
    let intake = Consumer::new(ROUTING_INTAKE, world.routing.intake_events());
    let intake = tokio::spawn(intake.run(pool.clone(), vhost.broker.clone(), metrics.clone(), stop.clone()));
    let desks = Consumer::new(ROUTING_COMMANDS, world.routing.desk_commands());
    let desks = tokio::spawn(desks.run(pool.clone(), vhost.broker.clone(), metrics.clone(), stop.clone()));

    let filing = world.filing();
    let report = filing.report_id.parse().unwrap();
    let filed = received("intake.report.filed", "intake", Payload::ReportFiled(filing));
    vhost.publish("tuntas.events", &filed).await;
    vhost.publish("tuntas.events", &filed).await;
    eventually("the case", async || {
        let found: i64 = sqlx::query_scalar("SELECT count(*) FROM kase")
            .fetch_one(&pool)
            .await
            .unwrap();
        found == 1
    })
    .await;
    let case = world.case_of(report).await;
    world.must(VERIFIER, case, verify()).await;
    world.must(VERIFIER, case, dispose("dishub", &[])).await;
    let dishub = opd_queue(&"dishub".parse().unwrap());
    let work = vhost.first_of("tuntas.work", &dishub).await;
    assert_eq!(work, "tuntas.case.disposed");

    vhost
        .publish("tuntas.commands", &world.desks(LIAISON, case, accept(), world.now()))
        .await;
    eventually("the acceptance", async || {
        world.names(case).await.last().unwrap() == "accepted"
    })
    .await;
    // filed, verified, disposed, accepted; the directory's changes came before them.
    eventually("intake's queue", async || {
        vhost.depth(INTAKE_CASES).await as usize >= 4 + crate::support::entries().len()
    })
    .await;

    stop.cancel();
    for task in [relay, intake, desks] {
        tokio::time::timeout(DEADLINE, task).await.unwrap().unwrap();
    }
    assert_eq!(vhost.depth("routing.intake.dead").await, 0);
    assert_eq!(vhost.depth("routing.commands.dead").await, 0);
}
