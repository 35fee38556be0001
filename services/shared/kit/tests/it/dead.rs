//! Dead letters are looked at without taking them, and put back.

use std::sync::{Arc, Mutex};

use sqlx::{PgConnection, PgPool};
use tuntas_kit::{
    broker::{ROUTING_INTAKE, dead_queue},
    consumer::{Consumer, Handler, HandlerError, Received},
    dead, outbox,
};

use crate::support::{
    Background, Failing, Recorder, TestBroker, append, effects_of, event, eventually, from_intake, with_effects,
};

#[sqlx::test]
async fn dead_letters_are_listed_and_replayed(pool: PgPool) {
    with_effects(&pool).await;
    let broker = TestBroker::fresh().await;
    let sealed: Vec<_> = (1..=3).map(|seq| event("a", seq)).collect();
    append(&pool, sealed.iter().map(from_intake).collect()).await;
    let relay = Background::relay(&pool, &broker.broker);
    // Two of them die, one of them after its tries.
    let handler = Failing::new(2, u64::MAX - 1, || HandlerError::Bounded(anyhow::anyhow!("bug")));
    let consumer = Background::consumer(
        &pool,
        &broker.broker,
        Consumer::new(ROUTING_INTAKE, handler).tries_max(1),
    );
    effects_of(&pool, 2).await;
    eventually("the outbox is empty", async || {
        (outbox::depth(&pool).await.unwrap() == 0).then_some(())
    })
    .await;
    relay.stop().await;
    consumer.stop().await;

    for _ in 0..3 {
        let letters = dead::list(&broker.broker, ROUTING_INTAKE, 10).await.unwrap();
        assert_eq!(letters.len(), 1, "looking does not take");
        assert_eq!(letters[0].event_id, sealed[1].event_id().to_string());
        assert_eq!(letters[0].r#type, "tuntas.report.message_sent");
        assert_eq!(letters[0].body, sealed[1].body().to_vec());
    }
    let other = dead::replay(&broker.broker, &pool, ROUTING_INTAKE, &[sealed[0].event_id()])
        .await
        .unwrap();
    assert_eq!(other, 0, "only what was asked for");
    // The bug is mended: the same queue is consumed by a handler that works.
    let consumer = Background::consumer(
        &pool,
        &broker.broker,
        Consumer::new(ROUTING_INTAKE, Recorder).tries_max(1),
    );
    let replayed = dead::replay(&broker.broker, &pool, ROUTING_INTAKE, &[sealed[1].event_id()])
        .await
        .unwrap();
    assert_eq!(replayed, 1);
    assert_eq!(effects_of(&pool, 3).await[2], sealed[1].event_id());
    consumer.stop().await;
    assert_eq!(broker.depth(&dead_queue(ROUTING_INTAKE)).await, 0);
}

/// Rejects what it sees first, and keeps how everything was addressed.
#[derive(Clone, Default)]
struct Addresses(Arc<Mutex<Vec<[String; 3]>>>);

impl Handler for Addresses {
    async fn handle(&self, _: &mut PgConnection, received: &Received) -> Result<(), HandlerError> {
        let mut seen = self.0.lock().unwrap();
        seen.push([&received.exchange, &received.routing_key, &received.user_id].map(Clone::clone));
        match seen.len() {
            1 => Err(HandlerError::Reject("first".to_owned())),
            _ => Ok(()),
        }
    }
}

/// What an agency may ask is read off the routing key: a command that was put back must still have it.
#[sqlx::test]
async fn what_is_put_back_has_its_address(pool: PgPool) {
    let broker = TestBroker::fresh().await;
    append(&pool, vec![from_intake(&event("a", 1))]).await;
    let handler = Addresses::default();
    let relay = Background::relay(&pool, &broker.broker);
    let consumer = Background::consumer(&pool, &broker.broker, Consumer::new(ROUTING_INTAKE, handler.clone()));
    eventually("it is dead", async || {
        (broker.depth(&dead_queue(ROUTING_INTAKE)).await == 1).then_some(())
    })
    .await;
    dead::replay(&broker.broker, &pool, ROUTING_INTAKE, &[]).await.unwrap();
    let seen = eventually("it came again", async || {
        let seen = handler.0.lock().unwrap().clone();
        (seen.len() == 2).then_some(seen)
    })
    .await;
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0][..2], ["tuntas.events", "intake.report.message_sent"]);
    relay.stop().await;
    consumer.stop().await;
}
