//! The full table of states and commands, as a snapshot to be read (rule M1).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use time::Duration;
use tuntas_domain::case::{ClaimedOutcome, Command, Outage, RejectReason, ReturnReason};
use tuntas_domain::{Actor, CommandKind, Party, Privacy, Refusal};

use crate::world::{MONDAY, World, case_id, complaint, of_kind, opd, position, report, text};

/// A command of each kind, such that a fitting state allows it.
fn command(kind: CommandKind, world: &World) -> Command {
    use CommandKind as K;
    let (report, received_at) = (report(1), world.now);
    let other = World::filed_as(case_id(2), crate::world::report(2), complaint());
    let facts = other.case().cluster_facts();
    let clock = world
        .case()
        .clocks
        .iter()
        .rev()
        .find(|c| c.is_running())
        .map_or(tuntas_domain::ClockId(0), |c| c.id);
    match kind {
        K::File => Command::File {
            case_id: case_id(1),
            report,
            privacy: Privacy::Open,
            classification: complaint(),
            filed_at: received_at,
        },
        K::CompleteReport => Command::CompleteReport { report, received_at },
        K::Withdraw => Command::Withdraw { report, received_at },
        K::Dispute => Command::Dispute { report, received_at },
        K::Rate => Command::Rate {
            report,
            score: 4,
            received_at,
        },
        K::Contest => Command::Contest { report, received_at },
        K::AcceptVerification => Command::AcceptVerification {
            classification: complaint(),
        },
        K::RequestCompletion => Command::RequestCompletion { text: None },
        K::Reject => Command::Reject {
            reason: RejectReason::Abusive,
        },
        K::Refer => Command::Refer {
            to: opd("pemko-pekanbaru"),
        },
        K::MergeInto => Command::MergeInto { survivor: facts },
        K::Absorb => Command::Absorb { duplicate: facts },
        K::Unmerge => Command::Unmerge { reports: vec![report] },
        K::SplitOff => Command::SplitOff { case_id: case_id(9) },
        K::Reclassify => Command::Reclassify {
            classification: of_kind(tuntas_domain::ReportKind::Aspiration),
        },
        K::Dispose => Command::Dispose {
            lead: opd("dishub"),
            contributors: vec![],
        },
        K::Bind => Command::Bind { lead: opd("disdik") },
        K::Transfer => Command::Transfer { to: opd("disdik") },
        K::DeclineTransfer => Command::DeclineTransfer,
        K::Recall => Command::Recall,
        K::AddContributor => Command::AddContributor { opd: opd("disdik") },
        K::AcceptCase => Command::AcceptCase,
        K::ReturnCase => world.return_case(),
        K::RequestTransfer => Command::RequestTransfer {
            reason: ReturnReason::Other,
            text: None,
            suggested: None,
        },
        K::Assign => Command::Assign {
            executor: position("dishub.lalin"),
        },
        K::RecordProgress => Command::RecordProgress { text: None },
        K::AgencyCompletionRequest => Command::AgencyCompletionRequest { text: None },
        K::ContributionDone => Command::ContributionDone { text: None },
        K::DeclareLeadDone => Command::DeclareLeadDone,
        K::ReleaseFirstResponse => Command::ReleaseFirstResponse { text: text() },
        K::ReleaseAnswer => Command::ReleaseAnswer {
            text: text(),
            outcome: ClaimedOutcome::Resolved,
            without_contributions: Some(text()),
        },
        K::DecideDispute => Command::DecideDispute {
            upheld: true,
            text: None,
        },
        K::DecideContest => Command::DecideContest {
            granted: false,
            text: None,
            reports: vec![],
        },
        K::Reopen => Command::Reopen,
        K::TakeOver => Command::TakeOver,
        K::HandBack => Command::HandBack,
        K::FallDue => Command::FallDue { clock },
        K::Escalate => Command::Escalate { clock, rung: 0 },
        K::ApplyCalendar => Command::ApplyCalendar,
        K::CorrectForOutage => Command::CorrectForOutage {
            outage: Outage {
                from: MONDAY,
                to: MONDAY,
            },
        },
    }
}

/// Tries a command with everybody; the most telling answer.
fn attempt(build: fn() -> World, kind: CommandKind) -> Result<(), Refusal> {
    let actors: Vec<Actor> = {
        let world = build();
        let ids: Vec<String> = world
            .directory
            .positions
            .keys()
            .map(|id| id.as_str().to_owned())
            .collect();
        let officials = ids.iter().map(|id| world.official(id));
        [Actor::Reporter, Actor::System].into_iter().chain(officials).collect()
    };
    let mut refusal = Refusal::NotPermitted;
    for actor in actors {
        let mut world = build();
        let command = command(kind, &world);
        match world.try_as(&actor, &command) {
            Ok(_) => return Ok(()),
            Err(Refusal::NotPermitted) => {}
            Err(other) => refusal = other,
        }
    }
    Err(refusal)
}

fn awaiting_completion() -> World {
    let mut world = World::filed(complaint());
    world.verifier(Command::RequestCompletion { text: None });
    world
}

fn agency_asked() -> World {
    let mut world = World::in_progress();
    world.liaison("dishub", Command::AgencyCompletionRequest { text: None });
    world
}

fn returned_twice() -> World {
    let mut world = World::disposed();
    let returned = world.return_case();
    world.liaison("dishub", returned.clone());
    world.dispose("dinkes", &[]);
    world.liaison("dinkes", returned);
    world
}

fn with_contributor() -> World {
    let mut world = World::verified();
    world.dispose("dishub", &["dinkes"]);
    world.liaison("dishub", Command::AcceptCase);
    world
}

fn disputed() -> World {
    let mut world = World::answered();
    let dispute = world.dispute(1);
    world.citizen(dispute);
    world
}

fn disputed_twice() -> World {
    let mut world = disputed();
    world.skip_days(1);
    world.answer_by("dishub.kepala");
    let dispute = world.dispute(1);
    world.citizen(dispute);
    world
}

fn closed_resolved() -> World {
    let mut world = World::answered();
    world.run_to(MONDAY + Duration::days(30));
    world
}

fn closed_rejected() -> World {
    let mut world = World::filed(complaint());
    world.verifier(Command::Reject {
        reason: RejectReason::Abusive,
    });
    world
}

fn contested() -> World {
    let mut world = closed_rejected();
    let received_at = world.now;
    world.citizen(Command::Contest {
        report: report(1),
        received_at,
    });
    world
}

fn closed_merged() -> World {
    let mut world = World::filed(complaint());
    let survivor = World::filed_as(case_id(2), report(2), complaint())
        .case()
        .cluster_facts();
    world.verifier(Command::MergeInto { survivor });
    world
}

fn closed_lapsed() -> World {
    let mut world = awaiting_completion();
    world.run_to(MONDAY + Duration::days(32));
    world
}

fn overdue() -> World {
    let mut world = World::in_progress();
    world.run_to(MONDAY + Duration::days(70));
    world
}

fn taken_over() -> World {
    let mut world = overdue();
    world.by("ombudsman.riau", Command::TakeOver);
    assert_eq!(world.case().holder(), Some(&Party::Ombudsman));
    world
}

type Situation = (&'static str, fn() -> World);

const SITUATIONS: [Situation; 19] = [
    ("awaiting_verification", || World::filed(complaint())),
    ("awaiting_completion, asked at verification", awaiting_completion),
    ("awaiting_completion, asked by the agency", agency_asked),
    ("awaiting_disposition", World::verified),
    ("awaiting_disposition, returned twice", returned_twice),
    ("awaiting_acceptance", World::disposed),
    ("in_progress", World::in_progress),
    ("in_progress, with a contributor", with_contributor),
    ("in_progress, 70 days old", overdue),
    ("in_progress, taken over by the Ombudsman", taken_over),
    ("answered", World::answered),
    ("disputed, with the agency", disputed),
    ("disputed, with the director", disputed_twice),
    ("closed, resolved", closed_resolved),
    ("closed, rejected", closed_rejected),
    ("closed, rejected and contested", contested),
    ("closed, merged", closed_merged),
    ("closed, lapsed", closed_lapsed),
    ("closed, withdrawn", || {
        let mut world = World::filed(complaint());
        let received_at = world.now;
        world.citizen(Command::Withdraw {
            report: report(1),
            received_at,
        });
        world
    }),
];

#[test]
fn m1_table_of_states_and_commands() {
    let mut marks: BTreeMap<&'static str, char> = BTreeMap::from([("illegal_move", '.'), ("not_permitted", '-')]);
    let mut rows = Vec::new();
    for kind in CommandKind::ALL {
        let mut cells = Vec::new();
        for (_, build) in SITUATIONS {
            let mark = match attempt(build, kind) {
                Ok(()) => '+',
                Err(refusal) => {
                    let next = char::from(b'a' + u8::try_from(marks.len() - 2).unwrap());
                    *marks.entry(refusal.code()).or_insert(next)
                }
            };
            cells.push(mark);
        }
        rows.push((kind.code(), cells));
    }
    let mut table = String::from("Columns:\n");
    for (number, (name, _)) in SITUATIONS.iter().enumerate() {
        writeln!(table, "  {:>2} {name}", number + 1).unwrap();
    }
    table.push_str("Marks: + allowed to somebody\n");
    let mut legend: Vec<(char, &str)> = marks.into_iter().map(|(code, mark)| (mark, code)).collect();
    legend.sort_unstable();
    for (mark, code) in legend {
        writeln!(table, "       {mark} {code}").unwrap();
    }
    write!(table, "\n{:<26}", "").unwrap();
    for number in 1..=SITUATIONS.len() {
        write!(table, "{number:>3}").unwrap();
    }
    table.push('\n');
    for (code, cells) in rows {
        write!(table, "{code:<26}").unwrap();
        for cell in cells {
            write!(table, "{cell:>3}").unwrap();
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table.trim_end());
}
