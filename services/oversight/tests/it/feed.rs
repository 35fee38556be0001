//! Followers: from any position, catching up and then live, never with a gap, a slow one slowing nobody else.

use std::time::Duration;

use sqlx::PgPool;
use tokio_stream::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tuntas_oversight::{
    feed::{EntryStream, Feed, Range, Settings},
    head::HeadWatch,
    metrics::Metrics,
    sequencer,
};

use crate::support::{consume, events, migrate, sequence, until};

const BUFFER: u16 = 8;

struct Bench {
    pool: PgPool,
    feed: Feed,
    head: HeadWatch,
    stop: CancellationToken,
}

impl Bench {
    async fn new(pool: PgPool) -> Self {
        migrate(&pool).await;
        let (head, stop) = (HeadWatch::new(), CancellationToken::new());
        let settings = Settings {
            page_max: 16,
            buffer_max: BUFFER,
            followers_max: 4,
            poll_ms: 10,
            case_entries_max: 100,
            service_readers: Vec::new(),
        };
        let feed = Feed::new(pool.clone(), head.clone(), settings, Metrics::default(), stop.clone());
        tokio::spawn(head.clone().poll(pool.clone(), Duration::from_millis(10), stop.clone()));
        Self { pool, feed, head, stop }
    }

    async fn write(&self, aggregate: &str, n: u64) {
        consume(&self.pool, &events(aggregate, n)).await.unwrap();
        sequence(&self.pool).await;
    }

    async fn follow(&self, from_position: u64, until_head: bool) -> EntryStream {
        self.feed
            .follow(Range {
                from_position,
                until_head,
            })
            .await
            .unwrap()
    }
}

/// Takes `n` entries and checks that they are those from `first` on.
async fn take(stream: &mut EntryStream, first: u64, n: u64) {
    for expected in first..first + n {
        let entry = tokio::time::timeout(Duration::from_secs(30), stream.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(entry.position, expected);
    }
}

#[sqlx::test(migrations = false)]
async fn from_the_beginning_the_middle_and_the_head(pool: PgPool) {
    let bench = Bench::new(pool).await;
    bench.write("case:a", 100).await;
    let mut beginning = bench.follow(0, false).await;
    let mut middle = bench.follow(60, false).await;
    let mut head = bench.follow(101, false).await;
    let mut beyond = bench.follow(131, false).await;
    take(&mut beginning, 1, 100).await;
    take(&mut middle, 60, 41).await;
    bench.write("case:b", 50).await;
    take(&mut beginning, 101, 50).await;
    take(&mut middle, 101, 50).await;
    take(&mut head, 101, 50).await;
    take(&mut beyond, 131, 20).await;
}

#[sqlx::test(migrations = false)]
async fn until_the_head_it_ends_there(pool: PgPool) {
    let bench = Bench::new(pool).await;
    let mut empty = bench.follow(1, true).await;
    assert!(empty.next().await.is_none());
    bench.write("case:a", 40).await;
    let mut all = bench.follow(1, true).await;
    bench.write("case:b", 5).await;
    take(&mut all, 1, 40).await;
    assert!(all.next().await.is_none());
    let mut later = bench.follow(46, true).await;
    assert!(later.next().await.is_none());
}

#[sqlx::test(migrations = false)]
async fn a_slow_reader_slows_only_itself(pool: PgPool) {
    let bench = Bench::new(pool).await;
    let sequencing = tokio::spawn(sequencer::run(
        bench.pool.clone(),
        sequencer::Settings {
            batch_max: 64,
            poll_ms: 5,
            standby_poll_ms: 5,
            held_back_alarm_s: 60,
            report_interval_s: 60,
        },
        bench.head.clone(),
        Metrics::default(),
        bench.stop.clone(),
    ));
    let mut slow = bench.follow(1, false).await;
    let mut fast = bench.follow(1, false).await;
    let writer = {
        let pool = bench.pool.clone();
        tokio::spawn(async move {
            for number in 0..20 {
                consume(&pool, &events(&format!("case:{number}"), 50)).await.unwrap();
            }
        })
    };
    take(&mut slow, 1, 10).await;
    take(&mut fast, 1, 1_000).await;
    writer.await.unwrap();
    // What waits for the slow reader is bounded, and it misses nothing when it reads on.
    assert!(slow.as_ref().len() <= usize::from(BUFFER));
    take(&mut slow, 11, 990).await;
    bench.stop.cancel();
    sequencing.await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn streams_end_with_the_process_and_with_their_reader(pool: PgPool) {
    let bench = Bench::new(pool).await;
    bench.write("case:a", 100).await;
    // One that waits live, one that waits for its reader, and as many as are allowed.
    let mut live = bench.follow(101, false).await;
    let mut full = bench.follow(1, false).await;
    let _third = bench.follow(1, false).await;
    let fourth = bench.follow(1, false).await;
    let refused = bench
        .feed
        .follow(Range {
            from_position: 1,
            until_head: false,
        })
        .await;
    assert_eq!(refused.unwrap_err().code(), "overloaded");
    drop(fourth);
    until("a follower that hung up gives its place back", || async {
        bench
            .feed
            .follow(Range {
                from_position: 1,
                until_head: true,
            })
            .await
            .is_ok()
    })
    .await;
    bench.stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(5), async {
        while let Some(entry) = full.next().await {
            entry.unwrap();
        }
        live.next().await.is_none()
    });
    assert!(ended.await.unwrap());
}
