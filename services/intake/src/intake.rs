//! What every use case works with.

use std::{net::IpAddr, sync::Arc, time::Duration};

use sqlx::{PgConnection, PgPool, pool::PoolConnection};
use time::OffsetDateTime;
use tokio::sync::{Notify, Semaphore};
use tuntas_kit::{
    auth::TrustStore,
    clock::Clock,
    config::{ConfigError, secret},
    directory::{DirectoryReader, Snapshot},
    problem::Problem,
    rate_limit::FailureLimit,
    wait::Board,
};
use uuid::Uuid;

use crate::{
    attachment::{FileStore, scan::Scanner},
    config::IntakeConfig,
    group_commit::GroupCommit,
    problems::REPORT_ERASED,
    seal::{Key, MasterKey},
    secrets::Secrets,
    store,
    words::Grams,
};

/// How old what a filing knows of the directory may be.
const DIRECTORY_AGE_MAX: Duration = Duration::from_secs(1);
/// How old it may be while somebody asks for a newer one.
const DIRECTORY_AGE_LIMIT: Duration = Duration::from_secs(5);

/// Connections, keys and limits. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    inner: Arc<Inner>,
}

/// The fields of [`Intake`].
#[expect(missing_docs, reason = "each type is documented where it is defined")]
pub struct Inner {
    pub pool: PgPool,
    pub clock: Clock,
    pub trust: Arc<TrustStore>,
    pub directory: DirectoryReader,
    pub master: MasterKey,
    pub secrets: Secrets,
    pub grams: Grams,
    pub files: FileStore,
    pub scanner: Option<Scanner>,
    pub decoding: Semaphore,
    pub wrong_by_ticket: FailureLimit<String>,
    pub wrong_by_peer: FailureLimit<IpAddr>,
    /// Wakes who settles lost receipt codes.
    pub recoveries: Notify,
    /// Told of reports whose case has moved, and of citizens' commands that are decided.
    pub heard: Board,
    pub filings: GroupCommit,
    pub config: IntakeConfig,
}

impl std::ops::Deref for Intake {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl Intake {
    /// Reads the keys, opens the folder of the files.
    ///
    /// # Errors
    /// A key is missing or not one, or the folder cannot be used.
    pub fn new(config: IntakeConfig, pool: PgPool, clock: Clock, trust: Arc<TrustStore>) -> anyhow::Result<Self> {
        let vault = &config.vault;
        let master = secret(
            "vault.master_key",
            vault.master_key.as_ref(),
            vault.master_key_file.as_ref(),
        )?
        .ok_or(ConfigError::Missing("vault.master_key"))?;
        let master = MasterKey::parse(secrecy::ExposeSecret::expose_secret(&master))?;
        let receipt = &config.receipt;
        let receipt_secret = secret("receipt.secret", receipt.secret.as_ref(), receipt.secret_file.as_ref())?
            .ok_or(ConfigError::Missing("receipt.secret"))?;
        let files = &config.attachments;
        let inner = Inner {
            grams: Grams::new(&master),
            secrets: Secrets::new(&receipt_secret)?,
            files: FileStore::in_folder(&files.dir)?,
            scanner: files
                .clamd
                .clone()
                .map(|address| Scanner::new(address, std::time::Duration::from_millis(files.clamd_timeout_ms))),
            decoding: Semaphore::new(files.decoding_at_once_max.max(1)),
            wrong_by_ticket: FailureLimit::new(receipt.wrong_per_ticket_per_minute, receipt.wrong_per_ticket_burst),
            wrong_by_peer: FailureLimit::new(receipt.wrong_per_peer_per_minute, receipt.wrong_per_peer_burst),
            recoveries: Notify::new(),
            heard: Board::default(),
            filings: GroupCommit::default(),
            directory: DirectoryReader::default(),
            master,
            pool,
            clock,
            trust,
            config,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A connection for reading.
    ///
    /// # Errors
    /// None is free in time.
    pub async fn conn(&self) -> Result<PoolConnection<sqlx::Postgres>, Problem> {
        Ok(self.pool.acquire().await?)
    }

    /// The directory as it stands here.
    ///
    /// # Errors
    /// The database's.
    pub async fn snapshot(&self, conn: &mut PgConnection) -> Result<Arc<Snapshot>, Problem> {
        Ok(self.directory.current(conn).await?)
    }

    /// The directory for a filing: one that changed within the last moment may come too late for it, as a replica's may anyhow.
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot).
    pub async fn recent_snapshot(&self) -> Result<Arc<Snapshot>, Problem> {
        let recent = self
            .directory
            .recent(&self.pool, DIRECTORY_AGE_MAX, DIRECTORY_AGE_LIMIT);
        Ok(recent.await?)
    }

    /// What counts as now.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// The key of a report; none once it was erased.
    ///
    /// # Errors
    /// The database's, or another master key.
    pub async fn key(&self, conn: &mut PgConnection, report: Uuid) -> Result<Option<Key>, Problem> {
        match store::report::wrapped_key(conn, report).await? {
            Some(wrapped) => Ok(Some(self.master.unwrap(report, &wrapped)?)),
            None => Ok(None),
        }
    }

    /// The key of a report whose content is needed.
    ///
    /// # Errors
    /// `report_erased`, or as [`Intake::key`].
    pub async fn key_or_erased(&self, conn: &mut PgConnection, report: Uuid) -> Result<Key, Problem> {
        self.key(conn, report).await?.ok_or_else(|| Problem::new(REPORT_ERASED))
    }
}
