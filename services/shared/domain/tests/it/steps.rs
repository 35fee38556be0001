//! Random steps in the life of a case.

use proptest::prelude::*;
use time::{Duration, OffsetDateTime};
use tuntas_domain::case::{ClaimedOutcome, Command, Outage, Outcome, RejectReason, ReturnReason, State};
use tuntas_domain::{Case, ClockId, Privacy};

use crate::world::{World, case_id, complaint, of_kind, opd, position, report, supervisory, text};

/// One step: let time pass, perhaps let the platform work, then somebody tries something.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) wait_seconds: i64,
    pub(crate) platform_works: bool,
    pub(crate) issued_seconds_ago: i64,
    pub(crate) outage: bool,
    pub(crate) actor: usize,
    pub(crate) everybody: bool,
    pub(crate) onwards: bool,
    pub(crate) what: What,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum What {
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

pub(crate) fn step() -> impl Strategy<Value = Step> {
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

fn citizens(what: What, world: &World) -> Command {
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
        other => panic!("not a citizen's: {other:?}"),
    }
}

pub(crate) fn command(what: What, world: &World) -> Command {
    let ago = |seconds| world.now - Duration::seconds(seconds);
    match what {
        What::Complete(..) | What::Withdraw(_) | What::Dispute(..) | What::Rate(..) | What::Contest(_) => {
            citizens(what, world)
        }
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

/// What moves a case on in its state, so that sequences also reach what comes late in its life; `turn` chooses
/// among what is possible there.
pub(crate) fn onwards(case: &Case, turn: usize, what: What) -> What {
    let live = case
        .live_members()
        .next()
        .map_or(1, |member| member.report.as_uuid().as_u128());
    let last = case
        .live_members()
        .last()
        .map_or(1, |member| member.report.as_uuid().as_u128());
    match (&case.state, turn % 4) {
        (_, 3) => [What::Correct, What::Absorb(2), what][turn / 4 % 3],
        (State::AwaitingVerification, _) => What::Accept(5),
        (State::AwaitingCompletion, 0) => What::Complete(live, 0),
        (State::AwaitingDisposition, _) if case.returns.len() > 1 => What::Bind(0),
        (State::AwaitingDisposition, _) => What::Dispose(0, false),
        (State::AwaitingAcceptance, 0) => What::Return,
        (State::AwaitingAcceptance, _) => What::AcceptCase,
        (State::InProgress, 0) if case.transfer_requested => What::DeclineTransfer,
        (State::InProgress, 0) => What::RequestTransfer,
        (State::InProgress, _) => What::Answer(true),
        (State::Answered, _) => What::Dispute(live, 0),
        (State::Disputed, 0) => What::Dispute(last, 0),
        (State::Disputed, _) if case.awaiting_director => What::DecideDispute(live % 2 == 1),
        (State::Disputed, _) => What::Answer(true),
        (State::AwaitingCompletion | State::Closed { .. }, _) => what,
    }
}
