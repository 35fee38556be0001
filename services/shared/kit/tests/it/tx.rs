//! Transactions that nobody can cancel, and that are repeated after a conflict.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use sqlx::PgPool;
use tokio::sync::oneshot;
use tuntas_kit::{problem::Problem, tx};

use crate::support::eventually;

async fn notes(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM note")
        .fetch_one(pool)
        .await
        .unwrap()
}

async fn with_notes(pool: &PgPool) {
    sqlx::query("CREATE TABLE note (n int PRIMARY KEY)")
        .execute(pool)
        .await
        .unwrap();
}

#[sqlx::test]
async fn a_caller_that_hangs_up_leaves_no_transaction_open(pool: PgPool) {
    with_notes(&pool).await;
    let (started, begun) = oneshot::channel();
    let (go_on, told) = oneshot::channel::<()>();
    let caller = tokio::spawn({
        let pool = pool.clone();
        async move {
            tx::run(&pool, |conn| {
                Box::pin(async move {
                    sqlx::query("INSERT INTO note VALUES (1)").execute(conn).await?;
                    started.send(()).unwrap();
                    told.await.unwrap();
                    Ok::<_, Problem>(())
                })
            })
            .await
        }
    });
    begun.await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert_eq!(notes(&pool).await, 0);
    go_on.send(()).unwrap();
    eventually("the transaction goes to its end", async || {
        (notes(&pool).await == 1).then_some(())
    })
    .await;
    let open: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(open, 0);
}

#[sqlx::test]
async fn an_error_rolls_back(pool: PgPool) {
    with_notes(&pool).await;
    let outcome = tx::run(&pool, |conn| {
        Box::pin(async move {
            sqlx::query("INSERT INTO note VALUES (1)").execute(conn).await?;
            Err::<(), _>(Problem::new(tuntas_kit::problem::STALE))
        })
    })
    .await;
    assert_eq!(outcome.unwrap_err().code(), "stale");
    assert_eq!(notes(&pool).await, 0);
}

#[sqlx::test]
async fn a_serialization_failure_is_tried_again(pool: PgPool) {
    sqlx::query("CREATE TABLE tally (n int)").execute(&pool).await.unwrap();
    sqlx::query("INSERT INTO tally VALUES (0)")
        .execute(&pool)
        .await
        .unwrap();
    let tries = Arc::new(AtomicU32::new(0));
    let (counted, other) = (tries.clone(), pool.clone());
    tx::run_retrying(&pool, move |conn| {
        let (tries, other) = (counted.clone(), other.clone());
        Box::pin(async move {
            sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                .execute(&mut *conn)
                .await?;
            sqlx::query("SELECT n FROM tally").execute(&mut *conn).await?;
            if tries.fetch_add(1, Ordering::SeqCst) < 2 {
                sqlx::query("UPDATE tally SET n = n + 1").execute(&other).await?;
            }
            sqlx::query("UPDATE tally SET n = n + 10").execute(conn).await?;
            Ok::<_, Problem>(())
        })
    })
    .await
    .unwrap();
    assert_eq!(tries.load(Ordering::SeqCst), 3);
    let total: i32 = sqlx::query_scalar("SELECT n FROM tally")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(total, 12);
}

#[sqlx::test]
async fn a_panic_reaches_the_caller_and_rolls_back(pool: PgPool) {
    with_notes(&pool).await;
    let task = tokio::spawn({
        let pool = pool.clone();
        async move {
            tx::run(&pool, |conn| {
                Box::pin(async move {
                    sqlx::query("INSERT INTO note VALUES (1)").execute(conn).await?;
                    if notes_are_wrong() {
                        panic!("a bug");
                    }
                    Ok::<_, Problem>(())
                })
            })
            .await
        }
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(notes(&pool).await, 0);
}

fn notes_are_wrong() -> bool {
    true
}
