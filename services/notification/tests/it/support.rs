//! A planner and a sender with a database of their own, and events as the platform sends them.

use std::{
    io::Write,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use prost::Message as _;
use sqlx::{AssertSqlSafe, PgPool};
use time::{OffsetDateTime, macros::datetime};
use tokio::sync::Notify;
use tonic::Request;
use tuntas_kit::{
    app::apply_migrations,
    auth::{Kind, Signer, TrustEntry, TrustStore, generate_keypair},
    client::{self, AsService},
    clock::Clock,
    config,
    consumer::{Handler as _, HandlerError, Received},
    directory::{self, DirectoryReader},
    ids, inbox, tx,
};
use tuntas_notification::{
    MIGRATOR,
    config::{DEFAULT_TOML, NotificationConfig, SmtpTls},
    consume::Planner,
    contacts::Contacts,
    digest::Digest,
    grpc::Api,
    hook::HookCaller,
    mailer::Mailer,
    metrics::Metrics,
    sender::Sender,
    store::deliveries::{self, Shown},
};
use tuntas_proto::{
    case::v1::{Case, CaseEvent, Clock as WireClock, Contribution, Member, State, case_event::Details},
    event::v1::{
        Agency, DirectoryChanged, Event, HolderTerm, Position, ReceiptRecovered, ReportFiled,
        directory_changed::Change, event::Payload,
    },
    intake::v1::GetContactResponse,
    wire_time::timestamp,
};

use crate::{foreign::Foreign, relay::Relay};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-10-05 03:00 UTC);
pub(crate) const LIAISON: &str = "dishub.sekretaris";
pub(crate) const HEAD: &str = "dishub.kadis";
pub(crate) const EXECUTOR: &str = "dishub.kabid-lalin";
pub(crate) const OTHER_LIAISON: &str = "dinkes.sekretaris";
pub(crate) const MANAGER: &str = "diskominfotik.kadis";
/// An address that must be found nowhere but in the mail itself.
pub(crate) const CANARY: &str = "kenari.penguji@pelapor.invalid";
const DEADLINE: Duration = Duration::from_secs(30);

/// Everything of one test.
pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) sender: Sender,
    pub(crate) api: Api,
    pub(crate) foreign: Foreign,
    pub(crate) relay: Relay,
    edge: Signer,
}

impl World {
    pub(crate) async fn new(pool: PgPool) -> Self {
        Self::with(pool, |_| {}).await
    }

    /// With a configuration of its own.
    pub(crate) async fn with(pool: PgPool, change: impl FnOnce(&mut NotificationConfig)) -> Self {
        // Another test of the process may have been first.
        rustls_provider();
        log_lines();
        apply_migrations(&mut pool.acquire().await.unwrap(), &MIGRATOR)
            .await
            .unwrap();
        let (foreign, relay) = (Foreign::default(), Relay::default());
        let url = format!("http://{}", foreign.serve().await);
        let mut config = config::load_from::<NotificationConfig>(DEFAULT_TOML, None, [])
            .unwrap()
            .service;
        config.smtp.tls = SmtpTls::None;
        config.smtp.port = relay.serve().await.port();
        config.webhook.allow_http = true;
        config.webhook.allow_private = true;
        config.sender.retry_first_ms = 0;
        change(&mut config);
        let (edge, own, trust) = keys();
        let clock = Clock::demo_at(NOW);
        let directory = DirectoryReader::default();
        let channel = || client::channel(&url).unwrap();
        let planned = Arc::new(Notify::new());
        let hooks = HookCaller::new(&config.webhook).unwrap();
        let sender = Sender {
            pool: pool.clone(),
            clock: clock.clone(),
            directory: directory.clone(),
            contacts: Contacts::new(channel(), channel(), AsService::new(own, "notification", clock.clone())),
            mailer: Mailer::new(&config.smtp).unwrap(),
            hooks: hooks.clone(),
            metrics: Metrics::default(),
            settings: config.sender.clone(),
            portal_url: config.mail.portal_url.clone(),
            planned: planned.clone(),
        };
        let api = Api {
            pool: pool.clone(),
            clock,
            trust: Arc::new(trust),
            directory,
            rules: hooks.rules(),
            webhooks_max: 2,
            planned,
        };
        let world = Self {
            pool,
            sender,
            api,
            foreign,
            relay,
            edge,
        };
        world.learn_directory().await;
        world
    }

    async fn learn_directory(&self) {
        for (seq, change) in (1..).zip(directory_entries()) {
            let event = directory::event_of(
                Payload::DirectoryChanged(DirectoryChanged { change: Some(change) }),
                seq,
                NOW,
            );
            self.consume(&Event {
                event_id: ids::new_id().to_string(),
                ..event
            })
            .await
            .unwrap();
        }
    }

    /// Who plans the morning mails.
    pub(crate) fn digest(&self) -> Digest {
        Digest {
            pool: self.pool.clone(),
            clock: self.sender.clock.clone(),
            directory: self.sender.directory.clone(),
            contacts: self.sender.contacts.clone(),
            settings: config::load_from::<NotificationConfig>(DEFAULT_TOML, None, [])
                .unwrap()
                .service
                .digest,
        }
    }

    /// Consumes an event as kit's consumer does: claim, handle, commit.
    pub(crate) async fn consume(&self, event: &Event) -> Result<(), HandlerError> {
        self.handle(event, true).await
    }

    /// Handles an event although it was handled before: the handler itself must not mind.
    pub(crate) async fn handle_again(&self, event: &Event) {
        self.handle(event, false).await.unwrap();
    }

    async fn handle(&self, event: &Event, claim: bool) -> Result<(), HandlerError> {
        let planner = Planner {
            clock: self.sender.clock.clone(),
            directory: self.sender.directory.clone(),
            planned: self.sender.planned.clone(),
        };
        let received = received(event);
        tx::run(&self.pool, move |conn| {
            Box::pin(async move {
                let queue = "notification.events";
                if claim && inbox::claim(conn, queue, &[received.event_id]).await?.is_empty() {
                    return Ok(());
                }
                planner.handle(conn, &received).await
            })
        })
        .await
    }

    /// Sends until nothing is due any more.
    pub(crate) async fn send_all(&self) {
        while self.sender.round().await.unwrap() > 0 {}
    }

    /// All deliveries of a case, as recipient, template and status.
    pub(crate) async fn of_case(&self, case_id: &str) -> Vec<(String, String, String)> {
        let mut conn = self.pool.acquire().await.unwrap();
        let shown = deliveries::of_case(&mut conn, case_id.parse().unwrap(), 1_000)
            .await
            .unwrap();
        shown
            .into_iter()
            .map(|one| (one.recipient_id, one.template, one.status))
            .collect()
    }

    /// The only delivery of a report.
    pub(crate) async fn of_report(&self, report_id: &str) -> Shown {
        let mut conn = self.pool.acquire().await.unwrap();
        let mut shown = deliveries::of_report(&mut conn, report_id.parse().unwrap(), 1_000)
            .await
            .unwrap();
        assert_eq!(shown.len(), 1, "{shown:?}");
        shown.remove(0)
    }

    /// A reporter who can be reached.
    pub(crate) fn reachable(&self, report_id: &str, email: &str, language: &str) {
        let contact = GetContactResponse {
            email: email.to_owned(),
            language: language.to_owned(),
            ticket: "TTS-00000000-0".to_owned(),
            ..GetContactResponse::default()
        };
        self.foreign.set(|known| {
            known.contacts.insert(report_id.to_owned(), contact);
        });
    }

    /// Everything that the database holds, as text.
    pub(crate) async fn everything_stored(&self) -> String {
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'")
                .fetch_all(&self.pool)
                .await
                .unwrap();
        let mut text = String::new();
        for table in tables {
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("SELECT t::text FROM {table} t")))
                .fetch_all(&self.pool)
                .await
                .unwrap();
            text.push_str(&rows.join("\n"));
        }
        text
    }

    /// A request of whoever holds a position.
    pub(crate) fn by<T>(&self, position: &str, message: T) -> Request<T> {
        let holder = format!("h-{}-1", position.replace('.', "-"));
        let token = self
            .edge
            .position(&position.parse().unwrap(), &holder.parse().unwrap(), "s", NOW)
            .unwrap();
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("authorization", format!("Bearer {token}").parse().unwrap());
        request
    }
}

/// The TLS of the process, as kit's main installs it.
fn rustls_provider() {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
}

fn keys() -> (Signer, Signer, TrustStore) {
    let [edge, own] = [generate_keypair().unwrap(), generate_keypair().unwrap()];
    let entry = |public_key: &str, kind, service: &str| TrustEntry {
        public_key: public_key.to_owned(),
        may_assert: vec![kind],
        service: service.to_owned(),
        opds: vec!["*".to_owned()],
    };
    let trust = TrustStore::from_entries([
        ("edge".to_owned(), entry(&edge.public_key, Kind::Position, "edge")),
        (
            "notification".to_owned(),
            entry(&own.public_key, Kind::Service, "notification"),
        ),
    ]);
    let signer = |id: &str, pem: &str| Signer::from_pem(id, pem).unwrap();
    (
        signer("edge", &edge.private_key_pem),
        signer("notification", &own.private_key_pem),
        trust.unwrap(),
    )
}

/// Agencies with their officers; the manager is above the heads.
fn directory_entries() -> Vec<Change> {
    let mut entries: Vec<Change> = ["dishub", "dinkes", "diskominfotik"]
        .into_iter()
        .map(|code| {
            Change::Agency(Agency {
                code: code.to_owned(),
                kind: "dinas".to_owned(),
                official_name: format!("Dinas Contoh {code}"),
                active: true,
                ..Agency::default()
            })
        })
        .collect();
    for (id, role, superior) in [
        (MANAGER, "manager", ""),
        (HEAD, "accountable_head", MANAGER),
        (LIAISON, "liaison", HEAD),
        (EXECUTOR, "executor", LIAISON),
        (OTHER_LIAISON, "liaison", "dinkes.kadis"),
        ("dinkes.kadis", "accountable_head", MANAGER),
    ] {
        entries.push(Change::Position(Position {
            id: id.to_owned(),
            opd_code: id.split('.').next().unwrap().to_owned(),
            title: format!("Jabatan {id}"),
            roles: vec![role.to_owned()],
            superior_id: superior.to_owned(),
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

pub(crate) fn new_id() -> String {
    ids::new_id().to_string()
}

/// A reporter gets a new code.
pub(crate) fn receipt_recovered(report_id: &str) -> Event {
    Event {
        event_id: new_id(),
        r#type: "tuntas.receipt.recovered".to_owned(),
        source: "intake".to_owned(),
        occurred_at: Some(timestamp(NOW)),
        payload: Some(Payload::ReceiptRecovered(ReceiptRecovered {
            report_id: report_id.to_owned(),
        })),
        ..Event::default()
    }
}

/// A report was filed.
pub(crate) fn filed(report_id: &str) -> Event {
    Event {
        event_id: new_id(),
        r#type: "tuntas.report.filed".to_owned(),
        source: "intake".to_owned(),
        occurred_at: Some(timestamp(NOW)),
        payload: Some(Payload::ReportFiled(ReportFiled {
            report_id: report_id.to_owned(),
            filed_at: Some(timestamp(NOW)),
            ..ReportFiled::default()
        })),
        ..Event::default()
    }
}

/// A case with dishub, from one report.
pub(crate) fn case(case_id: &str, seq: u64, report_id: &str) -> Case {
    Case {
        case_id: case_id.to_owned(),
        seq,
        state: State::AwaitingAcceptance.into(),
        lead_opd: "dishub".to_owned(),
        policy_version: "1".to_owned(),
        members: vec![member(report_id)],
        clocks: vec![running("acceptance", 0), running("resolution", 1)],
        ..Case::default()
    }
}

pub(crate) fn member(report_id: &str) -> Member {
    Member {
        report_id: report_id.to_owned(),
        ..Member::default()
    }
}

pub(crate) fn contribution(opd: &str) -> Contribution {
    Contribution {
        opd_code: opd.to_owned(),
        ..Contribution::default()
    }
}

pub(crate) fn running(kind: &str, instance: u32) -> WireClock {
    WireClock {
        kind: kind.to_owned(),
        instance,
        due_at: Some(timestamp(datetime!(2026-10-08 17:00 UTC))),
        ..WireClock::default()
    }
}

pub(crate) fn case_event(what: &str, case: Case) -> Event {
    case_event_with(what, case, Details::default())
}

pub(crate) fn case_event_with(what: &str, case: Case, details: Details) -> Event {
    Event {
        event_id: new_id(),
        r#type: format!("tuntas.case.{what}"),
        source: "routing".to_owned(),
        occurred_at: Some(timestamp(NOW)),
        payload: Some(Payload::CaseEvent(CaseEvent {
            r#type: what.to_owned(),
            case: Some(case),
            details: Some(details),
            ..CaseEvent::default()
        })),
        ..Event::default()
    }
}

fn received(event: &Event) -> Received {
    Received {
        event_id: event.event_id.parse().unwrap(),
        event: event.clone(),
        body: event.encode_to_vec().into(),
        exchange: "tuntas.events".to_owned(),
        user_id: "tuntas-test".to_owned(),
        routing_key: "routing.case.disposed".to_owned(),
        headers: std::collections::BTreeMap::default(),
        redelivered: false,
    }
}

/// What the tests of this process have logged, at debug level. One subscriber for all of them: an event that is first
/// met on a thread without one would count as unwanted for ever.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) fn log_lines() -> Lines {
    static LINES: OnceLock<Lines> = OnceLock::new();
    let start = || {
        let lines = Lines::default();
        let writer = lines.clone();
        let logs = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false);
        logs.with_writer(move || writer.clone()).init();
        lines
    };
    LINES.get_or_init(start).clone()
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
