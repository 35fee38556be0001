//! What a broker user of one agency may do: its own work, in its own name, and nothing else.

use secrecy::SecretString;
use sqlx::PgPool;
use tuntas_kit::{
    broker::{Broker, INTAKE_CASES, ROUTING_COMMANDS, dead_queue, opd_queue},
    consumer::{Consumer, HandlerError},
    dead, outbox,
};

use crate::support::{
    Background, Failing, Recorder, TestBroker, append, effects_of, event, eventually, opd, with_effects,
};

const OWN: &str = r"^opd\.dishub\.cases(\.dead)?$";
const EXCHANGES: &str = r"^tuntas\.(commands|dead)$";

async fn desk_of_dishub(centre: &TestBroker) -> Broker {
    let url = centre
        .user_with_rights("desk-dishub", OWN, EXCHANGES, r"^opd\.dishub\.commands$")
        .await;
    Broker::from_url(SecretString::from(url), "desk")
}

#[sqlx::test]
async fn an_agency_does_its_own_work(pool: PgPool) {
    with_effects(&pool).await;
    let centre = TestBroker::fresh().await;
    let desk = desk_of_dishub(&centre).await;
    let (queue, own) = (opd_queue(&opd("dishub")), event("a", 1));
    desk.check(std::slice::from_ref(&queue)).await.unwrap();

    // Commands out, over the desk's own outbox.
    append(&pool, vec![own.to_commands("dishub")]).await;
    let relay = Background::relay(&pool, &desk);
    eventually("the outbox is empty", async || {
        (outbox::depth(&pool).await.unwrap() == 0).then_some(())
    })
    .await;
    relay.stop().await;
    assert_eq!(centre.depth(ROUTING_COMMANDS).await, 1);

    // Cases in; one of them dies.
    append(
        &pool,
        vec![event("b", 1).to_work("dishub"), event("b", 2).to_work("dishub")],
    )
    .await;
    let relay = Background::relay(&pool, &centre.broker);
    let handler = Failing::new(2, u64::MAX - 1, || HandlerError::Reject("no".to_owned()));
    let consumer = Background::consumer(&pool, &desk, Consumer::new(queue.clone(), handler));
    effects_of(&pool, 1).await;
    eventually("the other is dead", async || {
        let letters = dead::list(&desk, &queue, 10).await.unwrap();
        (letters.len() == 1).then_some(())
    })
    .await;
    relay.stop().await;
    consumer.stop().await;
    // Looking delivers a letter; it is back in the queue once the broker has seen the link close.
    eventually("the letter is back", async || {
        (centre.depth(&dead_queue(&queue)).await == 1).then_some(())
    })
    .await;
}

#[sqlx::test]
async fn an_agency_cannot_read_anothers_queue_or_speak_for_it(pool: PgPool) {
    with_effects(&pool).await;
    let centre = TestBroker::fresh().await;
    centre.broker.declare(&[opd("dishub"), opd("dinkes")]).await.unwrap();
    let desk = desk_of_dishub(&centre).await;
    let link = desk.connect().await.unwrap();
    for queue in [opd_queue(&opd("dinkes")), INTAKE_CASES.to_owned()] {
        let refused = link.subscribe(&queue, 1).await.err().unwrap();
        let text = tuntas_kit::telemetry::chain(&refused);
        assert!(text.contains("ACCESS_REFUSED"), "{text}");
    }
    link.close().await;

    // A command in another agency's name is refused by its key; those before it are out, none is doubled.
    let before = [event("a", 1), event("a", 2), event("a", 3)];
    let mut events: Vec<_> = before.iter().map(|own| own.to_commands("dishub")).collect();
    events.push(event("a", 4).to_commands("dinkes"));
    append(&pool, events).await;
    let relay = Background::relay(&pool, &desk);
    eventually("all but the last are out", async || {
        (outbox::depth(&pool).await.unwrap() == 1).then_some(())
    })
    .await;
    let stops = || relay.value(r#"messaging_publish_stopped_total{reason="broker"}"#);
    let so_far = stops();
    eventually("it keeps being refused", async || (stops() >= so_far + 3).then_some(())).await;
    relay.stop().await;
    assert_eq!(outbox::depth(&pool).await.unwrap(), 1);
    let consumer = Background::consumer(&pool, &centre.broker, Consumer::new(ROUTING_COMMANDS, Recorder));
    effects_of(&pool, 3).await;
    eventually("the queue is empty", async || {
        (centre.depth(ROUTING_COMMANDS).await == 0).then_some(())
    })
    .await;
    let outcome = |outcome| {
        format!(
            r#"messaging_client_consumed_messages_total{{messaging_destination_name="routing.commands",outcome="{outcome}"}}"#
        )
    };
    assert_eq!(consumer.value(&outcome("handled")), 3);
    // The first window may have gone out before its channel was closed, but not once for every try.
    assert!(
        consumer.value(&outcome("duplicate")) <= 3,
        "{}",
        consumer.metrics.text().unwrap()
    );
    consumer.stop().await;
}
