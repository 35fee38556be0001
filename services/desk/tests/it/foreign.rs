//! Intake's vault and routing's snapshot, as strangers would write them: what they were asked is kept for the test.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Code, Request, Response, Status, transport::Server};
use tuntas_kit::ids;
use tuntas_proto::{
    case::v1::Case,
    common::v1::TextRef,
    event::v1::DirectoryChanged,
    intake::v1::{
        EraseReportRequest, EraseReportResponse, FindSimilarRequest, FindSimilarResponse, GetContactRequest,
        GetContactResponse, GetWordsRequest, GetWordsResponse, ListTextsRequest, ListTextsResponse,
        ReadAttachmentRequest, ReadAttachmentResponse, ResolveTicketRequest, ResolveTicketResponse,
        RevealIdentityRequest, RevealIdentityResponse, SendMessageResponse, SendOfficerMessageRequest,
        StoreTextRequest, StoreTextResponse,
        vault_server::{Vault, VaultServer},
    },
    routing::v1::{
        ExecuteCommandRequest, ExecuteCommandResponse, GetCaseRequest, GetCaseResponse, ListDueRequest,
        ListDueResponse, ListInboxRequest, ListInboxResponse, RecordOutageRequest, RecordOutageResponse,
        SnapshotAgencyRequest, SnapshotAgencyResponse, SuggestDispositionRequest, SuggestDispositionResponse,
        cases_server::{Cases, CasesServer},
        snapshot_agency_response::Item,
    },
};

use crate::support;

/// What the foreign servers know, and what they were asked.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Text of each key, with its reference.
    pub(crate) sealed: HashMap<String, (StoreTextRequest, TextRef)>,
    /// Metadata `x-tuntas-actor` of the last call to the vault.
    pub(crate) actor: Option<String>,
    /// Title of each report.
    pub(crate) titles: HashMap<String, String>,
    /// Cases of the snapshot.
    pub(crate) cases: Vec<Case>,
    /// Snapshots asked for.
    pub(crate) snapshots: usize,
    /// Answers nothing.
    pub(crate) down: bool,
}

/// Both servers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Foreign(pub(crate) Arc<Mutex<Known>>);

impl Foreign {
    /// Serves on a free port.
    pub(crate) async fn serve(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::builder()
            .add_service(VaultServer::new(self.clone()))
            .add_service(CasesServer::new(self.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        address
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.0.lock().unwrap());
    }

    pub(crate) fn get<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.0.lock().unwrap())
    }

    fn up<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let mut known = self.0.lock().unwrap();
        if known.down {
            return Err(Status::unavailable("down"));
        }
        let actor = request
            .metadata()
            .get("x-tuntas-actor")
            .and_then(|value| value.to_str().ok());
        known.actor = actor.map(ToOwned::to_owned);
        Ok(())
    }
}

fn unasked<T>() -> Result<Response<T>, Status> {
    Err(Status::new(Code::Unimplemented, "no desk asks for this"))
}

#[tonic::async_trait]
impl Vault for Foreign {
    async fn get_words(&self, request: Request<GetWordsRequest>) -> Result<Response<GetWordsResponse>, Status> {
        self.up(&request)?;
        let report_id = request.into_inner().report_id;
        let title = self.get(|known| known.titles.get(&report_id).cloned());
        let title = title.ok_or_else(|| Status::not_found("no such report"))?;
        let ticket = "TTS-00000000-0".to_owned();
        Ok(Response::new(GetWordsResponse {
            report_id,
            ticket,
            title,
            ..GetWordsResponse::default()
        }))
    }

    async fn store_text(&self, request: Request<StoreTextRequest>) -> Result<Response<StoreTextResponse>, Status> {
        self.up(&request)?;
        let request = request.into_inner();
        let mut known = self.0.lock().unwrap();
        let fresh = TextRef {
            text_id: ids::new_id().to_string(),
            commitment: vec![7; 32],
        };
        let (_, text) = known
            .sealed
            .entry(request.idempotency_key.clone())
            .or_insert((request, fresh));
        Ok(Response::new(StoreTextResponse {
            r#ref: Some(text.clone()),
        }))
    }

    async fn list_texts(&self, request: Request<ListTextsRequest>) -> Result<Response<ListTextsResponse>, Status> {
        self.up(&request)?;
        Ok(Response::new(ListTextsResponse::default()))
    }

    type ReadAttachmentStream = ReceiverStream<Result<ReadAttachmentResponse, Status>>;

    async fn read_attachment(
        &self,
        _: Request<ReadAttachmentRequest>,
    ) -> Result<Response<Self::ReadAttachmentStream>, Status> {
        unasked()
    }

    async fn get_contact(&self, _: Request<GetContactRequest>) -> Result<Response<GetContactResponse>, Status> {
        unasked()
    }

    async fn reveal_identity(
        &self,
        _: Request<RevealIdentityRequest>,
    ) -> Result<Response<RevealIdentityResponse>, Status> {
        unasked()
    }

    async fn find_similar(&self, _: Request<FindSimilarRequest>) -> Result<Response<FindSimilarResponse>, Status> {
        unasked()
    }

    async fn erase_report(&self, _: Request<EraseReportRequest>) -> Result<Response<EraseReportResponse>, Status> {
        unasked()
    }

    async fn send_officer_message(
        &self,
        _: Request<SendOfficerMessageRequest>,
    ) -> Result<Response<SendMessageResponse>, Status> {
        unasked()
    }

    async fn resolve_ticket(
        &self,
        _: Request<ResolveTicketRequest>,
    ) -> Result<Response<ResolveTicketResponse>, Status> {
        unasked()
    }
}

#[tonic::async_trait]
impl Cases for Foreign {
    async fn execute_command(
        &self,
        _: Request<ExecuteCommandRequest>,
    ) -> Result<Response<ExecuteCommandResponse>, Status> {
        unasked()
    }

    async fn get_case(&self, _: Request<GetCaseRequest>) -> Result<Response<GetCaseResponse>, Status> {
        unasked()
    }

    async fn list_due(&self, _: Request<ListDueRequest>) -> Result<Response<ListDueResponse>, Status> {
        unasked()
    }

    async fn list_inbox(&self, _: Request<ListInboxRequest>) -> Result<Response<ListInboxResponse>, Status> {
        unasked()
    }

    async fn suggest_disposition(
        &self,
        _: Request<SuggestDispositionRequest>,
    ) -> Result<Response<SuggestDispositionResponse>, Status> {
        unasked()
    }

    type SnapshotAgencyStream = ReceiverStream<Result<SnapshotAgencyResponse, Status>>;

    async fn snapshot_agency(
        &self,
        request: Request<SnapshotAgencyRequest>,
    ) -> Result<Response<Self::SnapshotAgencyStream>, Status> {
        self.up(&request)?;
        let cases = {
            let mut known = self.0.lock().unwrap();
            known.snapshots += 1;
            known.cases.clone()
        };
        let (sender, receiver) = tokio::sync::mpsc::channel(64);
        tokio::spawn(async move {
            for (seq, change) in (1..).zip(support::directory_entries()) {
                let payload = DirectoryChanged { change: Some(change) };
                let entry = support::directory_event(payload, seq);
                let item = SnapshotAgencyResponse {
                    item: Some(Item::Directory(entry)),
                };
                sender.send(Ok(item)).await.unwrap();
            }
            for case in cases {
                sender
                    .send(Ok(SnapshotAgencyResponse {
                        item: Some(Item::Case(case)),
                    }))
                    .await
                    .unwrap();
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn record_outage(&self, _: Request<RecordOutageRequest>) -> Result<Response<RecordOutageResponse>, Status> {
        unasked()
    }
}
