//! The Ombudsman comments on a case, asks for an explanation, or recommends (rule K9).

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{
    Actor as DomainActor, CaseId, OpdCode, RecommendationId,
    authorization::{Official, Role},
    case::TextRef,
    oversight_act::{ActCommand, ActKind, OversightAct, decide_act},
};
use tuntas_kit::{
    directory::{DirectoryReader, Snapshot},
    idempotency, ids, outbox,
    problem::{FORBIDDEN, Problem, UNKNOWN_CASE},
    tx,
};
use tuntas_proto::{
    convert,
    event::v1::{Event, event::Payload},
    oversight::v1::{ActRequest, ActResponse},
    wire_time::timestamp,
};

use crate::{
    access::Caller,
    acts::{self, COMMENT, EXPLANATION_REQUEST, RECOMMENDATION, Said},
    store::{self, acts::Act},
};

/// Name of the RPC, for idempotency keys.
const SCOPE: &str = "oversight.Act";

/// A request, parsed.
struct Asked {
    case_id: CaseId,
    kind: Option<ActKind>,
    addressed_opd: Option<OpdCode>,
    text: TextRef,
}

/// Records an act of the Ombudsman and tells of it.
///
/// # Errors
/// `forbidden`, `invalid_argument`, `unknown_case`, or the database's.
pub async fn act(
    pool: &sqlx::PgPool,
    directory: DirectoryReader,
    caller: Caller,
    request: ActRequest,
) -> Result<ActResponse, Problem> {
    let official = caller.official()?.clone();
    if !official.roles.contains(&Role::Ombudsman) {
        return Err(Problem::new(FORBIDDEN).message("only the Ombudsman may do this"));
    }
    let asked = parse(&request)?;
    tx::run(pool, move |conn| {
        Box::pin(async move {
            let scope = format!("{SCOPE} {}", caller.assertion.subject);
            if let Some(answer) = idempotency::lookup(conn, &scope, &request.idempotency_key, &request).await? {
                return Ok(answer);
            }
            let snapshot = directory.current(conn).await?;
            let addressed_opd = addressed(conn, &snapshot, &asked).await?;
            let act = new_act(&asked, addressed_opd, &official, &snapshot, caller.at)?;
            store::acts::put(conn, &act).await?;
            let answer = ActResponse {
                act_id: act.act_id.to_string(),
                due_at: act.due_at.map(timestamp),
            };
            idempotency::remember(conn, &scope, &request.idempotency_key, &request, &answer).await?;
            let said = Said {
                kind: asked.kind.map_or(COMMENT, acts::kind_of),
                text: request.text.clone(),
                actor: caller.assertion.actor(),
                at: caller.at,
            };
            outbox::append(conn, &[acts::event(&act, said)]).await?;
            Ok(answer)
        })
    })
    .await
}

fn parse(request: &ActRequest) -> Result<Asked, Problem> {
    idempotency::check_key(&request.idempotency_key)?;
    let kind = match request.kind.as_str() {
        COMMENT => None,
        EXPLANATION_REQUEST => Some(ActKind::Explanation),
        RECOMMENDATION => Some(ActKind::Recommendation),
        _ => {
            return Err(Problem::invalid(
                "kind",
                "is comment, explanation_request or recommendation",
            ));
        }
    };
    let addressed_opd = match request.addressed_opd.as_str() {
        "" => None,
        code => Some(OpdCode::new(code).map_err(|e| Problem::invalid("addressed_opd", e))?),
    };
    let text = request
        .text
        .as_ref()
        .ok_or_else(|| Problem::invalid("text", "is missing"))?;
    Ok(Asked {
        case_id: request.case_id.parse().map_err(|e| Problem::invalid("case_id", e))?,
        kind,
        addressed_opd,
        text: convert::text_ref("text", text).map_err(|e| Problem::invalid(e.field, e.why))?,
    })
}

/// The agency asked: the one named, or the one that leads the case as the log has it; none is the province.
async fn addressed(conn: &mut PgConnection, snapshot: &Snapshot, asked: &Asked) -> Result<Option<OpdCode>, Problem> {
    let latest = store::log::latest_of(conn, &format!("case:{}", asked.case_id))
        .await?
        .ok_or_else(|| Problem::new(UNKNOWN_CASE))?;
    if let Some(code) = &asked.addressed_opd {
        if !snapshot.directory.is_provincial(code) {
            return Err(Problem::invalid("addressed_opd", "is no agency of the province"));
        }
        return Ok(Some(code.clone()));
    }
    let event: Event = prost::Message::decode(latest.as_slice()).map_err(Problem::internal)?;
    let lead = match &event.payload {
        Some(Payload::CaseEvent(case_event)) => case_event.case.as_ref().map(|case| case.lead_opd.as_str()),
        _ => None,
    };
    Ok(lead
        .filter(|code| !code.is_empty())
        .and_then(|code| OpdCode::new(code).ok()))
}

fn new_act(
    asked: &Asked,
    addressed_opd: Option<OpdCode>,
    official: &Official,
    snapshot: &Snapshot,
    at: OffsetDateTime,
) -> Result<Act, Problem> {
    let act_id = ids::new_id();
    let mut act = Act {
        act_id,
        seq: 1,
        kind: asked.kind.map_or(COMMENT, acts::kind_of).to_owned(),
        status: "done".to_owned(),
        case_id: asked.case_id.into_uuid(),
        addressed_opd: addressed_opd.as_ref().map(ToString::to_string),
        text_id: asked.text.id.into_uuid(),
        commitment: asked.text.commitment.0.to_vec(),
        acted_at: at,
        due_at: None,
        next_due_at: None,
        answer_text_id: None,
        answer_commitment: None,
        judgement_text_id: None,
        judgement_commitment: None,
        request: None,
    };
    let Some(kind) = asked.kind else { return Ok(act) };
    let command = ActCommand::Request {
        id: RecommendationId::new(act_id),
        kind,
        case_id: Some(asked.case_id),
        addressed_to: addressed_opd,
        text: asked.text,
    };
    let policy = snapshot
        .policies
        .in_force(at)
        .ok_or_else(|| Problem::internal("no policy is in force"))?;
    let actor = DomainActor::Official(official.clone());
    let event = decide_act(None, &command, at, &actor, &policy.oversight, &snapshot.calendar).map_err(acts::refused)?;
    let request = OversightAct::open(&event).ok_or_else(|| Problem::internal("a request was not opened"))?;
    acts::store_state(&mut act, request, &event.fact);
    Ok(act)
}
