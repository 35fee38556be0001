//! One trace spans a report's way from filing to notification, through outbox and broker.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tuntas_tests::collector::Collector;

/// Services that hear of a filing. Exports come in batches, some seconds apart.
const WAY: [&str; 4] = ["intake", "routing", "notification", "oversight"];
const EXPORTED_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

/// Looks for a trace in which all took part.
pub(crate) async fn look(collector: &Collector) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        let traces = collector.services_by_trace();
        if traces
            .values()
            .any(|services| WAY.iter().all(|name| services.contains(*name)))
        {
            return Ok(());
        }
        ensure!(
            started.elapsed() < EXPORTED_WITHIN,
            "no trace of {} spans {WAY:?}; the widest has {:?}",
            traces.len(),
            traces.values().max_by_key(|services| services.len())
        );
        tokio::time::sleep(POLL).await;
    }
}
