//! A move of an evaluation case by an official: one transaction with the words, the state and what is told.

use prost::Message;
use sqlx::PgPool;
use tuntas_domain::{
    Actor,
    evaluation_case::{EvaluationCommand, decide_evaluation},
};
use tuntas_kit::{
    directory::DirectoryReader,
    idempotency, outbox,
    problem::{NOT_FOUND, Problem},
    tx,
};
use uuid::Uuid;

use crate::{access::Caller, evaluation_cases as common, store::cases, words::Words};

/// What an official asks for.
pub(crate) struct Move {
    /// Name of the RPC, for idempotency keys.
    pub(crate) scope: &'static str,
    /// Idempotency key.
    pub(crate) key: String,
    /// The evaluation case.
    pub(crate) evaluation_case_id: Uuid,
    /// The move.
    pub(crate) command: EvaluationCommand,
    /// Its words.
    pub(crate) words: Words,
    /// What they are.
    pub(crate) words_kind: &'static str,
}

/// Decides the move, stores and tells; answers `response`.
pub(crate) async fn moved<Q, R>(
    pool: &PgPool,
    directory: DirectoryReader,
    caller: Caller,
    asked: Move,
    request: Q,
    response: R,
) -> Result<R, Problem>
where
    Q: Message + 'static,
    R: Message + Default + 'static,
{
    idempotency::check_key(&asked.key)?;
    let official = caller.official()?.clone();
    tx::run(pool, move |conn| {
        Box::pin(async move {
            let scope = format!("{} {}", asked.scope, caller.assertion.subject);
            if let Some(answer) = idempotency::lookup(conn, &scope, &asked.key, &request).await? {
                return Ok(answer);
            }
            let mut row = cases::lock(conn, asked.evaluation_case_id)
                .await?
                .ok_or_else(|| Problem::new(NOT_FOUND))?;
            let snapshot = directory.current(conn).await?;
            let policy = common::policy_of(&snapshot, &row.state.0)?;
            let actor = Actor::Official(official);
            let event = decide_evaluation(
                Some(&row.state.0),
                &asked.command,
                caller.at,
                &actor,
                policy,
                &snapshot.calendar,
            )
            .map_err(common::refused)?;
            row.state.0.apply(&event);
            common::refresh(&mut row);
            cases::put(conn, &row).await?;
            asked
                .words
                .store(conn, asked.evaluation_case_id, asked.words_kind)
                .await?;
            idempotency::remember(conn, &scope, &asked.key, &request, &response).await?;
            let draft = common::draft(&row, &event, caller.assertion.actor());
            outbox::append(conn, &[common::told(draft, &event)]).await?;
            Ok(response)
        })
    })
    .await
}
