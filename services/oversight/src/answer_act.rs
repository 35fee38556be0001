//! The addressed agency explains, or reports that a recommendation was implemented.

use sqlx::PgConnection;
use tuntas_domain::{
    Actor as DomainActor,
    case::TextRef,
    oversight_act::{ActCommand, ActKind, decide_act},
};
use tuntas_kit::{
    directory::DirectoryReader,
    idempotency, outbox,
    problem::{ILLEGAL_MOVE, NOT_FOUND, Problem},
    tx,
};
use tuntas_proto::{
    convert,
    oversight::v1::{AnswerActRequest, AnswerActResponse},
};
use uuid::Uuid;

use crate::{
    access::Caller,
    acts::{self, Said},
    store::{self, acts::Act},
};

/// Name of the RPC, for idempotency keys.
const SCOPE: &str = "oversight.AnswerAct";

/// Records an answer and tells of it.
///
/// # Errors
/// `forbidden`, `invalid_argument`, `not_found`, `illegal_move`, or the database's.
pub async fn answer_act(
    pool: &sqlx::PgPool,
    directory: DirectoryReader,
    caller: Caller,
    request: AnswerActRequest,
) -> Result<AnswerActResponse, Problem> {
    idempotency::check_key(&request.idempotency_key)?;
    let act_id: Uuid = request.act_id.parse().map_err(|e| Problem::invalid("act_id", e))?;
    let wire = request
        .text
        .clone()
        .ok_or_else(|| Problem::invalid("text", "is missing"))?;
    let text = convert::text_ref("text", &wire).map_err(|e| Problem::invalid(e.field, e.why))?;
    let actor = DomainActor::Official(caller.official()?.clone());
    tx::run(pool, move |conn| {
        Box::pin(async move {
            let scope = format!("{SCOPE} {}", caller.assertion.subject);
            if let Some(answer) = idempotency::lookup(conn, &scope, &request.idempotency_key, &request).await? {
                return Ok(answer);
            }
            let act = store::acts::lock(conn, act_id)
                .await?
                .ok_or_else(|| Problem::new(NOT_FOUND))?;
            let (act, kind) = answered(conn, &directory, act, text, &actor, &caller, request.implemented).await?;
            store::acts::put(conn, &act).await?;
            let answer = AnswerActResponse {};
            idempotency::remember(conn, &scope, &request.idempotency_key, &request, &answer).await?;
            let said = Said {
                kind: acts::answer_kind_of(kind),
                text: Some(wire),
                actor: caller.assertion.actor(),
                at: caller.at,
            };
            outbox::append(conn, &[acts::event(&act, said)]).await?;
            Ok(answer)
        })
    })
    .await
}

async fn answered(
    conn: &mut PgConnection,
    directory: &DirectoryReader,
    mut act: Act,
    text: TextRef,
    actor: &DomainActor,
    caller: &Caller,
    implemented: bool,
) -> Result<(Act, ActKind), Problem> {
    let Some(stored) = act.request.take() else {
        return Err(Problem::new(ILLEGAL_MOVE).message("a comment asks for no answer"));
    };
    let mut request = stored.0;
    let kind = request.kind;
    if implemented && kind == ActKind::Explanation {
        return Err(Problem::invalid("implemented", "is for recommendations"));
    }
    let snapshot = directory.current(conn).await?;
    let policy = snapshot
        .policies
        .in_force(caller.at)
        .ok_or_else(|| Problem::internal("no policy is in force"))?;
    let command = ActCommand::Answer { text };
    let event = decide_act(
        Some(&request),
        &command,
        caller.at,
        actor,
        &policy.oversight,
        &snapshot.calendar,
    )
    .map_err(acts::refused)?;
    request.apply(&event);
    acts::store_state(&mut act, request, &event.fact);
    if implemented {
        act.status = "done".to_owned();
    }
    Ok((act, kind))
}
