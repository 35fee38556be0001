//! Answers that repeat earlier ones of the same agency.

use sqlx::PgPool;
use tuntas_domain::{Policy, near_copy};
use tuntas_intake::{caller::Caller, vault};
use tuntas_kit::{directory, ids};
use tuntas_proto::{
    case::v1::{Answer, Case, State},
    common::v1::TextRef,
    event::v1::{AnswerFoundNearCopy, Event, PolicyChanged, event::Payload},
    intake::v1::{EraseReportRequest, FileReportResponse},
    wire_time::timestamp,
};

use crate::support::{START, World, case_event, case_of, key, led_by, with_text};

const OWN: &str = "Lubang di depan pasar ditambal oleh regu pemeliharaan hari Rabu, saluran di sampingnya dibersihkan, \
    dan foto hasilnya kami lampirkan supaya warga dapat memeriksa.";

/// The same words for everybody, with a place and a ticket filled in.
fn template(place: &str, ticket: &str) -> String {
    format!(
        "Terima kasih atas laporan Saudara nomor {ticket} mengenai jalan di {place}. Laporan telah kami terima dan kami \
         teruskan kepada bidang teknis untuk ditindaklanjuti sesuai ketentuan yang berlaku, mohon kesabaran Saudara."
    )
}

/// The event with which routing says that an agency has answered.
fn answered(filed: &FileReportResponse, seq: u64, opd: &str, text: &TextRef, world: &World) -> Event {
    let case = Case {
        outcome: 1,
        answer: Some(Answer {
            text: Some(text.clone()),
            opd_code: opd.to_owned(),
            ..Answer::default()
        }),
        ..led_by(case_of(filed, seq, State::Answered), opd, &[])
    };
    case_event(&case, "answered", with_text(text), "", world.intake.now())
}

impl World {
    /// A report of an agency's that it answers with `words`; twice, as everything comes twice.
    async fn answer(&self, opd: &str, words: &str) -> (FileReportResponse, TextRef, Event) {
        let filed = self.file().await;
        self.happen(
            &led_by(case_of(&filed, 2, State::InProgress), opd, &[]),
            "accepted",
            Default::default(),
        )
        .await;
        let (text, event) = self.answer_again(&filed, 3, opd, words).await;
        (filed, text, event)
    }

    async fn answer_again(&self, filed: &FileReportResponse, seq: u64, opd: &str, words: &str) -> (TextRef, Event) {
        self.advance(time::Duration::minutes(1));
        let text = self
            .store(&format!("{opd}.sekretaris"), &filed.report_id, "answer", words)
            .await;
        let event = answered(filed, seq, opd, &text, self);
        self.receive(&event).await;
        (text, event)
    }

    async fn found(&self) -> Vec<(Event, AnswerFoundNearCopy)> {
        let told = self.told().await;
        told.into_iter()
            .filter_map(|event| match event.payload.clone() {
                Some(Payload::AnswerFoundNearCopy(found)) => Some((event, found)),
                _ => None,
            })
            .collect()
    }

    async fn erase(&self, filed: &FileReportResponse) {
        let request = EraseReportRequest {
            idempotency_key: key(),
            report_id: filed.report_id.clone(),
        };
        vault::erase_report(&self.intake, &Caller::Service("ctl".to_owned()), request)
            .await
            .unwrap();
    }
}

#[sqlx::test(migrations = false)]
async fn a_template_with_another_place_is_found_once_and_told_with_its_cause(pool: PgPool) {
    let world = World::new(pool).await;
    world.answer("dishub", OWN).await;
    let (_, first, _) = world
        .answer("dishub", &template("Jalan Contoh", "TTS-8K3M5Q2P-7"))
        .await;
    assert_eq!(world.found().await, []);
    let (filed, text, event) = world
        .answer("dishub", &template("Gang Misal Dua", "TTS-0000AAAA-H"))
        .await;
    let found = world.found().await;
    assert_eq!(found.len(), 1);
    let (told, found) = &found[0];
    assert_eq!(
        (told.r#type.as_str(), told.aggregate_id.clone(), told.aggregate_seq),
        (
            "tuntas.answer.found_near_copy",
            format!("report:{}", filed.report_id),
            2
        )
    );
    assert_eq!(told.causation_id, event.event_id);
    let expected = AnswerFoundNearCopy {
        case_id: crate::support::case_id_of(&filed.report_id),
        report_id: filed.report_id.clone(),
        text: Some(text),
        opd_code: "dishub".to_owned(),
        similarity: found.similarity,
        earlier_text_id: first.text_id,
    };
    assert_eq!(*found, expected);
    let by_words = near_copy::similarity_basis_points(
        &near_copy::shingles(&template("Jalan Contoh", "-")),
        &near_copy::shingles(&template("Gang Misal Dua", "-")),
    );
    assert_eq!(found.similarity, by_words / 100, "hashes compare as words do");
    assert!((60..100).contains(&found.similarity), "{found:?}");
    let key: String = sqlx::query_scalar("SELECT routing_key FROM outbox WHERE event_id = $1::uuid")
        .bind(told.event_id.parse::<uuid::Uuid>().unwrap())
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(key, "intake.answer.near_copy");
}

#[sqlx::test(migrations = false)]
async fn only_answers_of_the_same_agency_that_are_alike_are_copies(pool: PgPool) {
    let world = World::new(pool).await;
    world.answer("dishub", OWN).await;
    world
        .answer("dishub", "Halte sudah diberi atap dan lampu pada awal pekan ini.")
        .await;
    world.answer("pupr-pkpp", OWN).await;
    assert_eq!(world.found().await, []);
    // In the same case too: after a dispute the same words again.
    let (filed, first, _) = world.answer("dishub", &template("Jalan Contoh", "1")).await;
    let (again, _) = world
        .answer_again(&filed, 6, "dishub", &template("Jalan Contoh", "2"))
        .await;
    let found = world.found().await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].1.similarity, &found[0].1.text), (100, &Some(again.clone())));
    assert_eq!(found[0].1.earlier_text_id, first.text_id);
    // And the very same text, released once more.
    world.advance(time::Duration::minutes(1));
    let event = answered(&filed, 9, "dishub", &again, &world);
    world.receive(&event).await;
    let found = world.found().await;
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].1.earlier_text_id, again.text_id, "the latest of those alike");
    assert_eq!(found[1].0.aggregate_seq, 3);
}

#[sqlx::test(migrations = false)]
async fn an_answer_that_comes_late_is_not_compared_with_later_ones(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    world
        .happen(
            &led_by(case_of(&filed, 2, State::InProgress), "dishub", &[]),
            "accepted",
            Default::default(),
        )
        .await;
    let text = world
        .store(
            "dishub.sekretaris",
            &filed.report_id,
            "answer",
            &template("Jalan Contoh", "1"),
        )
        .await;
    let late = answered(&filed, 3, "dishub", &text, &world);
    world.answer("dishub", &template("Jalan Contoh", "2")).await;
    world.receive(&late).await;
    assert_eq!(world.found().await, []);
    assert_eq!(world.count("answer_gram").await, 2);
}

#[sqlx::test(migrations = false)]
async fn other_texts_and_what_is_not_released_are_not_compared(pool: PgPool) {
    let world = World::new(pool).await;
    let (filed, _, _) = world.answer("dishub", OWN).await;
    let case = led_by(case_of(&filed, 4, State::InProgress), "dishub", &[]);
    let first = world
        .store("dishub.sekretaris", &filed.report_id, "first_response", OWN)
        .await;
    world.happen(&case, "first_response_released", with_text(&first)).await;
    // Stored, and never released.
    world.store("dishub.sekretaris", &filed.report_id, "answer", OWN).await;
    // Released, but it is no answer.
    let note = world.store("dishub.sekretaris", &filed.report_id, "note", OWN).await;
    world.receive(&answered(&filed, 5, "dishub", &note, &world)).await;
    assert_eq!(world.found().await, []);
    assert_eq!(world.count("answer_gram").await, 1);
}

#[sqlx::test(migrations = false)]
async fn the_policy_at_the_release_says_what_a_copy_is(pool: PgPool) {
    let world = World::new(pool).await;
    let mut strict = Policy::default_2024();
    strict.version = 2;
    strict.effective_from = START + time::Duration::hours(1);
    strict.scoring.near_copy_from_basis_points = 10_000;
    for (seq, policy) in (2_001..).zip([Policy::default_2024(), strict]) {
        let changed = PolicyChanged {
            version: policy.version.to_string(),
            effective_from: Some(timestamp(policy.effective_from)),
            policy_json: serde_json::to_string(&policy).unwrap(),
        };
        let event = Event {
            event_id: ids::new_id().to_string(),
            ..directory::event_of(Payload::PolicyChanged(changed), seq, START)
        };
        world.receive(&event).await;
    }
    world.answer("dishub", &template("Jalan Contoh", "1")).await;
    world.answer("dishub", &template("Gang Misal Dua", "2")).await;
    assert_eq!(world.found().await.len(), 1);
    world.advance(time::Duration::hours(2));
    world.answer("dishub", &template("Jalan Rekaan Utama", "3")).await;
    assert_eq!(world.found().await.len(), 1, "not alike enough any more");
    world.answer("dishub", &template("Gang Misal Dua", "4")).await;
    assert_eq!(world.found().await.len(), 2);
}

#[sqlx::test(migrations = false)]
async fn nothing_of_an_erased_report_is_left_to_compare_with(pool: PgPool) {
    let world = World::new(pool).await;
    let (first, ..) = world.answer("dishub", OWN).await;
    let (second, ..) = world
        .answer("dishub", "Halte sudah diberi atap dan lampu pada awal pekan ini.")
        .await;
    world.erase(&first).await;
    let left: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT report_id FROM answer_gram")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(left, [second.report_id.parse::<uuid::Uuid>().unwrap()]);
    world.answer("dishub", OWN).await;
    assert_eq!(world.found().await, []);
    // An answer whose report was erased before its event came is kept nowhere.
    let filed = world.file().await;
    world
        .happen(
            &led_by(case_of(&filed, 2, State::InProgress), "dishub", &[]),
            "accepted",
            Default::default(),
        )
        .await;
    let text = world.store("dishub.sekretaris", &filed.report_id, "answer", OWN).await;
    world.erase(&filed).await;
    world.receive(&answered(&filed, 3, "dishub", &text, &world)).await;
    assert_eq!(world.found().await, []);
    assert_eq!(world.count("answer_gram").await, 2);
}

#[sqlx::test(migrations = false)]
async fn neither_table_nor_event_holds_a_word_of_an_answer(pool: PgPool) {
    let world = World::new(pool).await;
    for number in ["1", "2"] {
        world.answer("dishub", &template("Jalan Kenaritempat", number)).await;
    }
    assert_eq!((world.found().await.len(), world.count("answer_gram").await), (1, 2));
    let dump = world.dump().await.to_lowercase();
    for word in ["kenaritempat", "kesabaran", "ditindaklanjuti"] {
        assert!(!dump.contains(word) && !dump.contains(&hex::encode(word)), "{word}");
    }
}

#[sqlx::test(migrations = false)]
async fn a_batch_tells_of_each_copy_in_it(pool: PgPool) {
    let world = World::new(pool).await;
    let mut batch = Vec::new();
    for number in ["1", "2", "3"] {
        let filed = world.file().await;
        let case = led_by(case_of(&filed, 2, State::InProgress), "dishub", &[]);
        world.happen(&case, "accepted", Default::default()).await;
        world.advance(time::Duration::minutes(1));
        let words = template("Jalan Contoh", number);
        let text = world
            .store("dishub.sekretaris", &filed.report_id, "answer", &words)
            .await;
        batch.push(answered(&filed, 3, "dishub", &text, &world));
    }
    for _ in 0..2 {
        world.receive_together(&batch).await.unwrap();
    }
    let causes: Vec<String> = world
        .found()
        .await
        .into_iter()
        .map(|(event, _)| event.causation_id)
        .collect();
    assert_eq!(causes, [batch[1].event_id.clone(), batch[2].event_id.clone()]);
}
