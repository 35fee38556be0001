//! Imports under way, in the memory of this process: words are kept nowhere else. An import that is lost with the process is
//! uploaded again, and adds only what is missing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tuntas_kit::{ids, problem::Problem};
use tuntas_proto::{
    intake::v1::{FileReportRequest, FileReportResponse},
    wire_time::instant,
};
use uuid::Uuid;

use super::{
    mapping::{Mapping, Trouble},
    table::Table,
};
use crate::{
    accounts::derived_key,
    directory::Directory,
    platform::{Platform, answer},
};

/// Imports kept at once, and for how long.
const JOBS_MAX: usize = 8;
const KEPT_FOR: Duration = Duration::from_hours(2);
/// Reports filed at a time.
const AT_ONCE: usize = 4;
/// Tries of a report while intake is away, and the wait before the first repetition; it doubles.
const TRIES_MAX: u32 = 6;
const WAIT: Duration = Duration::from_millis(500);
/// Refusals remembered.
const FAILED_MAX: usize = 1000;

/// A row, checked.
pub struct Plan {
    /// How the columns were read.
    pub mapping: Mapping,
    /// Reports with the number of their row in the file, from 2.
    reports: Vec<(usize, FileReportRequest)>,
    /// Rows that cannot be filed.
    pub troubles: Vec<(usize, Vec<Trouble>)>,
    /// Rows whose number stands in the file before.
    pub repeated: usize,
}

impl Plan {
    /// Reports that will be filed.
    #[must_use]
    pub fn size(&self) -> usize {
        self.reports.len()
    }

    /// The first report, to look at.
    #[must_use]
    pub fn first(&self) -> Option<&FileReportRequest> {
        self.reports.first().map(|(_, report)| report)
    }
}

/// How far an import is.
#[derive(Debug, Default, Clone)]
pub struct Progress {
    /// Reports looked after.
    pub done: usize,
    /// Newly filed.
    pub added: usize,
    /// Filed by an earlier run.
    pub known: usize,
    /// Row and code of what intake refused.
    pub failed: Vec<(usize, String)>,
    /// All are looked after.
    pub finished: bool,
}

/// One import.
#[derive(Clone)]
pub struct Job {
    /// Account that started it.
    pub owner: Uuid,
    /// What the source is called.
    pub source: String,
    /// The file.
    pub table: Arc<Table>,
    /// The dry run; none before it.
    pub plan: Option<Arc<Plan>>,
    /// Set once it runs.
    pub progress: Option<Arc<Mutex<Progress>>>,
    started: Instant,
}

impl Job {
    /// How far it is; none before it runs.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        self.progress.as_ref().map(|progress| lock(progress).clone())
    }
}

/// All of them.
pub struct Imports {
    key: [u8; 32],
    jobs: Mutex<HashMap<Uuid, Job>>,
}

impl Imports {
    /// None yet.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        Self {
            key: derived_key(secret, "import"),
            jobs: Mutex::default(),
        }
    }

    /// The key under which a report of a source is filed: the same in every run, and nobody else's to guess, because the
    /// receipt's code derives from it.
    #[must_use]
    pub fn key_of(&self, source: &str, id: &str) -> String {
        let mut hash = Sha256::new_with_prefix(self.key);
        for part in [source, id] {
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.update(self.key);
        hex::encode(hash.finalize())
    }

    /// Keeps a file; an earlier one of the same account is forgotten unless it runs.
    ///
    /// # Errors
    /// `import_busy`: too many run.
    pub fn start(&self, owner: Uuid, source: String, table: Table) -> Result<Uuid, Problem> {
        let mut jobs = lock(&self.jobs);
        jobs.retain(|_, job| {
            let runs = job.progress().is_some_and(|progress| !progress.finished);
            runs || (job.owner != owner && job.started.elapsed() < KEPT_FOR)
        });
        if jobs.len() >= JOBS_MAX {
            return Err(Problem::refusal("import_busy", "too many imports are under way"));
        }
        let id = ids::new_id();
        let job = Job {
            owner,
            source,
            table: Arc::new(table),
            plan: None,
            progress: None,
            started: Instant::now(),
        };
        jobs.insert(id, job);
        Ok(id)
    }

    /// An import of an account.
    #[must_use]
    pub fn get(&self, id: Uuid, owner: Uuid) -> Option<Job> {
        lock(&self.jobs).get(&id).filter(|job| job.owner == owner).cloned()
    }

    /// Reads the rows by a mapping, without filing anything.
    pub fn check(&self, id: Uuid, job: &Job, mapping: Mapping, directory: &Directory) {
        let plan = self.plan(job, mapping, directory);
        if let Some(kept) = lock(&self.jobs).get_mut(&id).filter(|kept| kept.progress.is_none()) {
            kept.plan = Some(Arc::new(plan));
        }
    }

    fn plan(&self, job: &Job, mapping: Mapping, directory: &Directory) -> Plan {
        const FIRST_ROW: usize = 2;
        let (mut reports, mut troubles, mut repeated) = (Vec::new(), Vec::new(), 0);
        let mut seen = std::collections::HashSet::new();
        for (place, row) in job.table.rows.iter().enumerate() {
            let id = mapping.source_id(row);
            if !id.is_empty() && !seen.insert(id) {
                repeated += 1;
                continue;
            }
            match mapping.report(row, &job.source, self.key_of(&job.source, id), directory) {
                Ok(report) => reports.push((place + FIRST_ROW, report)),
                Err(wrong) => troubles.push((place + FIRST_ROW, wrong)),
            }
        }
        Plan {
            reports,
            troubles,
            repeated,
            mapping,
        }
    }

    /// Starts filing what a dry run found good; a second start changes nothing.
    pub fn run(&self, id: Uuid, platform: &Platform, now: OffsetDateTime) {
        let mut jobs = lock(&self.jobs);
        let Some(job) = jobs.get_mut(&id).filter(|job| job.progress.is_none()) else {
            return;
        };
        let Some(plan) = job.plan.clone() else { return };
        let progress = Arc::new(Mutex::new(Progress::default()));
        job.progress = Some(progress.clone());
        let platform = platform.clone();
        tokio::spawn(async move {
            futures::stream::iter(&plan.reports)
                .for_each_concurrent(AT_ONCE, |(row, report)| {
                    let (platform, progress) = (&platform, &progress);
                    async move {
                        let filed = file(platform, report).await;
                        count(&mut lock(progress), *row, filed, now);
                    }
                })
                .await;
            lock(&progress).finished = true;
        });
    }
}

async fn file(platform: &Platform, report: &FileReportRequest) -> Result<FileReportResponse, Problem> {
    let mut wait = WAIT;
    for _ in 1..TRIES_MAX {
        match answer(platform.intake().file_report(report.clone())).await {
            Err(problem) if problem.kind().http >= 500 => tokio::time::sleep(wait).await,
            decided => return decided,
        }
        wait *= 2;
    }
    answer(platform.intake().file_report(report.clone())).await
}

fn count(progress: &mut Progress, row: usize, filed: Result<FileReportResponse, Problem>, since: OffsetDateTime) {
    progress.done += 1;
    match filed {
        Ok(filed) => {
            let at = filed.filed_at.as_ref().and_then(instant);
            if at.is_some_and(|at| at < since) {
                progress.known += 1;
            } else {
                progress.added += 1;
            }
        }
        Err(problem) => {
            if progress.failed.len() < FAILED_MAX {
                progress.failed.push((row, problem.code().to_owned()));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use tuntas_proto::wire_time::timestamp;

    use super::*;

    fn imports(secret: &str) -> Imports {
        Imports::new(&SecretString::from(secret.to_owned()))
    }

    #[test]
    fn a_key_is_the_same_in_every_run_and_another_for_everything_else() {
        let one = imports("rahasia-yang-cukup-panjang-untuk-ini");
        let key = one.key_of("LAPOR", "12");
        assert_eq!(key, one.key_of("LAPOR", "12"));
        assert_eq!(key.len(), 64);
        assert_ne!(key, one.key_of("LAPOR1", "2"));
        assert_ne!(key, one.key_of("LAPOR", "13"));
        assert_ne!(
            key,
            imports("rahasia-lain-yang-cukup-panjang-juga").key_of("LAPOR", "12")
        );
    }

    #[test]
    fn what_an_earlier_run_filed_is_told_apart() {
        let since = datetime!(2026-11-24 10:00 UTC);
        let filed = |at| {
            Ok(FileReportResponse {
                filed_at: Some(timestamp(at)),
                ..FileReportResponse::default()
            })
        };
        let mut progress = Progress::default();
        count(&mut progress, 2, filed(datetime!(2026-11-24 10:00 UTC)), since);
        count(&mut progress, 3, filed(datetime!(2026-11-23 10:00 UTC)), since);
        count(&mut progress, 4, Err(Problem::refusal("nik_malformed", "")), since);
        assert_eq!((progress.done, progress.added, progress.known), (3, 1, 1));
        assert_eq!(progress.failed, [(4, "nik_malformed".to_owned())]);
    }
}
