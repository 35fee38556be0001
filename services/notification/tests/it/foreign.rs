//! Intake's contacts and routing's directory, as strangers would write them.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use time::macros::datetime;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, transport::Server};
use tuntas_proto::{
    event::v1::HolderTerm,
    intake::v1::{
        EraseReportRequest, EraseReportResponse, FindSimilarRequest, FindSimilarResponse, GetContactRequest,
        GetContactResponse, GetWordsRequest, GetWordsResponse, ListTextsRequest, ListTextsResponse,
        ReadAttachmentRequest, ReadAttachmentResponse, ResolveTicketRequest, ResolveTicketResponse,
        RevealIdentityRequest, RevealIdentityResponse, SendMessageResponse, SendOfficerMessageRequest,
        StoreTextRequest, StoreTextResponse,
        vault_server::{Vault, VaultServer},
    },
    routing::v1::{
        AppointActingHolderRequest, AppointActingHolderResponse, DueClock, ExecuteCommandRequest,
        ExecuteCommandResponse, GetCaseRequest, GetCaseResponse, HolderContact, ImportDirectoryRequest,
        ImportDirectoryResponse, ListDirectoryRequest, ListDirectoryResponse, ListDueRequest, ListDueResponse,
        ListHolidaysRequest, ListHolidaysResponse, ListInboxRequest, ListInboxResponse, ListPoliciesRequest,
        ListPoliciesResponse, PutHolidaysRequest, PutHolidaysResponse, PutPolicyRequest, PutPolicyResponse,
        RecordOutageRequest, RecordOutageResponse, SnapshotAgencyRequest, SnapshotAgencyResponse,
        SuggestDispositionRequest, SuggestDispositionResponse,
        cases_server::{Cases, CasesServer},
        directory_server::{Directory, DirectoryServer},
    },
    wire_time::timestamp,
};

/// What the foreign servers know.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Contacts of reports.
    pub(crate) contacts: HashMap<String, GetContactResponse>,
    /// Receipt codes by the event that tells of them.
    pub(crate) codes: HashMap<String, String>,
    /// What falls due, one page an entry.
    pub(crate) due: Vec<Vec<DueClock>>,
    /// Addresses of positions; `h-<position>` holds each.
    pub(crate) positions: HashMap<String, String>,
    /// Answers nothing.
    pub(crate) down: bool,
    /// Questions answered.
    pub(crate) asked: usize,
}

/// Both servers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Foreign(Arc<Mutex<Known>>);

impl Foreign {
    pub(crate) async fn serve(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::builder()
            .add_service(VaultServer::new(self.clone()))
            .add_service(DirectoryServer::new(self.clone()))
            .add_service(CasesServer::new(self.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        address
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.0.lock().unwrap());
    }

    pub(crate) fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }

    fn answer<T>(&self, look: impl FnOnce(&Known) -> Option<T>) -> Result<Response<T>, Status> {
        let mut known = self.0.lock().unwrap();
        if known.down {
            return Err(Status::unavailable("down"));
        }
        known.asked += 1;
        look(&known)
            .map(Response::new)
            .ok_or_else(|| Status::not_found("no such report"))
    }
}

fn unasked<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("notification does not ask for this"))
}

#[tonic::async_trait]
impl Cases for Foreign {
    async fn list_due(&self, request: Request<ListDueRequest>) -> Result<Response<ListDueResponse>, Status> {
        let asked = request.into_inner();
        if asked.before.is_none() {
            return Err(Status::invalid_argument("before"));
        }
        let cursor = asked.page.unwrap_or_default().cursor;
        let at: usize = cursor.parse().unwrap_or_default();
        self.answer(|known| {
            Some(ListDueResponse {
                clocks: known.due.get(at).cloned().unwrap_or_default(),
                next_cursor: if at + 1 < known.due.len() {
                    (at + 1).to_string()
                } else {
                    String::new()
                },
            })
        })
    }

    async fn execute_command(
        &self,
        _: Request<ExecuteCommandRequest>,
    ) -> Result<Response<ExecuteCommandResponse>, Status> {
        unasked()
    }

    async fn get_case(&self, _: Request<GetCaseRequest>) -> Result<Response<GetCaseResponse>, Status> {
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
        _: Request<SnapshotAgencyRequest>,
    ) -> Result<Response<Self::SnapshotAgencyStream>, Status> {
        unasked()
    }

    async fn record_outage(&self, _: Request<RecordOutageRequest>) -> Result<Response<RecordOutageResponse>, Status> {
        unasked()
    }
}

#[tonic::async_trait]
impl Vault for Foreign {
    async fn get_contact(&self, request: Request<GetContactRequest>) -> Result<Response<GetContactResponse>, Status> {
        let asked = request.into_inner();
        self.answer(|known| {
            let mut contact = known.contacts.get(&asked.report_id).cloned()?;
            contact.receipt_code = known.codes.get(&asked.receipt_event_id).cloned().unwrap_or_default();
            Some(contact)
        })
    }

    async fn get_words(&self, _: Request<GetWordsRequest>) -> Result<Response<GetWordsResponse>, Status> {
        unasked()
    }

    async fn store_text(&self, _: Request<StoreTextRequest>) -> Result<Response<StoreTextResponse>, Status> {
        unasked()
    }

    async fn list_texts(&self, _: Request<ListTextsRequest>) -> Result<Response<ListTextsResponse>, Status> {
        unasked()
    }

    type ReadAttachmentStream = ReceiverStream<Result<ReadAttachmentResponse, Status>>;

    async fn read_attachment(
        &self,
        _: Request<ReadAttachmentRequest>,
    ) -> Result<Response<Self::ReadAttachmentStream>, Status> {
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
impl Directory for Foreign {
    async fn list_directory(
        &self,
        _: Request<ListDirectoryRequest>,
    ) -> Result<Response<ListDirectoryResponse>, Status> {
        self.answer(|known| {
            let holder = |position: &String| format!("h-{}", position.replace('.', "-"));
            let term = |position: &String| HolderTerm {
                holder_id: holder(position),
                position_id: position.clone(),
                from: Some(timestamp(datetime!(2020-01-01 00:00 UTC))),
                ..HolderTerm::default()
            };
            let contact = |(position, email): (&String, &String)| HolderContact {
                holder_id: holder(position),
                email: email.clone(),
                ..HolderContact::default()
            };
            Some(ListDirectoryResponse {
                holders: known.positions.keys().map(term).collect(),
                contacts: known.positions.iter().map(contact).collect(),
                ..ListDirectoryResponse::default()
            })
        })
    }

    async fn import_directory(
        &self,
        _: Request<ImportDirectoryRequest>,
    ) -> Result<Response<ImportDirectoryResponse>, Status> {
        unasked()
    }

    async fn appoint_acting_holder(
        &self,
        _: Request<AppointActingHolderRequest>,
    ) -> Result<Response<AppointActingHolderResponse>, Status> {
        unasked()
    }

    async fn put_policy(&self, _: Request<PutPolicyRequest>) -> Result<Response<PutPolicyResponse>, Status> {
        unasked()
    }

    async fn list_policies(&self, _: Request<ListPoliciesRequest>) -> Result<Response<ListPoliciesResponse>, Status> {
        unasked()
    }

    async fn put_holidays(&self, _: Request<PutHolidaysRequest>) -> Result<Response<PutHolidaysResponse>, Status> {
        unasked()
    }

    async fn list_holidays(&self, _: Request<ListHolidaysRequest>) -> Result<Response<ListHolidaysResponse>, Status> {
        unasked()
    }
}
