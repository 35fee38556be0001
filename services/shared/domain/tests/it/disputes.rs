//! Disputes, contests, the head's release, reopening, take-over (rules M7, M8, M11, M12).

use time::Duration;
use tuntas_domain::case::{Command, FlagReason, Outcome, RejectReason, State};
use tuntas_domain::{ClockKind, ClockResult, Party, Refusal};

use crate::world::{MONDAY, World, complaint, merge, opd, report, second, supervisory, text};

fn agency(code: &str) -> Option<Party> {
    Some(Party::Agency(opd(code)))
}

#[test]
fn m7_first_dispute_reworks_second_goes_to_the_director_third_to_the_ombudsman() {
    let mut world = World::answered();
    let result = world.case().latest_clock(ClockKind::Resolution).unwrap().result.clone();
    assert!(matches!(result, Some(ClockResult::Met { .. })));
    let dispute = world.dispute(1);
    world.citizen(dispute);
    assert_eq!(world.case().state, State::Disputed);
    let rework = world.case().running_clock(ClockKind::Rework).unwrap();
    assert_eq!(rework.party, Party::Agency(opd("dishub")));
    // Under the head: the liaison's release is not enough (M12).
    let answer = world.answer();
    assert_eq!(world.try_by("dishub.sekretaris", answer), Err(Refusal::HeadRequired));
    world.skip_days(1);
    world.answer_by("dishub.kepala");
    assert_eq!(
        world.case().latest_clock(ClockKind::Resolution).unwrap().result,
        result,
        "the result was fixed at the first answer"
    );

    let dispute = world.dispute(1);
    world.citizen(dispute);
    assert_eq!(world.case().holder(), Some(&Party::Director));
    assert!(world.case().running_clock(ClockKind::DirectorDecision).is_some());
    let answer = world.answer();
    assert!(matches!(
        world.try_by("dishub.kepala", answer),
        Err(Refusal::IllegalMove { .. })
    ));
    world.by(
        "sekda",
        Command::DecideDispute {
            upheld: true,
            text: Some(text()),
        },
    );
    assert_eq!(world.case().state, State::Disputed);
    assert_eq!(world.case().holder().cloned(), agency("dishub"));
    world.skip_days(1);
    world.answer_by("dishub.kepala");

    let third = world.dispute(1);
    let events = world.citizen(third.clone());
    assert_eq!(events[0].name(), "appeal_referred_to_ombudsman");
    assert_eq!(
        world.case().state,
        State::Closed {
            outcome: Outcome::Resolved
        }
    );
    assert!(
        world
            .case()
            .flags
            .iter()
            .any(|flag| flag.reason == FlagReason::AppealToOmbudsman)
    );
    assert_eq!(world.try_citizen(third), Err(Refusal::AppealToOmbudsman));
}

#[test]
fn m7_the_director_confirms_the_answer_and_the_case_closes() {
    let mut world = World::answered();
    let dispute = world.dispute(1);
    world.citizen(dispute);
    world.skip_days(1);
    world.answer_by("dishub.kepala");
    let dispute = world.dispute(1);
    world.citizen(dispute.clone());
    world.by(
        "sekda",
        Command::DecideDispute {
            upheld: false,
            text: None,
        },
    );
    assert_eq!(
        world.case().state,
        State::Closed {
            outcome: Outcome::Resolved
        }
    );
    assert_eq!(world.case().disputes[1].upheld, Some(false));
    assert_eq!(world.try_citizen(dispute), Err(Refusal::AppealToOmbudsman));
}

fn rejected() -> World {
    let mut world = World::filed(complaint());
    world.by(
        "diskominfotik.kepala",
        Command::Reject {
            reason: RejectReason::Abusive,
        },
    );
    world
}

fn granted(reports: Vec<tuntas_domain::ReportId>) -> Command {
    Command::DecideContest {
        granted: true,
        text: None,
        reports,
    }
}

#[test]
fn m8_a_rejection_is_contested_once_within_ten_working_days() {
    let mut world = rejected();
    let received_at = world.now;
    world.citizen(Command::Contest {
        report: report(1),
        received_at,
    });
    assert_eq!(
        world.case().running_clock(ClockKind::Contest).unwrap().party,
        Party::Director
    );
    world.by(
        "sekda",
        Command::DecideContest {
            granted: false,
            text: None,
            reports: vec![],
        },
    );
    assert_eq!(
        world.try_citizen(Command::Contest {
            report: report(1),
            received_at
        }),
        Err(Refusal::ContestAlreadyUsed)
    );
    let mut late = rejected();
    late.skip_days(15);
    let received_at = late.now;
    assert_eq!(
        late.try_citizen(Command::Contest {
            report: report(1),
            received_at
        }),
        Err(Refusal::ContestWindowOver)
    );
    let mut answered = World::answered();
    answered.run_to(MONDAY + Duration::days(30));
    let received_at = answered.now;
    assert_eq!(
        answered.try_citizen(Command::Contest {
            report: report(1),
            received_at
        }),
        Err(Refusal::NotContestable)
    );
}

#[test]
fn m8_a_granted_contest_reopens_and_a_merge_can_be_contested() {
    let mut world = rejected();
    let received_at = world.now;
    world.citizen(Command::Contest {
        report: report(1),
        received_at,
    });
    world.by("sekda", granted(vec![]));
    assert_eq!(world.case().state, State::AwaitingDisposition);
    assert_eq!(world.case().reopened, 1);

    let mut survivor = World::filed(complaint());
    let mut duplicate = second();
    merge(&mut duplicate, &mut survivor);
    duplicate.citizen(Command::Contest {
        report: report(2),
        received_at,
    });
    assert_eq!(duplicate.try_by("sekda", granted(vec![])), Err(Refusal::NotMerged));
    duplicate.by("sekda", granted(vec![report(2)]));
    assert!(duplicate.case().live_member(report(2)).is_some());
}

#[test]
fn m8_never_decided_by_the_one_who_decided_first() {
    // About the manager's unit: the director verifies and rejects, so the patron decides the contest.
    let mut world = World::filed(supervisory("diskominfotik"));
    world.by(
        "sekda",
        Command::Reject {
            reason: RejectReason::Repeated,
        },
    );
    let received_at = world.now;
    world.citizen(Command::Contest {
        report: report(1),
        received_at,
    });
    assert_eq!(
        world.case().running_clock(ClockKind::Contest).unwrap().party,
        Party::Patron
    );
    assert_eq!(world.try_by("sekda", granted(vec![])), Err(Refusal::DecidedFirst));
    world.by("gubernur", granted(vec![]));
}

#[test]
fn m11_the_ombudsman_reopens_to_the_agency_or_to_disposition() {
    let mut world = World::answered();
    world.run_to(MONDAY + Duration::days(30));
    let closed = world.case().clocks.clone();
    world.by("ombudsman.riau", Command::Reopen);
    assert_eq!(world.case().state, State::InProgress);
    assert_eq!(world.case().holder().cloned(), agency("dishub"));
    assert!(world.case().running_clock(ClockKind::Reopen).is_some());
    assert_eq!(world.case().clocks[..closed.len()], closed, "old results stay");
    let answer = world.answer();
    assert_eq!(world.try_by("dishub.sekretaris", answer), Err(Refusal::HeadRequired));
    world.answer_by("dishub.kepala");

    let mut never_disposed = rejected();
    never_disposed.by("ombudsman.riau", Command::Reopen);
    assert_eq!(never_disposed.case().state, State::AwaitingDisposition);
    assert_eq!(never_disposed.case().holder(), Some(&Party::Manager));
    assert!(matches!(
        never_disposed.try_by("ombudsman.riau", Command::Reopen),
        Err(Refusal::IllegalMove { .. })
    ));
}

#[test]
fn m12_answers_to_supervisory_cases_need_the_head() {
    let mut world = World::filed(supervisory("dinkes"));
    world.verifier(Command::AcceptVerification {
        classification: supervisory("dinkes"),
    });
    world.dispose("inspektorat", &[]);
    world.liaison("inspektorat", Command::AcceptCase);
    let answer = world.answer();
    assert_eq!(
        world.try_by("inspektorat.sekretaris", answer),
        Err(Refusal::HeadRequired)
    );
    world.answer_by("inspektorat.inspektur");
}

#[test]
fn the_ombudsman_takes_over_after_sixty_days_and_hands_back() {
    let mut world = World::in_progress();
    assert_eq!(
        world.try_by("ombudsman.riau", Command::TakeOver),
        Err(Refusal::TakeOverTooEarly)
    );
    world.run_to(MONDAY + Duration::days(61));
    world.by("ombudsman.riau", Command::TakeOver);
    assert_eq!(world.case().holder(), Some(&Party::Ombudsman));
    let answer = world.answer();
    assert_eq!(world.try_by("dishub.sekretaris", answer), Err(Refusal::TakenOver));
    world.skip_days(3);
    world.by("ombudsman.riau", Command::HandBack);
    assert_eq!(world.case().holder().cloned(), agency("dishub"));
    assert_eq!(world.case().charged(&Party::Ombudsman, world.now), Duration::days(3));
    assert_eq!(
        world.try_by("ombudsman.riau", Command::HandBack),
        Err(Refusal::NotTakenOver)
    );
    world.answer_by("dishub.sekretaris");
}
