//! The reconciler of files: uploads that nothing named within 24 h, and the files of erased reports, are deleted.
//!
//! It has no input and does what is due; doing it twice does no harm. Rows are given up in one transaction; the
//! files go after it, and are forgotten only once they are gone.

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tuntas_kit::{
    problem::Problem,
    reconciler::{self, Next},
    tx,
};

use crate::{intake::Intake, store::attachment};

const BATCH_MAX: i64 = 256;

/// What one round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Uploads given up.
    pub orphans: u64,
    /// Files deleted.
    pub files: usize,
}

/// Does one round.
///
/// # Errors
/// The database's or the store's; what was not done is done the next time.
pub async fn collect_files(intake: &Intake) -> Result<Collected, Problem> {
    let now = intake.now();
    let uploaded_before = now - intake.config.attachments.orphan_after();
    let orphans = tx::run(&intake.pool, move |conn| {
        Box::pin(async move {
            attachment::doom_orphans(conn, uploaded_before, now, BATCH_MAX)
                .await
                .map_err(Problem::from)
        })
    })
    .await?;
    let doomed = attachment::doomed(&mut *intake.conn().await?, BATCH_MAX).await?;
    let files = doomed.len();
    for id in &doomed {
        intake.files.delete(*id).await.map_err(Problem::unavailable)?;
    }
    if !doomed.is_empty() {
        tx::run(&intake.pool, move |conn| {
            Box::pin(async move { attachment::forget_doomed(conn, &doomed).await.map_err(Problem::from) })
        })
        .await?;
    }
    Ok(Collected { orphans, files })
}

/// Does a round now and then until `stop`.
///
/// # Errors
/// None.
pub async fn run(intake: Intake, stop: CancellationToken) -> anyhow::Result<()> {
    let every = intake.config.attachments.collect_every();
    reconciler::run("collect files", every, &Notify::new(), stop, || {
        let intake = intake.clone();
        async move {
            let done = collect_files(&intake).await?;
            if done != Collected::default() {
                tracing::info!(orphans = done.orphans, files = done.files, "collected files");
            }
            Ok(Next::Later)
        }
    })
    .await
}
