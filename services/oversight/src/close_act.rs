//! The Ombudsman closes a request with a judgement (rule K9).

use sqlx::PgConnection;
use tuntas_domain::{
    Actor as DomainActor,
    authorization::Role,
    case::TextRef,
    oversight_act::{ActCommand, Judgement, decide_act},
};
use tuntas_kit::{
    directory::DirectoryReader,
    idempotency, outbox,
    problem::{FORBIDDEN, ILLEGAL_MOVE, NOT_FOUND, Problem},
    tx,
};
use tuntas_proto::{
    convert,
    oversight::v1::{CloseActRequest, CloseActResponse},
};
use uuid::Uuid;

use crate::{
    access::Caller,
    acts::{self, JUDGEMENT, Said},
    store::{self, acts::Act},
};

/// Name of the RPC, for idempotency keys.
const SCOPE: &str = "oversight.CloseAct";

/// Closes a request and tells of it.
///
/// # Errors
/// `forbidden`, `invalid_argument`, `not_found`, `illegal_move` (a comment, or closed already), or the database's.
pub async fn close_act(
    pool: &sqlx::PgPool,
    directory: DirectoryReader,
    caller: Caller,
    request: CloseActRequest,
) -> Result<CloseActResponse, Problem> {
    idempotency::check_key(&request.idempotency_key)?;
    let official = caller.official()?.clone();
    if !official.roles.contains(&Role::Ombudsman) {
        return Err(Problem::new(FORBIDDEN).message("only the Ombudsman may do this"));
    }
    let act_id: Uuid = request.act_id.parse().map_err(|e| Problem::invalid("act_id", e))?;
    let judgement = judgement(&request.judgement)?;
    let wire = request
        .text
        .clone()
        .ok_or_else(|| Problem::invalid("text", "is missing"))?;
    let text = convert::text_ref("text", &wire).map_err(|e| Problem::invalid(e.field, e.why))?;
    let actor = DomainActor::Official(official);
    tx::run(pool, move |conn| {
        Box::pin(async move {
            let scope = format!("{SCOPE} {}", caller.assertion.subject);
            if let Some(answer) = idempotency::lookup(conn, &scope, &request.idempotency_key, &request).await? {
                return Ok(answer);
            }
            let act = store::acts::lock(conn, act_id)
                .await?
                .ok_or_else(|| Problem::new(NOT_FOUND))?;
            let act = closed(conn, &directory, act, (judgement, text), &actor, &caller).await?;
            store::acts::put(conn, &act).await?;
            let answer = CloseActResponse {};
            idempotency::remember(conn, &scope, &request.idempotency_key, &request, &answer).await?;
            let said = Said {
                kind: JUDGEMENT,
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

fn judgement(code: &str) -> Result<Judgement, Problem> {
    Judgement::ALL
        .into_iter()
        .find(|judgement| judgement.code() == code)
        .ok_or_else(|| {
            Problem::invalid(
                "judgement",
                "is satisfied, partly_satisfied, not_satisfied or withdrawn",
            )
        })
}

async fn closed(
    conn: &mut PgConnection,
    directory: &DirectoryReader,
    mut act: Act,
    (judgement, text): (Judgement, TextRef),
    actor: &DomainActor,
    caller: &Caller,
) -> Result<Act, Problem> {
    let Some(stored) = act.request.take() else {
        return Err(Problem::new(ILLEGAL_MOVE).message("a comment asks for nothing that could be closed"));
    };
    let mut request = stored.0;
    let snapshot = directory.current(conn).await?;
    let policy = snapshot
        .policies
        .in_force(caller.at)
        .ok_or_else(|| Problem::internal("no policy is in force"))?;
    let event = decide_act(
        Some(&request),
        &ActCommand::Close { judgement },
        caller.at,
        actor,
        &policy.oversight,
        &snapshot.calendar,
    )
    .map_err(acts::refused)?;
    request.apply(&event);
    acts::store_state(&mut act, request, &event.fact);
    act.judgement_text_id = Some(text.id.into_uuid());
    act.judgement_commitment = Some(text.commitment.0.to_vec());
    Ok(act)
}
