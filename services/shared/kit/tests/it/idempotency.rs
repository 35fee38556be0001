//! A repeated write gives the same answer; a key used for another request is refused.

use sqlx::PgPool;
use tuntas_kit::{idempotency, problem::Problem, tx};
use tuntas_proto::{common::v1::WriteResult, event::v1::MessageSent};

async fn write(pool: &PgPool, key: &str, request: MessageSent, answer: WriteResult) -> Result<WriteResult, Problem> {
    let key = key.to_owned();
    tx::run(pool, move |conn| {
        Box::pin(async move {
            if let Some(before) = idempotency::lookup(conn, "SendMessage", &key, &request).await? {
                return Ok(before);
            }
            idempotency::remember(conn, "SendMessage", &key, &request, &answer).await?;
            Ok(answer)
        })
    })
    .await
}

fn request(report_id: &str) -> MessageSent {
    MessageSent {
        report_id: report_id.to_owned(),
        ..MessageSent::default()
    }
}

fn answer(seq: u64) -> WriteResult {
    WriteResult {
        seq,
        ..WriteResult::default()
    }
}

#[sqlx::test]
async fn the_same_request_gets_the_same_answer(pool: PgPool) {
    assert_eq!(write(&pool, "key", request("r"), answer(1)).await.unwrap().seq, 1);
    assert_eq!(write(&pool, "key", request("r"), answer(2)).await.unwrap().seq, 1);
    assert_eq!(write(&pool, "other", request("r"), answer(3)).await.unwrap().seq, 3);
}

#[sqlx::test]
async fn another_request_under_the_same_key_is_refused(pool: PgPool) {
    write(&pool, "key", request("r"), answer(1)).await.unwrap();
    let refused = write(&pool, "key", request("s"), answer(1)).await.unwrap_err();
    assert_eq!(refused.code(), "idempotency_key_reused");
}

#[sqlx::test]
async fn a_key_must_be_there_and_be_short(pool: PgPool) {
    for key in ["", &"k".repeat(129)] {
        let refused = write(&pool, key, request("r"), answer(1)).await.unwrap_err();
        assert_eq!(refused.code(), "idempotency_key_missing");
    }
}

#[sqlx::test]
async fn of_simultaneous_requests_one_writes_and_all_get_its_answer(pool: PgPool) {
    let writes: Vec<_> = (1..=16)
        .map(|seq| {
            let pool = pool.clone();
            tokio::spawn(async move { write(&pool, "key", request("r"), answer(seq)).await.unwrap().seq })
        })
        .collect();
    let mut answers = std::collections::BTreeSet::new();
    for write in writes {
        answers.insert(write.await.unwrap());
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
}
