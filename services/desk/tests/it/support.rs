//! A desk with a database of its own, its officers, and events as routing would send them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use prost::Message as _;
use sqlx::PgPool;
use time::{OffsetDateTime, macros::datetime};
use tonic::Request;
use tuntas_desk::{
    MIGRATOR,
    config::{DeskArgs, DeskConfig, Scope},
    consume::AgencyEvents,
    desk::Desk,
    learnt::Learnt,
    metrics::Metrics,
    reconcile::Reconciler,
    store::agencies,
};
use tuntas_kit::{
    app::apply_migrations,
    auth::{Kind, Signer, TrustEntry, TrustStore, generate_keypair},
    client::{self, AsService},
    clock::Clock,
    config,
    consumer::{Handler as _, HandlerError, Received},
    directory::{self, DirectoryReader},
    ids, inbox,
    problem::code_of,
    tx,
};
use tuntas_proto::{
    case::v1::{Case, CaseEvent, Contribution, Member, State},
    common::v1::Actor,
    desk::v1::{
        CommandStatus, GetCaseRequest, GetCaseResponse, GetCommandRequest, ListCasesRequest, SubmitCommandRequest,
        desk_server::Desk as _,
    },
    event::v1::{Agency, DirectoryChanged, Event, HolderTerm, Position, directory_changed::Change, event::Payload},
    intake::v1::vault_client::VaultClient,
    routing::v1::{cases_client::CasesClient, directory_client::DirectoryClient},
    wire_time::timestamp,
};
use uuid::Uuid;

use crate::foreign::Foreign;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-10-05 03:00 UTC);
pub(crate) const LIAISON: &str = "dishub.sekretaris";
pub(crate) const HEAD: &str = "dishub.kadis";
pub(crate) const EXECUTOR: &str = "dishub.kabid-lalin";
pub(crate) const OTHER_LIAISON: &str = "dinkes.sekretaris";
const DEADLINE: Duration = Duration::from_secs(30);

/// Everything of one test.
pub(crate) struct World {
    pub(crate) desk: Desk,
    pub(crate) foreign: Foreign,
    pub(crate) reconciler: Reconciler,
    edge: Signer,
}

impl World {
    /// A desk for dishub and dinkes that has learnt the directory.
    pub(crate) async fn new(pool: PgPool) -> Self {
        let world = Self::unlearnt(pool, &["dishub", "dinkes"]).await;
        let mut conn = world.desk.pool.acquire().await.unwrap();
        for (seq, change) in (1..).zip(directory_entries()) {
            let event = directory_event(DirectoryChanged { change: Some(change) }, seq);
            directory::apply(&mut conn, &event).await.unwrap();
        }
        for code in ["dishub", "dinkes"] {
            agencies::add(&mut conn, &code.parse().unwrap(), ids::new_id())
                .await
                .unwrap();
        }
        drop(conn);
        world
    }

    /// A desk for these agencies on an empty database.
    pub(crate) async fn unlearnt(pool: PgPool, opds: &[&str]) -> Self {
        apply_migrations(&mut pool.acquire().await.unwrap(), &MIGRATOR)
            .await
            .unwrap();
        let foreign = Foreign::default();
        let address = foreign.serve().await;
        let url = format!("http://{address}");
        let config = config(&url, opds);
        let (edge, own, trust) = keys();
        let clock = Clock::demo_at(NOW);
        let service = AsService::new(own, "desk", clock.clone());
        let channel = client::channel(&url).unwrap();
        let desk = Desk {
            pool,
            clock,
            trust: Arc::new(trust),
            directory: DirectoryReader::default(),
            scope: Scope::new(&config.desk, &DeskArgs::default()).unwrap(),
            vault: VaultClient::with_interceptor(channel.clone(), service.clone()),
            metrics: Metrics::default(),
            heard: tuntas_kit::wait::Board::default(),
            learnt: Learnt::default(),
            config: Arc::new(config),
        };
        let reconciler = Reconciler::new(
            desk.clone(),
            CasesClient::with_interceptor(channel.clone(), service.clone()),
            DirectoryClient::with_interceptor(channel, service),
            None,
            false,
        );
        Self {
            desk,
            foreign,
            reconciler,
            edge,
        }
    }

    /// A request of whoever holds a position.
    pub(crate) fn by<T>(&self, position: &str, message: T) -> Request<T> {
        let holder = format!("h-{}-1", position.replace('.', "-"));
        let token = self
            .edge
            .position(
                &position.parse().unwrap(),
                &holder.parse().unwrap(),
                "s",
                self.desk.clock.now(),
            )
            .unwrap();
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("authorization", format!("Bearer {token}").parse().unwrap());
        request
    }

    /// Consumes an event of an agency's queue as kit's consumer does: claim, handle, commit.
    pub(crate) async fn consume(&self, opd: &str, event: &Event) -> Result<(), HandlerError> {
        let handler = AgencyEvents {
            heard: self.desk.heard.clone(),
            directory: self.desk.directory.clone(),
            learnt: self.desk.learnt.clone(),
            opd: opd.parse().unwrap(),
            clock: self.desk.clock.clone(),
            metrics: self.desk.metrics.clone(),
        };
        let (queue, received) = (format!("opd.{opd}.cases"), received(event));
        tx::run(&self.desk.pool, move |conn| {
            Box::pin(async move {
                if inbox::claim(conn, &queue, &[received.event_id]).await?.is_empty() {
                    return Ok(());
                }
                handler.handle(conn, &received).await
            })
        })
        .await
    }

    /// Handles an event although the inbox has it already: the handler itself must not mind.
    pub(crate) async fn handle_again(&self, opd: &str, event: &Event) {
        let again = Event {
            event_id: ids::new_id().to_string(),
            ..event.clone()
        };
        self.consume(opd, &again).await.unwrap();
    }

    pub(crate) async fn list(&self, position: &str) -> Vec<tuntas_proto::desk::v1::DeskCase> {
        let request = self.by(position, ListCasesRequest::default());
        self.desk.list_cases(request).await.unwrap().into_inner().cases
    }

    /// Ids of the cases in the list of a position's agency.
    pub(crate) async fn listed(&self, position: &str) -> Vec<String> {
        self.list(position)
            .await
            .into_iter()
            .map(|shown| shown.case.unwrap().case_id)
            .collect()
    }

    pub(crate) async fn get(&self, position: &str, case_id: &str) -> Result<GetCaseResponse, String> {
        let opd_code = position.split('.').next().unwrap().to_owned();
        let request = GetCaseRequest {
            opd_code,
            case_id: case_id.to_owned(),
            at_least_seq: 0,
        };
        let answer = self.desk.get_case(self.by(position, request)).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| code_of(&status).unwrap())
    }

    pub(crate) async fn submit(&self, position: &str, request: SubmitCommandRequest) -> Result<CommandStatus, String> {
        let answer = self.desk.submit_command(self.by(position, request)).await;
        answer
            .map(|answer| answer.into_inner().command.unwrap())
            .map_err(|status| code_of(&status).unwrap())
    }

    pub(crate) async fn command(&self, position: &str, command_id: &str) -> CommandStatus {
        let request = GetCommandRequest {
            command_id: command_id.to_owned(),
            wait: false,
        };
        self.desk
            .get_command(self.by(position, request))
            .await
            .unwrap()
            .into_inner()
    }

    /// The command events that wait for the broker.
    pub(crate) async fn outbox(&self) -> Vec<(String, Event)> {
        let rows: Vec<(String, Vec<u8>)> =
            sqlx::query_as("SELECT routing_key, body FROM outbox WHERE exchange = 'tuntas.commands' ORDER BY seq")
                .fetch_all(&self.desk.pool)
                .await
                .unwrap();
        rows.into_iter()
            .map(|(key, body)| (key, Event::decode(body.as_slice()).unwrap()))
            .collect()
    }
}

fn config(url: &str, opds: &[&str]) -> DeskConfig {
    let mut config = config::load_from::<DeskConfig>(tuntas_desk::config::DEFAULT_TOML, None, [])
        .unwrap()
        .service;
    config.desk.opds = opds.iter().map(|opd| (*opd).to_owned()).collect();
    config.desk.gap_hold_ms = 0;
    config.desk.snapshot_retry_ms = 0;
    url.clone_into(&mut config.intake.url);
    url.clone_into(&mut config.routing.url);
    config
}

/// The edge's signer, the desk's own, and the store that trusts both.
fn keys() -> (Signer, Signer, TrustStore) {
    let pairs = [generate_keypair().unwrap(), generate_keypair().unwrap()];
    let [edge, own] = pairs;
    let entry = |public_key: &str, kind, service: &str| TrustEntry {
        public_key: public_key.to_owned(),
        may_assert: vec![kind],
        service: service.to_owned(),
        opds: vec!["*".to_owned()],
    };
    let trust = TrustStore::from_entries([
        ("edge".to_owned(), entry(&edge.public_key, Kind::Position, "edge")),
        ("desk".to_owned(), entry(&own.public_key, Kind::Service, "desk")),
    ]);
    let signer = |id: &str, pem: &str| Signer::from_pem(id, pem).unwrap();
    (
        signer("edge", &edge.private_key_pem),
        signer("desk", &own.private_key_pem),
        trust.unwrap(),
    )
}

/// Two agencies with their officers.
pub(crate) fn directory_entries() -> Vec<Change> {
    let mut entries = Vec::new();
    for code in ["dishub", "dinkes"] {
        entries.push(Change::Agency(Agency {
            code: code.to_owned(),
            kind: "dinas".to_owned(),
            official_name: format!("Dinas contoh {code}"),
            active: true,
            ..Agency::default()
        }));
    }
    for (id, role) in [
        (HEAD, "accountable_head"),
        (LIAISON, "liaison"),
        (EXECUTOR, "executor"),
        (OTHER_LIAISON, "liaison"),
        ("dinkes.kadis", "accountable_head"),
    ] {
        entries.push(Change::Position(Position {
            id: id.to_owned(),
            opd_code: id.split('.').next().unwrap().to_owned(),
            title: format!("Jabatan contoh {id}"),
            echelon: "III.a".to_owned(),
            roles: vec![role.to_owned()],
            active: true,
            ..Position::default()
        }));
        entries.push(Change::HolderTerm(HolderTerm {
            holder_id: format!("h-{}-1", id.replace('.', "-")),
            position_id: id.to_owned(),
            from: Some(timestamp(datetime!(2020-01-01 00:00 UTC))),
            term_id: format!("term-{id}"),
            ..HolderTerm::default()
        }));
    }
    entries
}

pub(crate) fn directory_event(change: DirectoryChanged, seq: u64) -> Event {
    directory::event_of(Payload::DirectoryChanged(change), seq, NOW)
}

/// A case that dishub leads and has to accept.
pub(crate) fn case(case_id: &str, seq: u64) -> Case {
    Case {
        case_id: case_id.to_owned(),
        seq,
        state: State::AwaitingAcceptance.into(),
        lead_opd: "dishub".to_owned(),
        members: vec![Member {
            report_id: report_of(case_id),
            ..Member::default()
        }],
        filed_at: Some(timestamp(NOW)),
        next_due_at: Some(timestamp(NOW + time::Duration::days(2))),
        ..Case::default()
    }
}

/// Report of a case: another id, the same in every call.
pub(crate) fn report_of(case_id: &str) -> String {
    Uuid::from_u128(case_id.parse::<Uuid>().unwrap().as_u128() ^ 1).to_string()
}

pub(crate) fn new_case_id() -> String {
    ids::new_id().to_string()
}

pub(crate) fn contribution(opd: &str) -> Contribution {
    Contribution {
        opd_code: opd.to_owned(),
        ..Contribution::default()
    }
}

/// An event of routing with the state of the case after it.
pub(crate) fn case_event(what: &str, case: Case) -> Event {
    Event {
        event_id: ids::new_id().to_string(),
        r#type: format!("tuntas.case.{what}"),
        source: "routing".to_owned(),
        aggregate_id: format!("case:{}", case.case_id),
        aggregate_seq: case.seq,
        occurred_at: Some(timestamp(NOW)),
        actor: Some(Actor {
            via: "officer".to_owned(),
            ..Actor::default()
        }),
        payload: Some(Payload::CaseEvent(CaseEvent {
            r#type: what.to_owned(),
            case: Some(case),
            ..CaseEvent::default()
        })),
        ..Event::default()
    }
}

/// An event that answers a command.
pub(crate) fn answer_to(command_id: &str, what: &str, case: Case) -> Event {
    Event {
        causation_id: command_id.to_owned(),
        ..case_event(what, case)
    }
}

fn received(event: &Event) -> Received {
    Received {
        event_id: event.event_id.parse().unwrap(),
        event: event.clone(),
        body: event.encode_to_vec().into(),
        exchange: "tuntas.work".to_owned(),
        user_id: "tuntas-test".to_owned(),
        routing_key: "opd.dishub.cases".to_owned(),
        headers: std::collections::BTreeMap::default(),
        redelivered: false,
    }
}

/// Waits until `condition` answers something.
pub(crate) async fn eventually<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(started.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
