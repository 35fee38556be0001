//! The desk's background work: learns its agencies, consumes their queues, closes gaps, takes wanted snapshots.
//! Without input and idempotent: what it does not get done now it does at the next round.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use tonic::{service::interceptor::InterceptedService, transport::Channel};
use tuntas_domain::OpdCode;
use tuntas_kit::{
    app::Consumers,
    client::AsService,
    directory::{self, DirectoryReader},
    ids,
    problem::Problem,
    telemetry, tx,
};
use tuntas_proto::{
    event::v1::{DirectoryChanged, directory_changed::Change, event::Payload},
    routing::v1::{ListDirectoryRequest, directory_client::DirectoryClient},
};

use crate::{
    apply_case, consume,
    desk::Desk,
    snapshot::{self, Routing},
    store::{agencies, held},
};

/// A client of routing's directory, as this service.
pub type Directory = DirectoryClient<InterceptedService<Channel, AsService>>;

/// Gaps closed in one round.
const GAPS_MAX: i64 = 100;
/// Entries that were learnt by asking count as older than every event.
const ASKED_SEQ: u64 = 0;

/// The background work of a desk.
pub struct Reconciler {
    /// The desk.
    pub desk: Desk,
    /// Routing, for snapshots.
    pub routing: Routing,
    /// Routing's directory, for the first look at the agencies.
    pub directory: Directory,
    /// Where queues are consumed; none in tests without a broker.
    pub consumers: Option<Consumers>,
    /// Ask for everything once more, whatever is stored.
    pub rebuild: bool,
    served: BTreeSet<OpdCode>,
    not_before: Option<Instant>,
}

impl Reconciler {
    /// The background work of a desk.
    #[must_use]
    pub fn new(
        desk: Desk,
        routing: Routing,
        directory: Directory,
        consumers: Option<Consumers>,
        rebuild: bool,
    ) -> Self {
        Self {
            desk,
            routing,
            directory,
            consumers,
            rebuild,
            served: BTreeSet::new(),
            not_before: None,
        }
    }

    /// Works until `stop`.
    ///
    /// # Errors
    /// None: what is away is waited for.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let interval = Duration::from_millis(self.desk.config.desk.reconcile_interval_ms);
        while !stop.is_cancelled() {
            if let Err(error) = self.round().await {
                tracing::warn!(error.chain = %telemetry::chain(&error), "the desk's background work has to wait");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(interval) => {}
            }
        }
        Ok(())
    }

    /// One round.
    ///
    /// # Errors
    /// The database's.
    pub async fn round(&mut self) -> Result<(), Problem> {
        self.serve_agencies().await?;
        self.close_gaps().await?;
        self.take_snapshots().await
    }

    /// Adds agencies that are new to this desk, and consumes their queues.
    async fn serve_agencies(&mut self) -> Result<(), Problem> {
        let mut conn = self.desk.conn().await?;
        let mut known = self.desk.directory.current(&mut conn).await?;
        drop(conn);
        if known.agencies.is_empty() && self.desk.scope.needs_directory() && self.may_ask() {
            match learn_agencies(&self.desk, &self.directory).await {
                Ok(()) => {
                    let mut conn = self.desk.conn().await?;
                    // Entries without a sequence do not change the reading's.
                    known = DirectoryReader::default().current(&mut conn).await?;
                }
                Err(error) => self.wait_for_routing(&error),
            }
        }
        let agencies = self.desk.scope.agencies(&known);
        let count = agencies.len();
        for opd in agencies {
            if self.served.contains(&opd) {
                continue;
            }
            add(&self.desk, &opd, self.rebuild).await?;
            if let Some(consumers) = &self.consumers {
                consumers
                    .add(consume::consumer(&self.desk, &opd, count))
                    .map_err(Problem::internal)?;
            }
            self.served.insert(opd);
        }
        Ok(())
    }

    /// Goes on with cases whose missing events did not come, and has routing asked what else was missed.
    async fn close_gaps(&self) -> Result<(), Problem> {
        let hold_ms = i64::from(self.desk.config.desk.gap_hold_ms);
        let mut conn = self.desk.conn().await?;
        let gaps = held::overdue(&mut conn, hold_ms, GAPS_MAX).await?;
        drop(conn);
        for (opd, case_id) in gaps {
            self.desk.metrics.count_gap();
            tracing::warn!(opd = %opd, case.id = %case_id, "events of a case did not come; routing is asked");
            tx::run(&self.desk.pool, move |conn| {
                Box::pin(async move {
                    apply_case::close_gap(conn, &opd, case_id).await?;
                    agencies::want_snapshot(conn, &opd).await?;
                    Ok::<_, Problem>(())
                })
            })
            .await?;
        }
        Ok(())
    }

    /// Takes the snapshots that are wanted; the first that fails ends the round, for routing is away then.
    async fn take_snapshots(&mut self) -> Result<(), Problem> {
        if !self.may_ask() {
            return Ok(());
        }
        let mut conn = self.desk.conn().await?;
        let wanting = agencies::wanting_snapshot(&mut conn).await?;
        drop(conn);
        for opd in wanting.into_iter().filter(|opd| self.desk.scope.covers(opd)) {
            if let Err(error) = snapshot::take(&self.desk, &self.routing, &opd).await {
                self.wait_for_routing(&error);
                return Ok(());
            }
        }
        Ok(())
    }

    fn may_ask(&self) -> bool {
        self.not_before.is_none_or(|not_before| Instant::now() >= not_before)
    }

    fn wait_for_routing(&mut self, error: &Problem) {
        let pause = Duration::from_millis(self.desk.config.desk.snapshot_retry_ms);
        tracing::warn!(
            error.chain = %telemetry::chain(error),
            retry_in_ms = pause.as_millis(),
            "routing gives no snapshot now"
        );
        self.not_before = Some(Instant::now() + pause);
    }
}

async fn add(desk: &Desk, opd: &OpdCode, rebuild: bool) -> Result<(), Problem> {
    let served = opd.clone();
    let new = tx::run(&desk.pool, move |conn| {
        Box::pin(async move {
            let new = agencies::add(conn, &served, ids::new_id()).await?;
            if rebuild {
                agencies::want_snapshot(conn, &served).await?;
            }
            Ok::<_, Problem>(new)
        })
    })
    .await?;
    tracing::info!(opd = %opd, new, "serving");
    Ok(())
}

/// Asks which agencies there are. Only for a desk for all that has never heard an event: until it consumes a queue,
/// nothing tells it. What it learns this way counts as older than every event.
async fn learn_agencies(desk: &Desk, directory: &Directory) -> Result<(), Problem> {
    let answer = directory
        .clone()
        .list_directory(ListDirectoryRequest::default())
        .await?
        .into_inner();
    let at = desk.clock.now();
    let agencies = answer.agencies.into_iter().map(move |agency| {
        let change = DirectoryChanged {
            change: Some(Change::Agency(agency)),
        };
        directory::event_of(Payload::DirectoryChanged(change), ASKED_SEQ, at)
    });
    let agencies: Vec<_> = agencies.collect();
    tx::run(&desk.pool, move |conn| {
        Box::pin(async move {
            for entry in &agencies {
                directory::apply(conn, entry).await?;
            }
            Ok::<_, Problem>(())
        })
    })
    .await
}
