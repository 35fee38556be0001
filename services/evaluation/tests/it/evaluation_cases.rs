//! Evaluation cases: opened by the log, replied to and decided by people, ended by nobody else (rules V3, K9).

use std::sync::Arc;

use prost::Message as _;
use sqlx::PgPool;
use time::{OffsetDateTime, macros::datetime};
use tonic::{Code, Request, Status};
use tuntas_evaluation::{access::Access, grpc::EvaluationService, reconcile::reconcile};
use tuntas_kit::{
    auth::{self, Kind, Signer, TrustEntry, TrustStore},
    client,
    clock::Clock,
    directory::DirectoryReader,
    problem,
};
use tuntas_proto::{
    evaluation::v1::{self as wire, evaluation_server::Evaluation as _},
    event::v1::{EvaluationCaseChanged, Event, event::Payload},
    wire_time::instant,
};
use uuid::Uuid;

use crate::{
    support::{apply, migrate},
    world::{World, case_id, holder},
};

/// The service with a clock of its own and a key that everybody's assertions are signed with.
pub(crate) struct Bench {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) service: EvaluationService,
    signer: Signer,
}

impl Bench {
    pub(crate) async fn new(pool: PgPool, now: OffsetDateTime) -> Self {
        migrate(&pool).await;
        let key = auth::generate_keypair().unwrap();
        let trusted = TrustEntry {
            public_key: key.public_key,
            may_assert: vec![Kind::Position, Kind::Service],
            service: "gateway".to_owned(),
            opds: Vec::new(),
        };
        let clock = Clock::demo_at(now);
        let access = Access {
            pool: pool.clone(),
            trust: Arc::new(TrustStore::from_entries([("edge".to_owned(), trusted)]).unwrap()),
            clock: clock.clone(),
            directory: DirectoryReader::default(),
            service_readers: Arc::new(["gateway".to_owned()]),
        };
        let service = EvaluationService {
            access,
            list_max: 100,
            breaches_max: 100,
        };
        Self {
            pool,
            clock,
            service,
            signer: Signer::from_pem("edge", &key.private_key_pem).unwrap(),
        }
    }

    /// A request of the person in a position.
    pub(crate) fn by<T>(&self, position: &str, message: T) -> Request<T> {
        self.by_holder(position, &holder(position), message)
    }

    pub(crate) fn by_holder<T>(&self, position: &str, holder: &str, message: T) -> Request<T> {
        let (position, holder) = (position.parse().unwrap(), holder.parse().unwrap());
        let token = self
            .signer
            .position(&position, &holder, "s-1", self.clock.now())
            .unwrap();
        client::request_as(message, &token).unwrap()
    }

    pub(crate) fn by_service<T>(&self, message: T) -> Request<T> {
        let token = self.signer.service("gateway", self.clock.now()).unwrap();
        client::request_as(message, &token).unwrap()
    }

    pub(crate) async fn cases(&self, position: &str) -> Vec<wire::EvaluationCase> {
        let request = self.by(position, wire::ListEvaluationCasesRequest::default());
        self.service
            .list_evaluation_cases(request)
            .await
            .unwrap()
            .into_inner()
            .cases
    }

    pub(crate) async fn reply(&self, position: &str, id: &str, key: &str) -> Result<(), Status> {
        let request = wire::ReplyRequest {
            idempotency_key: key.to_owned(),
            evaluation_case_id: id.to_owned(),
            text: "Petugas kami sedang menangani banjir di tiga kecamatan.".to_owned(),
        };
        self.service.reply(self.by(position, request)).await.map(|_| ())
    }

    pub(crate) async fn decide(&self, position: &str, id: &str, key: &str) -> Result<(), Status> {
        let request = wire::DecideRequest {
            idempotency_key: key.to_owned(),
            evaluation_case_id: id.to_owned(),
            measure: "guidance".to_owned(),
            reason: "Pembinaan: penerimaan kasus tidak boleh menunggu keadaan lapangan.".to_owned(),
        };
        self.service.decide(self.by(position, request)).await.map(|_| ())
    }

    async fn reconcile(&self) {
        reconcile(&self.pool, &DirectoryReader::default(), self.clock.now(), 100)
            .await
            .unwrap();
    }

    /// What was told, in order.
    async fn told(&self) -> Vec<(String, Event, EvaluationCaseChanged)> {
        let rows: Vec<(String, Vec<u8>)> = sqlx::query_as("SELECT routing_key, body FROM outbox ORDER BY seq")
            .fetch_all(&self.pool)
            .await
            .unwrap();
        rows.into_iter()
            .map(|(key, body)| {
                let event = Event::decode(body.as_slice()).unwrap();
                let Some(Payload::EvaluationCaseChanged(changed)) = event.payload.clone() else {
                    panic!("{event:?}")
                };
                (key, event, changed)
            })
            .collect()
    }
}

/// Filed on 3 March 2025, disposed to dishub, and never touched.
fn untouched() -> World {
    let mut world = World::new();
    for number in 1..=2 {
        world.file(number);
        world.dispose(number, "dishub");
    }
    world
}

fn code(status: &Status) -> String {
    problem::code_of(status).unwrap_or_default()
}

#[sqlx::test(migrations = false)]
async fn opened_at_the_fifth_day_replied_to_and_decided(pool: PgPool) {
    let mut world = untouched();
    let bench = Bench::new(pool, datetime!(2025-03-13 00:10:00 +7)).await;
    // The fourth working day after the breach of 6 March: nothing yet.
    world.run_to(datetime!(2025-03-12 23:59:59 +7));
    apply(&bench.pool, &world.log.entries, 10).await.unwrap();
    assert_eq!(bench.cases("sekda").await.len(), 0);
    world.run_to(datetime!(2025-03-13 00:00:00 +7));
    apply(&bench.pool, &world.log.entries, 10).await.unwrap();
    let cases = bench.cases("sekda").await;
    assert_eq!(
        cases.len(),
        1,
        "one for the position, the holder and the month: {cases:?}"
    );
    let case = &cases[0];
    assert_eq!(
        (case.position_id.as_str(), case.opd_code.as_str()),
        ("dishub.sekretaris", "dishub")
    );
    assert_eq!(
        (case.holder_id.as_str(), case.month.as_str()),
        ("h-dishub-sekretaris-1", "2025-03")
    );
    assert_eq!(case.status, "awaiting_reply");
    assert_eq!(case.case_ids, [case_id(1).to_string(), case_id(2).to_string()]);
    // Seven working days after the 13th: 14, 17 to 21, 24 March; 24:00 of the last.
    assert_eq!(
        case.reply_due_at.as_ref().and_then(instant),
        Some(datetime!(2025-03-25 00:00:00 +7))
    );
    let id = case.evaluation_case_id.clone();

    // Wrong officers, and too early.
    for wrong in ["dishub.kepala", "dishub.lalin", "dinkes.sekretaris", "sekda"] {
        let refused = bench.reply(wrong, &id, "k-0").await.unwrap_err();
        assert_eq!(
            (refused.code(), code(&refused).as_str()),
            (Code::PermissionDenied, "forbidden"),
            "{wrong}"
        );
    }
    assert_eq!(
        code(&bench.decide("sekda", &id, "k-0").await.unwrap_err()),
        "reply_time_runs"
    );

    bench.reply("dishub.sekretaris", &id, "k-1").await.unwrap();
    bench.reply("dishub.sekretaris", &id, "k-1").await.unwrap();
    assert_eq!(
        code(&bench.reply("dishub.sekretaris", &id, "k-2").await.unwrap_err()),
        "illegal_move"
    );
    for wrong in [
        "dishub.kepala",
        "gubernur",
        "dishub.sekretaris",
        "inspektorat.inspektur",
    ] {
        let refused = bench.decide(wrong, &id, "k-0").await.unwrap_err();
        let expected = if wrong == "dishub.sekretaris" {
            "own_case"
        } else {
            "forbidden"
        };
        assert_eq!(code(&refused), expected, "{wrong}");
    }
    bench.decide("sekda", &id, "k-3").await.unwrap();
    bench.decide("sekda", &id, "k-3").await.unwrap();
    assert_eq!(
        code(&bench.decide("sekda", &id, "k-4").await.unwrap_err()),
        "illegal_move"
    );
    let decided = &bench.cases("sekda").await[0];
    assert_eq!(
        (decided.status.as_str(), decided.measure.as_str()),
        ("decided", "guidance")
    );
    assert_eq!(decided.decided_by_position_id, "sekda");
    assert!(decided.reply.contains("banjir") && decided.decision_reason.contains("Pembinaan"));

    let told = bench.told().await;
    let said: Vec<(&str, &str, u64)> = told
        .iter()
        .map(|(key, event, changed)| (key.as_str(), changed.status.as_str(), event.aggregate_seq))
        .collect();
    let expected = [
        ("evaluation.case.opened", "opened", 1),
        ("evaluation.case.ground_added", "ground_added", 2),
        ("evaluation.case.replied", "replied", 3),
        ("evaluation.case.decided", "decided", 4),
    ];
    assert_eq!(said, expected);
    assert_eq!(told[3].2.measure, "guidance");
    assert!(
        told[0].1.causation_id.parse::<Uuid>().is_ok(),
        "the log puts it after the rung that caused it"
    );
    for (_, event, _) in &told {
        let bytes = event.encode_to_vec();
        assert!(
            !bytes.windows(6).any(|window| window == b"banjir"),
            "no words in events"
        );
        assert_eq!(event.aggregate_id, format!("evaluation:{id}"));
    }
}

#[sqlx::test(migrations = false)]
async fn an_unused_right_of_reply_ends_and_nothing_else(pool: PgPool) {
    let mut world = untouched();
    let bench = Bench::new(pool, datetime!(2025-03-24 23:59:59 +7)).await;
    world.run_to(datetime!(2025-03-13 00:00:00 +7));
    apply(&bench.pool, &world.log.entries, 10).await.unwrap();
    bench.reconcile().await;
    assert_eq!(bench.cases("sekda").await[0].status, "awaiting_reply");
    bench.clock.advance_to(datetime!(2025-03-25 00:00:01 +7)).unwrap();
    bench.reconcile().await;
    bench.reconcile().await;
    let case = &bench.cases("sekda").await[0];
    assert_eq!((case.status.as_str(), case.measure.as_str()), ("awaiting_decision", ""));
    // The decision has fourteen working days from here, over Idulfitri.
    let decision_due_at = case.decision_due_at.as_ref().and_then(instant).unwrap();
    assert!(decision_due_at > datetime!(2025-04-22 00:00:00 +7), "{decision_due_at}");
    let id = case.evaluation_case_id.clone();
    assert_eq!(
        code(&bench.reply("dishub.sekretaris", &id, "k-1").await.unwrap_err()),
        "illegal_move"
    );
    // A late decision is late, and still people's.
    bench.clock.advance_to(datetime!(2025-05-01 09:00:00 +7)).unwrap();
    bench.reconcile().await;
    bench.reconcile().await;
    assert_eq!(bench.cases("sekda").await[0].status, "awaiting_decision");
    bench.decide("sekda", &id, "k-2").await.unwrap();
    let statuses: Vec<String> = bench
        .told()
        .await
        .into_iter()
        .map(|(_, _, changed)| changed.status)
        .collect();
    assert_eq!(
        statuses,
        ["opened", "ground_added", "reply_time_ended", "decision_late", "decided"]
    );
}

/// Rule V3: +10 for heads, decided by the patron (echelon II); a new month has its own case.
#[sqlx::test(migrations = false)]
async fn heads_answer_later_and_to_the_patron(pool: PgPool) {
    let mut world = World::new();
    world.file(1);
    world.dispose(1, "dishub");
    world.accept("dishub", 1);
    world.answer("dishub.sekretaris", 1);
    world.run_to(datetime!(2025-03-04 09:00:00 +7));
    // Rework is the head's: due after 5, 6, 7, 10, 11 March, at 00:00 on the 12th.
    world.dispute(1);
    let bench = Bench::new(pool, datetime!(2025-04-16 09:00:00 +7)).await;
    // +5 is on the 19th, +10 on the 26th.
    world.run_to(datetime!(2025-03-25 23:59:59 +7));
    apply(&bench.pool, &world.log.entries, 10).await.unwrap();
    assert_eq!(bench.cases("gubernur").await.len(), 0);
    world.run_to(datetime!(2025-03-26 00:00:00 +7));
    apply(&bench.pool, &world.log.entries, 10).await.unwrap();
    let cases = bench.cases("gubernur").await;
    assert_eq!((cases.len(), cases[0].position_id.as_str()), (1, "dishub.kepala"));
    let id = &cases[0].evaluation_case_id;
    bench.reconcile().await;
    assert_eq!(code(&bench.decide("sekda", id, "k-1").await.unwrap_err()), "forbidden");
    bench.decide("gubernur", id, "k-2").await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn each_month_has_its_own(pool: PgPool) {
    let mut world = untouched();
    let bench = Bench::new(pool, datetime!(2025-04-10 09:00:00 +7)).await;
    world.run_to(datetime!(2025-04-10 09:00:00 +7));
    apply(&bench.pool, &world.log.entries, 10).await.unwrap();
    let months: Vec<(String, usize)> = bench
        .cases("sekda")
        .await
        .into_iter()
        .map(|case| (case.month, case.case_ids.len()))
        .collect();
    // Acceptance and first response reached +5 in March; resolution, late on 22 March, on 9 April.
    assert_eq!(months, [("2025-03".to_owned(), 2), ("2025-04".to_owned(), 2)]);
}

/// Own events come back through the log: they change nothing, except after a fresh start.
#[sqlx::test(migrations = false)]
async fn own_events_come_back(pool: PgPool) {
    let mut world = untouched();
    let bench = Bench::new(pool, datetime!(2025-03-13 00:10:00 +7)).await;
    world.run_to(datetime!(2025-03-13 00:00:00 +7));
    apply(&bench.pool, &world.log.entries, 10).await.unwrap();
    let id = bench.cases("sekda").await[0].evaluation_case_id.clone();
    bench.reply("dishub.sekretaris", &id, "k-1").await.unwrap();
    bench.decide("sekda", &id, "k-2").await.unwrap();
    let before = bench.cases("sekda").await;
    let told = bench.told().await;
    for (_, event, _) in &told {
        world.log.append(event);
    }
    apply(&bench.pool, &world.log.entries, 10).await.unwrap();
    assert_eq!(bench.cases("sekda").await, before);
    assert_eq!(
        bench.told().await.len(),
        told.len(),
        "an event that comes back causes none"
    );

    sqlx::raw_sql(
        "DELETE FROM signal; DELETE FROM charge; DELETE FROM escalation; DELETE FROM breach; DELETE FROM clock_fact;
         DELETE FROM case_fact; DELETE FROM evaluation_text; DELETE FROM evaluation_case; DELETE FROM directory_entry;
         DELETE FROM outbox; UPDATE log_cursor SET position = 0, chain_hash = decode(repeat('00', 32), 'hex')",
    )
    .execute(&bench.pool)
    .await
    .unwrap();
    apply(&bench.pool, &world.log.entries, 10).await.unwrap();
    let again = &bench.cases("sekda").await[0];
    assert_eq!(
        (again.evaluation_case_id.as_str(), again.status.as_str()),
        (id.as_str(), "decided")
    );
    assert_eq!(
        (again.measure.as_str(), again.decided_by_position_id.as_str()),
        ("guidance", "sekda")
    );
    assert_eq!(again.case_ids, before[0].case_ids);
    // What is told again has the ids it had: every inbox knows it.
    let ids = |told: &[(String, Event, EvaluationCaseChanged)]| -> Vec<String> {
        told.iter().map(|(_, event, _)| event.event_id.clone()).collect()
    };
    assert_eq!(ids(&bench.told().await), ids(&told)[..2]);
}

#[sqlx::test(migrations = false)]
async fn bad_requests_are_refused_by_name(pool: PgPool) {
    let mut world = untouched();
    let bench = Bench::new(pool, datetime!(2025-03-13 00:10:00 +7)).await;
    world.run_to(datetime!(2025-03-13 00:00:00 +7));
    apply(&bench.pool, &world.log.entries, 10).await.unwrap();
    let id = bench.cases("sekda").await[0].evaluation_case_id.clone();
    let reply = |key: &str, id: &str, text: String| wire::ReplyRequest {
        idempotency_key: key.to_owned(),
        evaluation_case_id: id.to_owned(),
        text,
    };
    let good = "Ada.".to_owned();
    let cases = [
        (reply("", &id, good.clone()), "idempotency_key_missing"),
        (reply("k", "no uuid", good.clone()), "invalid_argument"),
        (reply("k", &Uuid::from_u128(9).to_string(), good), "not_found"),
        (reply("k", &id, "  \n".to_owned()), "invalid_argument"),
        (reply("k", &id, "x".repeat(10 * 1024 * 1024)), "invalid_argument"),
        (reply("k", &id, "a\0b".to_owned()), "invalid_argument"),
    ];
    for (request, expected) in cases {
        let refused = bench
            .service
            .reply(bench.by("dishub.sekretaris", request))
            .await
            .unwrap_err();
        assert_eq!(code(&refused), expected);
    }
    let other_measure = wire::DecideRequest {
        idempotency_key: "k".to_owned(),
        evaluation_case_id: id.clone(),
        measure: "dismissal".to_owned(),
        reason: "x".to_owned(),
    };
    let refused = bench
        .service
        .decide(bench.by("sekda", other_measure))
        .await
        .unwrap_err();
    assert_eq!(code(&refused), "invalid_argument");
    assert_eq!(
        bench.told().await.len(),
        2,
        "nothing was told but the opening and its second ground"
    );
}
