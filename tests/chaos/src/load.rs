//! Citizens who file and officers who verify and dispose, each insisting under the same key until it is answered.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;
use tonic::Code;
use tuntas_ctl::{
    commands::execute,
    platform::{Platform, Who, fresh_key},
    rpc,
};
use tuntas_proto::{
    case::v1::{
        ReportKind,
        case_command::{Command, Dispose, Verify},
    },
    routing::v1::GetCaseRequest,
};
use tuntas_tests::play::complaint;

use crate::ledger::Ledger;

pub(crate) const VERIFIER: &str = "diskominfotik.verifikator-1";
const AGENCIES: [&str; 3] = ["dishub", "pupr-pkpp", "dlhk"];
const CATEGORY: &str = "transportasi-darat";
/// A rate that two cores keep up with, all that follows from a filing included.
const FILED_EVERY: Duration = Duration::from_millis(200);
/// Between two looks whether a case is open.
const LOOKED_EVERY: Duration = Duration::from_millis(5);
/// Every so many reports an officer works one, if he is free.
const WORKED_EVERY: usize = 4;

/// How a filing went.
pub(crate) struct Filing {
    /// When it was tried first.
    pub(crate) begun: Instant,
    /// From then to its receipt.
    pub(crate) took: Duration,
    /// The first try was not answered with a receipt.
    pub(crate) first_try_failed: bool,
}

/// How filings went.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) filings: Vec<Filing>,
    /// Of some: when they were acknowledged, and how long it took from then until their case was open.
    pub(crate) opened: Vec<(Instant, Duration)>,
}

/// Load that goes on until it is told to stop.
pub(crate) struct Load {
    taken: Arc<Mutex<Taken>>,
    stop: tokio::sync::watch::Sender<bool>,
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Load {
    /// `clients` citizens, each filing five times a second at most, and an officer for each. Nobody files later because an officer waits.
    /// `platform` must have the patience to outlast every fault.
    pub(crate) fn start(platform: &Arc<Platform>, ledger: &Arc<Ledger>, clients: usize) -> Self {
        Self::begin(platform, ledger, clients, true)
    }

    /// The same without officers, for when they cannot be heard.
    pub(crate) fn start_filing(platform: &Arc<Platform>, ledger: &Arc<Ledger>, clients: usize) -> Self {
        Self::begin(platform, ledger, clients, false)
    }

    fn begin(platform: &Arc<Platform>, ledger: &Arc<Ledger>, clients: usize, officers: bool) -> Self {
        let (stop, _) = tokio::sync::watch::channel(false);
        let taken = Arc::new(Mutex::default());
        let tasks = (0..clients).map(|client| {
            let citizen = Citizen {
                platform: Arc::clone(platform),
                ledger: Arc::clone(ledger),
                taken: Arc::clone(&taken),
                stopped: stop.subscribe(),
                client,
                officers,
            };
            tokio::spawn(citizen.run())
        });
        Self {
            tasks: tasks.collect(),
            taken,
            stop,
        }
    }

    /// Lets everybody finish what is under way.
    pub(crate) async fn stop(self) -> anyhow::Result<Taken> {
        // Nobody listens when all have failed: their errors follow.
        let _ = self.stop.send(true);
        for task in self.tasks {
            task.await??;
        }
        Ok(std::mem::take(
            &mut *self.taken.lock().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

#[derive(Clone)]
struct Citizen {
    platform: Arc<Platform>,
    ledger: Arc<Ledger>,
    taken: Arc<Mutex<Taken>>,
    stopped: tokio::sync::watch::Receiver<bool>,
    client: usize,
    officers: bool,
}

impl Citizen {
    async fn run(self) -> anyhow::Result<()> {
        let mut number = 0;
        let mut officer: Option<JoinHandle<anyhow::Result<()>>> = None;
        while !*self.stopped.borrow() {
            let begun = Instant::now();
            let request = complaint(CATEGORY);
            let first = self.platform.intake()?.file_report(request.clone()).await;
            let failed = first
                .as_ref()
                .is_err_and(|status| status.code() != Code::InvalidArgument);
            let filed = match first {
                Ok(answer) => answer.into_inner(),
                // The same request again, until it is answered: one receipt in the end.
                Err(_) => rpc!(self.platform, Who::Citizen, intake().file_report(request))?,
            };
            self.ledger.acknowledge(filed.report_id.clone(), filed.ticket);
            {
                let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
                taken.filings.push(Filing {
                    begun,
                    took: begun.elapsed(),
                    first_try_failed: failed,
                });
            }
            number += 1;
            let turn = self.officers && number % WORKED_EVERY == self.client % WORKED_EVERY;
            if turn && officer.as_ref().is_none_or(JoinHandle::is_finished) {
                let next = tokio::spawn(self.clone().work(filed.report_id, number));
                if let Some(done) = officer.replace(next) {
                    done.await??;
                }
            }
            tokio::time::sleep(FILED_EVERY.saturating_sub(begun.elapsed())).await;
        }
        match officer {
            Some(last) => last.await?,
            None => Ok(()),
        }
    }

    /// Verifies a report and gives it to an agency.
    async fn work(self, report_id: String, number: usize) -> anyhow::Result<()> {
        let request = GetCaseRequest {
            report_id,
            at_least_seq: 1,
            ..GetCaseRequest::default()
        };
        let begun = Instant::now();
        // While things break, a case may take as long as they do; afterwards it must come.
        let mut calm_since = begun;
        let case_id = loop {
            let asked = request.clone();
            match rpc!(self.platform, Who::Position(VERIFIER), cases().get_case(asked)) {
                Ok(found) => {
                    let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
                    taken.opened.push((begun, begun.elapsed()));
                    break found.case.unwrap_or_default().case_id;
                }
                Err(error) if calm_since.elapsed() > crate::PATIENCE => return Err(error.into()),
                Err(_) => {
                    if !*self.stopped.borrow() {
                        calm_since = Instant::now();
                    }
                    tokio::time::sleep(LOOKED_EVERY).await;
                }
            }
        };
        let verify = Verify {
            kind: ReportKind::Complaint.into(),
            category_code: CATEGORY.to_owned(),
            region_code: "14.71".to_owned(),
            ..Verify::default()
        };
        let agency = AGENCIES.get(number % AGENCIES.len()).copied().unwrap_or("dishub");
        let dispose = Dispose {
            lead_opd: agency.to_owned(),
            ..Dispose::default()
        };
        for command in [Command::Verify(verify), Command::Dispose(dispose)] {
            execute(&self.platform, VERIFIER, &fresh_key(), case_id.clone(), command).await?;
        }
        Ok(())
    }
}
