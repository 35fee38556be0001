//! A migrated database and the service's parts without a network.

use std::time::Duration;

use sqlx::{PgPool, migrate::Migrator};
use tuntas_domain::period::Period;
use tuntas_evaluation::{
    apply::Applier,
    follow::FollowError,
    scores::{self, Per},
};
use tuntas_kit::{app, directory::DirectoryReader, tx};
use tuntas_proto::{evaluation::v1 as wire, oversight::v1::FeedEntry};

static MIGRATOR: Migrator = sqlx::migrate!();
const DEADLINE: Duration = Duration::from_secs(30);

/// Applies kit's migrations and the service's.
pub(crate) async fn migrate(pool: &PgPool) {
    app::apply_migrations(&mut pool.acquire().await.unwrap(), &MIGRATOR)
        .await
        .unwrap();
}

/// Applies entries in batches of `size`, each in its transaction, as the follower does.
pub(crate) async fn apply(pool: &PgPool, entries: &[FeedEntry], size: usize) -> Result<u64, FollowError> {
    let applier = Applier::default();
    let mut position = 0;
    for batch in entries.chunks(size) {
        let (applier, batch) = (applier.clone(), batch.to_vec());
        position = tx::run(pool, move |conn| {
            Box::pin(async move { Ok::<_, FollowError>(applier.apply_batch(conn, &batch).await?) })
        })
        .await?;
    }
    Ok(position)
}

/// The figures of a period.
pub(crate) async fn scores(pool: &PgPool, per: Per, period: &str) -> wire::ListScoresResponse {
    let period: Period = period.parse().unwrap();
    scores::list_scores(pool, DirectoryReader::default(), per, period, String::new())
        .await
        .unwrap()
}

/// The figures of one subject in a period.
pub(crate) async fn score(pool: &PgPool, per: Per, period: &str, subject: &str) -> wire::Score {
    let all = scores(pool, per, period).await.scores;
    all.into_iter()
        .find(|score| score.subject_id == subject)
        .unwrap_or_else(|| panic!("{subject} has no score"))
}

/// The breaches of a period.
pub(crate) async fn breaches(pool: &PgPool, per: Per, period: &str, subject: &str) -> Vec<wire::Breach> {
    let period: Period = period.parse().unwrap();
    scores::list_breaches(pool, per, period, subject.to_owned(), 100)
        .await
        .unwrap()
        .breaches
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
