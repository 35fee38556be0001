//! `tuntas.evaluation.v1.Evaluation`: thin mapping between messages and use cases.

use tonic::{Request, Response, Status};
use tuntas_domain::{
    evaluation_case::{EvaluationCase, EvaluationState},
    period::Period,
};
use tuntas_kit::problem::Problem;
use tuntas_proto::{evaluation::v1 as wire, wire_time::timestamp};

use crate::{
    access::{Access, Caller},
    decide, evaluation_cases as common, reply,
    scores::{self, Per},
    store::cases::{self, Listed},
};

/// Serves figures and evaluation cases.
#[derive(Debug, Clone)]
pub struct EvaluationService {
    /// Who may.
    pub access: Access,
    /// Most evaluation cases answered at once.
    pub list_max: u16,
    /// Most breaches answered at once.
    pub breaches_max: u32,
}

#[tonic::async_trait]
impl wire::evaluation_server::Evaluation for EvaluationService {
    async fn list_scores(
        &self,
        request: Request<wire::ListScoresRequest>,
    ) -> Result<Response<wire::ListScoresResponse>, Status> {
        let caller = self.access.caller(&request).await?;
        caller.may_see_scores()?;
        let asked = request.into_inner();
        let (period, per) = (parse_period(&asked.period)?, Per::parse(&asked.per)?);
        let directory = self.access.directory.clone();
        let scores = scores::list_scores(&self.access.pool, directory, per, period, asked.subject_id).await?;
        Ok(Response::new(scores))
    }

    async fn list_breaches(
        &self,
        request: Request<wire::ListBreachesRequest>,
    ) -> Result<Response<wire::ListBreachesResponse>, Status> {
        let caller = self.access.caller(&request).await?;
        let asked = request.into_inner();
        Ok(Response::new(self.breaches(&caller, asked).await?))
    }

    async fn list_evaluation_cases(
        &self,
        request: Request<wire::ListEvaluationCasesRequest>,
    ) -> Result<Response<wire::ListEvaluationCasesResponse>, Status> {
        let caller = self.access.caller(&request).await?;
        Ok(Response::new(self.cases(&caller, &request.into_inner()).await?))
    }

    async fn reply(&self, request: Request<wire::ReplyRequest>) -> Result<Response<wire::ReplyResponse>, Status> {
        let caller = self.access.caller(&request).await?;
        let directory = self.access.directory.clone();
        Ok(Response::new(
            reply::reply(&self.access.pool, directory, caller, request.into_inner()).await?,
        ))
    }

    async fn decide(&self, request: Request<wire::DecideRequest>) -> Result<Response<wire::DecideResponse>, Status> {
        let caller = self.access.caller(&request).await?;
        let directory = self.access.directory.clone();
        Ok(Response::new(
            decide::decide(&self.access.pool, directory, caller, request.into_inner()).await?,
        ))
    }
}

impl EvaluationService {
    async fn breaches(
        &self,
        caller: &Caller,
        asked: wire::ListBreachesRequest,
    ) -> Result<wire::ListBreachesResponse, Problem> {
        let (period, per) = (parse_period(&asked.period)?, Per::parse(&asked.per)?);
        let snapshot = self.access.directory.now(&self.access.pool).await?;
        caller.may_see_breaches(&snapshot.directory, per, &asked.subject_id)?;
        let rows_max = i64::from(self.breaches_max);
        scores::list_breaches(&self.access.pool, per, period, asked.subject_id, rows_max).await
    }

    async fn cases(
        &self,
        caller: &Caller,
        asked: &wire::ListEvaluationCasesRequest,
    ) -> Result<wire::ListEvaluationCasesResponse, Problem> {
        let scope = caller.scope()?;
        let position = Some(asked.position_id.as_str()).filter(|position| !position.is_empty());
        let mut conn = self.access.pool.acquire().await?;
        let rows = cases::list(&mut conn, &scope, position, asked.open_only, i64::from(self.list_max)).await?;
        Ok(wire::ListEvaluationCasesResponse {
            cases: rows.into_iter().map(Into::into).collect(),
        })
    }
}

fn parse_period(text: &str) -> Result<Period, Problem> {
    text.parse().map_err(|e| Problem::invalid("period", e))
}

impl From<Listed> for wire::EvaluationCase {
    fn from(row: Listed) -> Self {
        let case: EvaluationCase = row.state.0;
        let mut case_ids: Vec<String> = case.grounds.iter().map(|ground| ground.case_id.to_string()).collect();
        case_ids.sort();
        case_ids.dedup();
        let measure = match case.state {
            EvaluationState::Decided { measure } => common::measure_code(measure),
            _ => "",
        };
        Self {
            evaluation_case_id: case.id.to_string(),
            position_id: case.position.to_string(),
            holder_id: case.holder.to_string(),
            opd_code: row.opd_code.unwrap_or_default(),
            month: case.month.to_string(),
            status: common::status_of(&case.state).to_owned(),
            measure: measure.to_owned(),
            opened_at: Some(timestamp(case.opened_at)),
            reply_due_at: Some(timestamp(case.reply_due_at)),
            decision_due_at: case.decision_due_at.map(timestamp),
            reply: row.reply.unwrap_or_default(),
            decision_reason: row.decision.unwrap_or_default(),
            case_ids,
            decided_by_position_id: case
                .decider
                .map(|decider| decider.position.to_string())
                .unwrap_or_default(),
        }
    }
}
