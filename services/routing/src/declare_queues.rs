//! Declares exchanges, queues and bindings: at the start, when an agency appears, and now and then in case one was lost.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tuntas_domain::OpdCode;
use tuntas_kit::{backoff::Backoff, broker::Broker, directory::EXTERNAL, problem::Problem, telemetry};
use tuntas_proto::event::v1::{DirectoryChanged, directory_changed::Change};

use crate::Routing;

/// How often the queues are declared without a reason; another replica may have imported an agency.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Runs until the process stops. With the broker away it tries again; nothing else waits for it.
///
/// # Errors
/// Never; what fails is logged and tried again.
pub async fn run(routing: Routing, broker: Broker, stop: CancellationToken) -> anyhow::Result<()> {
    let mut backoff = Backoff::reconnect();
    while !stop.is_cancelled() {
        let wait = match declare(&routing, &broker).await {
            Ok(()) => {
                backoff.reset();
                AGAIN_AFTER
            }
            Err(problem) => {
                tracing::warn!(error.chain = %telemetry::chain(&problem), "queues could not be declared");
                backoff.wait()
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = routing.topology.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    Ok(())
}

/// Declares the queues of agencies that are about to appear, before anything is published that they must hear: an event
/// that comes before its queue is lost to it.
///
/// # Errors
/// The database's or the broker's: then the import has to wait.
pub(crate) async fn declare_new(routing: &Routing, entries: &[DirectoryChanged]) -> Result<(), Problem> {
    let Some(broker) = &routing.broker else {
        return Ok(());
    };
    let directory = routing.directory.now(&routing.pool).await?;
    let mut new = Vec::new();
    for entry in entries {
        let Some(Change::Agency(agency)) = &entry.change else {
            continue;
        };
        let code: OpdCode = agency.code.parse().map_err(|error| Problem::invalid("code", error))?;
        if agency.kind != EXTERNAL && !directory.agencies.contains_key(&code) {
            new.push(code);
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    broker.declare(&new).await.map_err(Problem::unavailable)
}

/// Declares everything for the agencies that the directory has now, also for those no longer active: they may have
/// cases left.
///
/// # Errors
/// The database's or the broker's.
pub async fn declare(routing: &Routing, broker: &Broker) -> Result<(), Problem> {
    let directory = routing.directory.now(&routing.pool).await?;
    let own = directory.agencies.iter().filter(|(_, agency)| agency.kind != EXTERNAL);
    let opds: Vec<OpdCode> = own.map(|(code, _)| code.clone()).collect();
    broker.declare(&opds).await.map_err(Problem::unavailable)
}
