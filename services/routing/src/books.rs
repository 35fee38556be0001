//! What this service has on its books, for the comparison across services.

use sqlx::PgConnection;
use tuntas_kit::problem::Problem;
use tuntas_proto::ops::v1::BookLine;
use uuid::Uuid;

use crate::{Routing, store};

const CHUNK: i64 = 5_000;

/// One line for each case and one for each report.
///
/// # Errors
/// The database's.
pub async fn list(routing: &Routing) -> Result<Vec<BookLine>, Problem> {
    let mut conn = routing.pool.acquire().await?;
    let mut lines = Vec::new();
    cases(&mut conn, &mut lines).await?;
    reports(&mut conn, &mut lines).await?;
    Ok(lines)
}

async fn cases(conn: &mut PgConnection, lines: &mut Vec<BookLine>) -> Result<(), Problem> {
    let mut after = Uuid::nil();
    loop {
        let rows = store::cases::lines_after(conn, after, CHUNK).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.case_id;
        lines.extend(rows.into_iter().map(|row| BookLine {
            kind: "case".to_owned(),
            id: row.case_id.to_string(),
            seq: row.seq.unsigned_abs(),
            state: row.state,
            r#ref: row.lead_opd.unwrap_or_default(),
        }));
    }
}

async fn reports(conn: &mut PgConnection, lines: &mut Vec<BookLine>) -> Result<(), Problem> {
    let mut after = Uuid::nil();
    loop {
        let rows = store::reports::lines_after(conn, after, CHUNK).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = *last;
        lines.extend(rows.into_iter().map(|(report, case)| BookLine {
            kind: "report".to_owned(),
            id: report.to_string(),
            r#ref: case.to_string(),
            ..BookLine::default()
        }));
    }
}
