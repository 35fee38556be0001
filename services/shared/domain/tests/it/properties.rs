//! Whatever happens, in whatever order and at whatever times, the books balance (rules K4, E1, V1).

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use time::{Duration, OffsetDateTime};
use tuntas_domain::case::{Outage, State};
use tuntas_domain::{Actor, Case, CaseEvent, ClockResult, Party, Refusal, due_commands, next_due};

use crate::steps::{Step, What, command, onwards, step};
use crate::world::{World, complaint};

const EVERY_EVENT: [&str; 45] = [
    "filed",
    "completed",
    "withdrawn",
    "disputed",
    "dispute_joined",
    "appeal_referred_to_ombudsman",
    "rated",
    "contested",
    "verified",
    "handed_up",
    "completion_requested",
    "rejected",
    "referred",
    "merged_into",
    "absorbed",
    "unmerged",
    "split_off",
    "reclassified",
    "disposed",
    "bound",
    "transferred",
    "transfer_declined",
    "recalled",
    "contributor_added",
    "accepted",
    "returned",
    "transfer_requested",
    "assigned",
    "progress_recorded",
    "contribution_done",
    "lead_declared_done",
    "first_response_released",
    "answered",
    "dispute_decided",
    "contest_decided",
    "reopened",
    "taken_over",
    "handed_back",
    "breached",
    "window_ended",
    "closed_by_silence",
    "lapsed",
    "escalated",
    "deadline_moved",
    "breach_corrected",
];

fn actors(world: &World) -> Vec<Actor> {
    let officials = world.directory.positions.values().filter_map(|found| {
        let holder = &found.holder_at(world.now)?.holder;
        world
            .directory
            .official(&found.id, holder, world.now)
            .map(Actor::Official)
    });
    [Actor::Reporter, Actor::System].into_iter().chain(officials).collect()
}

/// Everything that was ever open, from the events alone.
fn open_time(events: &[CaseEvent], filed_at: OffsetDateTime, now: OffsetDateTime) -> Duration {
    let mut total = Duration::ZERO;
    let mut open_since = Some(filed_at);
    let mut case: Option<Case> = None;
    for event in events {
        match &mut case {
            Some(case) => case.apply(event),
            None => case = Case::open(event),
        }
        let is_open = case.as_ref().is_some_and(Case::is_open);
        match (open_since, is_open) {
            (Some(since), false) => {
                total += event.at - since;
                open_since = None;
            }
            (None, true) => open_since = Some(event.at),
            _ => {}
        }
    }
    total + open_since.map_or(Duration::ZERO, |since| now - since)
}

fn check(before: Option<&Case>, world: &World) {
    let case = world.case();
    assert_eq!(Case::replay(&world.events).as_ref(), Some(case), "replay");
    for (place, event) in world.events.iter().enumerate() {
        assert_eq!(event.seq, u64::try_from(place).unwrap() + 1, "contiguous");
    }
    // K4: one party at a time, without gaps while open; the sum is the age.
    let now = world.now.max(case.updated_at);
    assert_eq!(case.age(now), open_time(&world.events, case.filed_at, now), "K4");
    for pair in case.ledger.windows(2) {
        assert!(pair[0].to.is_some_and(|to| to <= pair[1].from), "ledger in order");
        assert!(pair[0].to.is_some_and(|to| to >= pair[0].from), "no negative interval");
    }
    let expected = if case.taken_over_at.is_some() {
        Some(Party::Ombudsman)
    } else {
        case.due_party()
    };
    assert_eq!(case.holder().cloned(), expected, "the holder is who has to act");
    assert_eq!(case.is_open(), !matches!(case.state, State::Closed { .. }));
    for (place, clock) in case.clocks.iter().enumerate() {
        assert_eq!(usize::try_from(clock.id.0).unwrap(), place);
        assert!(
            clock.is_running() || clock.result.is_some(),
            "a stopped clock has a result"
        );
        assert!(clock.is_running() || clock.stopped_at >= Some(clock.started_at()));
        for pair in clock.rungs.windows(2) {
            assert!(
                pair[0].rung + 1 == pair[1].rung && pair[0].at <= pair[1].at,
                "E1: strictly in order"
            );
            assert!(pair[0].after_working_days < pair[1].after_working_days);
        }
        if !clock.rungs.is_empty() {
            assert!(
                clock.breach().is_some() || clock.correction.is_some(),
                "rungs follow a breach"
            );
        }
        if let Some(breach) = clock.breach() {
            assert!(!clock.kind.is_reporters());
            assert!(
                !matches!(breach.charged_to.party, Party::Reporter | Party::Ombudsman),
                "V1"
            );
            assert!(
                clock
                    .stopped_at
                    .is_none_or(|at| at > breach.at || clock.correction.is_none())
            );
        }
        let old = before
            .and_then(|case| case.clocks.get(place))
            .and_then(|old| old.result.clone());
        match (old, &clock.result) {
            (Some(ClockResult::Breached(_)), Some(ClockResult::Met { .. })) => assert!(clock.correction.is_some()),
            (Some(old), result) => assert_eq!(Some(&old), result.as_ref(), "a result is fixed"),
            (None, _) => {}
        }
        let only_contest = case.is_open() || clock.kind == tuntas_domain::ClockKind::Contest;
        assert!(
            only_contest || !clock.is_running(),
            "nothing runs in a closed case but a contest"
        );
    }
    let mut live: Vec<_> = case.live_members().map(|member| member.report).collect();
    live.sort();
    live.dedup();
    assert_eq!(live.len(), case.live_members().count(), "a report is in once");
    let json = serde_json::to_string(case).unwrap();
    assert_eq!(&serde_json::from_str::<Case>(&json).unwrap(), case);
}

/// Decides everything that is due now, in order; ends, and then nothing is due any more (E3).
fn work_off(world: &mut World, checked: bool) {
    for _ in 0..500 {
        let due = due_commands(world.case(), world.now, &world.policies, &world.calendar);
        let Some(first) = due.into_iter().next() else {
            let next = next_due(world.case(), &world.policies, &world.calendar);
            assert!(next.is_none_or(|at| at > world.now));
            return;
        };
        let before = world.case().clone();
        world.try_as(&Actor::System, &first).expect("what is due is possible");
        if checked {
            check(Some(&before), world);
        }
    }
    panic!("the platform never comes to rest");
}

/// Runs a sequence from a case just filed; gives the names of the events that it made.
fn run(steps: &[Step], checked: bool) -> BTreeSet<&'static str> {
    let mut world = World::filed(complaint());
    for step in steps {
        world.now += Duration::seconds(step.wait_seconds);
        if step.platform_works {
            world.now = world.now.max(world.case().updated_at);
            work_off(&mut world, checked);
        }
        if let What::ApplyCalendar(days) = step.what {
            let date = tuntas_domain::calendar::wib_date(world.now + Duration::days(i64::from(days)));
            world.calendar = world.calendar.with_holiday(tuntas_domain::calendar::Holiday {
                date,
                kind: tuntas_domain::calendar::HolidayKind::Local,
                name_id: String::new(),
                known_from: None,
            });
        }
        let issued_at = world.now - Duration::seconds(step.issued_seconds_ago);
        world.issued_at = Some(issued_at);
        if step.outage {
            world.outages = vec![Outage {
                from: issued_at - Duration::HOUR,
                to: issued_at + Duration::HOUR,
            }];
        } else {
            world.outages.clear();
        }
        let what = if step.onwards {
            onwards(world.case(), step.actor, step.what)
        } else {
            step.what
        };
        let command = command(what, &world);
        let actors = actors(&world);
        let tried = if step.everybody {
            actors
        } else {
            vec![actors[step.actor % actors.len()].clone()]
        };
        for actor in tried {
            let before = world.case().clone();
            match world.try_as(&actor, &command) {
                Ok(events) => {
                    assert!(!events.is_empty(), "no silent no-op");
                    for event in events.iter().filter(|_| checked) {
                        let json = serde_json::to_string(event).unwrap();
                        assert_eq!(&serde_json::from_str::<CaseEvent>(&json).unwrap(), event);
                    }
                    if checked {
                        check(Some(&before), &world);
                    }
                    break;
                }
                Err(refusal) => {
                    assert!(!refusal.code().is_empty());
                    assert_ne!(refusal, Refusal::UnknownCase);
                }
            }
        }
    }
    world.events.iter().map(CaseEvent::name).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_commands_keeps_the_books_balanced(steps in prop::collection::vec(step(), 1..50)) {
        run(&steps, true);
    }
}

/// The random sequences are worth something only if they get everywhere.
#[test]
fn random_sequences_reach_every_kind_of_event() {
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(step(), 30..60);
    let mut missing: BTreeSet<&str> = EVERY_EVENT.into_iter().collect();
    for _ in 0..1_000 {
        let steps = strategy.new_tree(&mut runner).unwrap().current();
        for name in run(&steps, false) {
            missing.remove(name);
        }
        if missing.is_empty() {
            return;
        }
    }
    panic!("never reached: {missing:?}");
}
