//! The gRPC services with a small province, a clock of their own, and a key that everybody's assertions are signed with.

use std::sync::Arc;

use prost::Message as _;
use sqlx::PgPool;
use time::{OffsetDateTime, macros::datetime};
use tokio_util::sync::CancellationToken;
use tonic::Request;
use tuntas_kit::{
    auth::{self, Kind, Signer, TrustEntry, TrustStore},
    client,
    clock::Clock,
    directory::{self, DirectoryReader},
    tx,
};
use tuntas_oversight::{
    access::Access,
    feed::{Feed, Settings},
    grpc::{FeedService, OversightService},
    head::HeadWatch,
    metrics::Metrics,
    reconcile::reconcile,
};
use tuntas_proto::{
    case::v1::{Case, CaseEvent},
    common::v1::TextRef,
    event::v1::{Agency, DirectoryChanged, Event, HolderTerm, Position, directory_changed::Change, event::Payload},
    oversight::v1::{self as wire, oversight_server::Oversight as _},
    wire_time::timestamp,
};
use uuid::Uuid;

use crate::support::{consume, event, migrate, sequence};

const START: OffsetDateTime = datetime!(2024-01-01 00:00:00 +7);
const POSITIONS: [(&str, &str, &str); 9] = [
    ("gubernur", "", "patron"),
    ("sekda", "", "director"),
    ("ombudsman.riau", "", "ombudsman"),
    ("inspektorat.inspektur", "inspektorat", "auditor"),
    ("dishub.kepala", "dishub", "accountable_head"),
    ("dishub.sekretaris", "dishub", "liaison"),
    ("dishub.lalin", "dishub", "executor"),
    ("dinkes.kepala", "dinkes", "accountable_head"),
    ("pusat-data", "dinkes", "operator"),
];

/// The case that everything is about.
pub(crate) fn case_id() -> String {
    Uuid::from_u128(1).to_string()
}

/// A text sealed elsewhere.
pub(crate) fn text(n: u8) -> Option<TextRef> {
    Some(TextRef {
        text_id: Uuid::from_u128(n.into()).to_string(),
        commitment: vec![n; 32],
    })
}

/// The services.
pub(crate) struct Bench {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) feed: FeedService,
    pub(crate) acts: OversightService,
    pub(crate) stop: CancellationToken,
    private_key_pem: String,
    signer: Signer,
    directory: DirectoryReader,
}

impl Bench {
    /// The services with one case of dishub in the log.
    pub(crate) async fn new(pool: PgPool, now: OffsetDateTime) -> Self {
        migrate(&pool).await;
        fill_directory(&pool).await;
        let key = auth::generate_keypair().unwrap();
        let may_assert = vec![Kind::Position, Kind::Service];
        let trusted = |service: &str| TrustEntry {
            public_key: key.public_key.clone(),
            may_assert: may_assert.clone(),
            service: service.to_owned(),
            opds: Vec::new(),
        };
        let keys = ["edge", "evaluation", "desk"].map(|id| (id.to_owned(), trusted(id)));
        let clock = Clock::demo_at(now);
        let directory = DirectoryReader::default();
        let access = Access {
            pool: pool.clone(),
            trust: Arc::new(TrustStore::from_entries(keys).unwrap()),
            clock: clock.clone(),
            directory: directory.clone(),
            service_readers: Arc::new(["evaluation".to_owned()]),
        };
        let settings = Settings {
            page_max: 16,
            buffer_max: 16,
            followers_max: 8,
            poll_ms: 10,
            case_entries_max: 100,
            service_readers: Vec::new(),
        };
        let (head, stop) = (HeadWatch::new(), CancellationToken::new());
        let feed = Feed::new(pool.clone(), head, settings, Metrics::default(), stop.clone());
        let bench = Self {
            feed: FeedService {
                access: access.clone(),
                feed,
                case_entries_max: 100,
            },
            acts: OversightService { access, list_max: 100 },
            signer: Signer::from_pem("edge", &key.private_key_pem).unwrap(),
            private_key_pem: key.private_key_pem,
            pool,
            clock,
            stop,
            directory,
        };
        bench.log_case().await;
        bench
    }

    /// A report, its case, and a command that the case answers.
    async fn log_case(&self) {
        let filed = event("report:r", 1, None);
        let case = |lead_opd: &str| {
            let case = Case {
                case_id: case_id(),
                lead_opd: lead_opd.to_owned(),
                ..Case::default()
            };
            Some(Payload::CaseEvent(CaseEvent {
                case: Some(case),
                ..CaseEvent::default()
            }))
        };
        let aggregate = format!("case:{}", case_id());
        let opened = Event {
            payload: case(""),
            ..event(&aggregate, 1, Some(&filed))
        };
        let disposed = Event {
            payload: case("dishub"),
            ..event(&aggregate, 2, None)
        };
        let other = event("case:other", 1, None);
        consume(&self.pool, &[filed, other, opened, disposed]).await.unwrap();
        sequence(&self.pool).await;
    }

    /// A request of the person in a position.
    pub(crate) fn by<T>(&self, position: &str, message: T) -> Request<T> {
        let holder = format!("h-{position}-1").replace('.', "-");
        let token = self
            .signer
            .position(
                &position.parse().unwrap(),
                &holder.parse().unwrap(),
                "s-1",
                self.clock.now(),
            )
            .unwrap();
        client::request_as(message, &token).unwrap()
    }

    /// A request of a service.
    pub(crate) fn by_service<T>(&self, service: &str, message: T) -> Request<T> {
        let signer = Signer::from_pem(service, &self.private_key_pem).unwrap();
        let token = signer.service(service, self.clock.now()).unwrap();
        client::request_as(message, &token).unwrap()
    }

    /// Does what is due.
    pub(crate) async fn reconcile(&self) {
        reconcile(&self.pool, &self.directory, self.clock.now(), 100)
            .await
            .unwrap();
    }

    /// All acts, as the Ombudsman sees them.
    pub(crate) async fn list(&self) -> Vec<wire::OmbudsmanAct> {
        let request = self.by("ombudsman.riau", wire::ListActsRequest::default());
        self.acts.list_acts(request).await.unwrap().into_inner().acts
    }

    /// What was told, in order: routing key and event.
    pub(crate) async fn told(&self) -> Vec<(String, Event)> {
        let rows: Vec<(String, Vec<u8>)> = sqlx::query_as("SELECT routing_key, body FROM outbox ORDER BY seq")
            .fetch_all(&self.pool)
            .await
            .unwrap();
        rows.into_iter()
            .map(|(key, body)| (key, Event::decode(body.as_slice()).unwrap()))
            .collect()
    }
}

async fn fill_directory(pool: &PgPool) {
    let mut changes = Vec::new();
    for code in ["dishub", "dinkes", "inspektorat"] {
        changes.push(Change::Agency(Agency {
            code: code.to_owned(),
            kind: "dinas".to_owned(),
            active: true,
            ..Agency::default()
        }));
    }
    for (id, opd, role) in POSITIONS {
        changes.push(Change::Position(Position {
            id: id.to_owned(),
            opd_code: opd.to_owned(),
            roles: vec![role.to_owned()],
            active: true,
            ..Position::default()
        }));
        changes.push(Change::HolderTerm(HolderTerm {
            holder_id: format!("h-{id}-1").replace('.', "-"),
            position_id: id.to_owned(),
            from: Some(timestamp(START)),
            term_id: format!("t-{id}"),
            ..HolderTerm::default()
        }));
    }
    tx::run(pool, move |conn| {
        Box::pin(async move {
            for (seq, change) in (1..).zip(changes) {
                let payload = Payload::DirectoryChanged(DirectoryChanged { change: Some(change) });
                directory::apply(conn, &directory::event_of(payload, seq, START))
                    .await
                    .unwrap();
            }
            Ok::<_, sqlx::Error>(())
        })
    })
    .await
    .unwrap();
}
