//! Rebuilds an agency's cases from routing: at the first start of a database, and when a gap did not close.
//!
//! A snapshot is complete: a case that is open here and not in it has left the agency, unless it moved since the
//! question was asked. Cases that are closed are not in it and stay as they are.

use std::collections::HashMap;

use tonic::{service::interceptor::InterceptedService, transport::Channel};
use tuntas_domain::{CaseId, OpdCode};
use tuntas_kit::{client::AsService, directory, problem::Problem, tx};
use tuntas_proto::{
    case::v1::Case,
    event::v1::Event,
    routing::v1::{SnapshotAgencyRequest, cases_client::CasesClient, snapshot_agency_response::Item},
};

use crate::{
    apply_case::{self, CaseError},
    desk::Desk,
    store::{agencies, cases},
};

/// A client of routing, as this service.
pub type Routing = CasesClient<InterceptedService<Channel, AsService>>;

/// Cases written in one transaction.
const WRITE_BATCH_MAX: usize = 100;

/// Asks routing for everything of an agency and applies it.
///
/// # Errors
/// Routing's or the database's; what was applied until then stays, and asking again does no harm.
pub async fn take(desk: &Desk, routing: &Routing, opd: &OpdCode) -> Result<(), Problem> {
    let outcome = ask_and_apply(desk, routing, opd).await;
    desk.metrics
        .count_snapshot(if outcome.is_ok() { "applied" } else { "failed" });
    outcome
}

async fn ask_and_apply(desk: &Desk, routing: &Routing, opd: &OpdCode) -> Result<(), Problem> {
    // Read before asking: what is open here and unchanged afterwards, but not in the answer, has left.
    let mut conn = desk.conn().await?;
    let mut missing: HashMap<CaseId, u64> = cases::open_cases(&mut conn, opd).await?.into_iter().collect();
    drop(conn);
    let request = SnapshotAgencyRequest {
        opd_code: opd.to_string(),
    };
    let mut items = routing.clone().snapshot_agency(request).await?.into_inner();
    let (mut entries, mut batch, mut total) = (Vec::new(), Vec::new(), 0_usize);
    while let Some(response) = items.message().await? {
        match response.item {
            Some(Item::Directory(entry)) => entries.push(entry),
            Some(Item::Case(case)) => {
                missing.remove(&case.case_id.parse().map_err(Problem::internal)?);
                total += 1;
                batch.push(case);
            }
            None => {}
        }
        if batch.len() >= WRITE_BATCH_MAX {
            write(desk, opd, std::mem::take(&mut entries), std::mem::take(&mut batch)).await?;
        }
    }
    write(desk, opd, entries, batch).await?;
    let left = missing.len();
    finish(desk, opd, missing).await?;
    tracing::info!(opd = %opd, cases = total, left, "snapshot applied");
    Ok(())
}

async fn write(desk: &Desk, opd: &OpdCode, entries: Vec<Event>, batch: Vec<Case>) -> Result<(), Problem> {
    let opd = opd.clone();
    tx::run(&desk.pool, move |conn| {
        Box::pin(async move {
            for entry in &entries {
                directory::apply(conn, entry).await?;
            }
            for case in &batch {
                apply_case::apply_snapshot(conn, &opd, case).await?;
            }
            Ok::<_, Problem>(())
        })
    })
    .await
}

async fn finish(desk: &Desk, opd: &OpdCode, missing: HashMap<CaseId, u64>) -> Result<(), Problem> {
    let opd = opd.clone();
    tx::run(&desk.pool, move |conn| {
        Box::pin(async move {
            for (case_id, seq) in missing {
                cases::mark_gone(conn, &opd, case_id, seq).await?;
            }
            // Routing that has no directory yet was asked too early: what is imported now may have been published before
            // this desk's queue came to be.
            if directory::latest_seq(conn).await? > 0 {
                agencies::snapshot_applied(conn, &opd).await?;
            }
            Ok::<_, Problem>(())
        })
    })
    .await
}

impl From<CaseError> for Problem {
    fn from(error: CaseError) -> Self {
        match error {
            CaseError::Database(error) => error.into(),
            malformed @ CaseError::Malformed(_) => Self::internal(malformed),
        }
    }
}
