//! Reading facts by subject and period. A subject is an agency, a position, or a position with one of its holders.
//!
//! Every answer is ordered, so that the same facts give the same bytes.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Whose figures are wanted, and when: from `from` up to but without `to`.
#[derive(Debug, Clone)]
pub struct Window<'a> {
    /// `province`, `opd`, `position` or `holder`.
    pub per: &'a str,
    /// Only this one; empty for all.
    pub subject: &'a str,
    /// First moment.
    pub from: OffsetDateTime,
    /// First moment after.
    pub to: OffsetDateTime,
}

/// Something that counts for a subject.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named as the columns they come from")]
pub struct Counted {
    pub subject: String,
    pub case_id: Uuid,
    pub kind: String,
    pub at: OffsetDateTime,
    /// Stars of a rating, working days of a rung, 1 for a clock that was met and 0 for one that was not, seconds of a
    /// closed case.
    pub value: i64,
}

/// How often a rung fired.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named as the columns they come from")]
pub struct RungCount {
    pub subject: String,
    pub role: String,
    pub count: i64,
}

/// A number for a subject.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named as the columns they come from")]
pub struct Count {
    pub subject: String,
    pub count: i64,
}

/// A breach, for whoever checks a figure.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named as the columns they come from")]
pub struct Breach {
    pub case_id: Uuid,
    pub kind: String,
    pub opd_code: Option<String>,
    pub position_id: Option<String>,
    pub holder_id: Option<String>,
    pub due_at: OffsetDateTime,
    pub stopped_at: Option<OffsetDateTime>,
    pub corrected: bool,
    pub log_position: i64,
}

/// Signals in the window.
pub async fn signals(conn: &mut PgConnection, window: &Window<'_>) -> sqlx::Result<Vec<Counted>> {
    sqlx::query_as!(
        Counted,
        r#"SELECT subject AS "subject!", case_id, kind, at, coalesce(value, 0)::bigint AS "value!"
           FROM (SELECT CASE $1 WHEN 'province' THEN 'province' WHEN 'opd' THEN opd_code WHEN 'position' THEN position_id
                        ELSE position_id || '/' || holder_id END AS subject, log_position, number, case_id, kind, at,
                        value
                 FROM signal WHERE at >= $2 AND at < $3) s
           WHERE subject IS NOT NULL AND ($4 = '' OR subject = $4) ORDER BY log_position, number"#,
        window.per,
        window.from,
        window.to,
        window.subject,
    )
    .fetch_all(conn)
    .await
}

/// Clocks decided in the window (rule V2).
pub async fn clocks(conn: &mut PgConnection, window: &Window<'_>) -> sqlx::Result<Vec<Counted>> {
    sqlx::query_as!(
        Counted,
        r#"SELECT subject AS "subject!", case_id, kind, counted_at AS "at!", (result = 'met')::integer::bigint AS "value!"
           FROM (SELECT CASE $1 WHEN 'province' THEN 'province' WHEN 'opd' THEN opd_code WHEN 'position' THEN position_id
                        ELSE position_id || '/' || holder_id END AS subject, case_id, instance, kind, counted_at, result
                 FROM clock_fact WHERE counted_at >= $2 AND counted_at < $3) c
           WHERE subject IS NOT NULL AND ($4 = '' OR subject = $4) ORDER BY case_id, instance"#,
        window.per,
        window.from,
        window.to,
        window.subject,
    )
    .fetch_all(conn)
    .await
}

/// Cases closed in the window that the subject has held, with the time charged to it in whole seconds. The province is
/// charged with all but the reporter's.
pub async fn closed(conn: &mut PgConnection, window: &Window<'_>) -> sqlx::Result<Vec<Counted>> {
    sqlx::query_as!(
        Counted,
        r#"SELECT subject AS "subject!", case_id, 'closed' AS "kind!", closed_at AS "at!",
                  floor(extract(epoch FROM sum(to_at - from_at)))::bigint AS "value!"
           FROM (SELECT CASE $1 WHEN 'province' THEN CASE WHEN h.party <> 'reporter' THEN 'province' END WHEN 'opd' THEN h.opd_code WHEN 'position' THEN h.position_id
                        ELSE h.position_id || '/' || h.holder_id END AS subject,
                        h.case_id, c.closed_at, h.from_at, h.to_at
                 FROM charge h JOIN case_fact c USING (case_id)
                 WHERE c.closed_at >= $2 AND c.closed_at < $3 AND h.to_at IS NOT NULL) held
           WHERE subject IS NOT NULL AND ($4 = '' OR subject = $4)
           GROUP BY subject, case_id, closed_at ORDER BY case_id, subject"#,
        window.per,
        window.from,
        window.to,
        window.subject,
    )
    .fetch_all(conn)
    .await
}

/// Breaches of the window that stand.
pub async fn breach_counts(conn: &mut PgConnection, window: &Window<'_>) -> sqlx::Result<Vec<Count>> {
    sqlx::query_as!(
        Count,
        r#"SELECT subject AS "subject!", count(*) AS "count!"
           FROM (SELECT CASE $1 WHEN 'province' THEN 'province' WHEN 'opd' THEN opd_code WHEN 'position' THEN position_id
                        ELSE position_id || '/' || holder_id END AS subject
                 FROM breach WHERE breached_at >= $2 AND breached_at < $3 AND NOT corrected) b
           WHERE subject IS NOT NULL AND ($4 = '' OR subject = $4) GROUP BY subject ORDER BY subject"#,
        window.per,
        window.from,
        window.to,
        window.subject,
    )
    .fetch_all(conn)
    .await
}

/// Rungs that fired in the window, of breaches that stand.
pub async fn rungs(conn: &mut PgConnection, window: &Window<'_>) -> sqlx::Result<Vec<RungCount>> {
    sqlx::query_as!(
        RungCount,
        r#"SELECT subject AS "subject!", role AS "role!", count(*) AS "count!"
           FROM (SELECT CASE $1 WHEN 'province' THEN 'province' WHEN 'opd' THEN e.opd_code WHEN 'position' THEN e.position_id
                        ELSE e.position_id || '/' || e.holder_id END AS subject, e.role
                 FROM escalation e JOIN breach b USING (case_id, instance)
                 WHERE e.fired_at >= $2 AND e.fired_at < $3 AND NOT b.corrected) r
           WHERE subject IS NOT NULL AND ($4 = '' OR subject = $4) GROUP BY subject, role ORDER BY subject, role"#,
        window.per,
        window.from,
        window.to,
        window.subject,
    )
    .fetch_all(conn)
    .await
}

/// Cases that the subject has held and that were open when the window ended.
pub async fn open(conn: &mut PgConnection, window: &Window<'_>) -> sqlx::Result<Vec<Count>> {
    sqlx::query_as!(
        Count,
        r#"SELECT subject AS "subject!", count(DISTINCT case_id) AS "count!"
           FROM (SELECT CASE $1 WHEN 'province' THEN 'province' WHEN 'opd' THEN h.opd_code WHEN 'position' THEN h.position_id
                        ELSE h.position_id || '/' || h.holder_id END AS subject, h.case_id
                 FROM charge h JOIN case_fact c USING (case_id)
                 WHERE h.from_at < $2 AND (c.closed_at IS NULL OR c.closed_at >= $2)) held
           WHERE subject IS NOT NULL AND ($3 = '' OR subject = $3) GROUP BY subject ORDER BY subject"#,
        window.per,
        window.to,
        window.subject,
    )
    .fetch_all(conn)
    .await
}

/// Cases with a breach of the subject's that stood and whose step was not done when the window ended.
pub async fn overdue(conn: &mut PgConnection, window: &Window<'_>) -> sqlx::Result<Vec<Count>> {
    sqlx::query_as!(
        Count,
        r#"SELECT subject AS "subject!", count(DISTINCT case_id) AS "count!"
           FROM (SELECT CASE $1 WHEN 'province' THEN 'province' WHEN 'opd' THEN opd_code WHEN 'position' THEN position_id
                        ELSE position_id || '/' || holder_id END AS subject, case_id
                 FROM breach
                 WHERE breached_at < $2 AND (stopped_at IS NULL OR stopped_at >= $2) AND NOT corrected) late
           WHERE subject IS NOT NULL AND ($3 = '' OR subject = $3) GROUP BY subject ORDER BY subject"#,
        window.per,
        window.to,
        window.subject,
    )
    .fetch_all(conn)
    .await
}

/// Breaches of the window, also mended ones, by their place in the log, at most `rows_max`.
pub async fn breaches(conn: &mut PgConnection, window: &Window<'_>, rows_max: i64) -> sqlx::Result<Vec<Breach>> {
    sqlx::query_as!(
        Breach,
        r#"SELECT case_id, kind, opd_code, position_id, holder_id, breached_at AS due_at, stopped_at, corrected,
                  log_position
           FROM breach
           WHERE breached_at >= $2 AND breached_at < $3
             AND ($4 = '' OR $4 = CASE $1 WHEN 'province' THEN 'province' WHEN 'opd' THEN opd_code WHEN 'position' THEN position_id
                                  ELSE position_id || '/' || holder_id END)
           ORDER BY log_position, case_id, instance LIMIT $5"#,
        window.per,
        window.from,
        window.to,
        window.subject,
        rows_max,
    )
    .fetch_all(conn)
    .await
}

/// From here the transaction sees one state of the facts; answers the position of the log that they are of. It must be
/// the first statement of the transaction.
pub async fn as_of_one_position(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut *conn)
        .await?;
    super::cursor::position(conn).await
}

/// Every case with the last sequence seen.
pub async fn scored_cases(conn: &mut PgConnection) -> sqlx::Result<Vec<(Uuid, i64)>> {
    let rows = sqlx::query!("SELECT case_id, seq FROM case_fact ORDER BY case_id")
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.case_id, row.seq)).collect())
}
