//! Where recipients can be reached, asked at the moment of sending and forgotten after it.

use std::time::Duration;

use time::OffsetDateTime;
use tonic::{Code, Request, Status, service::interceptor::InterceptedService, transport::Channel};
use tuntas_domain::{OpdCode, PositionId, ReportId};
use tuntas_kit::{
    client::AsService,
    problem::{self, Problem},
};
use tuntas_proto::{
    common::v1::PageRequest,
    intake::v1::{GetContactRequest, vault_client::VaultClient},
    routing::v1::{
        DueClock, ListDirectoryRequest, ListDirectoryResponse, ListDueRequest, cases_client::CasesClient,
        directory_client::DirectoryClient,
    },
    wire_time::{instant, timestamp},
};
use uuid::Uuid;

use crate::{outcome::Outcome, template::Language};

/// Cases asked for at once.
const ROWS: u32 = 200;
/// How long another service may take to answer.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// A reporter's address, for one mail. Not printable.
pub struct ReporterContact {
    /// Address.
    pub email: String,
    /// Language of the mail.
    pub language: Language,
    /// Number of the report.
    pub ticket: String,
    /// The new receipt code, where one was asked for; empty when a later one took its place.
    pub receipt_code: String,
}

/// Asks intake and routing. Cheap to clone.
#[derive(Clone)]
pub struct Contacts {
    cases: CasesClient<InterceptedService<Channel, AsService>>,
    vault: VaultClient<InterceptedService<Channel, AsService>>,
    directory: DirectoryClient<InterceptedService<Channel, AsService>>,
}

impl Contacts {
    /// Asks over these channels, as `service`.
    #[must_use]
    pub fn new(intake: Channel, routing: Channel, service: AsService) -> Self {
        Self {
            vault: VaultClient::with_interceptor(intake, service.clone()),
            cases: CasesClient::with_interceptor(routing.clone(), service.clone()),
            directory: DirectoryClient::with_interceptor(routing, service),
        }
    }

    /// A reporter's contact, with the new receipt code that `receipt_event` told of.
    ///
    /// # Errors
    /// How the try ends instead: skipped when the reporter left no address or the report was erased.
    pub async fn reporter(&self, report: ReportId, receipt_event: Option<Uuid>) -> Result<ReporterContact, Outcome> {
        let request = with_deadline(GetContactRequest {
            report_id: report.to_string(),
            receipt_event_id: receipt_event.map(|event| event.to_string()).unwrap_or_default(),
        });
        let contact = match self.vault.clone().get_contact(request).await {
            Ok(response) => response.into_inner(),
            Err(status) if status.code() == Code::NotFound => return Err(Outcome::skip("report_unknown")),
            Err(status) => return Err(unanswered("intake", &status)),
        };
        if contact.email.trim().is_empty() {
            return Err(Outcome::skip("no_contact"));
        }
        Ok(ReporterContact {
            email: contact.email,
            language: Language::from_code(&contact.language),
            ticket: contact.ticket,
            receipt_code: contact.receipt_code,
        })
    }

    /// What falls due before a moment, with who answers for it.
    ///
    /// # Errors
    /// What routing says, or that it is away.
    pub async fn due_before(&self, before: OffsetDateTime) -> Result<Vec<DueClock>, Problem> {
        let mut clocks = Vec::new();
        let mut cursor = String::new();
        loop {
            let request = with_deadline(ListDueRequest {
                page: Some(PageRequest { size: ROWS, cursor }),
                before: Some(timestamp(before)),
            });
            let page = self.cases.clone().list_due(request).await?.into_inner();
            clocks.extend(page.clocks);
            cursor = page.next_cursor;
            if cursor.is_empty() {
                return Ok(clocks);
            }
        }
    }

    /// The address of whoever holds a position at `at`.
    ///
    /// # Errors
    /// How the try ends instead: skipped when the position is vacant or its holder has no address.
    pub async fn position(
        &self,
        position: &PositionId,
        opd: Option<&OpdCode>,
        at: OffsetDateTime,
    ) -> Result<String, Outcome> {
        let request = with_deadline(ListDirectoryRequest {
            opd_code: opd.map(ToString::to_string).unwrap_or_default(),
            at: Some(timestamp(at)),
        });
        let directory = match self.directory.clone().list_directory(request).await {
            Ok(response) => response.into_inner(),
            Err(status) => return Err(unanswered("routing", &status)),
        };
        let holder = holder_at(&directory, position, at).ok_or_else(|| Outcome::skip("vacant"))?;
        directory
            .contacts
            .iter()
            .find(|contact| contact.holder_id == holder)
            .map(|contact| contact.email.clone())
            .filter(|email| !email.trim().is_empty())
            .ok_or_else(|| Outcome::skip("no_contact"))
    }
}

/// Who holds a position: the acting holder, else the regular one (rule M13).
fn holder_at<'a>(directory: &'a ListDirectoryResponse, position: &PositionId, at: OffsetDateTime) -> Option<&'a str> {
    let covering = |term: &&tuntas_proto::event::v1::HolderTerm| {
        let from = term.from.as_ref().and_then(instant);
        let until = term.until.as_ref().and_then(instant);
        term.position_id == position.as_str()
            && from.is_none_or(|from| from <= at)
            && until.is_none_or(|until| at < until)
    };
    let terms = directory.holders.iter().filter(covering);
    terms.max_by_key(|term| term.acting).map(|term| term.holder_id.as_str())
}

fn with_deadline<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(ASK_TIMEOUT);
    request
}

/// Away is not the delivery's fault; any other answer is a fault that is tried a bounded number of times.
fn unanswered(service: &str, status: &Status) -> Outcome {
    let code = problem::code_of(status).unwrap_or_else(|| format!("{:?}", status.code()));
    tracing::warn!(rpc.server = service, rpc.response.status_code = %code, "no contact now");
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::ResourceExhausted => {
            Outcome::not_now(format!("{service}_away"))
        }
        _ => Outcome::retry(format!("{service}_refused")),
    }
}
