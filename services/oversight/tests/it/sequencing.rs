//! Every event gets one position, none before its predecessor or its cause, whatever happens on the way.

use std::{collections::HashMap, time::Duration};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tuntas_kit::consumer::HandlerError;
use tuntas_oversight::{
    head::HeadWatch,
    metrics::Metrics,
    sequencer::{self, Settings},
    store::arrivals::{self, Backlog},
};
use tuntas_proto::event::v1::Event;

use crate::support::{assert_sound, consume, decode, event, events, ids_of, log, logged, migrate, sequence, until};

async fn backlog(pool: &PgPool) -> Backlog {
    arrivals::backlog(&mut pool.acquire().await.unwrap()).await.unwrap()
}

#[sqlx::test(migrations = false)]
async fn a_late_predecessor_is_waited_for(pool: PgPool) {
    migrate(&pool).await;
    let case = events("case:a", 3);
    consume(&pool, &case[1..]).await.unwrap();
    sequence(&pool).await;
    assert_eq!(log(&pool).await.len(), 0);
    assert_eq!(backlog(&pool).await.held, 2);
    consume(&pool, &case[..1]).await.unwrap();
    sequence(&pool).await;
    assert_eq!(logged(&pool).await, ids_of(&case));
    assert_eq!(
        backlog(&pool).await,
        Backlog {
            candidates: 0,
            held: 0,
            oldest_held: None
        }
    );
}

#[sqlx::test(migrations = false)]
async fn a_late_cause_is_waited_for_and_others_are_not(pool: PgPool) {
    migrate(&pool).await;
    let filed = event("report:a", 1, None);
    let opened = event("case:a", 1, Some(&filed));
    let verified = event("case:a", 2, None);
    let other = event("case:b", 1, None);
    consume(&pool, &[opened.clone(), verified.clone(), other.clone()])
        .await
        .unwrap();
    sequence(&pool).await;
    assert_eq!(logged(&pool).await, ids_of([&other]));
    consume(&pool, std::slice::from_ref(&filed)).await.unwrap();
    sequence(&pool).await;
    assert_eq!(logged(&pool).await, ids_of([&other, &filed, &opened, &verified]));
}

#[sqlx::test(migrations = false)]
async fn duplicates_get_one_position(pool: PgPool) {
    migrate(&pool).await;
    let case = events("case:a", 3);
    consume(&pool, &case).await.unwrap();
    consume(&pool, &case).await.unwrap();
    sequence(&pool).await;
    consume(&pool, &case).await.unwrap();
    // Also when the inbox has forgotten them.
    sqlx::query("DELETE FROM inbox").execute(&pool).await.unwrap();
    consume(&pool, &case).await.unwrap();
    sequence(&pool).await;
    assert_eq!(logged(&pool).await, ids_of(&case));
}

#[sqlx::test(migrations = false)]
async fn another_event_in_the_same_place_is_rejected(pool: PgPool) {
    migrate(&pool).await;
    let first = event("case:a", 1, None);
    let impostor = event("case:a", 1, None);
    consume(&pool, std::slice::from_ref(&first)).await.unwrap();
    let waiting = consume(&pool, std::slice::from_ref(&impostor)).await;
    assert!(matches!(waiting, Err(HandlerError::Reject(_))), "{waiting:?}");
    sequence(&pool).await;
    let logged_already = consume(&pool, std::slice::from_ref(&impostor)).await;
    assert!(
        matches!(logged_already, Err(HandlerError::Reject(_))),
        "{logged_already:?}"
    );
    let both = events("case:b", 1)
        .into_iter()
        .chain(events("case:b", 1))
        .collect::<Vec<_>>();
    assert!(matches!(consume(&pool, &both).await, Err(HandlerError::Reject(_))));
    sequence(&pool).await;
    assert_eq!(logged(&pool).await, ids_of([&first]));
}

#[sqlx::test(migrations = false)]
async fn what_has_no_place_is_rejected(pool: PgPool) {
    migrate(&pool).await;
    let broken = [
        Event {
            aggregate_seq: 0,
            ..event("case:a", 1, None)
        },
        Event {
            aggregate_seq: u64::MAX,
            ..event("case:a", 1, None)
        },
        Event {
            aggregate_id: String::new(),
            ..event("case:a", 1, None)
        },
        Event {
            causation_id: "not a uuid".to_owned(),
            ..event("case:a", 1, None)
        },
    ];
    for event in broken {
        let outcome = consume(&pool, std::slice::from_ref(&event)).await;
        assert!(
            matches!(outcome, Err(HandlerError::Reject(_))),
            "{event:?}: {outcome:?}"
        );
    }
    // An event of a later release, without a payload that is known here, is logged like any other.
    let unknown = Event {
        payload: None,
        ..event("case:b", 1, None)
    };
    consume(&pool, std::slice::from_ref(&unknown)).await.unwrap();
    sequence(&pool).await;
    assert_eq!(logged(&pool).await, ids_of([&unknown]));
}

/// The transaction of a batch dies at each of its writes in turn; the next one finds everything as it was.
#[sqlx::test(migrations = false)]
async fn a_crash_at_any_step_loses_nothing(pool: PgPool) {
    migrate(&pool).await;
    let case = events("case:a", 10);
    let held = event("case:b", 2, None);
    consume(&pool, &case[..4]).await.unwrap();
    sequence(&pool).await;
    consume(&pool, &case[4..]).await.unwrap();
    consume(&pool, std::slice::from_ref(&held)).await.unwrap();
    sqlx::query("CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'crash'; END $$")
        .execute(&pool)
        .await
        .unwrap();
    let before = log(&pool).await;
    let steps = [
        ("BEFORE INSERT ON entry", "DROP TRIGGER crash ON entry"),
        ("AFTER INSERT ON entry", "DROP TRIGGER crash ON entry"),
        ("BEFORE UPDATE ON log_head", "DROP TRIGGER crash ON log_head"),
        ("AFTER UPDATE ON log_head", "DROP TRIGGER crash ON log_head"),
        ("BEFORE DELETE ON arrival", "DROP TRIGGER crash ON arrival"),
        ("AFTER DELETE ON arrival", "DROP TRIGGER crash ON arrival"),
        ("AFTER UPDATE ON arrival", "DROP TRIGGER crash ON arrival"),
    ];
    for (step, drop) in steps {
        let create = format!("CREATE TRIGGER crash {step} FOR EACH STATEMENT EXECUTE FUNCTION crash()");
        sqlx::query(sqlx::AssertSqlSafe(create)).execute(&pool).await.unwrap();
        let mut conn = pool.acquire().await.unwrap();
        assert!(sequencer::batch(&mut conn, 512).await.is_err(), "{step}");
        sqlx::query(drop).execute(&pool).await.unwrap();
        assert_eq!(log(&pool).await, before, "{step}");
        assert_eq!(backlog(&pool).await.candidates, 7, "{step}");
    }
    sequence(&pool).await;
    let entries = log(&pool).await;
    assert_sound(&entries);
    assert_eq!(logged(&pool).await, ids_of(&case));
    assert_eq!(backlog(&pool).await.held, 1);
}

/// Reports, each with the case that it causes and three moves of it.
fn province(cases: usize) -> Vec<Event> {
    let mut all = Vec::new();
    for number in 0..cases {
        let filed = event(&format!("report:{number}"), 1, None);
        let opened = event(&format!("case:{number}"), 1, Some(&filed));
        let moves = (2..=4).map(|seq| event(&format!("case:{number}"), seq, None));
        let moves: Vec<Event> = moves.collect();
        all.extend([filed, opened]);
        all.extend(moves);
    }
    all
}

/// Puts events into another order: the same one in every run.
fn shuffle(events: &mut [Event]) {
    let mut state = 0x5DEE_CE66_u64;
    for place in (1..events.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        events.swap(place, usize::try_from(state >> 33).unwrap() % (place + 1));
    }
}

#[sqlx::test(migrations = false)]
async fn twenty_thousand_events_get_contiguous_positions(pool: PgPool) {
    migrate(&pool).await;
    let mut all = province(4_000);
    shuffle(&mut all);
    let (head, stop) = (HeadWatch::new(), CancellationToken::new());
    let settings = Settings {
        batch_max: 512,
        poll_ms: 5,
        standby_poll_ms: 5,
        held_back_alarm_s: 60,
        report_interval_s: 1,
    };
    // Two of them: the second is on standby, as in another process.
    let sequencers: Vec<_> = (0..2)
        .map(|_| {
            let run = sequencer::run(
                pool.clone(),
                settings.clone(),
                head.clone(),
                Metrics::default(),
                stop.clone(),
            );
            tokio::spawn(run)
        })
        .collect();
    for batch in all.chunks(500) {
        consume(&pool, batch).await.unwrap();
    }
    let subscribed = head.subscribe();
    until("all events have a position", || async {
        *subscribed.borrow() == 20_000
    })
    .await;
    stop.cancel();
    for sequencer in sequencers {
        tokio::time::timeout(Duration::from_secs(5), sequencer)
            .await
            .unwrap()
            .unwrap();
    }
    let entries = log(&pool).await;
    assert_eq!(entries.len(), 20_000);
    assert_sound(&entries);
    let mut place_of: HashMap<String, i64> = HashMap::new();
    let mut next_seq: HashMap<String, u64> = HashMap::new();
    for entry in &entries {
        let event = decode(entry);
        let expected = next_seq.entry(event.aggregate_id.clone()).or_insert(1);
        assert_eq!(event.aggregate_seq, *expected, "{}", event.aggregate_id);
        *expected += 1;
        assert!(event.causation_id.is_empty() || place_of.contains_key(&event.causation_id));
        assert!(place_of.insert(event.event_id, entry.position).is_none());
    }
    assert_eq!(
        backlog(&pool).await,
        Backlog {
            candidates: 0,
            held: 0,
            oldest_held: None
        }
    );
}
