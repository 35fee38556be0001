//! How a demo ended: a table by outcome, and what was refused on the way.

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};
use serde_json::json;
use tuntas_proto::{case::v1::Case, routing::v1::GetCaseRequest};

use super::{Played, Running};
use crate::{
    commands::Context,
    error::Result,
    labels,
    platform::{Platform, Who},
    render, rpc,
};

const ASKED_AT_ONCE: usize = 16;

/// Shows how the stories ended.
///
/// # Errors
/// Routing does not answer.
pub async fn show(context: &Context, played: &Played) -> Result<()> {
    let directory = context.platform.directory().await?;
    let manager = directory.first_with("manager", None).unwrap_or_default();
    let mut endings: BTreeMap<String, u64> = BTreeMap::new();
    let mut breached = 0_u64;
    let asked = stream::iter(&played.stories).map(|running| ending(&context.platform, manager, running));
    let mut cases = asked.buffer_unordered(ASKED_AT_ONCE);
    while let Some(case) = cases.next().await {
        let case = case?;
        *endings
            .entry(labels::state_and_outcome(case.state, case.outcome))
            .or_default() += 1;
        breached += u64::from(case.clocks.iter().any(|clock| clock.breached_at.is_some()));
    }
    let seconds = played.took.as_secs().max(1);
    let reports = played.stories.len();
    let value = json!({
        "reports": reports, "acts": played.acts, "seconds": seconds, "endings": endings, "late": breached, "refusals": played.refusals,
    });
    context.screen.show_value(&value, || {
        let rows: Vec<_> = endings.iter().map(|(ending, count)| vec![ending.clone(), count.to_string()]).collect();
        let refused: Vec<_> = played.refusals.iter().map(|(code, count)| vec![code.clone(), count.to_string()]).collect();
        let refusals = if refused.is_empty() { String::new() } else { format!("\n\n{}", render::table(&["REFUSED", "ACTS"], &refused)) };
        format!(
            "{}\n\n{reports} reports, {} acts, {breached} with a breached limit, in {seconds} s ({} reports/s){refusals}",
            render::table(&["ENDED AS", "REPORTS"], &rows),
            played.acts,
            reports as u64 / seconds,
        )
    })
}

async fn ending(platform: &Platform, manager: &str, running: &Running) -> Result<Case> {
    let request = GetCaseRequest {
        report_id: running.progress.report_id.clone(),
        ..GetCaseRequest::default()
    };
    let found = rpc!(platform, Who::Position(manager), cases().get_case(request))?;
    Ok(found.case.unwrap_or_default())
}
