//! Clusters of duplicates (rule M6).

use time::Duration;
use tuntas_domain::case::{Command, Outcome, State};
use tuntas_domain::{ClockKind, Refusal};

use crate::world::{MONDAY, World, case_id, complaint, merge, report, second, supervisory};

#[test]
fn m6_a_cluster_takes_the_earliest_deadline_and_never_relaxes() {
    let mut older = second();
    let mut survivor = World::new();
    survivor.now = MONDAY + Duration::days(3);
    survivor.citizen(Command::File {
        case_id: case_id(1),
        report: report(1),
        privacy: tuntas_domain::Privacy::Anonymous,
        classification: complaint(),
        filed_at: MONDAY + Duration::days(3),
    });
    older.now = survivor.now;
    let earliest = older.case().running_clock(ClockKind::Resolution).unwrap().due_at;
    let own = survivor.case().running_clock(ClockKind::Resolution).unwrap().due_at;
    assert!(earliest < own);
    merge(&mut older, &mut survivor);
    assert_eq!(
        survivor.case().running_clock(ClockKind::Resolution).unwrap().due_at,
        earliest
    );
    assert_eq!(
        older.case().state,
        State::Closed {
            outcome: Outcome::Merged { into: case_id(1) }
        }
    );
    // Time before the merge stays with whoever held it.
    assert_eq!(older.case().age(older.now), Duration::days(3));
    assert_eq!(survivor.case().age(survivor.now), Duration::ZERO);
    // The other way round nothing moves.
    let mut younger = World::filed_as(case_id(3), report(3), complaint());
    younger.now += Duration::days(1);
    let mut old = second();
    old.now = younger.now;
    let before = old.case().running_clock(ClockKind::Resolution).unwrap().due_at;
    merge(&mut younger, &mut old);
    assert_eq!(old.case().running_clock(ClockKind::Resolution).unwrap().due_at, before);
}

#[test]
fn m6_each_receipt_resolves_to_one_surviving_case_and_unmerge_exists() {
    let mut survivor = World::filed(complaint());
    let mut duplicate = second();
    merge(&mut duplicate, &mut survivor);
    assert!(survivor.case().live_member(report(2)).is_some());
    assert!(duplicate.case().live_member(report(2)).is_none());
    let reports = survivor.case().live_members_from(case_id(2));
    assert_eq!(reports, [report(2)]);
    survivor.verifier(Command::SplitOff { case_id: case_id(2) });
    duplicate.verifier(Command::Unmerge { reports });
    assert!(survivor.case().live_member(report(2)).is_none());
    assert!(duplicate.case().live_member(report(2)).is_some());
    assert_eq!(duplicate.case().state, State::AwaitingDisposition);
    assert!(duplicate.case().running_clock(ClockKind::Reopen).is_some());
    assert_eq!(
        survivor.try_by("diskominfotik.verifikator", Command::SplitOff { case_id: case_id(2) }),
        Err(Refusal::NotMerged)
    );
}

#[test]
fn m6_one_dispute_per_answer_counts_once_from_any_reporter() {
    let mut survivor = World::answered();
    let mut duplicate = second();
    merge(&mut duplicate, &mut survivor);
    let first = survivor.dispute(1);
    survivor.citizen(first.clone());
    let other = survivor.dispute(2);
    survivor.citizen(other);
    assert_eq!(survivor.case().disputes.len(), 1);
    assert_eq!(survivor.try_citizen(first), Err(Refusal::AlreadyDisputed));
}

#[test]
fn m6_a_late_joiner_has_its_own_ten_days() {
    let mut survivor = World::answered();
    let everybodys = survivor
        .case()
        .running_clock(ClockKind::ReporterSilence)
        .unwrap()
        .due_at;
    survivor.run_to(MONDAY + Duration::days(8));
    let mut duplicate = second();
    duplicate.now = survivor.now;
    merge(&mut duplicate, &mut survivor);
    survivor.run_to(everybodys + Duration::hours(1));
    assert_eq!(
        survivor.case().state,
        State::Answered,
        "the joiner's window is still open"
    );
    let late = survivor.dispute(1);
    assert_eq!(survivor.try_citizen(late), Err(Refusal::DisputeWindowOver));
    let dispute = survivor.dispute(2);
    survivor.citizen(dispute);
    assert_eq!(survivor.case().state, State::Disputed);
}

#[test]
fn m6_a_withdrawal_closes_only_with_the_last_live_report() {
    let mut survivor = World::filed(complaint());
    let mut duplicate = second();
    merge(&mut duplicate, &mut survivor);
    let received_at = survivor.now;
    survivor.citizen(Command::Withdraw {
        report: report(1),
        received_at,
    });
    assert!(survivor.case().is_open());
    assert_eq!(
        survivor.try_citizen(Command::Withdraw {
            report: report(1),
            received_at
        }),
        Err(Refusal::AlreadyWithdrawn)
    );
    survivor.citizen(Command::Withdraw {
        report: report(2),
        received_at,
    });
    assert_eq!(
        survivor.case().state,
        State::Closed {
            outcome: Outcome::Withdrawn
        }
    );
}

#[test]
fn m6_supervisory_cases_merge_only_with_supervisory_ones() {
    let mut survivor = World::filed(supervisory("dinkes"));
    let duplicate = second();
    let command = Command::Absorb {
        duplicate: duplicate.case().cluster_facts(),
    };
    assert_eq!(
        survivor.try_by("diskominfotik.verifikator", command),
        Err(Refusal::SupervisoryMismatch)
    );
    let itself = Command::Absorb {
        duplicate: survivor.case().cluster_facts(),
    };
    assert_eq!(
        survivor.try_by("diskominfotik.verifikator", itself),
        Err(Refusal::SameCase)
    );
}
