//! What the tests share: a routing service on a database of its own with a small part of Riau's directory, its officers,
//! citizens and desks, and a look at what it has published.

mod orders;
mod published;
pub(crate) mod seed;

use std::{collections::BTreeMap, sync::Arc};

use prost::Message as _;
use sqlx::{PgConnection, PgPool};
use time::{Duration, OffsetDateTime, macros::datetime};
use tonic::{Request, Response, Status};
use tuntas_domain::{Case, CaseId, HolderId, PositionId, ReportId};
use tuntas_kit::{
    auth::{Kind, Signer, TrustEntry, TrustStore, generate_keypair},
    broker::Broker,
    clock::Clock,
    consumer::{Handler, HandlerError, Received},
    directory::DirectoryReader,
    ids, inbox,
    problem::code_of,
    tx,
};
use tuntas_proto::{
    case::v1::{self as wire, CaseCommand, Outcome, Privacy, ReportKind, State, case_command::Command},
    event::v1::{
        CalendarChanged, CaseCommandIssued, CitizenCommandReceived, DirectoryChanged, Event, ReportFiled,
        event::Payload,
    },
    routing::v1::{
        ExecuteCommandRequest, ExecuteCommandResponse, GetCaseRequest, HolderContact, ImportDirectoryRequest,
        ImportDirectoryResponse, PutHolidaysRequest, PutHolidaysResponse, cases_server::Cases,
        directory_server::Directory,
    },
    wire_time::timestamp,
};
use tuntas_routing::{
    Api, MIGRATOR, Routing,
    config::{self, RoutingConfig},
    fall_due, store,
};

pub(crate) use self::{
    orders::{accept, answer, contest, dispose, dispute, give_back, merge_into, reject, text, verify, verify_as},
    published::{fact, name, refusal},
    seed::{OPDS, contacts, entries, holidays},
};

/// Monday, 09:00 WIB; no holiday for weeks.
pub(crate) const START: OffsetDateTime = datetime!(2025-10-06 02:00 UTC);

pub(crate) const VERIFIER: &str = "diskominfotik.verifikator-1";
pub(crate) const MANAGER: &str = "diskominfotik.kepala";
pub(crate) const DIRECTOR: &str = "sekda";
pub(crate) const PATRON: &str = "gubernur";
pub(crate) const OMBUDSMAN: &str = "ombudsman.riau";
pub(crate) const AUDITOR: &str = "inspektorat.auditor-1";
pub(crate) const OPERATOR: &str = "diskominfotik.operator-1";
pub(crate) const LIAISON: &str = "dishub.sekretaris";
pub(crate) const HEAD: &str = "dishub.kepala";
pub(crate) const EXECUTOR: &str = "dishub.kabid-lalu-lintas";

pub(crate) struct World {
    pub(crate) routing: Routing,
    pub(crate) api: Api,
    pub(crate) clock: Clock,
    keys: BTreeMap<&'static str, Signer>,
    holders: BTreeMap<String, String>,
}

/// A service on an empty database.
pub(crate) async fn empty(pool: PgPool) -> World {
    empty_with(pool, None).await
}

/// A service on an empty database, which declares queues at a broker.
pub(crate) async fn empty_with(pool: PgPool, broker: Option<Broker>) -> World {
    let mut conn = pool.acquire().await.unwrap();
    tuntas_kit::app::apply_migrations(&mut conn, &MIGRATOR).await.unwrap();
    drop(conn);
    let clock = Clock::demo_at(START);
    let (keys, trust) = keys();
    let routing = Routing {
        pool,
        clock: clock.clone(),
        trust: Arc::new(trust),
        directory: DirectoryReader::default(),
        vault: None,
        config: Arc::new(default_config()),
        broker,
        topology: Arc::default(),
        moved: tuntas_kit::wait::Board::default(),
        stop: tokio_util::sync::CancellationToken::new(),
    };
    let api = Api::new(routing.clone());
    World {
        routing,
        api,
        clock,
        keys,
        holders: BTreeMap::new(),
    }
}

/// A service with the small directory and the holidays.
pub(crate) async fn riau(pool: PgPool) -> World {
    let mut world = empty(pool).await;
    world.import(entries(), contacts()).await.unwrap();
    world.put_holidays(holidays()).await.unwrap();
    for row in seed::rows("holders.csv") {
        world.holders.insert(row["position"].clone(), row["id"].clone());
    }
    world
}

fn keys() -> (BTreeMap<&'static str, Signer>, TrustStore) {
    let mut signers = BTreeMap::new();
    let mut entries = Vec::new();
    for (name, opds) in [
        ("edge", vec!["*"]),
        ("ctl", vec![]),
        ("desk", vec!["dishub"]),
        ("notification", vec![]),
        ("evaluation", vec![]),
    ] {
        let pair = generate_keypair().unwrap();
        signers.insert(name, Signer::from_pem(name, &pair.private_key_pem).unwrap());
        let may_assert = match name {
            "edge" => vec![Kind::Position, Kind::Service],
            _ => vec![Kind::Service],
        };
        let entry = TrustEntry {
            public_key: pair.public_key,
            may_assert,
            service: name.to_owned(),
            opds: opds.into_iter().map(str::to_owned).collect(),
        };
        entries.push((name.to_owned(), entry));
    }
    (signers, TrustStore::from_entries(entries).unwrap())
}

/// The embedded defaults; the common sections are left out because no process runs.
fn default_config() -> RoutingConfig {
    let mut table: toml::Table = config::DEFAULT_TOML.parse().unwrap();
    table.remove("grpc");
    table.remove("http");
    table.try_into().unwrap()
}

/// A fresh idempotency key.
pub(crate) fn key() -> String {
    ids::new_id().to_string()
}

/// The stable code of a refusal.
pub(crate) fn code(status: &Status) -> String {
    code_of(status).unwrap_or_else(|| format!("{:?}: {}", status.code(), status.message()))
}

/// A report that was filed, and its case.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filed {
    pub(crate) report: ReportId,
    pub(crate) case: CaseId,
}

impl World {
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// Moves the clock forward and lets everything happen that falls due on the way, at its time.
    pub(crate) async fn pass(&self, duration: Duration) {
        let until = self.now() + duration;
        while self.now() < until {
            let next: Option<OffsetDateTime> = sqlx::query_scalar("SELECT min(next_due_at) FROM kase")
                .fetch_one(&self.routing.pool)
                .await
                .unwrap();
            let next = next.map_or(until, |next| next.clamp(self.now(), until));
            self.clock.advance_to(next).unwrap();
            fall_due::settle_all(&self.routing).await.unwrap();
        }
    }

    pub(crate) fn signer(&self, name: &str) -> Signer {
        self.keys[name].clone()
    }

    pub(crate) fn holder(&self, position: &str) -> HolderId {
        self.holders[position].parse().unwrap()
    }

    pub(crate) fn token(&self, position: &str) -> String {
        self.token_of(position, &self.holder(position), self.now())
    }

    pub(crate) fn token_of(&self, position: &str, holder: &HolderId, at: OffsetDateTime) -> String {
        let position: PositionId = position.parse().unwrap();
        self.keys["edge"].position(&position, holder, "session", at).unwrap()
    }

    fn bearer<T>(message: T, token: &str) -> Request<T> {
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("authorization", format!("Bearer {token}").parse().unwrap());
        request
    }

    /// A request in an officer's name.
    pub(crate) fn by<T>(&self, position: &str, message: T) -> Request<T> {
        Self::bearer(message, &self.token(position))
    }

    /// A request in a service's name.
    pub(crate) fn service<T>(&self, name: &str, message: T) -> Request<T> {
        Self::bearer(message, &self.keys[name].service(name, self.now()).unwrap())
    }

    pub(crate) async fn import(
        &self,
        entries: Vec<DirectoryChanged>,
        contacts: Vec<HolderContact>,
    ) -> Result<ImportDirectoryResponse, Status> {
        let request = ImportDirectoryRequest {
            idempotency_key: key(),
            entries,
            contacts,
        };
        let answer = self.api.import_directory(self.service("ctl", request)).await;
        answer.map(Response::into_inner)
    }

    pub(crate) async fn put_holidays(&self, holidays: Vec<CalendarChanged>) -> Result<PutHolidaysResponse, Status> {
        let request = PutHolidaysRequest {
            idempotency_key: key(),
            holidays,
        };
        let answer = self.api.put_holidays(self.service("ctl", request)).await;
        answer.map(Response::into_inner)
    }

    /// An officer's command.
    pub(crate) async fn order(
        &self,
        position: &str,
        case: CaseId,
        command: Command,
    ) -> Result<ExecuteCommandResponse, Status> {
        let request = ExecuteCommandRequest {
            idempotency_key: key(),
            command: Some(CaseCommand {
                case_id: case.to_string(),
                command: Some(command),
            }),
        };
        self.api
            .execute_command(self.by(position, request))
            .await
            .map(Response::into_inner)
    }

    /// An officer's command that is accepted; gives the resulting case.
    pub(crate) async fn must(&self, position: &str, case: CaseId, command: Command) -> wire::Case {
        let answer = self.order(position, case, command.clone()).await;
        match answer {
            Ok(answer) => answer.case.unwrap(),
            Err(status) => panic!("{position} {command:?}: {}", code(&status)),
        }
    }

    /// An officer's command that is refused; gives the code.
    pub(crate) async fn refused(&self, position: &str, case: CaseId, command: Command) -> String {
        code(&self.order(position, case, command).await.unwrap_err())
    }

    /// Handles an event as the consumer of a queue does: claim, handle, commit. Answers whether it was new.
    pub(crate) async fn consume(&self, queue: &'static str, received: Received) -> Result<bool, HandlerError> {
        let routing = self.routing.clone();
        tx::run(&self.routing.pool, move |conn| {
            Box::pin(async move { claim_and_handle(conn, queue, &routing, &received).await })
        })
        .await
    }

    /// Handles several events in one transaction, in their order.
    pub(crate) async fn consume_all(&self, queue: &'static str, batch: Vec<Received>) -> Result<(), HandlerError> {
        let routing = self.routing.clone();
        tx::run(&self.routing.pool, move |conn| {
            Box::pin(async move {
                match queue {
                    "routing.intake" => routing.intake_events().handle_batch(conn, &batch).await,
                    _ => routing.desk_commands().handle_batch(conn, &batch).await,
                }
            })
        })
        .await
    }

    /// A report is filed with intake and its case opened.
    pub(crate) async fn file(&self, filed: ReportFiled) -> Filed {
        let report: ReportId = filed.report_id.parse().unwrap();
        let received = received("intake.report.filed", "intake", Payload::ReportFiled(filed));
        assert!(self.consume("routing.intake", received).await.unwrap());
        Filed {
            report,
            case: self.case_of(report).await,
        }
    }

    /// An ordinary complaint about traffic, filed now.
    pub(crate) async fn complaint(&self) -> Filed {
        self.file(self.filing()).await
    }

    pub(crate) fn filing(&self) -> ReportFiled {
        ReportFiled {
            report_id: ids::new_id().to_string(),
            kind: ReportKind::Complaint.into(),
            privacy: Privacy::Open.into(),
            category_code: "transportasi-darat".to_owned(),
            region_code: "14.71".to_owned(),
            named_opd: String::new(),
            filed_at: Some(timestamp(self.now())),
            channel: "web".to_owned(),
            words_commitment: vec![1; 32],
            attachment_digests: Vec::new(),
        }
    }

    pub(crate) async fn case_of(&self, report: ReportId) -> CaseId {
        let mut conn = self.routing.pool.acquire().await.unwrap();
        store::reports::find(&mut conn, &[report]).await.unwrap()[&report].case_id
    }

    /// The case as it is stored, after a check that its events rebuild it.
    pub(crate) async fn case(&self, case: CaseId) -> Case {
        let mut conn = self.routing.pool.acquire().await.unwrap();
        let stored = store::cases::load(&mut conn, case).await.unwrap().unwrap();
        let events = store::events::of_case(&mut conn, case).await.unwrap();
        let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, (1..=stored.seq).collect::<Vec<_>>(), "the sequence has no hole");
        assert_eq!(
            Case::replay(&events).as_ref(),
            Some(&stored),
            "its events rebuild the case"
        );
        stored
    }

    /// A case that an agency has accepted.
    pub(crate) async fn in_progress(&self) -> Filed {
        let filed = self.disposed("dishub", &[]).await;
        self.must(LIAISON, filed.case, accept()).await;
        filed
    }

    /// A case that was verified and disposed.
    pub(crate) async fn disposed(&self, lead: &str, contributors: &[&str]) -> Filed {
        let filed = self.complaint().await;
        self.must(VERIFIER, filed.case, verify()).await;
        self.must(VERIFIER, filed.case, dispose(lead, contributors)).await;
        filed
    }

    /// A case with an answer.
    pub(crate) async fn answered(&self) -> Filed {
        let filed = self.in_progress().await;
        self.must(LIAISON, filed.case, answer(Outcome::Resolved)).await;
        filed
    }

    /// A citizen's command, taken by intake now.
    pub(crate) async fn citizen(&self, report: ReportId, command: Command) -> Event {
        self.citizen_at(report, command, self.now()).await
    }

    /// A citizen's command, taken by intake at a moment; gives the event that routing answered.
    pub(crate) async fn citizen_at(&self, report: ReportId, command: Command, received_at: OffsetDateTime) -> Event {
        let received = citizens(report, command, received_at);
        let cause = received.event_id;
        assert!(self.consume("routing.intake", received).await.unwrap());
        self.answer_to(cause).await
    }

    /// A desk's command; gives the event that routing answered.
    pub(crate) async fn desk(&self, position: &str, case: CaseId, command: Command) -> Event {
        let received = self.desks(position, case, command, self.now());
        let cause = received.event_id;
        assert!(self.consume("routing.commands", received).await.unwrap());
        self.answer_to(cause).await
    }

    /// A desk's command as it comes from the queue.
    pub(crate) fn desks(&self, position: &str, case: CaseId, command: Command, issued_at: OffsetDateTime) -> Received {
        let (opd, _) = position.split_once('.').unwrap();
        let assertion = self.token_of(position, &self.holder(position), issued_at);
        self.desks_with(opd, case, command, issued_at, assertion)
    }

    pub(crate) fn desks_with(
        &self,
        opd: &str,
        case: CaseId,
        command: Command,
        issued_at: OffsetDateTime,
        assertion: String,
    ) -> Received {
        let issued = CaseCommandIssued {
            opd_code: opd.to_owned(),
            command: Some(CaseCommand {
                case_id: case.to_string(),
                command: Some(command),
            }),
            issued_at: Some(timestamp(issued_at)),
            assertion,
        };
        received(
            &format!("opd.{opd}.commands"),
            &format!("desk:{opd}"),
            Payload::CaseCommandIssued(issued),
        )
    }

    pub(crate) async fn get(&self, position: &str, case: CaseId) -> Result<wire::Case, Status> {
        let request = GetCaseRequest {
            case_id: case.to_string(),
            ..GetCaseRequest::default()
        };
        let answer = self.api.get_case(self.by(position, request)).await?;
        Ok(answer.into_inner().case.unwrap())
    }
}

async fn claim_and_handle(
    conn: &mut PgConnection,
    queue: &'static str,
    routing: &Routing,
    received: &Received,
) -> Result<bool, HandlerError> {
    if inbox::claim(conn, queue, &[received.event_id]).await?.is_empty() {
        return Ok(false);
    }
    match queue {
        "routing.intake" => routing.intake_events().handle(conn, received).await?,
        _ => routing.desk_commands().handle(conn, received).await?,
    }
    Ok(true)
}

/// An event as it comes from a queue.
pub(crate) fn received(routing_key: &str, source: &str, payload: Payload) -> Received {
    let event_id = ids::new_id();
    let event = Event {
        event_id: event_id.to_string(),
        source: source.to_owned(),
        payload: Some(payload),
        ..Event::default()
    };
    Received {
        event_id,
        body: event.encode_to_vec().into(),
        event,
        exchange: String::new(),
        user_id: "tuntas-test".to_owned(),
        routing_key: routing_key.to_owned(),
        headers: BTreeMap::new(),
        redelivered: false,
    }
}

/// A citizen's command as it comes from the queue.
pub(crate) fn citizens(report: ReportId, command: Command, received_at: OffsetDateTime) -> Received {
    let sent = CitizenCommandReceived {
        report_id: report.to_string(),
        command: Some(CaseCommand {
            case_id: String::new(),
            command: Some(command),
        }),
        received_at: Some(timestamp(received_at)),
    };
    received(
        "intake.command.received",
        "intake",
        Payload::CitizenCommandReceived(sent),
    )
}

pub(crate) fn state(case: &wire::Case) -> State {
    State::try_from(case.state).unwrap()
}

pub(crate) fn outcome(case: &wire::Case) -> Outcome {
    Outcome::try_from(case.outcome).unwrap()
}
