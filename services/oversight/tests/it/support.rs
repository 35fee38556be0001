//! A migrated database, events, and waiting for a condition.

use std::{fs, path::Path, time::Duration};

use prost::Message as _;
use sqlx::{AssertSqlSafe, PgPool};
use tuntas_kit::{
    consumer::{Handler as _, HandlerError, Received},
    ids, inbox, tx,
};
use tuntas_oversight::{
    consume::Arrivals,
    leaf::{self, Hash},
    sequencer,
    store::{self, log::Entry},
};
use tuntas_proto::event::v1::{Event, MessageSent, event::Payload};
use uuid::Uuid;

/// Events that one batch gives a position, in tests.
pub(crate) const BATCH_MAX: u32 = 64;
const DEADLINE: Duration = Duration::from_secs(60);

/// Applies kit's migrations and the service's.
pub(crate) async fn migrate(pool: &PgPool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in [root.join("../shared/kit/migrations"), root.join("migrations")] {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        for file in files {
            sqlx::raw_sql(AssertSqlSafe(fs::read_to_string(file).unwrap()))
                .execute(pool)
                .await
                .unwrap();
        }
    }
}

/// An event of an aggregate.
pub(crate) fn event(aggregate: &str, seq: u64, cause: Option<&Event>) -> Event {
    Event {
        event_id: ids::new_id().to_string(),
        r#type: "tuntas.message.sent".to_owned(),
        source: "intake".to_owned(),
        aggregate_id: aggregate.to_owned(),
        aggregate_seq: seq,
        causation_id: cause.map(|cause| cause.event_id.clone()).unwrap_or_default(),
        payload: Some(Payload::MessageSent(MessageSent::default())),
        ..Event::default()
    }
}

/// Events 1 to `n` of an aggregate.
pub(crate) fn events(aggregate: &str, n: u64) -> Vec<Event> {
    (1..=n).map(|seq| event(aggregate, seq, None)).collect()
}

/// An event as the broker brings it.
pub(crate) fn received(event: &Event) -> Received {
    Received {
        event_id: event.event_id.parse().unwrap(),
        event: event.clone(),
        body: event.encode_to_vec().into(),
        exchange: "tuntas.events".to_owned(),
        user_id: "tuntas-test".to_owned(),
        routing_key: "intake.message.sent".to_owned(),
        headers: std::collections::BTreeMap::default(),
        redelivered: false,
    }
}

/// Consumes events as kit's consumer does: claim, handle, commit.
pub(crate) async fn consume(pool: &PgPool, events: &[Event]) -> Result<(), HandlerError> {
    let batch: Vec<Received> = events.iter().map(received).collect();
    tx::run(pool, move |conn| {
        Box::pin(async move {
            let ids: Vec<Uuid> = batch.iter().map(|received| received.event_id).collect();
            let mut claimed = inbox::claim(conn, "oversight.events", &ids).await?;
            let fresh: Vec<Received> = batch
                .into_iter()
                .filter(|received| {
                    let place = claimed.iter().position(|id| *id == received.event_id);
                    place.map(|place| claimed.swap_remove(place)).is_some()
                })
                .collect();
            Arrivals.handle_batch(conn, &fresh).await
        })
    })
    .await
}

/// Sequences until nothing can go in any more.
pub(crate) async fn sequence(pool: &PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    while sequencer::batch(&mut conn, BATCH_MAX).await.unwrap().size.is_some() {}
}

/// The whole log.
pub(crate) async fn log(pool: &PgPool) -> Vec<Entry> {
    store::log::page(&mut pool.acquire().await.unwrap(), 1, i64::MAX)
        .await
        .unwrap()
}

/// Ids of the events of the log, in order.
pub(crate) async fn logged(pool: &PgPool) -> Vec<String> {
    log(pool).await.iter().map(|entry| decode(entry).event_id).collect()
}

/// The event of an entry.
pub(crate) fn decode(entry: &Entry) -> Event {
    Event::decode(entry.body.as_slice()).unwrap()
}

/// Ids of events.
pub(crate) fn ids_of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<String> {
    events.into_iter().map(|event| event.event_id.clone()).collect()
}

/// Positions from 1 without a hole, and every hash recomputed from the bytes.
pub(crate) fn assert_sound(entries: &[Entry]) {
    let mut chain: Hash = leaf::EMPTY_CHAIN;
    for (place, entry) in entries.iter().enumerate() {
        assert_eq!(entry.position, place as i64 + 1);
        let leaf = leaf::leaf_hash(&entry.body);
        chain = leaf::chain_hash(&chain, &leaf);
        assert_eq!(entry.leaf_hash, leaf);
        assert_eq!(entry.chain_hash, chain);
    }
}

/// Waits until `done` answers true.
pub(crate) async fn until<F, Fut>(what: &str, mut done: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let waited = tokio::time::timeout(DEADLINE, async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "not in time: {what}");
}
