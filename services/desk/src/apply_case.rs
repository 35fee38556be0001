//! Takes a case as routing tells it: by sequence, whatever order it comes in.
//!
//! An old state is ignored. The next one is stored, and with it those that were waiting for it. One that leaves a
//! gap is held back: the missing ones are on their way, or a snapshot will close the gap. A case that is new to the
//! agency, or comes back to it, has no gap: what happened elsewhere was never sent here.

use sqlx::PgConnection;
use tuntas_domain::{CaseId, OpdCode};
use tuntas_proto::{case::v1::Case, wire_time::instant};

use crate::{
    part::{Part, state_code},
    store::{
        cases::{self, NewCase},
        held,
    },
};

/// What became of a case that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It is the latest now.
    Stored,
    /// The stored one is as new, or newer.
    Old,
    /// It waits for those before it.
    HeldBack,
}

/// Why a case cannot be taken at all.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The database's.
    #[error("database")]
    Database(#[from] sqlx::Error),
    /// The message is not a case.
    #[error("the case's {0} is malformed")]
    Malformed(&'static str),
}

/// What is to become of a state with this number: `known` is the number of the stored one, and the agency's part in it.
/// What was held back is stored with the one that it waits for.
#[must_use]
pub fn place(known: Option<(u64, Part)>, seq: u64) -> Applied {
    match known {
        Some((stored, _)) if seq <= stored => Applied::Old,
        Some((stored, part)) if part != Part::Gone && seq > stored.saturating_add(1) => Applied::HeldBack,
        _ => Applied::Stored,
    }
}

/// Takes the state of a case after one event.
///
/// # Errors
/// See [`CaseError`].
pub async fn apply(conn: &mut PgConnection, opd: &OpdCode, case: &Case) -> Result<Applied, CaseError> {
    let case_id = id_of(case)?;
    // Nearly every time it is the next one: then one statement looks, stores and locks.
    if !cases::put_next(conn, opd, &new_case(opd, case_id, case)?).await? {
        let known = cases::lock(conn, opd, case_id).await?;
        match place(known, case.seq) {
            Applied::Old => return Ok(Applied::Old),
            Applied::HeldBack => {
                held::hold(conn, opd, case_id, case).await?;
                return Ok(Applied::HeldBack);
            }
            // Another writer has stored the one before meanwhile.
            Applied::Stored => put(conn, opd, case_id, case).await?,
        }
    }
    let mut seq = case.seq;
    while let Some(next) = held::take_next(conn, opd, case_id, seq).await? {
        put(conn, opd, case_id, &next).await?;
        seq = next.seq;
    }
    Ok(Applied::Stored)
}

/// Takes the state of a case from a snapshot: complete, so no gap matters.
///
/// # Errors
/// See [`CaseError`].
pub async fn apply_snapshot(conn: &mut PgConnection, opd: &OpdCode, case: &Case) -> Result<(), CaseError> {
    let case_id = id_of(case)?;
    cases::lock(conn, opd, case_id).await?;
    put(conn, opd, case_id, case).await?;
    release(conn, opd, case_id).await
}

/// Goes on with a case whose gap did not close: every state is complete, so the latest one holds.
///
/// # Errors
/// See [`CaseError`].
pub async fn close_gap(conn: &mut PgConnection, opd: &OpdCode, case_id: CaseId) -> Result<(), CaseError> {
    cases::lock(conn, opd, case_id).await?;
    release(conn, opd, case_id).await
}

async fn release(conn: &mut PgConnection, opd: &OpdCode, case_id: CaseId) -> Result<(), CaseError> {
    for case in held::take_all(conn, opd, case_id).await? {
        put(conn, opd, case_id, &case).await?;
    }
    Ok(())
}

async fn put(conn: &mut PgConnection, opd: &OpdCode, case_id: CaseId, case: &Case) -> Result<(), CaseError> {
    cases::put(conn, opd, &new_case(opd, case_id, case)?).await?;
    Ok(())
}

fn new_case<'a>(opd: &OpdCode, case_id: CaseId, case: &'a Case) -> Result<NewCase<'a>, CaseError> {
    let state = state_code(case.state()).ok_or(CaseError::Malformed("state"))?;
    if case.seq == 0 {
        return Err(CaseError::Malformed("seq"));
    }
    Ok(NewCase {
        case_id,
        part: Part::of(opd, case),
        state,
        next_due_at: case.next_due_at.as_ref().and_then(instant),
        case,
    })
}

fn id_of(case: &Case) -> Result<CaseId, CaseError> {
    case.case_id.parse().map_err(|_| CaseError::Malformed("case_id"))
}
