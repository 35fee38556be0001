//! Which agencies a case concerns, as of its latest event.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use tuntas_domain::{CaseId, OpdCode};
use uuid::Uuid;

use super::to_bigint;

/// The agencies of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseAgencies {
    /// Lead and contributors.
    pub opds: Vec<OpdCode>,
    /// The unit complained about in a supervisory case (rule M10).
    pub hidden_from: Option<OpdCode>,
}

impl CaseAgencies {
    /// Whether an agency may learn of the case.
    #[must_use]
    pub fn concern(&self, opd: &OpdCode) -> bool {
        self.hidden_from.as_ref() != Some(opd) && self.opds.contains(opd)
    }
}

/// Stores the agencies of cases, each as of a sequence, unless the stored ones are newer.
///
/// Arrays of arrays cannot be unnested into rows, so each agency comes with its case.
///
/// # Errors
/// The database's.
pub async fn put(conn: &mut PgConnection, cases: &BTreeMap<CaseId, (u64, CaseAgencies)>) -> sqlx::Result<()> {
    if cases.is_empty() {
        return Ok(());
    }
    let (ids, seqs): (Vec<Uuid>, Vec<i64>) = cases
        .iter()
        .map(|(case_id, (seq, _))| (case_id.into_uuid(), to_bigint(*seq)))
        .unzip();
    let hidden_from: Vec<Option<String>> = cases
        .values()
        .map(|(_, agencies)| agencies.hidden_from.as_ref().map(ToString::to_string))
        .collect();
    let (of_case, opds): (Vec<Uuid>, Vec<String>) = cases
        .iter()
        .flat_map(|(case_id, (_, agencies))| agencies.opds.iter().map(|opd| (case_id.into_uuid(), opd.to_string())))
        .unzip();
    sqlx::query!(
        "INSERT INTO case_agency (case_id, seq, opds, hidden_from)
         SELECT given.case_id, seq, coalesce(concerned.opds, '{}'), hidden_from
         FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS given (case_id, seq, hidden_from)
         LEFT JOIN (SELECT case_id, array_agg(opd ORDER BY place) AS opds
                    FROM unnest($4::uuid[], $5::text[]) WITH ORDINALITY AS each (case_id, opd, place)
                    GROUP BY case_id) AS concerned USING (case_id)
         ON CONFLICT (case_id) DO UPDATE SET seq = excluded.seq, opds = excluded.opds,
             hidden_from = excluded.hidden_from
         WHERE case_agency.seq < excluded.seq",
        &ids,
        &seqs,
        &hidden_from as &[Option<String>],
        &of_case,
        &opds,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The agencies of a case; none before its first event.
///
/// # Errors
/// The database's.
pub async fn get(conn: &mut PgConnection, case_id: CaseId) -> sqlx::Result<Option<CaseAgencies>> {
    let row = sqlx::query!(
        "SELECT opds, hidden_from FROM case_agency WHERE case_id = $1",
        case_id.into_uuid()
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(CaseAgencies {
            opds: row.opds.iter().map(|code| parse(code)).collect::<sqlx::Result<_>>()?,
            hidden_from: row.hidden_from.as_deref().map(parse).transpose()?,
        })
    })
    .transpose()
}

fn parse(code: &str) -> sqlx::Result<OpdCode> {
    code.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))
}
