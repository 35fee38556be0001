//! What evaluation has on its books, for the comparison across services, and what it still has to do.

use sqlx::PgPool;
use tuntas_kit::{clock::Clock, problem::Problem};
use tuntas_proto::ops::v1::BookLine;

use crate::store::{cases, cursor, measures};

/// One line for the position in the log, one for each case that is measured.
pub(crate) async fn books(pool: PgPool) -> Result<Vec<BookLine>, Problem> {
    let mut conn = pool.acquire().await?;
    let position = cursor::position(&mut conn).await?;
    let mut lines = vec![BookLine {
        kind: "log_position".to_owned(),
        seq: position.unsigned_abs(),
        ..BookLine::default()
    }];
    lines.extend(
        measures::scored_cases(&mut conn)
            .await?
            .into_iter()
            .map(|(case_id, seq)| BookLine {
                kind: "scored_case".to_owned(),
                id: case_id.to_string(),
                seq: seq.unsigned_abs(),
                ..BookLine::default()
            }),
    );
    Ok(lines)
}

/// Evaluation cases of which something is due.
pub(crate) async fn work_pending(pool: PgPool, clock: Clock) -> Result<u64, Problem> {
    Ok(cases::due_count(&mut *pool.acquire().await?, clock.now())
        .await?
        .unsigned_abs())
}
