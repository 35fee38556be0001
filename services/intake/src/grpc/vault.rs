//! `tuntas.intake.v1.Vault`.

use std::pin::Pin;

use futures::{Stream, stream};
use tonic::{Request, Response, Status};
use tuntas_proto::intake::v1::{
    EraseReportRequest, EraseReportResponse, FindSimilarRequest, FindSimilarResponse, GetContactRequest,
    GetContactResponse, GetWordsRequest, GetWordsResponse, ListTextsRequest, ListTextsResponse, ReadAttachmentRequest,
    ReadAttachmentResponse, ResolveTicketRequest, ResolveTicketResponse, RevealIdentityRequest, RevealIdentityResponse,
    SendMessageResponse, SendOfficerMessageRequest, StoreTextRequest, StoreTextResponse, vault_server::Vault,
};

use crate::{caller::caller, intake::Intake, send_message, vault};

const CHUNK_BYTES: usize = 64 * 1024;

/// The side of officers and services.
#[derive(Clone)]
pub struct Officers(pub Intake);

#[tonic::async_trait]
impl Vault for Officers {
    async fn get_words(&self, request: Request<GetWordsRequest>) -> Result<Response<GetWordsResponse>, Status> {
        let caller = caller(&self.0, &request).await?;
        Ok(Response::new(
            vault::get_words(&self.0, &caller, request.into_inner()).await?,
        ))
    }

    async fn store_text(&self, request: Request<StoreTextRequest>) -> Result<Response<StoreTextResponse>, Status> {
        let caller = caller(&self.0, &request).await?;
        Ok(Response::new(
            vault::store_text(&self.0, &caller, request.into_inner()).await?,
        ))
    }

    async fn list_texts(&self, request: Request<ListTextsRequest>) -> Result<Response<ListTextsResponse>, Status> {
        let caller = caller(&self.0, &request).await?;
        Ok(Response::new(
            vault::list_texts(&self.0, &caller, request.into_inner()).await?,
        ))
    }

    type ReadAttachmentStream = Pin<Box<dyn Stream<Item = Result<ReadAttachmentResponse, Status>> + Send>>;

    async fn read_attachment(
        &self,
        request: Request<ReadAttachmentRequest>,
    ) -> Result<Response<Self::ReadAttachmentStream>, Status> {
        let caller = caller(&self.0, &request).await?;
        let content = vault::read_attachment(&self.0, &caller, request.into_inner()).await?;
        Ok(Response::new(Box::pin(stream::iter(chunks(content)))))
    }

    async fn get_contact(&self, request: Request<GetContactRequest>) -> Result<Response<GetContactResponse>, Status> {
        let caller = caller(&self.0, &request).await?;
        Ok(Response::new(
            vault::get_contact(&self.0, &caller, request.into_inner()).await?,
        ))
    }

    async fn reveal_identity(
        &self,
        request: Request<RevealIdentityRequest>,
    ) -> Result<Response<RevealIdentityResponse>, Status> {
        let caller = caller(&self.0, &request).await?;
        Ok(Response::new(
            vault::reveal_identity(&self.0, &caller, request.into_inner()).await?,
        ))
    }

    async fn find_similar(
        &self,
        request: Request<FindSimilarRequest>,
    ) -> Result<Response<FindSimilarResponse>, Status> {
        let caller = caller(&self.0, &request).await?;
        Ok(Response::new(
            vault::find_similar(&self.0, &caller, request.into_inner()).await?,
        ))
    }

    async fn erase_report(
        &self,
        request: Request<EraseReportRequest>,
    ) -> Result<Response<EraseReportResponse>, Status> {
        let caller = caller(&self.0, &request).await?;
        Ok(Response::new(
            vault::erase_report(&self.0, &caller, request.into_inner()).await?,
        ))
    }

    async fn resolve_ticket(
        &self,
        request: Request<ResolveTicketRequest>,
    ) -> Result<Response<ResolveTicketResponse>, Status> {
        let caller = caller(&self.0, &request).await?;
        Ok(Response::new(
            vault::resolve_ticket(&self.0, &caller, request.into_inner()).await?,
        ))
    }

    async fn send_officer_message(
        &self,
        request: Request<SendOfficerMessageRequest>,
    ) -> Result<Response<SendMessageResponse>, Status> {
        let caller = caller(&self.0, &request).await?;
        Ok(Response::new(
            send_message::send_officer_message(&self.0, &caller, request.into_inner()).await?,
        ))
    }
}

fn chunks(content: vault::Content) -> impl Iterator<Item = Result<ReadAttachmentResponse, Status>> + Send {
    let pieces: Vec<Vec<u8>> = content.bytes.chunks(CHUNK_BYTES).map(<[u8]>::to_vec).collect();
    let mut media_type = Some(content.media_type);
    pieces.into_iter().map(move |chunk| {
        Ok(ReadAttachmentResponse {
            chunk,
            media_type: media_type.take().unwrap_or_default(),
        })
    })
}
