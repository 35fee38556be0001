//! Those who use the platform: reporters and officials, who repeat what is not answered, and a reader of the log.

use rand::seq::IndexedRandom as _;
use time::{Duration, OffsetDateTime};
use tuntas_domain::{
    AnswerId, Case, Command, ReportId, State,
    case::{ClaimedOutcome, Commitment, RejectReason, ReturnReason, TextRef},
};
use uuid::Uuid;

use crate::{
    event::{Asked, Service},
    province::{self, ACTORS, DIRECTOR, HEAD, LIAISON, MANAGER, OMBUDSMAN, REPORTER, VERIFIER},
    services,
    world::{Request, Sim, Topic, Wish, World},
};

/// Ticks after which a caller looks for the answer again, and how often before the call is repeated.
const LOOK_EVERY: u64 = 40;
const LOOKS: u32 = 4;
const DAY_SECONDS: i64 = 86_400;

/// A report in its life: filed, and then moved on by whoever has to, or tried by somebody else.
pub(crate) async fn live(sim: Sim, report: u32, moves: u32) {
    call(&sim, Service::Intake, Wish::File(report)).await;
    sim.with(|world| world.truth.filed.push(report));
    for _ in 0..moves {
        let wait = sim.with(|world| u64::from(world.below(150)));
        sim.sleep("thinking", wait).await;
        let chosen = sim.with(|world| {
            pass_time(world);
            choose(world, report)
        });
        let Some(asked) = chosen else { continue };
        let service = match asked.actor {
            REPORTER => Service::Intake,
            LIAISON | HEAD => Service::Desk,
            _ => Service::Routing,
        };
        call(&sim, service, Wish::Ask(asked)).await;
    }
}

/// Calls a service until it answers, each time under the same key.
async fn call(sim: &Sim, service: Service, what: Wish) {
    let key = sim.with(World::next_key);
    loop {
        sim.with(|world| {
            let what = what.clone();
            world.requests[service as usize].push(Request { key, what });
            world.changed(Topic::Calls(service));
        });
        for _ in 0..LOOKS {
            sim.sleep("waiting for an answer", LOOK_EVERY).await;
            if sim.with(|world| world.answered.contains(&key)) {
                return;
            }
        }
    }
}

fn pass_time(world: &mut World) {
    let seconds = match world.below(10) {
        0..4 => 0,
        4..7 => i64::from(world.below(90_000)),
        7..9 => i64::from(world.below(12)) * DAY_SECONDS,
        _ => i64::from(world.below(60)) * DAY_SECONDS,
    };
    world.now += Duration::seconds(seconds);
    world.changed(Topic::Cases);
}

fn choose(world: &mut World, report: u32) -> Option<Asked> {
    let row = world.database(Service::Routing).cases.get(&report).cloned();
    let now = world.now;
    let own = ReportId::new(Uuid::from_u128(u128::from(report)));
    let (actor, command) = match row {
        Some(row) if world.below(10) < 7 => onwards(world, &row.case, own, now),
        _ => {
            let actor = [REPORTER, VERIFIER, MANAGER, DIRECTOR, OMBUDSMAN, LIAISON, HEAD][world.below(7) as usize];
            let command = anything(own, now).choose(&mut world.random).cloned()?;
            (if is_citizens(&command) { REPORTER } else { actor }, command)
        }
    };
    debug_assert!(actor < ACTORS, "an actor of the province");
    Some(Asked {
        case: report,
        actor,
        command,
        issued_at: now,
    })
}

const fn is_citizens(command: &Command) -> bool {
    matches!(
        command,
        Command::CompleteReport { .. }
            | Command::Withdraw { .. }
            | Command::Dispute { .. }
            | Command::Rate { .. }
            | Command::Contest { .. }
    )
}

/// What moves the case on in its state.
fn onwards(world: &mut World, case: &Case, report: ReportId, now: OffsetDateTime) -> (usize, Command) {
    let turn = world.below(8);
    let (agency, other) = (province::get().agency.clone(), province::get().other.clone());
    let dispose = |lead| Command::Dispose {
        lead,
        contributors: Vec::new(),
    };
    let classification = services::complaint();
    if case.taken_over_at.is_some() && turn < 4 {
        return (OMBUDSMAN, Command::HandBack);
    }
    match (&case.state, turn) {
        (State::AwaitingVerification, 0) => (VERIFIER, Command::RequestCompletion { text: None }),
        (State::AwaitingVerification, 1) => (
            VERIFIER,
            Command::Reject {
                reason: RejectReason::Abusive,
            },
        ),
        (State::AwaitingVerification, _) => (VERIFIER, Command::AcceptVerification { classification }),
        (State::AwaitingCompletion, 0) => (
            REPORTER,
            Command::Withdraw {
                report,
                received_at: now,
            },
        ),
        (State::AwaitingCompletion, _) => (
            REPORTER,
            Command::CompleteReport {
                report,
                received_at: now,
            },
        ),
        (State::AwaitingDisposition, _) if case.returns.len() > 1 => (MANAGER, Command::Bind { lead: agency }),
        (State::AwaitingDisposition, 0) => (VERIFIER, dispose(other)),
        (State::AwaitingDisposition, _) => (VERIFIER, dispose(agency)),
        (State::AwaitingAcceptance, 0) => (VERIFIER, Command::Recall),
        (State::AwaitingAcceptance, 1..3) => (LIAISON, return_case()),
        (State::AwaitingAcceptance, _) => (LIAISON, Command::AcceptCase),
        (State::InProgress, 0..3) => (LIAISON, Command::AgencyCompletionRequest { text: None }),
        (State::InProgress, 3) if case.transfer_requested => (MANAGER, Command::Transfer { to: other }),
        (State::InProgress, 3) => (LIAISON, request_transfer()),
        (State::InProgress, 4) => (OMBUDSMAN, Command::TakeOver),
        (State::InProgress, 5) => (LIAISON, Command::ReleaseFirstResponse { text: text() }),
        (State::InProgress, _) => (HEAD, answer()),
        (State::Answered, 0) => (
            REPORTER,
            Command::Rate {
                report,
                score: 3,
                received_at: now,
            },
        ),
        (State::Answered, _) => (
            REPORTER,
            Command::Dispute {
                report,
                received_at: now,
            },
        ),
        (State::Disputed, _) if case.awaiting_director => {
            let upheld = turn < 5;
            (DIRECTOR, Command::DecideDispute { upheld, text: None })
        }
        (State::Disputed, 0) => (OMBUDSMAN, Command::TakeOver),
        (State::Disputed, _) => (HEAD, answer()),
        (State::Closed { .. }, 0..3) => (OMBUDSMAN, Command::Reopen),
        (State::Closed { .. }, 3..6) => (DIRECTOR, decide_contest()),
        (State::Closed { .. }, _) => (
            REPORTER,
            Command::Contest {
                report,
                received_at: now,
            },
        ),
    }
}

/// Some of what anybody can try at any time; most of it is refused.
fn anything(report: ReportId, now: OffsetDateTime) -> [Command; 16] {
    let received_at = now;
    [
        Command::CompleteReport { report, received_at },
        Command::Withdraw { report, received_at },
        Command::Dispute { report, received_at },
        Command::Rate {
            report,
            score: 5,
            received_at,
        },
        Command::Contest { report, received_at },
        Command::Reclassify {
            classification: services::complaint(),
        },
        Command::AddContributor {
            opd: province::get().other.clone(),
        },
        Command::AcceptCase,
        return_case(),
        Command::Assign {
            executor: province::get().executor.clone(),
        },
        Command::RecordProgress { text: None },
        Command::AgencyCompletionRequest { text: None },
        answer(),
        Command::Reopen,
        Command::TakeOver,
        decide_contest(),
    ]
}

fn text() -> TextRef {
    TextRef {
        id: AnswerId::new(Uuid::from_u128(7)),
        commitment: Commitment([7; 32]),
    }
}

fn answer() -> Command {
    Command::ReleaseAnswer {
        text: text(),
        outcome: ClaimedOutcome::Resolved,
        without_contributions: Some(text()),
    }
}

fn decide_contest() -> Command {
    Command::DecideContest {
        granted: true,
        text: None,
        reports: Vec::new(),
    }
}

fn return_case() -> Command {
    Command::ReturnCase {
        reason: ReturnReason::NotOurTask,
        text: None,
        suggested: None,
    }
}

fn request_transfer() -> Command {
    Command::RequestTransfer {
        reason: ReturnReason::NotOurTask,
        text: None,
        suggested: None,
    }
}

/// Follows the log: whatever it looks at, the next position is there or nothing is, and what it has read stays.
pub(crate) async fn follow(sim: Sim) {
    let mut read: i64 = 0;
    loop {
        let gap = sim.with(|world| {
            let log = &world.database(Service::Oversight).log;
            let unread = log.iter().skip(usize::try_from(read).unwrap_or(0));
            for entry in unread {
                if entry.position != read + 1 {
                    return Some(entry.position);
                }
                read += 1;
            }
            None
        });
        if let Some(position) = gap {
            sim.with(|world| world.violated(|| format!("a reader finds position {position} after {read}")));
        }
        sim.idle(Topic::Log, "reading the log").await;
    }
}
