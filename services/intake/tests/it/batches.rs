//! What comes together is taken in together, with the outcome that it has event by event.

use std::collections::BTreeMap;

use sqlx::PgPool;
use tuntas_intake::consume;
use tuntas_kit::consumer::{Handler as _, HandlerError, Received};
use tuntas_proto::{
    case::v1::{Answer, Case, Member, Privacy, State, case_event::Details},
    common::v1::TextRef,
    event::v1::Event,
    intake::v1::FileReportResponse,
};
use uuid::Uuid;

use crate::{
    commands::refusal,
    support::{START, World, case_event, case_id_of, case_of, led_by, member, with_text},
};

const VERIFIER: &str = "diskominfotik.verifikator";
/// What is known of reports ($1: their ids and those of their cases, texts and commands), row by row.
const ROWS: [&str; 9] = [
    "SELECT to_jsonb(kept)::text FROM case_state AS kept WHERE case_id = ANY ($1)",
    "SELECT to_jsonb(kept)::text FROM case_event AS kept WHERE case_id = ANY ($1)",
    "SELECT jsonb_build_array('was in', report_id, case_id)::text FROM report_case WHERE report_id = ANY ($1)",
    "SELECT jsonb_build_array('is in', id, case_id)::text FROM report WHERE id = ANY ($1)",
    "SELECT to_jsonb(kept)::text FROM register AS kept WHERE report_id = ANY ($1)",
    "SELECT to_jsonb(kept)::text FROM register_facet AS kept WHERE report_id = ANY ($1)",
    "SELECT to_jsonb(kept)::text FROM register_point AS kept WHERE report_id = ANY ($1)",
    "SELECT jsonb_build_array(id, audience, released_at, released_case_id)::text FROM text WHERE id = ANY ($1)",
    "SELECT to_jsonb(kept)::text FROM citizen_command AS kept WHERE report_id = ANY ($1)",
];

/// Events about reports that no other story is about, and what there is in it.
struct Story {
    events: Vec<Event>,
    /// Ids, tickets and commitments, by which alone it differs from another telling.
    names: Vec<(String, String)>,
}

impl Story {
    fn new(filed: &[&FileReportResponse], texts: &[&TextRef], commands: &[&String], events: Vec<Event>) -> Self {
        let mut names = Vec::new();
        let mut name = |what: &str, n: usize, value: String| names.push((value, format!("{what} {n}")));
        for (n, filed) in filed.iter().enumerate() {
            name("report", n, filed.report_id.clone());
            name("case", n, case_id_of(&filed.report_id));
            name("ticket", n, filed.ticket.clone());
        }
        for (n, text) in texts.iter().enumerate() {
            name("text", n, text.text_id.clone());
            name("commitment", n, hex::encode(&text.commitment));
        }
        for (n, command) in commands.iter().enumerate() {
            name("command", n, (*command).clone());
        }
        for (n, event) in events.iter().enumerate() {
            name("event", n, event.event_id.clone());
        }
        Self { events, names }
    }
}

impl World {
    /// Takes in events in one transaction, as the consumer hands them over.
    pub async fn receive_together(&self, events: &[Event]) -> Result<(), HandlerError> {
        let received = |event: &Event| Received {
            event_id: event.event_id.parse().unwrap(),
            event: event.clone(),
            body: prost::Message::encode_to_vec(event).into(),
            exchange: "tuntas.events".to_owned(),
            routing_key: "routing.case".to_owned(),
            user_id: String::new(),
            headers: BTreeMap::new(),
            redelivered: false,
        };
        let batch: Vec<Received> = events.iter().map(received).collect();
        let mut tx = self.pool.begin().await.unwrap();
        consume::Cases(self.intake.clone())
            .handle_batch(&mut tx, &batch)
            .await?;
        tx.commit().await.unwrap();
        Ok(())
    }

    async fn rows(&self, story: &Story) -> Vec<String> {
        let ids: Vec<Uuid> = story.names.iter().filter_map(|(id, _)| id.parse().ok()).collect();
        let mut rows: Vec<String> = Vec::new();
        for sql in ROWS {
            let found: Vec<String> = sqlx::query_scalar(sql).bind(&ids).fetch_all(&self.pool).await.unwrap();
            rows.extend(found);
        }
        for (id, name) in &story.names {
            // The body of a state holds them too, in the hexadecimal digits of a bytea.
            let in_bytes = hex::encode(id);
            for row in &mut rows {
                *row = row.replace(id, name).replace(&in_bytes, name);
            }
        }
        rows.sort();
        rows
    }

    /// The rows of a story, told in one batch and event by event.
    async fn told_both_ways(&self, together: Story, one_by_one: Story) -> Vec<String> {
        for _ in 0..2 {
            self.receive_together(&together.events).await.unwrap();
        }
        for event in &one_by_one.events {
            self.receive(event).await;
        }
        let rows = self.rows(&together).await;
        assert_eq!(rows, self.rows(&one_by_one).await);
        rows
    }

    async fn redact(&self, filed: &FileReportResponse, body: &str) -> TextRef {
        self.store(VERIFIER, &filed.report_id, "redaction_with_place", body)
            .await
    }
}

fn at_minute(minute: i64, case: &Case, what: &str, details: Details, cause: &str) -> Event {
    case_event(case, what, details, cause, START + time::Duration::minutes(minute))
}

/// A case from its opening to its end.
fn life(filed: &FileReportResponse, redaction: &TextRef, answer: &TextRef, command: &str) -> Vec<Event> {
    let led = |seq, state| led_by(case_of(filed, seq, state), "dishub", &["pupr-pkpp", "diskominfotik"]);
    let answered = Case {
        outcome: 1,
        answer: Some(Answer {
            text: Some(answer.clone()),
            opd_code: "dishub".to_owned(),
            ..Answer::default()
        }),
        ..led(5, State::Answered)
    };
    // What was shown to everybody stays so.
    let closed = Case {
        seq: 6,
        state: State::Closed.into(),
        privacy: Privacy::Confidential.into(),
        ..answered.clone()
    };
    vec![
        at_minute(
            1,
            &case_of(filed, 1, State::AwaitingVerification),
            "filed",
            Details::default(),
            "",
        ),
        at_minute(
            2,
            &case_of(filed, 2, State::AwaitingDisposition),
            "verified",
            with_text(redaction),
            "",
        ),
        at_minute(
            3,
            &led(3, State::AwaitingAcceptance),
            "disposed",
            Details::default(),
            "",
        ),
        at_minute(4, &led(4, State::InProgress), "accepted", Details::default(), ""),
        at_minute(5, &answered, "answered", with_text(answer), ""),
        at_minute(6, &closed, "withdrawn", Details::default(), command),
    ]
}

async fn two_lives(world: &World) -> Story {
    let (first, second) = (world.file().await, world.file().await);
    let (one, two) = (world.withdraw(&first).await, world.withdraw(&second).await);
    let (of_first, of_second) = (
        world.redact(&first, "Lubang.").await,
        world.redact(&second, "Genangan.").await,
    );
    let answer = world
        .store(VERIFIER, &first.report_id, "answer", "Sudah ditambal.")
        .await;
    let other = world
        .store(VERIFIER, &second.report_id, "answer", "Saluran sudah dikeruk.")
        .await;
    let lives = life(&first, &of_first, &answer, &one)
        .into_iter()
        .zip(life(&second, &of_second, &other, &two));
    let mut events: Vec<Event> = lives.flat_map(|(of_first, of_second)| [of_first, of_second]).collect();
    // The verification comes once more, when the case has moved on.
    events.insert(7, events[2].clone());
    // The first decision stands, whichever it is.
    events.insert(3, refusal(&two, "illegal_move", world));
    events.push(refusal(&one, "illegal_move", world));
    let texts = [&of_first, &of_second, &answer, &other];
    Story::new(&[&first, &second], &texts, &[&one, &two], events)
}

#[sqlx::test(migrations = false)]
async fn a_batch_has_the_outcome_of_its_events_one_by_one(pool: PgPool) {
    let world = World::new(pool).await;
    let (together, one_by_one) = (two_lives(&world).await, two_lives(&world).await);
    let rows = world.told_both_ways(together, one_by_one).await;
    // Of each life a state, six entries, two places, three rows of the register, two texts and a command.
    assert_eq!(rows.len(), 2 * (1 + 6 + 2 + 3 + 2 + 1), "{rows:#?}");
    let shown = |word: &str| rows.iter().filter(|row| row.contains(word)).count();
    assert_eq!(
        (shown(r#""status": "accepted""#), shown(r#""status": "refused""#)),
        (1, 1)
    );
    assert_eq!(shown(r#""public""#), 2);
}

/// A merge and its undoing, told in some order.
async fn merge(world: &World, order: [usize; 6]) -> Story {
    let (first, second) = (world.file().await, world.file().await);
    let (host, own) = (case_id_of(&first.report_id), case_id_of(&second.report_id));
    let state = |filed, seq, members: &[Member]| Case {
        members: members.to_vec(),
        ..case_of(filed, seq, State::InProgress)
    };
    let moved = |to: &str| Member {
        moved_to: to.to_owned(),
        ..member(&second)
    };
    let merged = Case {
        state: State::Closed.into(),
        outcome: 8,
        merged_into: host.clone(),
        ..state(&second, 2, &[moved(&host)])
    };
    let none = Details::default;
    let events = [
        at_minute(1, &state(&first, 1, &[member(&first)]), "filed", none(), ""),
        at_minute(1, &state(&second, 1, &[member(&second)]), "filed", none(), ""),
        at_minute(2, &merged, "merged_into", none(), ""),
        at_minute(
            2,
            &state(&first, 2, &[member(&first), member(&second)]),
            "absorbed",
            none(),
            "",
        ),
        at_minute(
            3,
            &state(&first, 3, &[member(&first), moved(&own)]),
            "split_off",
            none(),
            "",
        ),
        at_minute(3, &state(&second, 3, &[member(&second)]), "unmerged", none(), ""),
    ];
    let events = order.iter().map(|place| events[*place].clone()).collect();
    Story::new(&[&first, &second], &[], &[], events)
}

#[sqlx::test(migrations = false)]
async fn a_report_that_moves_within_a_batch_ends_where_it_does_event_by_event(pool: PgPool) {
    let world = World::new(pool).await;
    for (order, own_again) in [([0, 1, 2, 3, 4, 5], true), ([0, 1, 5, 3, 2, 4], false)] {
        let (together, one_by_one) = (merge(&world, order).await, merge(&world, order).await);
        let rows = world.told_both_ways(together, one_by_one).await;
        assert_eq!(
            rows.contains(&r#"["is in", "report 1", "case 1"]"#.to_owned()),
            own_again,
            "{rows:#?}"
        );
        // It was in both cases.
        assert_eq!(rows.iter().filter(|row| row.starts_with(r#"["was in""#)).count(), 3);
    }
}

/// One report is listed and then hidden, the other one hidden and then listed.
async fn hidden_and_listed(world: &World) -> Story {
    let (first, second) = (world.file().await, world.file().await);
    let (hidden, listed) = (
        world.redact(&first, "Lubang.").await,
        world.redact(&second, "Genangan.").await,
    );
    let state = |filed, seq, supervisory| Case {
        supervisory,
        ..case_of(filed, seq, State::AwaitingDisposition)
    };
    let events = vec![
        at_minute(1, &state(&second, 1, false), "verified", with_text(&listed), ""),
        at_minute(2, &state(&first, 1, false), "verified", with_text(&hidden), ""),
        at_minute(3, &state(&second, 2, true), "reclassified", Details::default(), ""),
        at_minute(4, &state(&first, 2, true), "reclassified", Details::default(), ""),
        at_minute(5, &state(&second, 3, false), "verified", with_text(&listed), ""),
    ];
    Story::new(&[&first, &second], &[&hidden, &listed], &[], events)
}

#[sqlx::test(migrations = false)]
async fn of_a_report_that_a_batch_lists_and_hides_the_last_word_counts(pool: PgPool) {
    let world = World::new(pool).await;
    let (together, one_by_one) = (hidden_and_listed(&world).await, hidden_and_listed(&world).await);
    let rows = world.told_both_ways(together, one_by_one).await;
    let listed: Vec<_> = rows.iter().filter(|row| row.contains("listed_at")).collect();
    assert_eq!(listed.len(), 1);
    assert!(
        listed[0].contains("report 1") && listed[0].contains("03:05:00"),
        "{listed:?}"
    );
}
