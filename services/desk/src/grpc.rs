//! `tuntas.desk.v1.Desk`: from the wire to the use cases and back.

use tonic::{Request, Response, Status};
use tuntas_proto::desk::v1::{
    CommandStatus, DeleteTemplateRequest, DeleteTemplateResponse, GetCaseRequest, GetCaseResponse, GetCommandRequest,
    GetDraftRequest, GetDraftResponse, ListCasesRequest, ListCasesResponse, ListTemplatesRequest,
    ListTemplatesResponse, PutTemplateRequest, PutTemplateResponse, SaveDraftRequest, SaveDraftResponse,
    SubmitCommandRequest, SubmitCommandResponse, desk_server,
};

use crate::{caller::Caller, desk::Desk, drafts, get_case, get_command, list_cases, submit_command, templates};

impl Desk {
    async fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        let now = self.clock.now();
        let assertion = self.trust.assertion(request, now)?;
        Ok(Caller::resolve(self, &assertion, now).await?)
    }
}

#[tonic::async_trait]
impl desk_server::Desk for Desk {
    async fn list_cases(&self, request: Request<ListCasesRequest>) -> Result<Response<ListCasesResponse>, Status> {
        let caller = self.caller(&request).await?;
        Ok(Response::new(list_cases::list(self, &caller, request.get_ref()).await?))
    }

    async fn get_case(&self, request: Request<GetCaseRequest>) -> Result<Response<GetCaseResponse>, Status> {
        let caller = self.caller(&request).await?;
        Ok(Response::new(get_case::get(self, &caller, request.get_ref()).await?))
    }

    async fn submit_command(
        &self,
        request: Request<SubmitCommandRequest>,
    ) -> Result<Response<SubmitCommandResponse>, Status> {
        let caller = self.caller(&request).await?;
        Ok(Response::new(
            submit_command::submit(self, &caller, request.into_inner()).await?,
        ))
    }

    async fn get_command(&self, request: Request<GetCommandRequest>) -> Result<Response<CommandStatus>, Status> {
        let caller = self.caller(&request).await?;
        Ok(Response::new(get_command::get(self, &caller, request.get_ref()).await?))
    }

    async fn put_template(
        &self,
        request: Request<PutTemplateRequest>,
    ) -> Result<Response<PutTemplateResponse>, Status> {
        let caller = self.caller(&request).await?;
        Ok(Response::new(
            templates::put(self, &caller, request.into_inner()).await?,
        ))
    }

    async fn list_templates(
        &self,
        request: Request<ListTemplatesRequest>,
    ) -> Result<Response<ListTemplatesResponse>, Status> {
        let caller = self.caller(&request).await?;
        Ok(Response::new(templates::list(self, &caller, request.get_ref()).await?))
    }

    async fn delete_template(
        &self,
        request: Request<DeleteTemplateRequest>,
    ) -> Result<Response<DeleteTemplateResponse>, Status> {
        let caller = self.caller(&request).await?;
        templates::delete(self, &caller, request.get_ref()).await?;
        Ok(Response::new(DeleteTemplateResponse {}))
    }

    async fn save_draft(&self, request: Request<SaveDraftRequest>) -> Result<Response<SaveDraftResponse>, Status> {
        let caller = self.caller(&request).await?;
        drafts::save(self, &caller, request.into_inner()).await?;
        Ok(Response::new(SaveDraftResponse {}))
    }

    async fn get_draft(&self, request: Request<GetDraftRequest>) -> Result<Response<GetDraftResponse>, Status> {
        let caller = self.caller(&request).await?;
        Ok(Response::new(drafts::get(self, &caller, request.get_ref()).await?))
    }
}
