//! What intake answers for: one line for each report, with its case once it is known.

use tuntas_kit::problem::Problem;
use tuntas_proto::ops::v1::BookLine;
use uuid::Uuid;

use crate::{intake::Intake, store::report};

const PAGE: i64 = 5_000;

/// All lines, by report.
///
/// # Errors
/// The database's.
pub async fn list(intake: Intake) -> Result<Vec<BookLine>, Problem> {
    let mut conn = intake.conn().await?;
    let mut lines = Vec::new();
    let mut after = Uuid::nil();
    loop {
        let rows = report::book_page(&mut conn, after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(lines) };
        after = last.id;
        lines.extend(rows.into_iter().map(|row| BookLine {
            kind: "report".to_owned(),
            id: row.id.to_string(),
            seq: row.seq.unsigned_abs(),
            state: row.state.unwrap_or_default(),
            r#ref: row.case_id.map(|id| id.to_string()).unwrap_or_default(),
        }));
    }
}
