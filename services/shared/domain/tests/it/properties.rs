//! Whatever happens, in whatever order and at whatever times, the books balance (rules K4, E1, V1).

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use time::{Duration, OffsetDateTime};
use tuntas_domain::case::{ClaimedOutcome, Command, Outage, Outcome, RejectReason, ReturnReason, State};
use tuntas_domain::{Actor, Case, CaseEvent, ClockId, ClockResult, Party, Privacy, Refusal, due_commands, next_due};

use crate::world::{World, case_id, complaint, of_kind, opd, position, report, supervisory, text};

/// One step: let time pass, perhaps let the platform work, then somebody tries something.
#[derive(Debug, Clone)]
struct Step {
    wait_seconds: i64,
    platform_works: bool,
    issued_seconds_ago: i64,
    outage: bool,
    actor: usize,
    everybody: bool,
    onwards: bool,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Complete(u128, i64),
    Withdraw(u128),
    Dispute(u128, i64),
    Rate(u128, u8),
    Contest(u128),
    Accept(usize),
    Reclassify(usize),
    RequestCompletion,
    Reject,
    Refer,
    MergeInto,
    Absorb(u128),
    Unmerge,
    SplitOff(u128),
    Dispose(usize, bool),
    Bind(usize),
    Transfer(usize),
    DeclineTransfer,
    Recall,
    AddContributor(usize),
    AcceptCase,
    Return,
    RequestTransfer,
    Assign(usize),
    Progress,
    AskReporter,
    ContributionDone,
    LeadDone,
    FirstResponse,
    Answer(bool),
    DecideDispute(bool),
    DecideContest(bool),
    Reopen,
    TakeOver,
    HandBack,
    FallDue(u32),
    Escalate(u32, u32),
    ApplyCalendar(u16),
    Correct,
}

fn what() -> impl Strategy<Value = What> {
    let citizens = prop_oneof![
        2 => (1_u128..5, 0_i64..2_000_000).prop_map(|(r, ago)| What::Complete(r, ago)),
        1 => (1_u128..5).prop_map(What::Withdraw),
        4 => (1_u128..5, 0_i64..500_000).prop_map(|(r, ago)| What::Dispute(r, ago)),
        1 => (1_u128..5, 0_u8..7).prop_map(|(r, score)| What::Rate(r, score)),
        1 => (1_u128..5).prop_map(What::Contest),
    ];
    let centre = prop_oneof![
        4 => (0_usize..6).prop_map(What::Accept),
        1 => (0_usize..6).prop_map(What::Reclassify),
        1 => Just(What::RequestCompletion),
        1 => Just(What::Reject),
        1 => Just(What::Refer),
        1 => Just(What::MergeInto),
        2 => (2_u128..5).prop_map(What::Absorb),
        1 => Just(What::Unmerge),
        1 => (2_u128..5).prop_map(What::SplitOff),
        6 => (0_usize..4, any::<bool>()).prop_map(|(lead, parts)| What::Dispose(lead, parts)),
        2 => (0_usize..4).prop_map(What::Bind),
        1 => (0_usize..4).prop_map(What::Transfer),
        1 => Just(What::DeclineTransfer),
        1 => Just(What::Recall),
        1 => (0_usize..4).prop_map(What::AddContributor),
    ];
    let agencies = prop_oneof![
        6 => Just(What::AcceptCase),
        2 => Just(What::Return),
        1 => Just(What::RequestTransfer),
        1 => (0_usize..2).prop_map(What::Assign),
        1 => Just(What::Progress),
        2 => Just(What::AskReporter),
        2 => Just(What::ContributionDone),
        1 => Just(What::LeadDone),
        1 => Just(What::FirstResponse),
        6 => any::<bool>().prop_map(What::Answer),
    ];
    let above = prop_oneof![
        3 => any::<bool>().prop_map(What::DecideDispute),
        2 => any::<bool>().prop_map(What::DecideContest),
        1 => Just(What::Reopen),
        1 => Just(What::TakeOver),
        2 => Just(What::HandBack),
        1 => (0_u32..12).prop_map(What::FallDue),
        1 => (0_u32..12, 0_u32..5).prop_map(|(clock, rung)| What::Escalate(clock, rung)),
        1 => (1_u16..40).prop_map(What::ApplyCalendar),
        1 => Just(What::Correct),
    ];
    prop_oneof![3 => citizens, 6 => centre, 6 => agencies, 3 => above]
}

fn step() -> impl Strategy<Value = Step> {
    let wait = prop_oneof![
        3 => Just(0_i64),
        3 => 1_i64..90_000,
        3 => 90_000_i64..1_000_000,
        1 => 1_000_000_i64..9_000_000,
        1 => -3_600_i64..0,
    ];
    (
        wait,
        any::<bool>(),
        0_i64..200_000,
        any::<bool>(),
        0_usize..64,
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.4),
        what(),
    )
        .prop_map(
            |(wait_seconds, platform_works, issued_seconds_ago, outage, actor, everybody, onwards, what)| Step {
                wait_seconds,
                platform_works,
                issued_seconds_ago,
                outage,
                actor,
                everybody,
                onwards,
                what,
            },
        )
}

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

const UNITS: [&str; 4] = ["dishub", "dinkes", "disdik", "inspektorat"];

fn classification(number: usize) -> tuntas_domain::case::Classification {
    match number {
        0 => of_kind(tuntas_domain::ReportKind::InformationRequest),
        1 => of_kind(tuntas_domain::ReportKind::Aspiration),
        2 => supervisory("dinkes"),
        3 => supervisory("diskominfotik"),
        4 => supervisory("setda"),
        _ => complaint(),
    }
}

/// Another case to merge with, about as old.
fn other(number: u128, now: OffsetDateTime, case: &Case) -> tuntas_domain::case::ClusterFacts {
    let mut world = World::new();
    world.now = now - Duration::days(i64::try_from(number).unwrap());
    let filed_at = world.now;
    let classification = if case.supervisory {
        supervisory("dinkes")
    } else {
        complaint()
    };
    world.citizen(Command::File {
        case_id: case_id(number),
        report: report(number),
        privacy: Privacy::Open,
        classification,
        filed_at,
    });
    world.case().cluster_facts()
}

fn command(what: What, world: &World) -> Command {
    let ago = |seconds| world.now - Duration::seconds(seconds);
    match what {
        What::Complete(r, seconds) => Command::CompleteReport {
            report: report(r),
            received_at: ago(seconds),
        },
        What::Withdraw(r) => Command::Withdraw {
            report: report(r),
            received_at: world.now,
        },
        What::Dispute(r, seconds) => Command::Dispute {
            report: report(r),
            received_at: ago(seconds),
        },
        What::Rate(r, score) => Command::Rate {
            report: report(r),
            score,
            received_at: world.now,
        },
        What::Contest(r) => Command::Contest {
            report: report(r),
            received_at: world.now,
        },
        What::Accept(n) => Command::AcceptVerification {
            classification: classification(n),
        },
        What::Reclassify(n) => Command::Reclassify {
            classification: classification(n),
        },
        What::RequestCompletion => Command::RequestCompletion { text: None },
        What::Reject => Command::Reject {
            reason: RejectReason::Abusive,
        },
        What::Refer => Command::Refer {
            to: opd("pemko-pekanbaru"),
        },
        What::MergeInto => Command::MergeInto {
            survivor: other(4, world.now, world.case()),
        },
        What::Absorb(n) => Command::Absorb {
            duplicate: other(n, world.now, world.case()),
        },
        What::Unmerge => Command::Unmerge {
            reports: vec![report(1)],
        },
        What::SplitOff(n) => Command::SplitOff { case_id: case_id(n) },
        What::Dispose(n, parts) => Command::Dispose {
            lead: opd(UNITS[n]),
            contributors: if parts {
                vec![opd(UNITS[(n + 1) % 4]), opd(UNITS[(n + 2) % 4])]
            } else {
                vec![]
            },
        },
        What::Bind(n) => Command::Bind { lead: opd(UNITS[n]) },
        What::Transfer(n) => Command::Transfer { to: opd(UNITS[n]) },
        What::DeclineTransfer => Command::DeclineTransfer,
        What::Recall => Command::Recall,
        What::AddContributor(n) => Command::AddContributor { opd: opd(UNITS[n]) },
        What::AcceptCase => Command::AcceptCase,
        What::Return => world.return_case(),
        What::RequestTransfer => Command::RequestTransfer {
            reason: ReturnReason::Other,
            text: None,
            suggested: None,
        },
        What::Assign(n) => Command::Assign {
            executor: position(["dishub.lalin", "dinkes.bidang"][n]),
        },
        What::Progress => Command::RecordProgress { text: None },
        What::AskReporter => Command::AgencyCompletionRequest { text: None },
        What::ContributionDone => Command::ContributionDone { text: None },
        What::LeadDone => Command::DeclareLeadDone,
        What::FirstResponse => Command::ReleaseFirstResponse { text: text() },
        What::Answer(without) => Command::ReleaseAnswer {
            text: text(),
            outcome: ClaimedOutcome::Resolved,
            without_contributions: without.then(text),
        },
        What::DecideDispute(upheld) => Command::DecideDispute { upheld, text: None },
        What::DecideContest(granted) => Command::DecideContest {
            granted,
            text: None,
            reports: match world.case().state.outcome() {
                Some(Outcome::Merged { .. }) => vec![report(1)],
                _ => vec![],
            },
        },
        What::Reopen => Command::Reopen,
        What::TakeOver => Command::TakeOver,
        What::HandBack => Command::HandBack,
        What::FallDue(clock) => Command::FallDue { clock: ClockId(clock) },
        What::Escalate(clock, rung) => Command::Escalate {
            clock: ClockId(clock),
            rung,
        },
        What::ApplyCalendar(_) => Command::ApplyCalendar,
        What::Correct => Command::CorrectForOutage {
            outage: Outage {
                from: ago(500_000),
                to: world.now,
            },
        },
    }
}

/// What moves a case on in its state, so that sequences also reach what comes late in its life.
fn onwards(case: &Case, what: What) -> What {
    let live = case
        .live_members()
        .next()
        .map_or(1, |member| member.report.as_uuid().as_u128());
    match case.state {
        State::AwaitingVerification => What::Accept(5),
        State::AwaitingCompletion => What::Complete(live, 0),
        State::AwaitingDisposition if case.returns.len() > 1 => What::Bind(0),
        State::AwaitingDisposition => What::Dispose(0, false),
        State::AwaitingAcceptance => What::AcceptCase,
        State::InProgress => What::Answer(true),
        State::Answered => What::Dispute(live, 0),
        State::Disputed if case.awaiting_director => What::DecideDispute(live % 2 == 1),
        State::Disputed => What::Answer(true),
        State::Closed { .. } => what,
    }
}

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
        assert_eq!(
            clock.stopped_at.is_some() && clock.result.is_none(),
            false,
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
            onwards(world.case(), step.what)
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
    fn any_sequence_of_commands_keeps_the_books_balanced(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps, true);
    }
}

/// The random sequences are worth something only if they get everywhere.
#[test]
fn random_sequences_reach_every_kind_of_event() {
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(step(), 40..80);
    let mut missing: BTreeSet<&str> = EVERY_EVENT.into_iter().collect();
    for _ in 0..4_000 {
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
