//! Planned and past deliveries.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{CaseId, ReportId};
use uuid::Uuid;

use crate::plan::{Planned, Recipient};

/// A delivery as it is shown: without any address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its id.
    pub delivery_id: Uuid,
    /// The event that caused it.
    pub event_id: Uuid,
    /// The case.
    pub case_id: Option<Uuid>,
    /// The report.
    pub report_id: Option<Uuid>,
    /// `reporter`, `position` or `webhook`.
    pub recipient_kind: String,
    /// Report, position or webhook.
    pub recipient_id: String,
    /// `email` or `webhook`.
    pub channel: String,
    /// Template of a mail, type of the event for a webhook.
    pub template: String,
    /// `planned`, `sending`, `sent`, `skipped` or `given_up`.
    pub status: String,
    /// Code of the reason.
    pub reason: Option<String>,
    /// Tries so far.
    pub tries: i32,
    /// When it was planned.
    pub planned_at: OffsetDateTime,
    /// When it was sent, skipped or given up.
    pub settled_at: Option<OffsetDateTime>,
}

/// Plans deliveries. What is planned already stays as it is. Returns how many are new.
///
/// # Errors
/// The database's.
pub async fn plan(conn: &mut PgConnection, planned: &[(Uuid, Planned)], at: OffsetDateTime) -> sqlx::Result<u64> {
    let mut columns = Columns::default();
    for (event_id, one) in planned {
        columns.push(*event_id, one);
    }
    let done = sqlx::query!(
        "INSERT INTO delivery (delivery_id, event_id, case_id, report_id, recipient_kind, recipient_id, channel,
                               template, facts, status, reason, planned_at, settled_at)
         SELECT delivery_id, event_id, case_id, report_id, recipient_kind, recipient_id, channel, template, facts,
                CASE WHEN reason IS NULL THEN 'planned' ELSE 'skipped' END, reason, $1::timestamptz,
                CASE WHEN reason IS NULL THEN NULL ELSE $1::timestamptz END
         FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
                     $10::text[], $11::text[])
              AS rows (delivery_id, event_id, case_id, report_id, recipient_kind, recipient_id, channel, template, facts, reason)
         ON CONFLICT (event_id, recipient_kind, recipient_id, channel, template) DO NOTHING",
        at,
        &columns.delivery_id,
        &columns.event_id,
        &columns.case_id as &[Option<Uuid>],
        &columns.report_id as &[Option<Uuid>],
        &columns.recipient_kind,
        &columns.recipient_id,
        &columns.channel,
        &columns.template,
        &columns.facts,
        &columns.reason as &[Option<String>],
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

#[derive(Default)]
struct Columns {
    delivery_id: Vec<Uuid>,
    event_id: Vec<Uuid>,
    case_id: Vec<Option<Uuid>>,
    report_id: Vec<Option<Uuid>>,
    recipient_kind: Vec<String>,
    recipient_id: Vec<String>,
    channel: Vec<String>,
    template: Vec<String>,
    facts: Vec<String>,
    reason: Vec<Option<String>>,
}

impl Columns {
    fn push(&mut self, event_id: Uuid, planned: &Planned) {
        self.event_id.push(event_id);
        self.delivery_id.push(tuntas_kit::ids::new_id());
        self.case_id.push(planned.case_id.map(CaseId::into_uuid));
        let report = match &planned.recipient {
            Recipient::Reporter(report) => Some(*report),
            Recipient::Position(_) | Recipient::Webhook(_) => None,
        };
        self.report_id.push(report.map(ReportId::into_uuid));
        self.recipient_kind.push(planned.recipient.kind().to_owned());
        self.recipient_id.push(planned.recipient.id());
        self.channel.push(planned.recipient.channel().to_owned());
        self.template.push(planned.template.clone());
        self.facts.push(planned.facts.clone());
        self.reason.push(planned.skip.map(ToOwned::to_owned));
    }
}

/// Deliveries of a case, oldest first.
///
/// # Errors
/// The database's.
pub async fn of_case(conn: &mut PgConnection, case_id: CaseId, limit: i64) -> sqlx::Result<Vec<Shown>> {
    sqlx::query_as!(
        Shown,
        "SELECT delivery_id, event_id, case_id, report_id, recipient_kind, recipient_id, channel, template, status,
                reason, tries, planned_at, settled_at
         FROM delivery WHERE case_id = $1 ORDER BY delivery_id LIMIT $2",
        case_id.into_uuid(),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Deliveries of a report, oldest first.
///
/// # Errors
/// The database's.
pub async fn of_report(conn: &mut PgConnection, report_id: ReportId, limit: i64) -> sqlx::Result<Vec<Shown>> {
    sqlx::query_as!(
        Shown,
        "SELECT delivery_id, event_id, case_id, report_id, recipient_kind, recipient_id, channel, template, status,
                reason, tries, planned_at, settled_at
         FROM delivery WHERE report_id = $1 ORDER BY delivery_id LIMIT $2",
        report_id.into_uuid(),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Plans a delivery again that was given up, with a fresh count of tries. Returns whether it was given up.
///
/// # Errors
/// The database's.
pub async fn retry(conn: &mut PgConnection, delivery_id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE delivery SET status = 'planned', reason = NULL, tries = 0, first_try_at = NULL, settled_at = NULL,
                             next_try_at = clock_timestamp()
         WHERE delivery_id = $1 AND status = 'given_up'",
        delivery_id,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether there is such a delivery.
///
/// # Errors
/// The database's.
pub async fn exists(conn: &mut PgConnection, delivery_id: Uuid) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM delivery WHERE delivery_id = $1) AS "exists!""#,
        delivery_id,
    )
    .fetch_one(conn)
    .await
}

/// Number of deliveries by status.
///
/// # Errors
/// The database's.
pub async fn count_by_status(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, u64)>> {
    let rows = sqlx::query!(r#"SELECT status, count(*) AS "count!" FROM delivery GROUP BY status ORDER BY status"#)
        .fetch_all(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.status, row.count.unsigned_abs()))
        .collect())
}
