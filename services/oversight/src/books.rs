//! What oversight has on its books, for the comparison across services, and what it still has to do.

use sqlx::PgPool;
use tuntas_kit::{clock::Clock, problem::Problem};
use tuntas_proto::ops::v1::BookLine;

use crate::store;

/// Cases read at once.
const PAGE: i64 = 5_000;

/// One line for each case in the log, one for its size, one for what is held back.
pub(crate) async fn books(pool: PgPool) -> Result<Vec<BookLine>, Problem> {
    let mut conn = pool.acquire().await?;
    let mut lines = Vec::new();
    let mut after = String::new();
    loop {
        let page = store::log::case_counts(&mut conn, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.aggregate_id);
        lines.extend(page.into_iter().map(|count| BookLine {
            kind: "feed_case".to_owned(),
            id: count.aggregate_id.trim_start_matches("case:").to_owned(),
            seq: count.events.unsigned_abs(),
            ..BookLine::default()
        }));
    }
    let head = store::log::head(&mut conn).await?;
    let backlog = store::arrivals::backlog(&mut conn).await?;
    let line = |kind: &str, seq: i64| BookLine {
        kind: kind.to_owned(),
        seq: seq.unsigned_abs(),
        ..BookLine::default()
    };
    lines.push(line("feed_head", head.size));
    lines.push(line("held_back", backlog.held));
    Ok(lines)
}

/// Arrivals that nobody has looked at, and acts that are due. What is held back waits for others, not for us.
pub(crate) async fn work_pending(pool: PgPool, clock: Clock) -> Result<u64, Problem> {
    let mut conn = pool.acquire().await?;
    let backlog = store::arrivals::backlog(&mut conn).await?;
    let due = store::acts::due_count(&mut conn, clock.now()).await?;
    Ok(backlog.candidates.unsigned_abs() + due.unsigned_abs())
}
