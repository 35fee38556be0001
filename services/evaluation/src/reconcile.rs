//! Ends rights of reply whose time is over and marks late decisions (rules V3, K9). It decides nothing.
//!
//! A reconciler: it has no input, does what is due by due time, and may run twice.

use std::time::Duration;

use serde::Deserialize;
use sqlx::PgPool;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tuntas_domain::{
    Actor,
    evaluation_case::{EvaluationCommand, EvaluationRefusal, decide_evaluation},
};
use tuntas_kit::{
    clock::Clock,
    database::{ANSWER_WITHIN, within},
    directory::DirectoryReader,
    outbox,
    problem::Problem,
    reconciler::{self, Next},
    tx,
};
use uuid::Uuid;

use crate::{evaluation_cases as common, store::cases};

/// `[cases]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Settings {
    pub reconcile_ms: u64,
    pub reconcile_max: u16,
    pub list_max: u16,
}

/// Reconciles until `stop`.
///
/// # Errors
/// None.
pub async fn run(
    pool: PgPool,
    clock: Clock,
    directory: DirectoryReader,
    settings: Settings,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let every = Duration::from_millis(settings.reconcile_ms);
    reconciler::run("due evaluation cases", every, &Notify::new(), stop, || {
        let (pool, directory, now) = (pool.clone(), directory.clone(), clock.now());
        async move {
            let done = reconcile(&pool, &directory, now, i64::from(settings.reconcile_max)).await?;
            Ok(Next::after(done, usize::from(settings.reconcile_max)))
        }
    })
    .await
}

/// Does what is due at `now`, each case in its own transaction, and answers how many were looked at.
///
/// # Errors
/// The database's; what was done before stays done.
pub async fn reconcile(
    pool: &PgPool,
    directory: &DirectoryReader,
    now: OffsetDateTime,
    rows_max: i64,
) -> Result<usize, Problem> {
    let due = within(ANSWER_WITHIN, async {
        cases::due(&mut *pool.acquire().await?, now, rows_max).await
    });
    let due = due.await?;
    for id in &due {
        fall_due(pool, directory.clone(), *id, now).await?;
    }
    Ok(due.len())
}

async fn fall_due(pool: &PgPool, directory: DirectoryReader, id: Uuid, now: OffsetDateTime) -> Result<(), Problem> {
    tx::run(pool, move |conn| {
        Box::pin(async move {
            let Some(mut row) = cases::lock(conn, id).await? else {
                return Ok(());
            };
            let snapshot = directory.current(conn).await?;
            let policy = common::policy_of(&snapshot, &row.state.0)?;
            let command = EvaluationCommand::FallDue;
            let decided = decide_evaluation(
                Some(&row.state.0),
                &command,
                now,
                &Actor::System,
                policy,
                &snapshot.calendar,
            );
            let event = match decided {
                Ok(event) => event,
                // Somebody replied or decided, or another process was faster.
                Err(EvaluationRefusal::NotDue) => return Ok(()),
                Err(refusal) => return Err(Problem::internal(refusal)),
            };
            row.state.0.apply(&event);
            common::refresh(&mut row);
            cases::put(conn, &row).await?;
            let event_id = common::derived_id(&["evaluation-event", &id.to_string(), event.name()]);
            let draft = common::draft(&row, &event, common::system()).with_id(event_id);
            Ok(outbox::append(conn, &[common::told(draft, &event)]).await?)
        })
    })
    .await
}
