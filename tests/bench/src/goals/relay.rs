//! P4, P5: the relay and the consumer, against a bare client that publishes the same bytes to the same queue.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use reqwest::Method;
use secrecy::SecretString;
use sqlx::{PgConnection, PgPool, postgres::PgPoolOptions};
use tokio_util::sync::CancellationToken;
use tuntas_kit::{
    app::KIT_MIGRATOR,
    broker::{Broker, ROUTING_INTAKE},
    clock::Clock,
    consumer::{Consumer, Handler, HandlerError, Received},
    event::{EventDraft, SealedEvent},
    ids,
    metrics::Metrics,
    outbox,
    problem::Problem,
    relay::Relay,
    tx,
};
use tuntas_proto::event::v1::{MessageSent, event::Payload};
use tuntas_tests::management::Management;

use super::Bench;
use crate::figure::{Bound, Goal, Round, float};

/// Events of one measurement.
const EVENTS: usize = 20_000;
const APPENDED_AT_ONCE: usize = 500;
/// Unconfirmed messages of the bare client: as many as the relay has.
const WINDOW: usize = 1_000;
const ROUTING_KEY: &str = "intake.report.message_sent";
const VHOST: &str = "bench";
const DATABASE: &str = "bench_relay";
const ELSEWHERE: &str = "bench_elsewhere";
const DONE_WITHIN: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(2);

struct Nothing;

impl Handler for Nothing {
    async fn handle(&self, _: &mut PgConnection, _: &Received) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// A database, and a virtual host with the platform's queues, of which one takes what is published here.
struct Place<'a> {
    bench: &'a Bench,
    pool: PgPool,
    broker: Broker,
    amqp: String,
    management: Management,
}

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Goal>> {
    bench.alone(&[])?;
    let place = Place::make(bench).await?;
    let goals = place.goals().await;
    place
        .management
        .send(Method::DELETE, &format!("vhosts/{VHOST}"), None)
        .await?;
    bench.all(&[])?;
    goals
}

impl<'a> Place<'a> {
    async fn make(bench: &'a Bench) -> anyhow::Result<Self> {
        for name in [DATABASE, ELSEWHERE] {
            bench
                .servers
                .sql("postgres", &format!("DROP DATABASE IF EXISTS {name}"))?;
            bench.servers.sql("postgres", &format!("CREATE DATABASE {name}"))?;
        }
        bench.servers.sql(ELSEWHERE, "CREATE TABLE held (n int)")?;
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .connect(&bench.servers.database(DATABASE))
            .await?;
        KIT_MIGRATOR.run(&pool).await?;
        let (base, _) = bench.servers.amqp.rsplit_once('/').context("an address of a broker")?;
        let amqp = format!("{base}/{VHOST}");
        let place = Self {
            bench,
            pool,
            broker: Broker::from_url(SecretString::from(amqp.clone()), "bench"),
            amqp,
            management: bench.servers.management.elsewhere(VHOST),
        };
        let path = format!("vhosts/{VHOST}");
        place
            .management
            .send(Method::PUT, &path, Some(serde_json::json!({})))
            .await?;
        place.broker.declare(&[]).await?;
        // What nobody here reads would only fill the disk: the queue under measurement is left.
        for queue in ["notification.events", "oversight.events"] {
            let path = format!("queues/{VHOST}/{queue}");
            place.management.send(Method::DELETE, &path, None).await?;
        }
        Ok(place)
    }

    async fn goals(&self) -> anyhow::Result<Vec<Goal>> {
        let (mut relay, mut consumer) = (Vec::new(), Vec::new());
        let (mut snapshot, mut elsewhere) = (Vec::new(), Vec::new());
        for _ in 0..self.bench.rounds {
            let bare = self.bare().await?;
            // What the bare client published carries no event: it must not reach the consumer.
            self.management.purge(ROUTING_INTAKE).await?;
            let relayed = self.relayed().await?;
            let consumed = self.consumed().await?;
            relay.push(Round {
                figure: relayed,
                floor: bare,
            });
            consumer.push(Round {
                figure: consumed,
                floor: bare,
            });
            snapshot.push(Round {
                figure: self.held_open(DATABASE, "SELECT count(*) FROM outbox").await?,
                floor: relayed,
            });
            elsewhere.push(Round {
                figure: self.held_open(ELSEWHERE, "INSERT INTO held VALUES (1)").await?,
                floor: relayed,
            });
        }
        Ok(vec![
            Goal {
                id: "P4a",
                what: "relay, over a bare client with confirms",
                unit: "1/s",
                bound: Bound::AtLeast(0.85),
                rounds: relay,
            },
            Goal {
                id: "P4b",
                what: "consumer with exact dedupe, over a bare client's publishing",
                unit: "1/s",
                bound: Bound::AtLeast(1.0),
                rounds: consumer,
            },
            Goal {
                id: "P5a",
                what: "relay beside an open snapshot in its database, over without",
                unit: "1/s",
                bound: Bound::AtLeast(0.9),
                rounds: snapshot,
            },
            Goal {
                id: "P5b",
                what: "relay beside an open write in another database, over without",
                unit: "1/s",
                bound: Bound::AtLeast(0.9),
                rounds: elsewhere,
            },
        ])
    }

    /// A client without anything around it: the same bytes, exchange and key, persistent and mandatory.
    async fn bare(&self) -> anyhow::Result<f64> {
        let body = sealed(0)?.body().clone();
        let connection = Connection::connect(&self.amqp, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let begun = Instant::now();
        for _ in 0..EVENTS / WINDOW {
            let mut confirms = Vec::with_capacity(WINDOW);
            for _ in 0..WINDOW {
                let options = BasicPublishOptions {
                    mandatory: true,
                    ..BasicPublishOptions::default()
                };
                let properties = BasicProperties::default().with_delivery_mode(2);
                confirms.push(
                    channel
                        .basic_publish("tuntas.events".into(), ROUTING_KEY.into(), options, &body, properties)
                        .await?,
                );
            }
            for confirm in confirms {
                ensure!(confirm.await?.is_ack(), "the broker refused a message");
            }
        }
        let rate = float(EVENTS) / begun.elapsed().as_secs_f64();
        connection.close(200, "done".into()).await?;
        Ok(rate)
    }

    /// Appends events, then lets a relay publish them.
    async fn relayed(&self) -> anyhow::Result<f64> {
        self.append().await?;
        let stop = CancellationToken::new();
        let relay = Relay::new(self.pool.clone(), self.broker.clone(), Metrics::new());
        let begun = Instant::now();
        let task = tokio::spawn(relay.run(stop.clone()));
        while outbox::depth(&self.pool).await? > 0 {
            ensure!(begun.elapsed() < DONE_WITHIN, "the relay does not finish");
            tokio::time::sleep(POLL).await;
        }
        let rate = float(EVENTS) / begun.elapsed().as_secs_f64();
        stop.cancel();
        task.await?;
        Ok(rate)
    }

    /// The same while a session in a database holds a transaction open, in which it did `what`.
    async fn held_open(&self, database: &str, what: &'static str) -> anyhow::Result<f64> {
        let pool = PgPool::connect(&self.bench.servers.database(database)).await?;
        let mut held = pool.begin().await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            .execute(&mut *held)
            .await?;
        sqlx::query(what).execute(&mut *held).await?;
        let rate = self.relayed().await?;
        held.rollback().await?;
        self.management.purge(ROUTING_INTAKE).await?;
        Ok(rate)
    }

    async fn consumed(&self) -> anyhow::Result<f64> {
        let stop = CancellationToken::new();
        let consumer = Consumer::new(ROUTING_INTAKE, Nothing);
        let metrics = Metrics::new();
        let run = consumer.run(self.pool.clone(), self.broker.clone(), metrics, stop.clone());
        let before = self.handled().await?;
        let begun = Instant::now();
        let task = tokio::spawn(run);
        while self.handled().await? - before < float(EVENTS) {
            ensure!(begun.elapsed() < DONE_WITHIN, "the consumer does not finish");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let rate = float(EVENTS) / begun.elapsed().as_secs_f64();
        stop.cancel();
        task.await?;
        Ok(rate)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
    async fn handled(&self) -> anyhow::Result<f64> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM inbox WHERE handled_at IS NOT NULL")
            .fetch_one(&self.pool)
            .await?;
        Ok(count as f64)
    }

    async fn append(&self) -> anyhow::Result<()> {
        for start in (0..EVENTS).step_by(APPENDED_AT_ONCE) {
            let events = (start..start + APPENDED_AT_ONCE)
                .map(event)
                .collect::<anyhow::Result<Vec<_>>>()?;
            tx::run(&self.pool, move |conn| {
                Box::pin(async move { outbox::append(conn, &events).await.map_err(Problem::from) })
            })
            .await?;
        }
        Ok(())
    }
}

fn event(number: usize) -> anyhow::Result<outbox::OutboxEvent> {
    Ok(sealed(number)?.to_events(ROUTING_KEY))
}

fn sealed(number: usize) -> anyhow::Result<SealedEvent> {
    let payload = Payload::MessageSent(MessageSent::default());
    let report = format!("report:{}", ids::new_id());
    let at = Clock::System.now();
    let seq = u64::try_from(number)? + 1;
    Ok(EventDraft::new("tuntas.report.message_sent", "intake", report, seq, at, payload).seal())
}
