//! `tuntas.oversight.v1.Oversight`.

use tonic::{Request, Response, Status};
use tuntas_domain::authorization::Role;
use tuntas_kit::problem::{FORBIDDEN, Problem};
use tuntas_proto::{common::v1::TextRef, oversight::v1 as wire, wire_time::timestamp};
use uuid::Uuid;

use crate::{
    access::{Access, Caller},
    act, acts, answer_act, close_act,
    store::{self, acts::Act},
};

/// Serves the Ombudsman's acts.
#[derive(Debug, Clone)]
pub struct OversightService {
    /// Who may.
    pub access: Access,
    /// Most acts answered at once.
    pub list_max: u16,
}

#[tonic::async_trait]
impl wire::oversight_server::Oversight for OversightService {
    async fn act(&self, request: Request<wire::ActRequest>) -> Result<Response<wire::ActResponse>, Status> {
        let caller = self.access.caller(&request).await?;
        let directory = self.access.directory.clone();
        Ok(Response::new(
            act::act(&self.access.pool, directory, caller, request.into_inner()).await?,
        ))
    }

    async fn answer_act(
        &self,
        request: Request<wire::AnswerActRequest>,
    ) -> Result<Response<wire::AnswerActResponse>, Status> {
        let caller = self.access.caller(&request).await?;
        let directory = self.access.directory.clone();
        let answer = answer_act::answer_act(&self.access.pool, directory, caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn close_act(
        &self,
        request: Request<wire::CloseActRequest>,
    ) -> Result<Response<wire::CloseActResponse>, Status> {
        let caller = self.access.caller(&request).await?;
        let directory = self.access.directory.clone();
        let answer = close_act::close_act(&self.access.pool, directory, caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn list_acts(
        &self,
        request: Request<wire::ListActsRequest>,
    ) -> Result<Response<wire::ListActsResponse>, Status> {
        let caller = self.access.caller(&request).await?;
        Ok(Response::new(self.list(&caller, request.into_inner()).await?))
    }
}

impl OversightService {
    async fn list(&self, caller: &Caller, request: wire::ListActsRequest) -> Result<wire::ListActsResponse, Problem> {
        let addressed_opd = own_only(caller)?;
        let case_id: Option<Uuid> = match request.case_id.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|e| Problem::invalid("case_id", e))?),
        };
        let mut conn = self.access.pool.acquire().await?;
        let rows_max = i64::from(self.list_max);
        let acts = store::acts::list(
            &mut conn,
            case_id,
            request.open_only,
            addressed_opd.as_deref(),
            rows_max,
        )
        .await?;
        Ok(wire::ListActsResponse {
            acts: acts.into_iter().map(Into::into).collect(),
        })
    }
}

/// Those who see all cases by their office see all acts; an agency's head and liaison see those addressed to it.
fn own_only(caller: &Caller) -> Result<Option<String>, Problem> {
    if [Role::Ombudsman, Role::Auditor, Role::Director, Role::Patron]
        .into_iter()
        .any(|role| caller.has(role))
    {
        return Ok(None);
    }
    let official = caller.official()?;
    match &official.opd {
        Some(opd) if caller.has(Role::AccountableHead) || caller.has(Role::Liaison) => Ok(Some(opd.to_string())),
        _ => Err(Problem::new(FORBIDDEN)),
    }
}

impl From<Act> for wire::OmbudsmanAct {
    fn from(act: Act) -> Self {
        let judgement = acts::judgement_of(&act).to_owned();
        Self {
            act_id: act.act_id.to_string(),
            case_id: act.case_id.to_string(),
            kind: act.kind,
            addressed_opd: act.addressed_opd.unwrap_or_default(),
            text: Some(TextRef {
                text_id: act.text_id.to_string(),
                commitment: act.commitment,
            }),
            acted_at: Some(timestamp(act.acted_at)),
            due_at: act.due_at.map(timestamp),
            status: act.status,
            answer: text_ref(act.answer_text_id, act.answer_commitment),
            judgement,
            judgement_text: text_ref(act.judgement_text_id, act.judgement_commitment),
        }
    }
}

fn text_ref(text_id: Option<Uuid>, commitment: Option<Vec<u8>>) -> Option<TextRef> {
    text_id.zip(commitment).map(|(text_id, commitment)| TextRef {
        text_id: text_id.to_string(),
        commitment,
    })
}
