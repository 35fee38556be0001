//! An identity and words that occur nowhere else, and the search for them in everything that intake leaves behind.

use std::sync::{Arc, Mutex};

use sqlx::PgPool;
use tracing_subscriber::fmt::MakeWriter;
use tuntas_intake::{
    caller::Caller, citizen_command, file_report::file_report, receipt::Peer, send_message, suggest, vault,
};
use tuntas_proto::{
    case::v1::State,
    intake::v1::{
        DisputeAnswerRequest, FileReportRequest, FindSimilarRequest, GetContactRequest, GetWordsRequest, Identity,
        Place, RevealIdentityRequest, SendMessageRequest, SuggestSimilarRequest,
    },
};

use crate::support::{World, case_of, key, receipt, request, with_text};

const CANARIES: [&str; 11] = [
    "Kenari Bernama Panjang",
    "1471999988887777",
    "81199998888",
    "kenari@rahasia.invalid",
    "Gang Kenari Nomor Tujuh",
    "Kenarijudul",
    "kenariisi",
    "kenaritempat",
    "101.987654",
    "kenarisumber",
    "kenaripesan",
];

fn with_canaries(key: &str) -> FileReportRequest {
    FileReportRequest {
        title: "Kenarijudul berlubang".to_owned(),
        body: "Jalan kenariisi berlubang dalam di depan pasar.".to_owned(),
        place: Some(Place {
            description: "kenaritempat".to_owned(),
            latitude: Some(0.5),
            longitude: Some(101.987_654),
        }),
        identity: Some(Identity {
            name: "Kenari Bernama Panjang".to_owned(),
            nik: "1471999988887777".to_owned(),
            phone: "+6281199998888".to_owned(),
            email: "kenari@rahasia.invalid".to_owned(),
            address: "Gang Kenari Nomor Tujuh".to_owned(),
        }),
        source_url: "https://contoh.invalid/kenarisumber".to_owned(),
        ..request(key)
    }
}

fn assert_silent(what: &str, text: &str) {
    let small = text.to_lowercase();
    for canary in CANARIES {
        assert!(!small.contains(&canary.to_lowercase()), "{what} holds {canary}");
        // bytea is shown in hex.
        assert!(!small.contains(&hex::encode(canary)), "{what} holds {canary} as bytes");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::io::Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[sqlx::test(migrations = false)]
async fn nothing_that_a_person_wrote_lies_in_clear(pool: PgPool) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // For every thread of this process: what other tests log meanwhile holds no canary either.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let world = World::new(pool).await;
    let intake = &world.intake;
    let upload = world.upload(b"%PDF-1.4\nkenariisi\n%%EOF").await.unwrap();
    let filing = FileReportRequest {
        attachment_ids: vec![upload.attachment_id],
        ..with_canaries("kunci-yang-cukup-panjang-1")
    };
    let filed = world.file_as(filing.clone()).await;
    let mut other = filing.clone();
    other.body.push_str(" kenariisi");
    let reused = file_report(intake, other).await.unwrap_err();
    let odd = FileReportRequest {
        category_code: "kenariisi".to_owned(),
        ..with_canaries(&key())
    };
    let unknown = file_report(intake, odd).await.unwrap_err();
    for problem in [reused, unknown, broken(&world).await] {
        // Here a problem is logged, and becomes what the caller sees.
        assert_silent("a status", &format!("{:?}", tonic::Status::from(problem)));
    }
    acts(&world, &filed).await;

    assert_silent("the database", &world.dump().await);
    for event in world.told().await {
        assert_silent("an event", &format!("{event:?}"));
    }
    for folder in std::fs::read_dir(&world.files).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let content = std::fs::read(file.unwrap().path()).unwrap();
            assert!(
                !content.windows(9).any(|window| window == b"kenariisi"),
                "a stored file"
            );
        }
    }
    let written = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(!written.is_empty());
    assert_silent("the log", &written);
    assert!(!written.contains(&filed.receipt_code), "the log holds a receipt code");
    assert!(
        !world.dump().await.contains(&filed.receipt_code),
        "the database holds a receipt code"
    );
    assert!(
        !world.dump().await.contains("kunci-yang-cukup-panjang-1"),
        "the database holds a filing key"
    );
}

/// What happens when a sealed column was damaged.
async fn broken(world: &World) -> tuntas_kit::problem::Problem {
    let filed = world.file_as(with_canaries(&key())).await;
    sqlx::query("UPDATE report SET sealed_words = 'x' WHERE ticket = $1")
        .bind(&filed.ticket)
        .execute(&world.pool)
        .await
        .unwrap();
    let verifier = world.officer("diskominfotik.verifikator").await;
    let request = GetWordsRequest {
        report_id: filed.report_id,
    };
    vault::get_words(&world.intake, &verifier, request).await.unwrap_err()
}

async fn acts(world: &World, filed: &tuntas_proto::intake::v1::FileReportResponse) {
    let intake = &world.intake;
    let verifier = world.officer("diskominfotik.verifikator").await;
    let report_id = || filed.report_id.clone();
    vault::get_words(intake, &verifier, GetWordsRequest { report_id: report_id() })
        .await
        .unwrap();
    let reveal = RevealIdentityRequest {
        idempotency_key: key(),
        report_id: report_id(),
        reason: "Menanyakan kenaripesan kepada pelapor".to_owned(),
    };
    vault::reveal_identity(intake, &verifier, reveal).await.unwrap();
    let contact = GetContactRequest {
        report_id: report_id(),
        ..GetContactRequest::default()
    };
    vault::get_contact(intake, &Caller::Service("notification".to_owned()), contact)
        .await
        .unwrap();
    let find = FindSimilarRequest {
        report_id: report_id(),
        limit: 0,
    };
    vault::find_similar(intake, &Caller::Service("routing".to_owned()), find)
        .await
        .unwrap();
    let suggest = SuggestSimilarRequest {
        text: "Kenarijudul kenariisi".to_owned(),
        ..SuggestSimilarRequest::default()
    };
    suggest::suggest_similar(intake, suggest).await.unwrap();
    let dispute = DisputeAnswerRequest {
        idempotency_key: key(),
        receipt: Some(receipt(filed)),
        text: "kenaripesan".to_owned(),
        attachment_ids: Vec::new(),
    };
    citizen_command::dispute_answer(intake, dispute, Peer::default())
        .await
        .unwrap();
    let message = SendMessageRequest {
        idempotency_key: key(),
        receipt: Some(receipt(filed)),
        text: "kenaripesan".to_owned(),
    };
    send_message::send_message(intake, message, Peer::default())
        .await
        .unwrap();
    // What the verifier lets through is public, what officers write is sealed until it is released.
    let text = world
        .store(
            "diskominfotik.verifikator",
            &filed.report_id,
            "redaction",
            "Jalan berlubang",
        )
        .await;
    world
        .happen(
            &case_of(filed, 2, State::AwaitingDisposition),
            "verified",
            with_text(&text),
        )
        .await;
    world
        .store("diskominfotik.verifikator", &filed.report_id, "note", "kenaripesan")
        .await;
}
