//! What clients were promised, and whether the platform still knows it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::ensure;
use tuntas_ctl::{commands::reconcile, platform::Platform};
use tuntas_tests::sql::{self, Databases};

/// Reports that were acknowledged: ticket by id.
#[derive(Default)]
pub(crate) struct Ledger {
    acknowledged: Mutex<BTreeMap<String, String>>,
}

impl Ledger {
    pub(crate) fn acknowledge(&self, report_id: String, ticket: String) {
        let mut acknowledged = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        acknowledged.insert(report_id, ticket);
    }

    pub(crate) fn len(&self) -> usize {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Every acknowledged report is there once, with its ticket and exactly one case, and all books balance: reports, cases, desks,
    /// deliveries, feed (positions 1 to n).
    pub(crate) async fn balance(
        &self,
        platform: &Platform,
        databases: &Databases,
        within: Duration,
    ) -> anyhow::Result<()> {
        let books = reconcile::compare_within(platform, within, true).await?;
        ensure!(
            books.differences.is_empty(),
            "the books differ: {:#?}",
            books.differences
        );
        let reports = pairs(&databases.ask(sql::INTAKE, "SELECT id, ticket FROM report")?);
        let cases = pairs(&databases.ask(
            sql::ROUTING,
            "SELECT report_id, count(*) FROM case_report GROUP BY report_id",
        )?);
        let acknowledged = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        for (report_id, ticket) in &*acknowledged {
            ensure!(
                reports.get(report_id) == Some(ticket),
                "{ticket} was acknowledged and is lost"
            );
            ensure!(
                cases.get(report_id).is_some_and(|count| count == "1"),
                "{ticket} has {:?} cases",
                cases.get(report_id)
            );
        }
        // A filing whose answer was lost is known to the platform only; one that is there twice would show here.
        ensure!(
            reports.len() >= acknowledged.len(),
            "{} reports for {} acknowledgements",
            reports.len(),
            acknowledged.len()
        );
        Ok(())
    }
}

fn pairs(rows: &str) -> BTreeMap<String, String> {
    rows.lines()
        .filter_map(|line| line.split_once('|'))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
