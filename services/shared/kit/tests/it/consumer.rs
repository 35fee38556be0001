//! Each event has its effects once; what cannot be handled does not hold up the rest.

use std::collections::BTreeMap;

use bytes::Bytes;
use sqlx::PgPool;
use tuntas_kit::{
    broker::{Message, ROUTING_INTAKE, dead_queue},
    consumer::{Consumer, HandlerError},
    dead,
    event::{EVENTS, SealedEvent},
};
use uuid::Uuid;

use crate::support::{
    Background, Failing, Recorder, TestBroker, draft, effects, effects_of, event, eventually, with_effects,
};

fn message(sealed: &SealedEvent) -> Message {
    raw(sealed.event_id().to_string(), sealed.body().clone())
}

fn raw(message_id: String, body: Bytes) -> Message {
    Message {
        exchange: EVENTS.to_owned(),
        routing_key: "intake.report.message_sent".to_owned(),
        message_id,
        kind: "tuntas.report.message_sent".to_owned(),
        headers: BTreeMap::new(),
        body,
    }
}

async fn publish(broker: &TestBroker, messages: &[Message]) {
    let link = broker.broker.connect().await.unwrap();
    let settled = link.publisher().await.unwrap().publish(messages).await;
    assert!(settled.stop.is_none(), "{settled:?}");
    link.close().await;
}

fn ids(sealed: &[SealedEvent]) -> Vec<Uuid> {
    sealed.iter().map(SealedEvent::event_id).collect()
}

#[sqlx::test]
async fn an_event_that_comes_again_is_handled_once(pool: PgPool) {
    with_effects(&pool).await;
    let broker = TestBroker::fresh().await;
    let sealed: Vec<_> = (1..=3).map(|seq| event("a", seq)).collect();
    // Twice in one batch, and once more later.
    publish(
        &broker,
        &[message(&sealed[0]), message(&sealed[0]), message(&sealed[1])],
    )
    .await;
    let consumer = Background::consumer(&pool, &broker.broker, Consumer::new(ROUTING_INTAKE, Recorder));
    effects_of(&pool, 2).await;
    publish(
        &broker,
        &[message(&sealed[1]), message(&sealed[0]), message(&sealed[2])],
    )
    .await;
    assert_eq!(effects_of(&pool, 3).await, ids(&sealed));
    eventually("duplicates are counted", async || {
        let outcome = r#"messaging_client_consumed_messages_total{messaging_destination_name="routing.intake",outcome="duplicate"} 3"#;
        consumer.shows(outcome).then_some(())
    })
    .await;
    consumer.stop().await;
    assert_eq!(effects(&pool).await.len(), 3);
    assert_eq!(broker.depth(ROUTING_INTAKE).await, 0);
}

#[sqlx::test]
async fn poison_is_parked_with_its_reason_and_the_rest_goes_on(pool: PgPool) {
    with_effects(&pool).await;
    let broker = TestBroker::fresh().await;
    let sealed = event("a", 1);
    let poison = raw("not-an-event".to_owned(), Bytes::from_static(b"\xff\xff\xff"));
    let nameless = raw(String::new(), Bytes::new());
    publish(&broker, &[poison, nameless, message(&sealed)]).await;
    let consumer = Background::consumer(&pool, &broker.broker, Consumer::new(ROUTING_INTAKE, Recorder));
    assert_eq!(effects_of(&pool, 1).await, [sealed.event_id()]);
    consumer.stop().await;
    let letters = dead::list(&broker.broker, ROUTING_INTAKE, 10).await.unwrap();
    assert_eq!(letters.len(), 2);
    assert!(letters[0].reason.starts_with("not an event"), "{letters:?}");
    assert_eq!(letters[0].event_id, "not-an-event");
    assert_eq!(letters[1].reason, "the event has no id");
    assert_eq!(broker.depth(ROUTING_INTAKE).await, 0);
}

#[sqlx::test]
async fn a_rejected_event_costs_the_others_of_its_batch_nothing(pool: PgPool) {
    with_effects(&pool).await;
    let broker = TestBroker::fresh().await;
    let sealed: Vec<_> = (1..=100).map(|seq| event("a", seq)).collect();
    publish(&broker, &sealed.iter().map(message).collect::<Vec<_>>()).await;
    let handler = Failing::new(50, u64::MAX - 1, || HandlerError::Reject("no such report".to_owned()));
    let consumer = Background::consumer(&pool, &broker.broker, Consumer::new(ROUTING_INTAKE, handler));
    let seen = effects_of(&pool, 99).await;
    let expected: Vec<_> = sealed
        .iter()
        .filter(|e| e.event().aggregate_seq != 50)
        .map(SealedEvent::event_id)
        .collect();
    assert_eq!(seen, expected, "in order, without the one that was rejected");
    consumer.stop().await;
    let letters = dead::list(&broker.broker, ROUTING_INTAKE, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].event_id, sealed[49].event_id().to_string());
    assert_eq!(letters[0].reason, "no such report");
    assert!(letters[0].died_at.is_some());
}

#[sqlx::test]
async fn bounded_tries_end_in_the_dead_letters(pool: PgPool) {
    with_effects(&pool).await;
    let broker = TestBroker::fresh().await;
    let sealed = [event("a", 1), event("a", 2)];
    publish(&broker, &sealed.each_ref().map(message)).await;
    let handler = Failing::new(1, u64::MAX - 1, || {
        HandlerError::Bounded(anyhow::anyhow!("division by zero"))
    });
    let consumer = Consumer::new(ROUTING_INTAKE, handler).tries_max(3);
    let consumer = Background::consumer(&pool, &broker.broker, consumer);
    assert_eq!(effects_of(&pool, 1).await, [sealed[1].event_id()]);
    consumer.stop().await;
    let letters = dead::list(&broker.broker, ROUTING_INTAKE, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].tries, 3);
    assert!(letters[0].reason.contains("division by zero"), "{letters:?}");
}

#[sqlx::test]
async fn what_is_to_be_retried_holds_its_place(pool: PgPool) {
    with_effects(&pool).await;
    let broker = TestBroker::fresh().await;
    let sealed: Vec<_> = (1..=3).map(|seq| event("a", seq)).collect();
    publish(&broker, &sealed.iter().map(message).collect::<Vec<_>>()).await;
    let handler = Failing::new(2, 4, || HandlerError::Retry(anyhow::anyhow!("away")));
    let consumer = Background::consumer(&pool, &broker.broker, Consumer::new(ROUTING_INTAKE, handler));
    assert_eq!(effects_of(&pool, 3).await, ids(&sealed));
    consumer.stop().await;
    assert_eq!(broker.depth(&dead_queue(ROUTING_INTAKE)).await, 0);
}

#[sqlx::test]
async fn an_event_of_a_later_release_is_acknowledged_and_counted(pool: PgPool) {
    with_effects(&pool).await;
    let broker = TestBroker::fresh().await;
    let later = event("a", 1);
    // Field 9999 of a later schema, and no payload that this release knows.
    let mut unknown = later.event().clone();
    unknown.payload = None;
    let mut body = prost::Message::encode_to_vec(&unknown);
    body.extend([0xfa, 0xf0, 0x04, 0x02, 0x08, 0x01]);
    publish(
        &broker,
        &[raw(later.event_id().to_string(), body.into()), message(&event("a", 2))],
    )
    .await;
    let consumer = Background::consumer(&pool, &broker.broker, Consumer::new(ROUTING_INTAKE, Recorder));
    effects_of(&pool, 1).await;
    let outcome =
        r#"messaging_client_consumed_messages_total{messaging_destination_name="routing.intake",outcome="unknown"} 1"#;
    assert!(consumer.shows(outcome));
    consumer.stop().await;
    assert_eq!(broker.depth(&dead_queue(ROUTING_INTAKE)).await, 0);
    assert_eq!(broker.depth(ROUTING_INTAKE).await, 0);
}

#[sqlx::test]
async fn a_log_takes_unknown_events_too(pool: PgPool) {
    with_effects(&pool).await;
    let broker = TestBroker::fresh().await;
    let payload = event("a", 1).event().payload.clone().unwrap();
    let mut unknown = draft("a", 1, payload).event().clone();
    unknown.payload = None;
    let body = prost::Message::encode_to_vec(&unknown);
    publish(&broker, &[raw(unknown.event_id.clone(), body.into())]).await;
    let consumer = Consumer::new(ROUTING_INTAKE, Recorder).unknown_too();
    let consumer = Background::consumer(&pool, &broker.broker, consumer);
    assert_eq!(effects_of(&pool, 1).await[0].to_string(), unknown.event_id);
    consumer.stop().await;
}

#[sqlx::test]
async fn a_queue_that_is_declared_later_is_found(pool: PgPool) {
    with_effects(&pool).await;
    let broker = TestBroker::fresh().await;
    let consumer = Background::consumer(&pool, &broker.broker, Consumer::new("opd.bapenda.cases", Recorder));
    let connected = r#"messaging_consumer_connected{messaging_destination_name="opd.bapenda.cases"}"#;
    eventually("it has tried", async || {
        consumer.shows(&format!("{connected} 0")).then_some(())
    })
    .await;
    broker.broker.declare(&[crate::support::opd("bapenda")]).await.unwrap();
    eventually("it is connected", async || {
        consumer.shows(&format!("{connected} 1")).then_some(())
    })
    .await;
    consumer.stop().await;
}

#[sqlx::test]
async fn a_handler_that_panics_does_not_stop_the_queue(pool: PgPool) {
    with_effects(&pool).await;
    let broker = TestBroker::fresh().await;
    let sealed = [event("a", 1), event("a", 2)];
    publish(&broker, &sealed.each_ref().map(message)).await;
    let handler = Failing::new(1, u64::MAX - 1, || panic!("a bug"));
    let consumer = Consumer::new(ROUTING_INTAKE, handler).tries_max(2);
    let consumer = Background::consumer(&pool, &broker.broker, consumer);
    assert_eq!(effects_of(&pool, 1).await, [sealed[1].event_id()]);
    consumer.stop().await;
    let letters = dead::list(&broker.broker, ROUTING_INTAKE, 10).await.unwrap();
    assert_eq!((letters.len(), letters[0].tries), (1, 2));
    assert_eq!(letters[0].reason, "failed: the handler panicked");
}
