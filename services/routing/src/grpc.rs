//! The RPC layer: who calls, then the use case of the same name.

use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};
use tuntas_kit::{
    auth::{Assertion, Kind},
    problem::{Problem, UNAUTHENTICATED},
};
use tuntas_proto::routing::v1::{
    AppointActingHolderRequest, AppointActingHolderResponse, ExecuteCommandRequest, ExecuteCommandResponse,
    GetCaseRequest, GetCaseResponse, ImportDirectoryRequest, ImportDirectoryResponse, ListDirectoryRequest,
    ListDirectoryResponse, ListDueRequest, ListDueResponse, ListHolidaysRequest, ListHolidaysResponse,
    ListInboxRequest, ListInboxResponse, ListPoliciesRequest, ListPoliciesResponse, PutHolidaysRequest,
    PutHolidaysResponse, PutPolicyRequest, PutPolicyResponse, RecordOutageRequest, RecordOutageResponse,
    SnapshotAgencyRequest, SnapshotAgencyResponse, SuggestDispositionRequest, SuggestDispositionResponse,
    cases_server::Cases, directory_server::Directory,
};

use crate::{
    Routing,
    appoint_acting_holder::appoint_acting_holder,
    execute_command::execute_command,
    get_case::get_case,
    import_directory::import_directory,
    list_directory::list_directory,
    list_due::list_due,
    list_holidays::list_holidays,
    list_inbox::list_inbox,
    put_holidays::put_holidays,
    put_policy::{list_policies, put_policy},
    record_outage::record_outage,
    snapshot_agency::snapshot_agency,
    suggest_disposition::suggest_disposition,
};

/// Metadata in which a service hands on the token of the officer for whom it calls.
const ON_BEHALF_OF: &str = "x-tuntas-actor";
const BEARER: &str = "Bearer ";

/// Serves `Cases` and `Directory`.
#[derive(Clone)]
pub struct Api {
    routing: Routing,
}

impl Api {
    /// The RPC layer of a service.
    #[must_use]
    pub const fn new(routing: Routing) -> Self {
        Self { routing }
    }

    /// The assertion of the caller; of the officer, when a service calls for one.
    fn caller<T>(&self, request: &Request<T>) -> Result<Assertion, Status> {
        let now = self.routing.clock.now();
        let caller = self.routing.trust.assertion(request, now)?;
        let Some(token) = request.metadata().get(ON_BEHALF_OF) else {
            return Ok(caller);
        };
        if caller.kind != Kind::Service {
            return Ok(caller);
        }
        let token = token.to_str().map_err(|_| Problem::new(UNAUTHENTICATED))?;
        let token = token.strip_prefix(BEARER).unwrap_or(token);
        let officer = self.routing.trust.verify(token, now).map_err(Problem::from)?;
        Ok(officer)
    }
}

#[tonic::async_trait]
impl Cases for Api {
    async fn execute_command(
        &self,
        request: Request<ExecuteCommandRequest>,
    ) -> Result<Response<ExecuteCommandResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(
            execute_command(&self.routing, caller, request.into_inner()).await?,
        ))
    }

    async fn get_case(&self, request: Request<GetCaseRequest>) -> Result<Response<GetCaseResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(
            get_case(&self.routing, &caller, request.get_ref()).await?,
        ))
    }

    async fn list_inbox(&self, request: Request<ListInboxRequest>) -> Result<Response<ListInboxResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(
            list_inbox(&self.routing, &caller, request.get_ref()).await?,
        ))
    }

    async fn list_due(&self, request: Request<ListDueRequest>) -> Result<Response<ListDueResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(
            list_due(&self.routing, &caller, request.get_ref()).await?,
        ))
    }

    async fn suggest_disposition(
        &self,
        request: Request<SuggestDispositionRequest>,
    ) -> Result<Response<SuggestDispositionResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(
            suggest_disposition(&self.routing, &caller, request.get_ref()).await?,
        ))
    }

    type SnapshotAgencyStream = Pin<Box<dyn Stream<Item = Result<SnapshotAgencyResponse, Status>> + Send>>;

    async fn snapshot_agency(
        &self,
        request: Request<SnapshotAgencyRequest>,
    ) -> Result<Response<Self::SnapshotAgencyStream>, Status> {
        let caller = self.caller(&request)?;
        let items = snapshot_agency(&self.routing, &caller, request.get_ref()).await?;
        Ok(Response::new(
            items.take_until(self.routing.stop.clone().cancelled_owned()).boxed(),
        ))
    }

    async fn record_outage(
        &self,
        request: Request<RecordOutageRequest>,
    ) -> Result<Response<RecordOutageResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(
            record_outage(&self.routing, caller, request.into_inner()).await?,
        ))
    }
}

#[tonic::async_trait]
impl Directory for Api {
    async fn import_directory(
        &self,
        request: Request<ImportDirectoryRequest>,
    ) -> Result<Response<ImportDirectoryResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(
            import_directory(&self.routing, caller, request.into_inner()).await?,
        ))
    }

    async fn list_directory(
        &self,
        request: Request<ListDirectoryRequest>,
    ) -> Result<Response<ListDirectoryResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(
            list_directory(&self.routing, &caller, request.get_ref()).await?,
        ))
    }

    async fn appoint_acting_holder(
        &self,
        request: Request<AppointActingHolderRequest>,
    ) -> Result<Response<AppointActingHolderResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(
            appoint_acting_holder(&self.routing, caller, request.into_inner()).await?,
        ))
    }

    async fn put_policy(&self, request: Request<PutPolicyRequest>) -> Result<Response<PutPolicyResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(
            put_policy(&self.routing, caller, request.into_inner()).await?,
        ))
    }

    async fn list_policies(
        &self,
        request: Request<ListPoliciesRequest>,
    ) -> Result<Response<ListPoliciesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(list_policies(&self.routing, &caller).await?))
    }

    async fn put_holidays(
        &self,
        request: Request<PutHolidaysRequest>,
    ) -> Result<Response<PutHolidaysResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(
            put_holidays(&self.routing, caller, request.into_inner()).await?,
        ))
    }

    async fn list_holidays(
        &self,
        request: Request<ListHolidaysRequest>,
    ) -> Result<Response<ListHolidaysResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(
            list_holidays(&self.routing, &caller, request.get_ref()).await?,
        ))
    }
}
