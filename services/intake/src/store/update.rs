//! What happened to the reports of the register.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// One report and one event of a case that it was in.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct UpdateRow {
    pub event_id: Uuid,
    pub report_id: Uuid,
    pub ticket: String,
    pub at: OffsetDateTime,
    pub r#type: String,
    pub opd_code: Option<String>,
    pub outcome: Option<String>,
    /// Text that was shown to everybody with the event.
    pub text_id: Option<Uuid>,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Query {
    /// From then on.
    pub from: Option<OffsetDateTime>,
    /// Until then.
    pub until: Option<OffsetDateTime>,
    /// Only of this report.
    pub ticket: Option<String>,
    /// Types of events.
    pub types: Vec<String>,
    /// After this one (time, event, report).
    pub after: Option<(OffsetDateTime, Uuid, Uuid)>,
    /// Rows.
    pub limit: i64,
}

/// Lists, oldest first, without what is about one report of a cluster only, but for that report.
///
/// # Errors
/// The database's.
pub async fn list(conn: &mut PgConnection, query: &Query) -> sqlx::Result<Vec<UpdateRow>> {
    let (after_at, after_event, after_report) = match query.after {
        Some((at, event, report)) => (Some(at), Some(event), Some(report)),
        None => (None, None, None),
    };
    sqlx::query_as!(
        UpdateRow,
        r#"SELECT event.event_id, facet.report_id, facet.ticket, event.at, event.type, event.opd_code, facet.outcome,
               released.id AS "text_id?"
           FROM case_event AS event
           JOIN report_case USING (case_id)
           JOIN register_facet AS facet ON facet.report_id = report_case.report_id
           LEFT JOIN LATERAL (
               SELECT text.id FROM text
               WHERE text.released_case_id = event.case_id AND text.released_at = event.at AND text.audience = 'public'
                 AND text.kind = CASE event.type WHEN 'answered' THEN 'answer'
                     WHEN 'first_response_released' THEN 'first_response' END
               ORDER BY text.id LIMIT 1) AS released ON true
           WHERE event.type = ANY ($1) AND (event.report_id IS NULL OR event.report_id = facet.report_id)
             AND ($2::timestamptz IS NULL OR event.at >= $2)
             AND ($3::timestamptz IS NULL OR event.at <= $3)
             AND ($4::text IS NULL OR facet.ticket = $4)
             AND ($5::timestamptz IS NULL OR event.at >= $5)
             AND ($5::timestamptz IS NULL
                 OR (event.at, event.event_id, facet.report_id) > ($5, $6::uuid, $7::uuid))
           ORDER BY event.at, event.event_id, facet.report_id
           LIMIT $8"#,
        &query.types,
        query.from,
        query.until,
        query.ticket,
        after_at,
        after_event,
        after_report,
        query.limit,
    )
    .fetch_all(conn)
    .await
}
