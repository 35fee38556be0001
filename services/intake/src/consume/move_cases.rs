//! How the cases of a batch stand after it, and which reports are in them.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use uuid::Uuid;

use super::happened::Happened;
use crate::store::{
    case::{self, StateRow},
    register,
};

/// Stores the newest state of each case, unless a newer one is known: then the case has not moved, and its reports have
/// not either.
///
/// Where a report is follows every state on the way: one that a merge brought and a later event took away again was
/// there, and one that no later state names stays where the last one put it.
pub(super) async fn move_cases(conn: &mut PgConnection, cases: &[&Happened<'_>]) -> sqlx::Result<()> {
    let ids: BTreeSet<Uuid> = cases.iter().map(|case| case.entry.case_id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut seqs = case::lock_seqs(conn, &ids.into_iter().collect::<Vec<_>>()).await?;
    let mut steps: Vec<&Happened<'_>> = Vec::new();
    for case in cases {
        let seq = case::seq_of(case.state);
        let known = seqs.entry(case.entry.case_id).or_default();
        // Of equals the first one stands.
        if *known < seq {
            *known = seq;
            steps.push(case);
        }
    }
    // The last step of a case is its newest state.
    let newest: BTreeMap<Uuid, StateRow<'_>> = steps.iter().map(|step| (step.entry.case_id, row(step))).collect();
    if newest.is_empty() {
        return Ok(());
    }
    let moved = case::put_states(conn, &newest.into_values().collect::<Vec<_>>()).await?;
    // Another process may have taken in a newer state of a case that was not there to be locked.
    steps.retain(|step| moved.contains(&step.entry.case_id));
    let members = steps
        .iter()
        .flat_map(|step| step.members().map(move |report| (report, step.entry.case_id)));
    case::put_members(conn, &members.collect::<Vec<_>>()).await?;
    register::cases_moved(conn, &moved).await
}

fn row<'a>(step: &Happened<'a>) -> StateRow<'a> {
    StateRow {
        case_id: step.entry.case_id,
        case: step.state,
        at: step.entry.at,
    }
}
