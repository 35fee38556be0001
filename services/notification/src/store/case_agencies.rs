//! Which agencies a case concerns, as of its latest event.

use sqlx::PgConnection;
use tuntas_domain::{CaseId, OpdCode};

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

/// Stores the agencies of a case as of `seq`, unless the stored ones are newer.
///
/// # Errors
/// The database's.
pub async fn put(conn: &mut PgConnection, case_id: CaseId, seq: u64, agencies: &CaseAgencies) -> sqlx::Result<()> {
    let opds: Vec<String> = agencies.opds.iter().map(ToString::to_string).collect();
    sqlx::query!(
        "INSERT INTO case_agency (case_id, seq, opds, hidden_from) VALUES ($1, $2, $3, $4)
         ON CONFLICT (case_id) DO UPDATE SET seq = excluded.seq, opds = excluded.opds,
             hidden_from = excluded.hidden_from
         WHERE case_agency.seq < excluded.seq",
        case_id.into_uuid(),
        to_bigint(seq),
        &opds,
        agencies.hidden_from.as_ref().map(OpdCode::as_str),
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
