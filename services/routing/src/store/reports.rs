//! Which case a report is in: each receipt resolves to exactly one surviving case (rule M1).

use std::collections::HashMap;

use sqlx::PgConnection;
use tuntas_domain::{CaseId, ReportId};
use uuid::Uuid;

/// Where a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whereabouts {
    /// The surviving case.
    pub case_id: CaseId,
    /// The case that its filing opened.
    pub original_case_id: CaseId,
}

/// Records that reports are in cases now. A report that is new was opened by the case it is in.
///
/// # Errors
/// The database's.
pub async fn place(conn: &mut PgConnection, places: &[(ReportId, CaseId)]) -> sqlx::Result<()> {
    let reports: Vec<Uuid> = places.iter().map(|(report, _)| report.into_uuid()).collect();
    let cases: Vec<Uuid> = places.iter().map(|(_, case)| case.into_uuid()).collect();
    sqlx::query!(
        "INSERT INTO case_report (report_id, case_id, original_case_id)
         SELECT report_id, case_id, case_id FROM unnest($1::uuid[], $2::uuid[]) AS places (report_id, case_id)
         ON CONFLICT (report_id) DO UPDATE SET case_id = excluded.case_id",
        &reports,
        &cases,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Where reports are; unknown ones are left out.
///
/// # Errors
/// The database's.
pub async fn find(conn: &mut PgConnection, reports: &[ReportId]) -> sqlx::Result<HashMap<ReportId, Whereabouts>> {
    let ids: Vec<Uuid> = reports.iter().map(|report| report.into_uuid()).collect();
    let rows = sqlx::query!(
        "SELECT report_id, case_id, original_case_id FROM case_report WHERE report_id = ANY($1)",
        &ids
    )
    .fetch_all(conn)
    .await?;
    let place = |case_id, original| Whereabouts {
        case_id: CaseId::new(case_id),
        original_case_id: CaseId::new(original),
    };
    Ok(rows
        .into_iter()
        .map(|row| (ReportId::new(row.report_id), place(row.case_id, row.original_case_id)))
        .collect())
}

/// Report and surviving case of reports after `after`, in the order of their ids.
///
/// # Errors
/// The database's.
pub async fn lines_after(conn: &mut PgConnection, after: Uuid, lines_max: i64) -> sqlx::Result<Vec<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        "SELECT report_id, case_id FROM case_report WHERE report_id > $1 ORDER BY report_id LIMIT $2",
        after,
        lines_max,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.report_id, row.case_id)).collect())
}
