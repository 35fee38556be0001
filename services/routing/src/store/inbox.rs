//! Cases that wait for somebody, what falls due first on top.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::Case;
use uuid::Uuid;

/// Whose cases, and which of them.
#[derive(Debug, Clone)]
pub struct InboxQuery {
    /// Codes of the parties that hold the case.
    pub holders: Vec<String>,
    /// Own agency: its open contributions as well, and no supervisory case about it (rule M10).
    pub opd: Option<String>,
    /// Whether its open contributions are wanted.
    pub contributions: bool,
    /// Own position: cases it was assigned.
    pub executor: Option<String>,
    /// All supervisory cases.
    pub supervisory: bool,
    /// All open cases, whoever holds them.
    pub everybodys: bool,
    /// Only those in the Ombudsman's alerts.
    pub flagged_only: bool,
    /// Only this state.
    pub state: Option<String>,
    /// Only cases whose deadline lies before this moment.
    pub overdue_before: Option<OffsetDateTime>,
    /// Rows after this place.
    pub after: (OffsetDateTime, Uuid),
    /// Rows wanted.
    pub rows_max: i64,
}

/// Before the first row.
pub const FIRST_PLACE: (OffsetDateTime, Uuid) = (OffsetDateTime::UNIX_EPOCH, Uuid::nil());

impl Default for InboxQuery {
    /// Nobody's cases, from the first place.
    fn default() -> Self {
        Self {
            holders: Vec::new(),
            opd: None,
            contributions: false,
            executor: None,
            supervisory: false,
            everybodys: false,
            flagged_only: false,
            state: None,
            overdue_before: None,
            after: FIRST_PLACE,
            rows_max: 0,
        }
    }
}

/// A page of an inbox.
///
/// # Errors
/// The database's, or a case that does not parse.
pub async fn list(conn: &mut PgConnection, query: &InboxQuery) -> sqlx::Result<Vec<Case>> {
    let bodies = sqlx::query_scalar!(
        r#"SELECT body::text AS "body!" FROM kase
         WHERE state <> 'closed'
               AND (deadline_at, case_id) > ($1, $2)
               AND (holder = ANY($3)
                    OR executor = $4
                    OR ($5 AND supervisory)
                    OR $11
                    OR ($6 AND EXISTS (SELECT FROM kase_agency part
                                       WHERE part.case_id = kase.case_id AND part.opd_code = $7 AND part.open)))
               AND NOT (supervisory AND complained_opd IS NOT NULL AND complained_opd IS NOT DISTINCT FROM $7)
               AND ($8::text IS NULL OR state = $8)
               AND ($9::timestamptz IS NULL OR deadline_at < $9)
               AND (NOT $12 OR body->'flags' <> '[]'::jsonb)
         ORDER BY deadline_at, case_id LIMIT $10"#,
        query.after.0,
        query.after.1,
        &query.holders,
        query.executor.as_deref(),
        query.supervisory,
        query.contributions,
        query.opd.as_deref(),
        query.state.as_deref(),
        query.overdue_before,
        query.rows_max,
        query.everybodys,
        query.flagged_only,
    )
    .fetch_all(conn)
    .await?;
    bodies.into_iter().map(super::cases::parse).collect()
}
