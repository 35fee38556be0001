//! Dead letters are looked at without taking them, and put back.

use sqlx::PgPool;
use tuntas_kit::{
    broker::{ROUTING_INTAKE, dead_queue},
    consumer::{Consumer, HandlerError},
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
