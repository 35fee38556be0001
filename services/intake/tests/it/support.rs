//! A database with a small directory, and what the tests do again and again.

use std::{path::PathBuf, sync::Arc};

use prost::Message as _;
use sqlx::{PgPool, Row as _};
use time::{OffsetDateTime, macros::datetime};
use tuntas_domain::{HolderId, PositionId};
use tuntas_intake::{
    caller::Caller, citizen_command, config, config::IntakeConfig, consume, file_report, intake::Intake, receipt::Peer,
    track_report, upload_attachment, vault,
};
use tuntas_kit::{auth::TrustStore, clock::Clock, directory, ids, problem::Problem};
use tuntas_proto::{
    case::v1::{Case, CaseEvent, Contribution, Member, Party, Privacy, ReportKind, State, case_event::Details, party},
    common::v1::TextRef,
    event::v1::{
        Agency, Category, DirectoryChanged, Event, HolderTerm, Position, Region, directory_changed::Change,
        event::Payload,
    },
    intake::v1::{
        AttachmentHeader, FileReportRequest, FileReportResponse, Identity, Place, Receipt, StoreTextRequest,
        TrackReportRequest, TrackReportResponse, UploadAttachmentRequest, UploadAttachmentResponse,
        WithdrawReportRequest, upload_attachment_request::Part,
    },
    wire_time::timestamp,
};
use uuid::Uuid;

/// A Tuesday, 10:00 WIB, long enough ago that no test reaches the real time, where a demo clock runs on.
pub const START: OffsetDateTime = datetime!(2026-06-23 03:00 UTC);

pub struct World {
    pub intake: Intake,
    pub pool: PgPool,
    pub files: PathBuf,
}

impl World {
    pub async fn new(pool: PgPool) -> Self {
        Self::with(pool, TrustStore::default(), &[]).await
    }

    pub async fn with(pool: PgPool, trust: TrustStore, settings: &[(&str, &str)]) -> Self {
        let mut conn = pool.acquire().await.unwrap();
        tuntas_kit::app::apply_migrations(&mut conn, &tuntas_intake::MIGRATOR)
            .await
            .unwrap();
        drop(conn);
        let files = std::env::temp_dir().join(format!("tuntas-intake-{}", ids::new_id()));
        let mut env = vec![
            ("TUNTAS__VAULT__MASTER_KEY".to_owned(), "ab".repeat(32)),
            ("TUNTAS__RECEIPT__SECRET".to_owned(), "s3cret-".repeat(8)),
            (
                "TUNTAS__ATTACHMENTS__DIR".to_owned(),
                files.to_str().unwrap().to_owned(),
            ),
            // Nothing is on its way here, and whoever is refused need not wait.
            ("TUNTAS__VAULT__CATCH_UP_MS".to_owned(), "0".to_owned()),
        ];
        env.extend(
            settings
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        let config = tuntas_kit::config::load_from::<IntakeConfig>(config::DEFAULT_TOML, None, env).unwrap();
        let intake = Intake::new(config.service, pool.clone(), Clock::demo_at(START), Arc::new(trust)).unwrap();
        let world = Self { intake, pool, files };
        world.seed().await;
        world
    }

    async fn seed(&self) {
        let mut conn = self.pool.acquire().await.unwrap();
        for (seq, change) in (1..).zip(small_directory()) {
            let payload = Payload::DirectoryChanged(DirectoryChanged { change: Some(change) });
            let event = directory::event_of(payload, seq, datetime!(2026-01-01 00:00 UTC));
            directory::apply(&mut conn, &event).await.unwrap();
        }
    }

    pub fn advance(&self, by: time::Duration) {
        self.intake.clock.advance_to(self.intake.now() + by).unwrap();
    }

    pub async fn file(&self) -> FileReportResponse {
        self.file_as(request(&key())).await
    }

    pub async fn file_as(&self, request: FileReportRequest) -> FileReportResponse {
        file_report::file_report(&self.intake, request).await.unwrap()
    }

    pub async fn track(&self, filed: &FileReportResponse) -> TrackReportResponse {
        let request = TrackReportRequest {
            receipt: Some(receipt(filed)),
            ..TrackReportRequest::default()
        };
        track_report::track_report(&self.intake, request, Peer::default())
            .await
            .unwrap()
    }

    pub async fn withdraw(&self, filed: &FileReportResponse) -> String {
        let request = WithdrawReportRequest {
            idempotency_key: key(),
            receipt: Some(receipt(filed)),
        };
        citizen_command::withdraw_report(&self.intake, request, Peer::default())
            .await
            .unwrap()
            .command_id
    }

    pub async fn upload(&self, content: &[u8]) -> Result<UploadAttachmentResponse, Problem> {
        upload_attachment::upload_attachment(&self.intake, parts(content)).await
    }

    /// The holder of a position, as the directory has it now.
    pub async fn officer(&self, position: &str) -> Caller {
        let mut conn = self.pool.acquire().await.unwrap();
        let directory = self.intake.snapshot(&mut conn).await.unwrap();
        let position_id: PositionId = position.parse().unwrap();
        let holder: HolderId = holder_of(position).parse().unwrap();
        let official = directory.directory.official(&position_id, &holder, self.intake.now());
        Caller::Officer(official.unwrap_or_else(|| panic!("no {position}")))
    }

    pub async fn store(&self, position: &str, report: &str, kind: &str, body: &str) -> TextRef {
        let request = StoreTextRequest {
            idempotency_key: key(),
            report_id: report.to_owned(),
            kind: kind.to_owned(),
            body: body.to_owned(),
            title: if kind.starts_with("redaction") {
                "Judul publik".to_owned()
            } else {
                String::new()
            },
            attachment_ids: Vec::new(),
        };
        vault::store_text(&self.intake, &self.officer(position).await, request)
            .await
            .unwrap()
            .r#ref
            .unwrap()
    }

    /// Takes in an event twice, as a redelivery would.
    pub async fn receive(&self, event: &Event) {
        for _ in 0..2 {
            let mut tx = self.pool.begin().await.unwrap();
            let id = event.event_id.parse().unwrap();
            consume::handle(&self.intake, &mut tx, id, event).await.unwrap();
            tx.commit().await.unwrap();
        }
    }

    pub async fn happen(&self, case: &Case, what: &str, details: Details) {
        self.receive(&case_event(case, what, details, "", self.intake.now()))
            .await;
    }

    /// Events in the outbox, in their order.
    pub async fn told(&self) -> Vec<Event> {
        let rows = sqlx::query("SELECT body FROM outbox ORDER BY seq")
            .fetch_all(&self.pool)
            .await
            .unwrap();
        rows.iter()
            .map(|row| Event::decode(row.get::<Vec<u8>, _>(0).as_slice()).unwrap())
            .collect()
    }

    pub async fn count(&self, table: &'static str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Everything in the database, as text.
    pub async fn dump(&self) -> String {
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
                .fetch_all(&self.pool)
                .await
                .unwrap();
        let mut dump = String::new();
        for table in tables {
            let sql = format!("SELECT to_jsonb(dumped)::text FROM \"{table}\" AS dumped");
            let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .fetch_all(&self.pool)
                .await
                .unwrap();
            for row in rows {
                dump.push_str(&row);
                dump.push('\n');
            }
        }
        dump
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.files));
    }
}

pub fn key() -> String {
    format!("kunci-{}", ids::new_id().simple())
}

pub fn holder_of(position: &str) -> String {
    format!("h-{}-1", position.replace('.', "-"))
}

pub fn receipt(filed: &FileReportResponse) -> Receipt {
    Receipt {
        ticket: filed.ticket.clone(),
        receipt_code: filed.receipt_code.clone(),
    }
}

pub fn request(key: &str) -> FileReportRequest {
    FileReportRequest {
        idempotency_key: key.to_owned(),
        kind: ReportKind::Complaint.into(),
        privacy: Privacy::Open.into(),
        title: "Jalan berlubang di depan pasar".to_owned(),
        body: "Sudah tiga minggu jalan provinsi di depan pasar berlubang dalam.".to_owned(),
        category_code: "jalan-provinsi".to_owned(),
        region_code: "14.71".to_owned(),
        named_opd: String::new(),
        place: Some(Place {
            description: "Depan pasar".to_owned(),
            latitude: Some(0.51),
            longitude: Some(101.44),
        }),
        event_date: "2026-06-19".to_owned(),
        attachment_ids: Vec::new(),
        identity: Some(Identity {
            name: "Contoh Pelapor".to_owned(),
            nik: "1471000000000001".to_owned(),
            phone: "+62 811-0000-0001".to_owned(),
            email: "pelapor@contoh.invalid".to_owned(),
            address: "Jalan Contoh 1".to_owned(),
        }),
        channel: "web".to_owned(),
        source_url: String::new(),
        language: "id".to_owned(),
        same_as_ticket: String::new(),
    }
}

/// A case with one report, as routing would say it.
pub fn case_of(filed: &FileReportResponse, seq: u64, state: State) -> Case {
    Case {
        case_id: case_id_of(&filed.report_id),
        seq,
        state: state.into(),
        kind: ReportKind::Complaint.into(),
        privacy: Privacy::Open.into(),
        category_code: "jalan-provinsi".to_owned(),
        region_code: "14.71".to_owned(),
        authority: Some(Party {
            kind: party::Kind::Manager.into(),
            opd_code: String::new(),
        }),
        members: vec![member(filed)],
        ..Case::default()
    }
}

pub fn member(filed: &FileReportResponse) -> Member {
    Member {
        report_id: filed.report_id.clone(),
        ..Member::default()
    }
}

pub fn led_by(case: Case, lead: &str, contributors: &[&str]) -> Case {
    Case {
        lead_opd: lead.to_owned(),
        contributions: contributors
            .iter()
            .map(|opd| Contribution {
                opd_code: (*opd).to_owned(),
                ..Contribution::default()
            })
            .collect(),
        ..case
    }
}

pub fn case_event(case: &Case, what: &str, details: Details, causation_id: &str, at: OffsetDateTime) -> Event {
    Event {
        event_id: ids::new_id().to_string(),
        r#type: format!("tuntas.case.{what}"),
        source: "routing".to_owned(),
        aggregate_id: format!("case:{}", case.case_id),
        aggregate_seq: case.seq,
        occurred_at: Some(timestamp(at)),
        causation_id: causation_id.to_owned(),
        payload: Some(Payload::CaseEvent(CaseEvent {
            r#type: what.to_owned(),
            case: Some(case.clone()),
            details: Some(details),
            command_id: String::new(),
        })),
        ..Event::default()
    }
}

pub fn with_text(text: &TextRef) -> Details {
    Details {
        text: Some(text.clone()),
        ..Details::default()
    }
}

pub fn parts(
    content: &[u8],
) -> impl futures::Stream<Item = Result<UploadAttachmentRequest, tonic::Status>> + Unpin + use<> {
    let header = Part::Header(AttachmentHeader {
        file_name: "foto.jpg".to_owned(),
    });
    let chunks = content.chunks(64 * 1024).map(|chunk| Part::Chunk(chunk.to_vec()));
    let parts: Vec<_> = std::iter::once(header)
        .chain(chunks)
        .map(|part| Ok(UploadAttachmentRequest { part: Some(part) }))
        .collect();
    futures::stream::iter(parts)
}

/// A case id that a test finds again from its report.
pub fn case_id_of(report: &str) -> String {
    let report: Uuid = report.parse().unwrap();
    Uuid::from_u128(report.as_u128() ^ 1).to_string()
}

fn small_directory() -> Vec<Change> {
    let agencies = ["dishub", "pupr-pkpp", "diskominfotik", "inspektorat"].map(|code| {
        Change::Agency(Agency {
            code: code.to_owned(),
            kind: "dinas".to_owned(),
            short_name: code.to_owned(),
            official_name: code.to_owned(),
            active: true,
            ..Agency::default()
        })
    });
    let positions = [
        ("gubernur", "", "patron"),
        ("sekda", "", "director"),
        ("ombudsman-riau", "", "ombudsman"),
        ("operator-1", "", "operator"),
        ("diskominfotik.kepala", "diskominfotik", "manager"),
        ("diskominfotik.verifikator", "diskominfotik", "verifier"),
        ("diskominfotik.sekretaris", "diskominfotik", "liaison"),
        ("inspektorat.irban", "inspektorat", "auditor"),
        ("dishub.kepala", "dishub", "accountable_head"),
        ("dishub.sekretaris", "dishub", "liaison"),
        ("dishub.kabid", "dishub", "executor"),
        ("pupr-pkpp.sekretaris", "pupr-pkpp", "liaison"),
    ];
    let offices = positions.map(|(id, opd, role)| {
        Change::Position(Position {
            id: id.to_owned(),
            opd_code: opd.to_owned(),
            title: id.to_owned(),
            roles: vec![role.to_owned()],
            active: true,
            ..Position::default()
        })
    });
    let terms = positions.map(|(id, _, _)| {
        Change::HolderTerm(HolderTerm {
            holder_id: holder_of(id),
            position_id: id.to_owned(),
            from: Some(timestamp(datetime!(2026-01-01 00:00 UTC))),
            term_id: ids::new_id().to_string(),
            ..HolderTerm::default()
        })
    });
    let category = |code: &str, name: &str, examples: &[&str]| {
        Change::Category(Category {
            code: code.to_owned(),
            name_id: name.to_owned(),
            name_en: code.to_owned(),
            default_opd: "pupr-pkpp".to_owned(),
            competence: "provinsi".to_owned(),
            examples_id: examples.iter().map(|example| (*example).to_owned()).collect(),
        })
    };
    let others = [
        category(
            "jalan-provinsi",
            "Jalan dan jembatan provinsi",
            &["jalan berlubang", "jembatan rusak"],
        ),
        category(
            "angkutan-umum",
            "Angkutan umum",
            &["bus terlambat", "sopir ugal-ugalan"],
        ),
        Change::Region(Region {
            code: "14.71".to_owned(),
            bps_code: "1471".to_owned(),
            name: "Pekanbaru".to_owned(),
            kind: "kota".to_owned(),
        }),
    ];
    agencies.into_iter().chain(offices).chain(terms).chain(others).collect()
}
