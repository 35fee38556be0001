//! Which agencies have a part in which case.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use tuntas_domain::{Case, CaseId, OpdCode};
use uuid::Uuid;

/// The part of an agency in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// It leads.
    pub lead: bool,
    /// It still has something to do.
    pub open: bool,
}

/// Agencies with a part in a case: the lead and those whose contribution is open or done (rule M5).
#[must_use]
pub fn parts(case: &Case) -> BTreeMap<OpdCode, Part> {
    let mut parts = BTreeMap::new();
    for contribution in &case.contributions {
        if contribution.is_open() || contribution.done_at.is_some() {
            let part: &mut Part = parts.entry(contribution.opd.clone()).or_insert(Part {
                lead: false,
                open: false,
            });
            part.open |= contribution.is_open();
        }
    }
    if let Some(lead) = &case.lead {
        parts.insert(lead.clone(), Part { lead: true, open: true });
    }
    parts
}

/// Replaces the parts of cases.
///
/// # Errors
/// The database's.
pub async fn replace(conn: &mut PgConnection, cases: &[&Case]) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = cases.iter().map(|case| case.id.into_uuid()).collect();
    sqlx::query!("DELETE FROM kase_agency WHERE case_id = ANY($1)", &ids)
        .execute(&mut *conn)
        .await?;
    let (mut case_ids, mut opds, mut leads, mut opens) = (vec![], vec![], vec![], vec![]);
    for case in cases {
        for (opd, part) in parts(case) {
            case_ids.push(case.id.into_uuid());
            opds.push(opd.to_string());
            leads.push(part.lead);
            opens.push(part.open);
        }
    }
    sqlx::query!(
        "INSERT INTO kase_agency (case_id, opd_code, lead, open)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::boolean[], $4::boolean[])",
        &case_ids,
        &opds,
        &leads,
        &opens,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Live cases of an agency after `after`, in the order of their ids, without supervisory ones about itself (rule M10).
///
/// # Errors
/// The database's, or a case that does not parse.
pub async fn live_cases_after(
    conn: &mut PgConnection,
    opd: &OpdCode,
    after: CaseId,
    cases_max: u32,
) -> sqlx::Result<Vec<Case>> {
    let bodies = sqlx::query_scalar!(
        r#"SELECT body::text AS "body!" FROM kase_agency JOIN kase USING (case_id)
         WHERE opd_code = $1 AND case_id > $2 AND state <> 'closed'
               AND NOT (supervisory AND complained_opd IS NOT DISTINCT FROM $1)
         ORDER BY case_id LIMIT $3"#,
        opd.as_str(),
        after.into_uuid(),
        i64::from(cases_max),
    )
    .fetch_all(conn)
    .await?;
    bodies.into_iter().map(super::cases::parse).collect()
}
