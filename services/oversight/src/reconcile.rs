//! Marks requests of the Ombudsman whose time is over: asked a second time, then overdue (rule K9).
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
    oversight_act::{ActCommand, ActRefusal, decide_act},
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

use crate::{
    acts::{self, Said},
    store,
};

/// `[acts]`
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
    reconciler::run("due acts", every, &Notify::new(), stop, || {
        let (pool, directory, now) = (pool.clone(), directory.clone(), clock.now());
        async move {
            let done = reconcile(&pool, &directory, now, i64::from(settings.reconcile_max)).await?;
            Ok(Next::after(done, usize::from(settings.reconcile_max)))
        }
    })
    .await
}

/// Does what is due at `now`, each act in its own transaction, and answers how many were done.
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
        store::acts::due(&mut *pool.acquire().await?, now, rows_max).await
    });
    let due = due.await?;
    for act_id in &due {
        fall_due(pool, directory.clone(), *act_id, now).await?;
    }
    Ok(due.len())
}

async fn fall_due(pool: &PgPool, directory: DirectoryReader, act_id: Uuid, now: OffsetDateTime) -> Result<(), Problem> {
    tx::run(pool, move |conn| {
        Box::pin(async move {
            let Some(mut act) = store::acts::lock(conn, act_id).await? else {
                return Ok(());
            };
            let Some(stored) = act.request.take() else {
                return Ok(());
            };
            let mut request = stored.0;
            let snapshot = directory.current(conn).await?;
            let policy = snapshot
                .policies
                .in_force(now)
                .ok_or_else(|| Problem::internal("no policy is in force"))?;
            let decided = decide_act(
                Some(&request),
                &ActCommand::FallDue,
                now,
                &Actor::System,
                &policy.oversight,
                &snapshot.calendar,
            );
            let event = match decided {
                Ok(event) => event,
                // Somebody answered, or another process was faster.
                Err(ActRefusal::NotDue) => return Ok(()),
                Err(refusal) => return Err(Problem::internal(refusal)),
            };
            request.apply(&event);
            let kind = acts::kind_of(request.kind);
            acts::store_state(&mut act, request, &event.fact);
            store::acts::put(conn, &act).await?;
            let said = Said {
                kind,
                text: None,
                actor: acts::system(),
                at: now,
            };
            Ok(outbox::append(conn, &[acts::event(&act, said)]).await?)
        })
    })
    .await
}
