//! Commit order is sequence order, so a plain cursor sees everything.

use std::collections::BTreeSet;

use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tuntas_kit::outbox;

use crate::support::{
    Background, Recorder, TestBroker, append, effects_of, event, eventually, from_intake, with_effects,
};

async fn seqs(conn: &mut PgConnection) -> Vec<i64> {
    sqlx::query_scalar("SELECT seq FROM outbox ORDER BY seq")
        .fetch_all(conn)
        .await
        .unwrap()
}

#[sqlx::test]
async fn a_writer_that_commits_late_is_not_skipped(_: PgPoolOptions, options: PgConnectOptions) {
    let mut slow = PgConnection::connect_with(&options).await.unwrap();
    let mut fast = PgConnection::connect_with(&options).await.unwrap();
    let mut reader = PgConnection::connect_with(&options).await.unwrap();

    let mut slow_tx = slow.begin().await.unwrap();
    outbox::append(&mut slow_tx, &[from_intake(&event("a", 1))])
        .await
        .unwrap();
    let second = tokio::spawn(async move {
        let mut fast_tx = fast.begin().await.unwrap();
        outbox::append(&mut fast_tx, &[from_intake(&event("b", 1))])
            .await
            .unwrap();
        fast_tx.commit().await.unwrap();
    });
    eventually("the second writer waits for the first", async || {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .fetch_one(&mut reader)
        .await
        .unwrap();
        (waiting == 1).then_some(())
    })
    .await;
    assert!(
        seqs(&mut reader).await.is_empty(),
        "nothing is seen before the first commits"
    );
    slow_tx.commit().await.unwrap();
    second.await.unwrap();
    let aggregates: Vec<String> = sqlx::query_scalar("SELECT aggregate_id FROM outbox ORDER BY seq")
        .fetch_all(&mut reader)
        .await
        .unwrap();
    assert_eq!(aggregates, ["report:a", "report:b"]);
}

#[sqlx::test]
async fn events_of_one_append_keep_their_order(pool: PgPool) {
    let events: Vec<_> = (1..=200).map(|seq| from_intake(&event("a", seq))).collect();
    append(&pool, events).await;
    let order: Vec<i64> = sqlx::query_scalar("SELECT aggregate_seq FROM outbox ORDER BY seq")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(order, (1..=200).collect::<Vec<_>>());
}

#[sqlx::test]
async fn the_same_event_goes_to_a_destination_once_and_to_several(pool: PgPool) {
    let sealed = event("a", 1);
    append(&pool, vec![from_intake(&sealed), sealed.to_work("dishub")]).await;
    let mut conn = pool.acquire().await.unwrap();
    let again = outbox::append(&mut conn, &[from_intake(&sealed)]).await;
    assert!(again.unwrap_err().into_database_error().unwrap().is_unique_violation());
    assert_eq!(outbox::depth(&pool).await.unwrap(), 2);
}

#[sqlx::test]
async fn thirty_two_writers_lose_nothing(_: PgPoolOptions, options: PgConnectOptions) {
    const WRITERS: usize = 32;
    const EACH: u64 = 40;
    let pool = PgPoolOptions::new()
        .max_connections(40)
        .connect_with(options)
        .await
        .unwrap();
    with_effects(&pool).await;
    let broker = TestBroker::fresh().await;
    let relay = Background::relay(&pool, &broker.broker);
    let consumer = Background::consumer(
        &pool,
        &broker.broker,
        tuntas_kit::consumer::Consumer::new(tuntas_kit::broker::ROUTING_INTAKE, Recorder),
    );
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let mut committed = Vec::new();
                for seq in 1..=EACH {
                    let sealed = event(&format!("w{writer}"), seq);
                    let mut tx = pool.begin().await.unwrap();
                    outbox::append(&mut tx, &[from_intake(&sealed)]).await.unwrap();
                    // Every seventh is rolled back and leaves a hole.
                    if seq % 7 == 0 {
                        tx.rollback().await.unwrap();
                    } else {
                        tx.commit().await.unwrap();
                        committed.push(sealed.event_id());
                    }
                }
                committed
            })
        })
        .collect();
    let mut expected = BTreeSet::new();
    for writer in writers {
        expected.extend(writer.await.unwrap());
    }
    let seen = effects_of(&pool, expected.len()).await;
    assert_eq!(seen.len(), expected.len(), "each once");
    assert_eq!(seen.iter().copied().collect::<BTreeSet<_>>(), expected);
    eventually("the outbox is empty", async || {
        (outbox::depth(&pool).await.unwrap() == 0).then_some(())
    })
    .await;
    relay.stop().await;
    consumer.stop().await;
}

#[sqlx::test]
async fn old_rows_leave_and_what_is_unpublished_stays(pool: PgPool) {
    append(&pool, (1..=3).map(|seq| from_intake(&event("a", seq))).collect()).await;
    for statement in [
        "UPDATE outbox SET created_at = now() - interval '40 days'",
        "UPDATE outbox_cursor SET seq = (SELECT min(seq) + 1 FROM outbox)",
        "INSERT INTO inbox (consumer, event_id, received_at, handled_at)
         SELECT 'c', gen_random_uuid(), now() - n * interval '40 days', now() FROM generate_series(1, 3) n",
        "INSERT INTO inbox (consumer, event_id, received_at, tries) VALUES ('c', gen_random_uuid(), '2020-01-01', 3)",
        "INSERT INTO idempotency (scope, key, request_hash, response, created_at)
         SELECT 's', n, sha256('x'), '', now() - n * interval '20 days' FROM generate_series(1, 3) n",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let keep = tuntas_kit::config::Retention {
        outbox_days: 30,
        inbox_days: 90,
        idempotency_days: 30,
    };
    assert_eq!(tuntas_kit::retention::sweep(&pool, &keep).await.unwrap(), 2 + 1 + 2);
    assert_eq!(tuntas_kit::retention::sweep(&pool, &keep).await.unwrap(), 0);
    assert_eq!(outbox::depth(&pool).await.unwrap(), 1);
}
