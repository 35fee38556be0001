//! The relay publishes in order, stops at what is returned, and is not held up by others' transactions.

use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tuntas_kit::{broker::ROUTING_INTAKE, consumer::Consumer, outbox};

use crate::support::{
    Background, Recorder, TestBroker, append, append_each, effects, effects_of, event, eventually, from_intake, opd,
    with_effects,
};

#[sqlx::test]
async fn order_is_kept_from_commit_to_effect(pool: PgPool) {
    with_effects(&pool).await;
    let broker = TestBroker::fresh().await;
    let relay = Background::relay(&pool, &broker.broker);
    let consumer = Background::consumer(&pool, &broker.broker, Consumer::new(ROUTING_INTAKE, Recorder));
    let sealed: Vec<_> = (1..=2_500).map(|seq| event("a", seq)).collect();
    for chunk in sealed.chunks(50) {
        append(&pool, chunk.iter().map(from_intake).collect()).await;
    }
    let seen = effects_of(&pool, sealed.len()).await;
    assert_eq!(seen, sealed.iter().map(|event| event.event_id()).collect::<Vec<_>>());
    relay.stop().await;
    consumer.stop().await;
}

#[sqlx::test]
async fn a_returned_message_stops_the_cursor_until_a_queue_takes_it(pool: PgPool) {
    with_effects(&pool).await;
    let broker = TestBroker::fresh().await;
    let (first, lost, after) = (event("a", 1), event("a", 2), event("a", 3));
    append(
        &pool,
        vec![from_intake(&first), lost.to_work("bapenda"), from_intake(&after)],
    )
    .await;
    let relay = Background::relay(&pool, &broker.broker);
    let consumer = Background::consumer(&pool, &broker.broker, Consumer::new(ROUTING_INTAKE, Recorder));
    eventually("the relay stops", async || {
        relay
            .shows("messaging_publish_stopped_total{reason=\"returned\"}")
            .then_some(())
    })
    .await;
    let cursor: i64 = sqlx::query_scalar("SELECT seq FROM outbox_cursor")
        .fetch_one(&pool)
        .await
        .unwrap();
    let of_first: i64 = sqlx::query_scalar("SELECT min(seq) FROM outbox")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(
        cursor, of_first,
        "over what was confirmed and not returned, and no further"
    );
    assert_eq!(outbox::depth(&pool).await.unwrap(), 2);

    broker.broker.declare(&[opd("dishub"), opd("bapenda")]).await.unwrap();
    eventually("the outbox is empty", async || {
        (outbox::depth(&pool).await.unwrap() == 0).then_some(())
    })
    .await;
    assert_eq!(broker.depth("opd.bapenda.cases").await, 1);
    // The one after it was published with each try: the inbox takes it once.
    assert_eq!(effects_of(&pool, 2).await, [first.event_id(), after.event_id()]);
    relay.stop().await;
    consumer.stop().await;
    assert_eq!(effects(&pool).await.len(), 2);
}

#[sqlx::test]
async fn old_transactions_here_and_elsewhere_do_not_stall_it(_: PgPoolOptions, options: PgConnectOptions) {
    let pool = PgPoolOptions::new().connect_with(options.clone()).await.unwrap();
    with_effects(&pool).await;
    // One with an old snapshot and a transaction id here, one in another database of the server.
    let mut here = PgConnection::connect_with(&options).await.unwrap();
    let mut old = here.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    sqlx::query("CREATE TABLE held_open (n int)")
        .execute(&mut *old)
        .await
        .unwrap();
    let url = std::env::var("DATABASE_URL").unwrap();
    let mut elsewhere = PgConnection::connect(&url).await.unwrap();
    let mut stuck = elsewhere.begin().await.unwrap();
    sqlx::query("CREATE TEMPORARY TABLE held_open (n int)")
        .execute(&mut *stuck)
        .await
        .unwrap();

    let broker = TestBroker::fresh().await;
    let relay = Background::relay(&pool, &broker.broker);
    let consumer = Background::consumer(&pool, &broker.broker, Consumer::new(ROUTING_INTAKE, Recorder));
    let sealed: Vec<_> = (1..=50).map(|seq| event("a", seq)).collect();
    append_each(&pool, sealed.iter().map(from_intake).collect()).await;
    assert_eq!(effects_of(&pool, 50).await.len(), 50);
    stuck.rollback().await.unwrap();
    old.rollback().await.unwrap();
    relay.stop().await;
    consumer.stop().await;
}

#[sqlx::test]
async fn one_relay_works_and_the_other_takes_over(pool: PgPool) {
    with_effects(&pool).await;
    let broker = TestBroker::fresh().await;
    let connected = |relay: &Background| relay.shows("messaging_relay_connected 1");
    let first = Background::relay(&pool, &broker.broker);
    eventually("the first relay is connected", async || connected(&first).then_some(())).await;
    let second = Background::relay(&pool, &broker.broker);
    append(&pool, vec![from_intake(&event("a", 1))]).await;
    eventually("the outbox is empty", async || {
        (outbox::depth(&pool).await.unwrap() == 0).then_some(())
    })
    .await;
    assert!(!connected(&second));
    first.stop().await;
    eventually("the second relay takes over", async || connected(&second).then_some(())).await;
    append(&pool, vec![from_intake(&event("a", 2))]).await;
    eventually("the outbox is empty", async || {
        (outbox::depth(&pool).await.unwrap() == 0).then_some(())
    })
    .await;
    assert_eq!(broker.depth(ROUTING_INTAKE).await, 2);
    second.stop().await;
}
