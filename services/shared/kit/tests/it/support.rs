//! What the tests share: brokers, events, handlers, and waiting for a condition with a deadline.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use secrecy::SecretString;
use sqlx::{PgConnection, PgPool};
use time::macros::datetime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tuntas_domain::OpdCode;
use tuntas_kit::{
    broker::Broker,
    consumer::{Consumer, Handler, HandlerError, Received},
    event::{EventDraft, SealedEvent},
    ids,
    metrics::Metrics,
    outbox::{self, OutboxEvent},
    problem::Problem,
    relay::Relay,
    tx,
};
use tuntas_proto::event::v1::{MessageSent, event::Payload};
use uuid::Uuid;

pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// Waits until `condition` answers something.
pub(crate) async fn eventually<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(started.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        tokio::time::sleep(POLL).await;
    }
}

pub(crate) fn opd(code: &str) -> OpdCode {
    code.parse().unwrap()
}

/// A virtual host of its own on the broker that the environment names, with the platform's topology.
pub(crate) struct TestBroker {
    pub(crate) broker: Broker,
    vhost: String,
    management: String,
    /// `host:port`
    server: String,
    users: std::sync::Mutex<Vec<String>>,
}

impl TestBroker {
    pub(crate) async fn fresh() -> Self {
        let amqp = std::env::var("TUNTAS_TEST_AMQP_URL").unwrap();
        let management = std::env::var("TUNTAS_TEST_AMQP_MGMT_URL").unwrap();
        let vhost = format!("kit-{}", ids::new_id());
        let user = amqp.split(['/', ':']).nth(3).unwrap().to_owned();
        let (base, _) = amqp.rsplit_once('/').unwrap();
        let (_, server) = base.rsplit_once('@').unwrap();
        let broker = Broker::from_url(SecretString::from(format!("{base}/{vhost}")), "kit-test");
        let fresh = Self {
            broker,
            vhost,
            management,
            server: server.to_owned(),
            users: std::sync::Mutex::default(),
        };
        let vhost = &fresh.vhost;
        fresh.put(&format!("vhosts/{vhost}"), serde_json::json!({})).await;
        let all = serde_json::json!({"configure": ".*", "write": ".*", "read": ".*"});
        fresh.put(&format!("permissions/{vhost}/{user}"), all).await;
        fresh.broker.declare(&[opd("dishub")]).await.unwrap();
        fresh
    }

    /// A user of this virtual host with these rights; on `tuntas.commands` only with these keys. Answers its URL.
    pub(crate) async fn user_with_rights(&self, name: &str, read: &str, write: &str, keys: &str) -> String {
        let (user, password) = (format!("{name}-{}", self.vhost), "only-for-this-test");
        let vhost = &self.vhost;
        self.users.lock().unwrap().push(user.clone());
        self.put(
            &format!("users/{user}"),
            serde_json::json!({"password": password, "tags": ""}),
        )
        .await;
        let rights = serde_json::json!({"configure": "^$", "write": write, "read": read});
        self.put(&format!("permissions/{vhost}/{user}"), rights).await;
        let topics = serde_json::json!({"exchange": "tuntas.commands", "write": keys, "read": "^$"});
        self.put(&format!("topic-permissions/{vhost}/{user}"), topics).await;
        format!("amqp://{user}:{password}@{}/{vhost}", self.server)
    }

    async fn put(&self, path: &str, body: serde_json::Value) {
        let request = reqwest::Client::new()
            .put(format!("{}/api/{path}", self.management))
            .json(&body);
        request.send().await.unwrap().error_for_status().unwrap();
    }

    /// Takes a binding away.
    pub(crate) async fn unbind(&self, exchange: &str, queue: &str, pattern: &str) {
        let pattern = pattern.replace('#', "%23");
        let path = format!("bindings/{}/e/{exchange}/q/{queue}/{pattern}", self.vhost);
        let request = reqwest::Client::new().delete(format!("{}/api/{path}", self.management));
        request.send().await.unwrap().error_for_status().unwrap();
    }

    pub(crate) async fn depth(&self, queue: &str) -> u32 {
        let link = self.broker.connect().await.unwrap();
        let depth = link.depth(queue).await.unwrap();
        link.close().await;
        depth
    }
}

impl Drop for TestBroker {
    /// Removes the virtual host and its users, on a thread of its own because the test's runtime is ending.
    fn drop(&mut self) {
        let users = self
            .users
            .lock()
            .unwrap()
            .iter()
            .map(|user| format!("users/{user}"))
            .collect::<Vec<_>>();
        let paths = users.into_iter().chain([format!("vhosts/{}", self.vhost)]);
        let urls: Vec<_> = paths.map(|path| format!("{}/api/{path}", self.management)).collect();
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                for url in urls {
                    let _ = reqwest::Client::new().delete(url).send().await;
                }
            });
        });
        let _ = removal.join();
    }
}

/// An event of `aggregate` with the given sequence.
pub(crate) fn event(aggregate: &str, seq: u64) -> SealedEvent {
    let payload = Payload::MessageSent(MessageSent {
        report_id: aggregate.to_owned(),
        text: None,
        from_reporter: true,
    });
    draft(aggregate, seq, payload)
}

pub(crate) fn draft(aggregate: &str, seq: u64, payload: Payload) -> SealedEvent {
    let at = datetime!(2026-10-01 03:00 UTC);
    EventDraft::new(
        "tuntas.report.message_sent",
        "intake",
        format!("report:{aggregate}"),
        seq,
        at,
        payload,
    )
    .seal()
}

/// The event as intake would publish it.
pub(crate) fn from_intake(sealed: &SealedEvent) -> OutboxEvent {
    sealed.to_events("intake.report.message_sent")
}

/// Appends each event in a transaction of its own.
pub(crate) async fn append_each(pool: &PgPool, events: Vec<OutboxEvent>) {
    for event in events {
        append(pool, vec![event]).await;
    }
}

pub(crate) async fn append(pool: &PgPool, events: Vec<OutboxEvent>) {
    tx::run(pool, move |conn| {
        Box::pin(async move { outbox::append(conn, &events).await.map_err(Problem::from) })
    })
    .await
    .unwrap();
}

/// A relay in the background, until it is dropped or stopped.
pub(crate) struct Background {
    pub(crate) metrics: Metrics,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Background {
    pub(crate) fn relay(pool: &PgPool, broker: &Broker) -> Self {
        let (metrics, stop) = (Metrics::new(), CancellationToken::new());
        let relay = Relay::new(pool.clone(), broker.clone(), metrics.clone());
        let task = tokio::spawn(relay.run(stop.clone()));
        Self { metrics, stop, task }
    }

    pub(crate) fn consumer(pool: &PgPool, broker: &Broker, consumer: Consumer) -> Self {
        let (metrics, stop) = (Metrics::new(), CancellationToken::new());
        let run = consumer.run(pool.clone(), broker.clone(), metrics.clone(), stop.clone());
        Self {
            metrics,
            stop,
            task: tokio::spawn(run),
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(DEADLINE, self.task).await.unwrap().unwrap();
    }

    /// The value of a metric, by its name and labels; 0 while it was never counted.
    pub(crate) fn value(&self, metric: &str) -> u64 {
        let text = self.metrics.text().unwrap();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(metric)?.trim().parse().ok());
        value.unwrap_or_default()
    }

    /// Whether the metrics text has a line that starts with `line`.
    pub(crate) fn shows(&self, line: &str) -> bool {
        self.metrics
            .text()
            .unwrap()
            .lines()
            .any(|found| found.starts_with(line))
    }
}

/// A handler whose effect is one row per call, so that handling twice shows.
pub(crate) struct Recorder;

impl Handler for Recorder {
    async fn handle(&self, conn: &mut PgConnection, received: &Received) -> Result<(), HandlerError> {
        record(conn, received).await
    }
}

pub(crate) async fn record(conn: &mut PgConnection, received: &Received) -> Result<(), HandlerError> {
    sqlx::query("INSERT INTO effect (event_id, aggregate_id, aggregate_seq) VALUES ($1, $2, $3)")
        .bind(received.event_id)
        .bind(&received.event.aggregate_id)
        .bind(i64::try_from(received.event.aggregate_seq).unwrap())
        .execute(conn)
        .await?;
    Ok(())
}

/// Fails as told for one event, by its sequence, a number of times; else records.
pub(crate) struct Failing {
    pub(crate) seq: u64,
    pub(crate) times: AtomicU64,
    pub(crate) how: fn() -> HandlerError,
}

impl Failing {
    pub(crate) fn new(seq: u64, times: u64, how: fn() -> HandlerError) -> Self {
        Self {
            seq,
            times: AtomicU64::new(times),
            how,
        }
    }
}

impl Handler for Failing {
    async fn handle(&self, conn: &mut PgConnection, received: &Received) -> Result<(), HandlerError> {
        record(conn, received).await?;
        let left = self
            .times
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if received.event.aggregate_seq != self.seq {
            // Not its turn: give the count back.
            if left.is_ok() {
                self.times.fetch_add(1, Ordering::SeqCst);
            }
            return Ok(());
        }
        match left {
            Ok(_) => Err((self.how)()),
            Err(_) => Ok(()),
        }
    }
}

/// The table of effects.
pub(crate) async fn with_effects(pool: &PgPool) {
    sqlx::query(
        "CREATE TABLE effect (
             position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
             event_id uuid NOT NULL, aggregate_id text NOT NULL, aggregate_seq bigint NOT NULL)",
    )
    .execute(pool)
    .await
    .unwrap();
}

/// Event ids in the order of their effects.
pub(crate) async fn effects(pool: &PgPool) -> Vec<Uuid> {
    sqlx::query_scalar("SELECT event_id FROM effect ORDER BY position")
        .fetch_all(pool)
        .await
        .unwrap()
}

pub(crate) async fn effects_of(pool: &PgPool, n: usize) -> Vec<Uuid> {
    eventually("effects", async || {
        let found = effects(pool).await;
        (found.len() >= n).then_some(found)
    })
    .await
}
