//! The edge with a small directory, one account a role, and services that answer like the platform's.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime, macros::datetime};
use tuntas_gateway::{
    MIGRATOR,
    accounts::store::{self, NewAccount},
    config::{DEFAULT_TOML, GatewayConfig},
    platform::Platform,
    web::Web,
};
use tuntas_kit::{
    app::apply_migrations,
    auth::{Kind, Signer, TrustEntry, TrustStore, generate_keypair},
    client::AsService,
    clock::Clock,
    config, ids,
    problem::{FORBIDDEN, NOT_FOUND, Problem, UNKNOWN_CASE, UNKNOWN_TICKET},
};
use tuntas_proto::{
    case::v1::{Case, Member, State},
    desk::v1::{self as desk, DeskCase},
    evaluation::v1::{ListScoresRequest, ListScoresResponse},
    event::v1::{Agency, Category, HolderTerm, Position, Region},
    intake::v1 as intake,
    oversight::v1::{FeedEntry, ListCaseEntriesRequest, ListCaseEntriesResponse},
    routing::v1 as routing,
    wire_time::timestamp,
};

use crate::{
    browser::Browser,
    fake::{Call, Fake},
};

/// A Tuesday, long enough ago that no test reaches the real time, where a demo clock runs on.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-06-23 03:00 UTC);
pub(crate) const PASSWORD: &str = "sandi yang panjang";
/// A case of dishub.
pub(crate) const CASE: &str = "01978000-0000-7000-8000-000000000001";
/// A case of dinkes.
pub(crate) const OTHER_CASE: &str = "01978000-0000-7000-8000-000000000002";
pub(crate) const TICKET: &str = "TTS-AAAAAAAA-0";
pub(crate) const CODE: &str = "KODE0RAHASIA0000";

/// User names, each of a role, with position and agency.
pub(crate) const PEOPLE: [(&str, &str, &str); 11] = [
    ("verifier", "diskominfotik.verifikator", "diskominfotik"),
    ("manager", "diskominfotik.kadis", "diskominfotik"),
    ("liaison", "dishub.sekretaris", "dishub"),
    ("executor", "dishub.kabid", "dishub"),
    ("accountable_head", "dishub.kadis", "dishub"),
    ("director", "sekda", ""),
    ("patron", "gubernur", ""),
    ("ombudsman", "ombudsman.riau", ""),
    ("auditor", "inspektorat.auditor", "inspektorat"),
    ("operator", "diskominfotik.operator", "diskominfotik"),
    ("liaison-dinkes", "dinkes.sekretaris", "dinkes"),
];
const CENTRAL: [&str; 6] = ["verifier", "manager", "director", "patron", "ombudsman", "auditor"];

/// Everything of one test.
pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) web: Web,
    pub(crate) fake: Fake,
    pub(crate) clock: Clock,
}

impl World {
    pub(crate) async fn new(pool: PgPool) -> Self {
        Self::with(pool, |_| {}).await
    }

    /// With a configuration of its own.
    pub(crate) async fn with(pool: PgPool, change: impl FnOnce(&mut GatewayConfig)) -> Self {
        // Another test of the process may have been first.
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        apply_migrations(&mut pool.acquire().await.unwrap(), &MIGRATOR)
            .await
            .unwrap();
        let key = generate_keypair().unwrap();
        let entry = TrustEntry {
            public_key: key.public_key.clone(),
            may_assert: vec![Kind::Position, Kind::Service],
            service: "gateway".to_owned(),
            opds: vec!["*".to_owned()],
        };
        let trust = TrustStore::from_entries([("gateway".to_owned(), entry)]).unwrap();
        let signer = Signer::from_pem("gateway", &key.private_key_pem).unwrap();
        let clock = Clock::demo_at(NOW);
        let fake = Fake::new(trust, clock.clone());
        let url = format!("http://{}", fake.serve().await);
        let env = [
            ("TUNTAS__LOGIN__SECRET", "rahasia tepi yang cukup panjang untuk uji"),
            // Right passwords, cheaply.
            ("TUNTAS__LOGIN__ARGON2_MEMORY_KIB", "8"),
            ("TUNTAS__LOGIN__ARGON2_PASSES", "1"),
            ("TUNTAS__EDGE__CACHE_MS", "0"),
        ];
        let env = env.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let mut config = config::load_from::<GatewayConfig>(DEFAULT_TOML, None, env)
            .unwrap()
            .service;
        let services = &mut config.services;
        for service in [
            &mut services.intake,
            &mut services.routing,
            &mut services.oversight,
            &mut services.notification,
            &mut services.evaluation,
        ] {
            service.clone_from(&url);
        }
        services.desks = format!("*={url}");
        change(&mut config);
        let as_service = AsService::new(signer.clone(), "gateway", clock.clone());
        let platform = Platform::new(&config.services, &as_service, signer, clock.clone()).unwrap();
        let secret = config.login.secret().unwrap();
        let web = Web::new(&config, platform, pool.clone(), &secret).unwrap();
        let world = Self { pool, web, fake, clock };
        world.answer_like_the_platform();
        world
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.web)
    }

    /// Makes the account of one of [`PEOPLE`], or of anybody.
    pub(crate) async fn account(&self, username: &str, holder: &str, password: Option<&str>, is_temporary: bool) {
        let hash = match password {
            Some(password) => Some(
                self.web
                    .accounts
                    .hasher()
                    .hash(&password.to_owned().into())
                    .await
                    .unwrap(),
            ),
            None => None,
        };
        let account = NewAccount {
            account_id: ids::new_id(),
            username: username.to_owned(),
            holder_id: holder.to_owned(),
            password_hash: hash,
            password_is_temporary: is_temporary,
            created_at: NOW,
        };
        assert!(store::create_account(&self.pool, account).await.unwrap());
    }

    /// A browser in which somebody of [`PEOPLE`] is logged in.
    pub(crate) async fn logged_in(&self, name: &str) -> Browser {
        let username = username_of(name);
        self.account(&username, &holder_of(name), Some(PASSWORD), false).await;
        let mut browser = self.browser();
        let answer = browser
            .post("/masuk", &[("nama", &username), ("sandi", PASSWORD)])
            .await;
        assert_eq!(answer.status, 303, "{name}: {}", answer.text());
        browser
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance_to(self.clock.now() + by).unwrap();
    }

    /// Actions in the audit trail, oldest first.
    pub(crate) async fn audited(&self) -> Vec<String> {
        let mut lines = store::audit_lines(&self.pool, 1_000).await.unwrap();
        lines.reverse();
        lines.into_iter().map(|line| line.action).collect()
    }

    fn answer_like_the_platform(&self) {
        let fake = &self.fake;
        fake.on(
            "routing.v1.Directory/ListDirectory",
            |_, _: routing::ListDirectoryRequest| Ok(directory()),
        );
        fake.on("evaluation.v1.Evaluation/ListScores", |_, _: ListScoresRequest| {
            Ok(ListScoresResponse::default())
        });
        fake.on("oversight.v1.Feed/ListCaseEntries", |_, _: ListCaseEntriesRequest| {
            Ok(ListCaseEntriesResponse {
                entries: vec![FeedEntry::default()],
            })
        });
        answer_citizens(fake);
        fake.on("routing.v1.Cases/ListInbox", |call, _: routing::ListInboxRequest| {
            central(call)?;
            Ok(routing::ListInboxResponse {
                cases: vec![case(CASE, "dishub"), case(OTHER_CASE, "dinkes")],
                next_cursor: String::new(),
            })
        });
        fake.on("routing.v1.Cases/GetCase", |call, asked: routing::GetCaseRequest| {
            central(call)?;
            let case = known(&asked.case_id).ok_or_else(|| Problem::new(UNKNOWN_CASE))?;
            Ok(routing::GetCaseResponse {
                case: Some(case),
                ..Default::default()
            })
        });
        fake.on(
            "routing.v1.Cases/SuggestDisposition",
            |_, _: routing::SuggestDispositionRequest| Ok(routing::SuggestDispositionResponse::default()),
        );
        fake.on("desk.v1.Desk/ListCases", |call, _: desk::ListCasesRequest| {
            let opd = of_agency(call)?;
            Ok(desk::ListCasesResponse {
                cases: [case(CASE, "dishub"), case(OTHER_CASE, "dinkes")]
                    .into_iter()
                    .filter(|case| case.lead_opd == opd)
                    .map(|case| DeskCase {
                        case: Some(case),
                        ..DeskCase::default()
                    })
                    .collect(),
                next_cursor: String::new(),
            })
        });
        fake.on("desk.v1.Desk/GetCase", |call, asked: desk::GetCaseRequest| {
            let opd = of_agency(call)?;
            let case = known(&asked.case_id).filter(|case| case.lead_opd == opd);
            Ok(desk::GetCaseResponse {
                case: Some(DeskCase {
                    case: Some(case.ok_or_else(|| Problem::new(UNKNOWN_CASE))?),
                    ..DeskCase::default()
                }),
                ..Default::default()
            })
        });
        fake.on("desk.v1.Desk/GetDraft", |_, _: desk::GetDraftRequest| {
            Ok(desk::GetDraftResponse::default())
        });
        fake.on("desk.v1.Desk/ListTemplates", |_, _: desk::ListTemplatesRequest| {
            Ok(desk::ListTemplatesResponse::default())
        });
    }
}

fn answer_citizens(fake: &Fake) {
    fake.on(
        "intake.v1.Intake/SearchRegister",
        |_, _: intake::SearchRegisterRequest| {
            Ok(intake::SearchRegisterResponse {
                reports: vec![public_report()],
                next_cursor: String::new(),
            })
        },
    );
    fake.on(
        "intake.v1.Intake/GetPublicReport",
        |_, asked: intake::GetPublicReportRequest| match asked.ticket == TICKET {
            true => Ok(public_report()),
            false => Err(Problem::new(NOT_FOUND)),
        },
    );
    fake.on(
        "intake.v1.Intake/TrackReport",
        |_, asked: intake::TrackReportRequest| {
            let receipt = asked.receipt.unwrap_or_default();
            match (receipt.ticket.as_str(), receipt.receipt_code.as_str()) {
                (TICKET, CODE) => Ok(intake::TrackReportResponse {
                    ticket: TICKET.to_owned(),
                    title: "Jalan berlubang".to_owned(),
                    ..Default::default()
                }),
                _ => Err(Problem::new(UNKNOWN_TICKET)),
            }
        },
    );
    fake.on(
        "intake.v1.Intake/SuggestSimilar",
        |_, _: intake::SuggestSimilarRequest| Ok(intake::SuggestSimilarResponse::default()),
    );
    fake.on(
        "intake.v1.Intake/SuggestCategories",
        |_, _: intake::SuggestCategoriesRequest| Ok(intake::SuggestCategoriesResponse::default()),
    );
    fake.on("intake.v1.Intake/FileReport", |_, _: intake::FileReportRequest| {
        Ok(intake::FileReportResponse {
            ticket: TICKET.to_owned(),
            receipt_code: CODE.to_owned(),
            report_id: ids::new_id().to_string(),
            filed_at: Some(timestamp(NOW)),
            verification_due_at: Some(timestamp(NOW)),
        })
    });
    fake.on("intake.v1.Vault/GetWords", |_, asked: intake::GetWordsRequest| {
        Ok(intake::GetWordsResponse {
            report_id: asked.report_id,
            title: "Jalan berlubang".to_owned(),
            ..Default::default()
        })
    });
    fake.on("intake.v1.Vault/ListTexts", |_, _: intake::ListTextsRequest| {
        Ok(intake::ListTextsResponse::default())
    });
    fake.on(
        "intake.v1.Vault/ReadAttachment",
        |call, asked: intake::ReadAttachmentRequest| {
            central(call)?;
            match asked.attachment_id.as_str() {
                "contoh" => Ok(intake::ReadAttachmentResponse {
                    media_type: "image/svg+xml".to_owned(),
                    chunk: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec(),
                }),
                _ => Err(Problem::new(NOT_FOUND)),
            }
        },
    );
}

pub(crate) fn username_of(name: &str) -> String {
    name.replace('_', "-")
}

pub(crate) fn holder_of(name: &str) -> String {
    format!("h-{}", username_of(name))
}

fn central(call: &Call) -> Result<(), Problem> {
    let is_central = PEOPLE
        .iter()
        .any(|(name, position, _)| CENTRAL.contains(name) && *position == call.assertion.subject);
    is_central.then_some(()).ok_or_else(|| Problem::new(FORBIDDEN))
}

/// The agency of a position that handles cases, as a desk finds it.
fn of_agency(call: &Call) -> Result<&'static str, Problem> {
    let found = PEOPLE.iter().find(|(name, position, opd)| {
        !CENTRAL.contains(name) && *name != "operator" && *position == call.assertion.subject && !opd.is_empty()
    });
    found.map(|(_, _, opd)| *opd).ok_or_else(|| Problem::new(FORBIDDEN))
}

fn known(case_id: &str) -> Option<Case> {
    match case_id {
        CASE => Some(case(CASE, "dishub")),
        OTHER_CASE => Some(case(OTHER_CASE, "dinkes")),
        _ => None,
    }
}

fn case(case_id: &str, opd: &str) -> Case {
    Case {
        case_id: case_id.to_owned(),
        state: State::InProgress.into(),
        lead_opd: opd.to_owned(),
        category_code: "jalan".to_owned(),
        region_code: "14.71".to_owned(),
        filed_at: Some(timestamp(NOW)),
        members: vec![Member {
            report_id: case_id.to_owned(),
            ..Member::default()
        }],
        ..Case::default()
    }
}

pub(crate) fn public_report() -> intake::PublicReport {
    intake::PublicReport {
        ticket: TICKET.to_owned(),
        title: "Jalan berlubang".to_owned(),
        body: "Lubang besar di depan pasar.".to_owned(),
        category_code: "jalan".to_owned(),
        region_code: "14.71".to_owned(),
        lead_opd: "dishub".to_owned(),
        filed_at: Some(timestamp(NOW)),
        ..Default::default()
    }
}

pub(crate) fn directory() -> routing::ListDirectoryResponse {
    let agency = |code: &str| Agency {
        code: code.to_owned(),
        kind: "dinas".to_owned(),
        official_name: format!("Dinas Contoh {code}"),
        short_name: code.to_uppercase(),
        active: true,
        ..Agency::default()
    };
    let position = |(name, position, opd): &(&str, &str, &str)| Position {
        id: (*position).to_owned(),
        opd_code: (*opd).to_owned(),
        title: format!("Jabatan {position}"),
        roles: vec![name.strip_suffix("-dinkes").unwrap_or(name).to_owned()],
        active: true,
        ..Position::default()
    };
    let term = |holder: String, position: &str| HolderTerm {
        term_id: format!("{holder}-{position}"),
        holder_id: holder,
        position_id: position.to_owned(),
        from: Some(timestamp(datetime!(2020-01-01 00:00 UTC))),
        ..HolderTerm::default()
    };
    let two_more = ["dishub.upt-1", "dishub.upt-2"];
    let more = two_more.map(|id| Position {
        id: id.to_owned(),
        opd_code: "dishub".to_owned(),
        title: format!("Jabatan {id}"),
        roles: vec!["executor".to_owned()],
        active: true,
        ..Position::default()
    });
    routing::ListDirectoryResponse {
        agencies: ["dishub", "dinkes", "diskominfotik", "inspektorat"].map(agency).into(),
        positions: PEOPLE.iter().map(position).chain(more).collect(),
        holders: PEOPLE
            .iter()
            .map(|(name, position, _)| term(holder_of(name), position))
            .chain(two_more.map(|id| term("h-two".to_owned(), id)))
            .collect(),
        categories: vec![Category {
            code: "jalan".to_owned(),
            name_id: "Jalan".to_owned(),
            name_en: "Roads".to_owned(),
            ..Category::default()
        }],
        regions: vec![Region {
            code: "14.71".to_owned(),
            name: "Kota Pekanbaru".to_owned(),
            ..Region::default()
        }],
        ..Default::default()
    }
}
