//! `tuntas.intake.v1.Intake`.

use tonic::{Request, Response, Status, Streaming};
use tuntas_proto::intake::v1::{
    CitizenCommandResponse, CompleteReportRequest, ContestDecisionRequest, DisputeAnswerRequest, FileReportRequest,
    FileReportResponse, GetPublicReportRequest, ListPublicPointsRequest, ListPublicPointsResponse,
    ListPublicUpdatesRequest, ListPublicUpdatesResponse, PublicReport, RateHandlingRequest, RecoverReceiptRequest,
    RecoverReceiptResponse, SearchRegisterRequest, SearchRegisterResponse, SendMessageRequest, SendMessageResponse,
    SuggestCategoriesRequest, SuggestCategoriesResponse, SuggestSimilarRequest, SuggestSimilarResponse,
    TrackReportRequest, TrackReportResponse, UploadAttachmentRequest, UploadAttachmentResponse, WithdrawReportRequest,
    intake_server::Intake as IntakeRpc,
};

use crate::{
    citizen_command as command, file_report, intake::Intake, list_public_points, list_public_updates, receipt::Peer,
    recover_receipt, search_register, send_message, suggest, track_report, upload_attachment,
};

/// The citizens' side.
#[derive(Clone)]
pub struct Citizens(pub Intake);

/// Metadata by which the edge tells a citizen's address: to us every citizen behind it comes from its own.
const PEER: &str = "x-tuntas-peer";
const EDGE: &str = "gateway";

impl Citizens {
    /// Where a request comes from: what the edge says, if it is the edge, else the connection's address.
    fn peer<T>(&self, request: &Request<T>) -> Peer {
        let told = request.metadata().get(PEER).and_then(|value| value.to_str().ok());
        let told = told
            .filter(|_| self.is_edge(request))
            .and_then(|text| text.parse().ok());
        Peer(told.or_else(|| request.remote_addr().map(|address| address.ip())))
    }

    fn is_edge<T>(&self, request: &Request<T>) -> bool {
        let assertion = self.0.trust.assertion(request, self.0.now());
        assertion.is_ok_and(|assertion| assertion.require_service(&[EDGE]).is_ok())
    }
}

#[tonic::async_trait]
impl IntakeRpc for Citizens {
    async fn upload_attachment(
        &self,
        request: Request<Streaming<UploadAttachmentRequest>>,
    ) -> Result<Response<UploadAttachmentResponse>, Status> {
        Ok(Response::new(
            upload_attachment::upload_attachment(&self.0, request.into_inner()).await?,
        ))
    }

    async fn file_report(&self, request: Request<FileReportRequest>) -> Result<Response<FileReportResponse>, Status> {
        Ok(Response::new(
            file_report::file_report(&self.0, request.into_inner()).await?,
        ))
    }

    async fn suggest_similar(
        &self,
        request: Request<SuggestSimilarRequest>,
    ) -> Result<Response<SuggestSimilarResponse>, Status> {
        Ok(Response::new(
            suggest::suggest_similar(&self.0, request.into_inner()).await?,
        ))
    }

    async fn suggest_categories(
        &self,
        request: Request<SuggestCategoriesRequest>,
    ) -> Result<Response<SuggestCategoriesResponse>, Status> {
        Ok(Response::new(
            suggest::suggest_categories(&self.0, request.into_inner()).await?,
        ))
    }

    async fn track_report(
        &self,
        request: Request<TrackReportRequest>,
    ) -> Result<Response<TrackReportResponse>, Status> {
        let peer = self.peer(&request);
        Ok(Response::new(
            track_report::track_report(&self.0, request.into_inner(), peer).await?,
        ))
    }

    async fn complete_report(
        &self,
        request: Request<CompleteReportRequest>,
    ) -> Result<Response<CitizenCommandResponse>, Status> {
        let peer = self.peer(&request);
        Ok(Response::new(
            command::complete_report(&self.0, request.into_inner(), peer).await?,
        ))
    }

    async fn withdraw_report(
        &self,
        request: Request<WithdrawReportRequest>,
    ) -> Result<Response<CitizenCommandResponse>, Status> {
        let peer = self.peer(&request);
        Ok(Response::new(
            command::withdraw_report(&self.0, request.into_inner(), peer).await?,
        ))
    }

    async fn dispute_answer(
        &self,
        request: Request<DisputeAnswerRequest>,
    ) -> Result<Response<CitizenCommandResponse>, Status> {
        let peer = self.peer(&request);
        Ok(Response::new(
            command::dispute_answer(&self.0, request.into_inner(), peer).await?,
        ))
    }

    async fn rate_handling(
        &self,
        request: Request<RateHandlingRequest>,
    ) -> Result<Response<CitizenCommandResponse>, Status> {
        let peer = self.peer(&request);
        Ok(Response::new(
            command::rate_handling(&self.0, request.into_inner(), peer).await?,
        ))
    }

    async fn contest_decision(
        &self,
        request: Request<ContestDecisionRequest>,
    ) -> Result<Response<CitizenCommandResponse>, Status> {
        let peer = self.peer(&request);
        Ok(Response::new(
            command::contest_decision(&self.0, request.into_inner(), peer).await?,
        ))
    }

    async fn send_message(
        &self,
        request: Request<SendMessageRequest>,
    ) -> Result<Response<SendMessageResponse>, Status> {
        let peer = self.peer(&request);
        Ok(Response::new(
            send_message::send_message(&self.0, request.into_inner(), peer).await?,
        ))
    }

    async fn recover_receipt(
        &self,
        request: Request<RecoverReceiptRequest>,
    ) -> Result<Response<RecoverReceiptResponse>, Status> {
        let (peer, from_edge) = (self.peer(&request), self.is_edge(&request));
        Ok(Response::new(
            recover_receipt::recover_receipt(&self.0, request.into_inner(), peer, from_edge).await?,
        ))
    }

    async fn search_register(
        &self,
        request: Request<SearchRegisterRequest>,
    ) -> Result<Response<SearchRegisterResponse>, Status> {
        Ok(Response::new(
            search_register::search_register(&self.0, request.into_inner()).await?,
        ))
    }

    async fn list_public_updates(
        &self,
        request: Request<ListPublicUpdatesRequest>,
    ) -> Result<Response<ListPublicUpdatesResponse>, Status> {
        Ok(Response::new(
            list_public_updates::list_public_updates(&self.0, request.into_inner()).await?,
        ))
    }

    async fn list_public_points(
        &self,
        request: Request<ListPublicPointsRequest>,
    ) -> Result<Response<ListPublicPointsResponse>, Status> {
        Ok(Response::new(
            list_public_points::list_public_points(&self.0, request.into_inner()).await?,
        ))
    }

    async fn get_public_report(
        &self,
        request: Request<GetPublicReportRequest>,
    ) -> Result<Response<PublicReport>, Status> {
        Ok(Response::new(
            search_register::get_public_report(&self.0, request.into_inner()).await?,
        ))
    }
}
