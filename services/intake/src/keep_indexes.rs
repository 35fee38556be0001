//! The reconciler of the word indexes: moves what was written lately into them, so that no filing has to.
//!
//! PostgreSQL gathers new entries of such an index in a list, and whoever fills the list empties it: that would be a filing, with
//! those that wait behind it.

use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tuntas_kit::{
    reconciler::{self, Next},
    tx,
};

use crate::{intake::Intake, store::upkeep};

const EVERY: Duration = Duration::from_secs(1);

/// Does a round now and then until `stop`.
///
/// # Errors
/// None.
pub async fn run(intake: Intake, stop: CancellationToken) -> anyhow::Result<()> {
    reconciler::run("keep indexes", EVERY, &Notify::new(), stop, || {
        let pool = intake.pool.clone();
        async move {
            tx::run(&pool, |conn| {
                Box::pin(async move { upkeep::empty_pending_lists(conn).await })
            })
            .await?;
            Ok(Next::Later)
        }
    })
    .await
}
