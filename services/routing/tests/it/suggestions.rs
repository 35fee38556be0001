//! Where a case should go, with the reason in words; fewer suggestions with intake away.

use std::time::Duration;

use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};
use tuntas_kit::client::{self, AsService};
use tuntas_proto::{
    event::v1::ReportFiled,
    intake::v1::{
        self as intake, CategorySuggestion, FindSimilarRequest, FindSimilarResponse, SimilarReport,
        vault_client::VaultClient,
        vault_server::{Vault, VaultServer},
    },
    routing::v1::{DispositionSuggestion, SuggestDispositionRequest, SuggestDispositionResponse, cases_server::Cases},
};

use crate::support::{LIAISON, OPERATOR, VERIFIER, World, code, dispose, riau, verify};

async fn suggest(world: &World, case: tuntas_domain::CaseId) -> SuggestDispositionResponse {
    let request = SuggestDispositionRequest {
        case_id: case.to_string(),
    };
    world
        .api
        .suggest_disposition(world.by(VERIFIER, request))
        .await
        .unwrap()
        .into_inner()
}

fn of<'a>(answer: &'a SuggestDispositionResponse, code: &str, reason: &str) -> &'a DispositionSuggestion {
    let fits = |found: &&DispositionSuggestion| found.code == code && found.reason_code == reason;
    let found = answer.suggestions.iter().find(fits);
    found.unwrap_or_else(|| panic!("{code} by {reason} is not among {:?}", answer.suggestions))
}

#[sqlx::test(migrations = false)]
async fn by_category_name_and_history(pool: PgPool) {
    let world = riau(pool).await;
    for lead in ["dishub", "dishub", "pupr-pkpp"] {
        let earlier = world.complaint().await;
        world.must(VERIFIER, earlier.case, verify()).await;
        world.must(VERIFIER, earlier.case, dispose(lead, &[])).await;
    }
    let filed = world
        .file(ReportFiled {
            named_opd: "dlhk".to_owned(),
            ..world.filing()
        })
        .await;
    let answer = suggest(&world, filed.case).await;
    assert_eq!(answer.suggestions[0].code, "dishub");
    let category = of(&answer, "dishub", "category_default");
    assert!(category.reason.contains("kewenangan provinsi"), "{}", category.reason);
    assert!(!category.referral);
    assert!(
        of(&answer, "dlhk", "named_by_reporter")
            .reason
            .contains("Pelapor menyebut")
    );
    assert!(
        of(&answer, "dishub", "earlier_dispositions")
            .reason
            .contains("2 dari 3")
    );
    assert!(
        of(&answer, "pupr-pkpp", "earlier_dispositions")
            .reason
            .contains("1 dari 3")
    );
    assert!(answer.suggestions.is_sorted_by(|a, b| a.score >= b.score));
}

#[sqlx::test(migrations = false)]
async fn what_is_not_the_provinces_is_a_referral(pool: PgPool) {
    let world = riau(pool).await;
    let street_light = ReportFiled {
        category_code: "lampu-jalan".to_owned(),
        ..world.filing()
    };
    let answer = suggest(&world, world.file(street_light).await.case).await;
    assert_eq!(answer.suggestions[0].code, "pemko-pekanbaru");
    assert!(answer.suggestions[0].referral);
    assert_eq!(answer.suggestions[0].reason_code, "place");
    assert!(answer.suggestions[0].reason.contains("Pekanbaru"));
    of(&answer, "dishub", "category_default");

    // Where the category and an authority share a word, that authority; else all of them.
    let mut entries = crate::support::entries();
    entries.retain(|entry| format!("{entry:?}").contains("Category"));
    let category = |code: &str, name: &str| {
        let mut entry = entries[0].clone();
        if let Some(tuntas_proto::event::v1::directory_changed::Change::Category(category)) = &mut entry.change {
            category.code = code.to_owned();
            category.name_id = name.to_owned();
            category.competence = "instansi_vertikal".to_owned();
            category.examples_id = Vec::new();
        }
        entry
    };
    let vertical = vec![
        category("bpjs", "BPJS dan jaminan kesehatan"),
        category("listrik", "Listrik"),
    ];
    world.import(vertical, Vec::new()).await.unwrap();
    let bpjs = ReportFiled {
        category_code: "bpjs".to_owned(),
        ..world.filing()
    };
    let answer = suggest(&world, world.file(bpjs).await.case).await;
    let codes: Vec<&str> = answer
        .suggestions
        .iter()
        .filter(|s| s.referral)
        .map(|s| s.code.as_str())
        .collect();
    assert_eq!(codes, ["bpjs-kesehatan", "bpjs-tk"]);
    let power = ReportFiled {
        category_code: "listrik".to_owned(),
        ..world.filing()
    };
    let answer = suggest(&world, world.file(power).await.case).await;
    assert!(answer.suggestions.iter().any(|s| s.code == "pln-riau" && s.referral));
}

#[sqlx::test(migrations = false)]
async fn who_may_ask(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    let request = || SuggestDispositionRequest {
        case_id: filed.case.to_string(),
    };
    for blind in [LIAISON, OPERATOR] {
        let status = world
            .api
            .suggest_disposition(world.by(blind, request()))
            .await
            .unwrap_err();
        assert_eq!(code(&status), "forbidden");
    }
}

/// intake's vault, which answers the comparison of words alone.
#[derive(Clone)]
struct Words {
    answer: FindSimilarResponse,
}

fn not_asked() -> Status {
    Status::unimplemented("routing asks for similar reports alone")
}

#[tonic::async_trait]
impl Vault for Words {
    async fn find_similar(
        &self,
        request: Request<FindSimilarRequest>,
    ) -> Result<Response<FindSimilarResponse>, Status> {
        assert!(request.metadata().contains_key("authorization"));
        Ok(Response::new(self.answer.clone()))
    }

    type ReadAttachmentStream = futures::stream::Empty<Result<intake::ReadAttachmentResponse, Status>>;

    async fn read_attachment(
        &self,
        _: Request<intake::ReadAttachmentRequest>,
    ) -> Result<Response<Self::ReadAttachmentStream>, Status> {
        Err(not_asked())
    }

    async fn get_words(
        &self,
        _: Request<intake::GetWordsRequest>,
    ) -> Result<Response<intake::GetWordsResponse>, Status> {
        Err(not_asked())
    }

    async fn store_text(
        &self,
        _: Request<intake::StoreTextRequest>,
    ) -> Result<Response<intake::StoreTextResponse>, Status> {
        Err(not_asked())
    }

    async fn list_texts(
        &self,
        _: Request<intake::ListTextsRequest>,
    ) -> Result<Response<intake::ListTextsResponse>, Status> {
        Err(not_asked())
    }

    async fn get_contact(
        &self,
        _: Request<intake::GetContactRequest>,
    ) -> Result<Response<intake::GetContactResponse>, Status> {
        Err(not_asked())
    }

    async fn reveal_identity(
        &self,
        _: Request<intake::RevealIdentityRequest>,
    ) -> Result<Response<intake::RevealIdentityResponse>, Status> {
        Err(not_asked())
    }

    async fn erase_report(
        &self,
        _: Request<intake::EraseReportRequest>,
    ) -> Result<Response<intake::EraseReportResponse>, Status> {
        Err(not_asked())
    }

    async fn resolve_ticket(
        &self,
        _: Request<intake::ResolveTicketRequest>,
    ) -> Result<Response<intake::ResolveTicketResponse>, Status> {
        Err(not_asked())
    }

    async fn send_officer_message(
        &self,
        _: Request<intake::SendOfficerMessageRequest>,
    ) -> Result<Response<intake::SendMessageResponse>, Status> {
        Err(not_asked())
    }
}

#[sqlx::test(migrations = false)]
async fn by_words_when_intake_answers(pool: PgPool) {
    let mut world = riau(pool).await;
    let (filed, like) = (world.complaint().await, world.complaint().await);
    let report = |case: &str, similarity, lead: &str| SimilarReport {
        case_id: case.to_owned(),
        similarity,
        lead_opd: lead.to_owned(),
        ..SimilarReport::default()
    };
    let answer = FindSimilarResponse {
        reports: vec![
            report(&like.case.to_string(), 91, "pupr-pkpp"),
            report(&like.case.to_string(), 75, "pupr-pkpp"),
            report("0198c0de-0000-7000-8000-000000000000", 30, "dlhk"),
        ],
        categories: vec![CategorySuggestion {
            category_code: "sampah".to_owned(),
            matched: vec!["sampah".to_owned(), "menumpuk".to_owned()],
            score: 80,
        }],
    };
    let url = serve(Words { answer }).await;
    world.routing.vault = Some(vault(&world, &url));
    world.api = tuntas_routing::Api::new(world.routing.clone());
    let answer = suggest(&world, filed.case).await;
    assert!(
        of(&answer, "pupr-pkpp", "words")
            .reason
            .contains("2 laporan dengan kata-kata serupa")
    );
    assert!(of(&answer, "dlhk", "words").score < of(&answer, "pupr-pkpp", "words").score);
    let duplicates: Vec<(&str, u32)> = answer
        .duplicates
        .iter()
        .map(|found| (found.case_id.as_str(), found.similarity))
        .collect();
    assert_eq!(duplicates, [(like.case.to_string().as_str(), 91)]);
}

#[sqlx::test(migrations = false)]
async fn with_intake_away_there_are_fewer(pool: PgPool) {
    let mut world = riau(pool).await;
    let filed = world.complaint().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    world.routing.vault = Some(vault(&world, &format!("http://{closed}")));
    world.api = tuntas_routing::Api::new(world.routing.clone());
    let answer = tokio::time::timeout(Duration::from_secs(10), suggest(&world, filed.case))
        .await
        .unwrap();
    assert_eq!(answer.suggestions.len(), 1);
    assert!(answer.duplicates.is_empty());
}

fn vault(world: &World, url: &str) -> tuntas_routing::Vault {
    let as_service = AsService::new(world.signer("edge"), "edge", world.clock.clone());
    VaultClient::with_interceptor(client::channel(url).unwrap(), as_service)
}

async fn serve(words: Words) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::builder().add_service(VaultServer::new(words));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    url
}
