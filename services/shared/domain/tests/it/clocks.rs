//! Clocks and charges (rules K2–K9, V1).

use time::macros::{date, datetime};
use time::{Duration, OffsetDateTime};
use tuntas_domain::calendar::{Holiday, HolidayKind};
use tuntas_domain::case::{Command, Outage};
use tuntas_domain::policy::{Limit, Policy, PolicyBook, PolicyBookError};
use tuntas_domain::{ClockKind, ClockResult, Party, Refusal, ReportKind, Role};

use crate::world::{MONDAY, World, complaint, of_kind, opd, report, supervisory, text};

fn due(world: &World, kind: ClockKind) -> OffsetDateTime {
    world.case().latest_clock(kind).expect("clock").due_at
}

fn extra_holiday() -> Holiday {
    Holiday {
        date: date!(2025 - 03 - 05),
        kind: HolidayKind::Local,
        name_id: "Hari tambahan".to_owned(),
        known_from: Some(MONDAY),
    }
}

#[test]
fn k2_verification_runs_to_the_disposition_and_resolution_from_filing() {
    let mut world = World::filed(complaint());
    assert_eq!(due(&world, ClockKind::Verification), datetime!(2025-03-07 00:00:00 +7));
    assert_eq!(due(&world, ClockKind::LegalNotice), datetime!(2025-03-18 00:00:00 +7));
    assert_eq!(due(&world, ClockKind::Resolution), datetime!(2025-03-22 00:00:00 +7));
    assert_eq!(due(&world, ClockKind::LegalDecision), datetime!(2025-05-03 00:00:00 +7));
    world.verifier(Command::AcceptVerification {
        classification: complaint(),
    });
    assert!(
        world.case().running_clock(ClockKind::Verification).is_some(),
        "not disposed yet"
    );
    world.skip_days(1);
    world.dispose("dishub", &[]);
    let verification = world.case().latest_clock(ClockKind::Verification).unwrap();
    assert_eq!(verification.stopped_at, Some(world.now));
    assert!(matches!(verification.result, Some(ClockResult::Met { .. })));
    assert_eq!(due(&world, ClockKind::Acceptance), datetime!(2025-03-07 00:00:00 +7));
    assert_eq!(due(&world, ClockKind::FirstResponse), datetime!(2025-03-12 00:00:00 +7));
}

#[test]
fn k2_limits_by_kind() {
    let by_kind = [
        (
            of_kind(ReportKind::InformationRequest),
            datetime!(2025-03-11 00:00:00 +7),
        ),
        (of_kind(ReportKind::Aspiration), datetime!(2025-03-22 00:00:00 +7)),
        (supervisory("dinkes"), datetime!(2025-06-17 00:00:00 +7)),
    ];
    for (classification, expected) in by_kind {
        assert_eq!(due(&World::filed(classification), ClockKind::Resolution), expected);
    }
}

#[test]
fn k2_resolution_counts_from_the_submission_of_the_completion() {
    let mut world = World::filed(complaint());
    world.verifier(Command::RequestCompletion { text: Some(text()) });
    assert!(world.case().running_clock(ClockKind::Resolution).is_none());
    world.skip_days(7);
    let received_at = world.now - Duration::hours(1);
    world.citizen(Command::CompleteReport {
        report: report(1),
        received_at,
    });
    let resolution = world.case().running_clock(ClockKind::Resolution).unwrap();
    assert_eq!(resolution.started_at(), received_at);
    assert_eq!(
        world
            .case()
            .running_clock(ClockKind::Verification)
            .unwrap()
            .started_at(),
        received_at
    );
    // The reporter is charged up to the submission, not up to its decision by routing.
    assert_eq!(
        world.case().charged(&Party::Reporter, world.now),
        Duration::days(7) - Duration::hours(1)
    );
}

fn two_policies() -> PolicyBook {
    let old = Policy::default_2024();
    let mut new = Policy {
        version: 2,
        effective_from: datetime!(2025-03-10 00:00:00 +7),
        ..old.clone()
    };
    new.limits.verification = Limit::WorkingDays(1);
    new.ladders.manager[0].role = Role::Patron;
    PolicyBook::new([old, new]).unwrap()
}

#[test]
fn k3_limits_are_of_the_filing_and_the_ladder_of_the_breach() {
    let mut world = World::new();
    world.policies = two_policies();
    world.now = datetime!(2025-03-07 09:00:00 +7);
    let filed_at = world.now;
    world.citizen(Command::File {
        case_id: crate::world::case_id(1),
        report: report(1),
        privacy: tuntas_domain::Privacy::Open,
        classification: complaint(),
        filed_at,
    });
    assert_eq!(world.case().policy_version, 1);
    let due_at = due(&world, ClockKind::Verification);
    assert_eq!(due_at, datetime!(2025-03-13 00:00:00 +7), "three days, as at filing");
    world.run_to(due_at);
    let clock = world.case().latest_clock(ClockKind::Verification).unwrap();
    assert_eq!(clock.breach().unwrap().ladder_version, 2);
    assert_eq!(clock.rungs[0].role, Role::Patron, "the ladder in force at the breach");
}

#[test]
fn k3_policy_books_are_checked() {
    let first = Policy::default_2024();
    assert_eq!(PolicyBook::new([]), Err(PolicyBookError::Empty));
    assert_eq!(
        PolicyBook::new([first.clone(), first.clone()]),
        Err(PolicyBookError::Twice(1))
    );
    let earlier = Policy {
        version: 2,
        effective_from: datetime!(2023-01-01 00:00:00 +7),
        ..first.clone()
    };
    assert_eq!(PolicyBook::new([first, earlier]), Err(PolicyBookError::OutOfOrder(2)));
    assert_eq!(PolicyBook::default_2024().in_force(MONDAY).unwrap().version, 1);
}

#[test]
fn k3_an_added_holiday_moves_only_clocks_not_yet_due() {
    let mut world = World::disposed();
    let before = world.case().clone();
    world.calendar = world.calendar.with_holiday(extra_holiday());
    let events = world.system(Command::ApplyCalendar);
    assert_eq!(events[0].name(), "deadline_moved");
    assert_eq!(due(&world, ClockKind::Acceptance), datetime!(2025-03-07 00:00:00 +7));
    assert!(due(&world, ClockKind::Resolution) > before.latest_clock(ClockKind::Resolution).unwrap().due_at);
    assert_eq!(
        due(&world, ClockKind::LegalDecision),
        before.latest_clock(ClockKind::LegalDecision).unwrap().due_at,
        "calendar days do not care"
    );
    assert_eq!(
        world.try_as(&tuntas_domain::Actor::System, &Command::ApplyCalendar),
        Err(Refusal::NothingChanges)
    );

    let mut breached = World::disposed();
    let due_at = due(&breached, ClockKind::Acceptance);
    breached.run_to(due_at);
    breached.calendar = breached.calendar.with_holiday(extra_holiday());
    breached.system(Command::ApplyCalendar);
    assert_eq!(due(&breached, ClockKind::Acceptance), due_at, "already due");
}

#[test]
fn k4_every_second_is_charged_to_exactly_one_party() {
    let mut world = World::filed(complaint());
    world.skip_days(1);
    world.verifier(Command::AcceptVerification {
        classification: complaint(),
    });
    world.skip_days(1);
    world.dispose("dishub", &[]);
    world.skip_days(2);
    world.liaison("dishub", Command::AcceptCase);
    world.skip_days(3);
    world.liaison("dishub", Command::AgencyCompletionRequest { text: None });
    world.skip_days(4);
    let received_at = world.now;
    world.citizen(Command::CompleteReport {
        report: report(1),
        received_at,
    });
    world.skip_days(1);
    world.answer_by("dishub.sekretaris");
    let days = |party: &Party| world.case().charged(party, world.now).whole_days();
    assert_eq!(days(&Party::Manager), 2);
    assert_eq!(days(&Party::Agency(opd("dishub"))), 6);
    assert_eq!(days(&Party::Reporter), 4);
    assert_eq!(world.case().age(world.now), Duration::days(12));
}

#[test]
fn k4_the_wait_for_an_agencys_question_pauses_resolution() {
    let mut world = World::in_progress();
    let before = due(&world, ClockKind::Resolution);
    world.now = datetime!(2025-03-04 12:00:00 +7);
    world.liaison("dishub", Command::AgencyCompletionRequest { text: None });
    assert!(world.case().running_clock(ClockKind::Resolution).unwrap().is_paused());
    assert!(
        world.case().running_clock(ClockKind::FirstResponse).is_none(),
        "K6: a text to the reporter"
    );
    world.now = datetime!(2025-03-05 18:00:00 +7);
    let received_at = world.now;
    world.citizen(Command::CompleteReport {
        report: report(1),
        received_at,
    });
    // Thirty working hours, and the due time lay at the end of a Friday.
    assert_eq!(
        due(&world, ClockKind::Resolution),
        before + Duration::days(2) + Duration::hours(30)
    );
}

#[test]
fn k5_the_lead_is_charged_and_then_the_earliest_outstanding_contributor() {
    let mut world = World::verified();
    world.dispose("dishub", &["dinkes", "disdik"]);
    world.liaison("dishub", Command::AcceptCase);
    let holder = |world: &World| world.case().holder().unwrap().clone();
    assert_eq!(holder(&world), Party::Agency(opd("dishub")));
    world.skip_days(1);
    world.liaison("dishub", Command::DeclareLeadDone);
    assert_eq!(holder(&world), Party::Agency(opd("dinkes")));
    world.skip_days(1);
    world.liaison("dinkes", Command::ContributionDone { text: None });
    assert_eq!(holder(&world), Party::Agency(opd("disdik")));
    world.skip_days(1);
    world.liaison("disdik", Command::ContributionDone { text: None });
    assert_eq!(holder(&world), Party::Agency(opd("dishub")));
    assert_eq!(
        world.try_by("dishub.sekretaris", Command::DeclareLeadDone),
        Err(Refusal::AlreadyDone)
    );
    assert_eq!(world.case().age(world.now), Duration::days(3));
}

#[test]
fn k6_acceptance_and_notes_are_no_first_response() {
    let mut world = World::in_progress();
    world.liaison("dishub", Command::RecordProgress { text: Some(text()) });
    assert!(world.case().running_clock(ClockKind::FirstResponse).is_some());
    world.liaison("dishub", Command::ReleaseFirstResponse { text: text() });
    assert!(world.case().running_clock(ClockKind::FirstResponse).is_none());
    assert_eq!(
        world.try_by("dishub.sekretaris", Command::ReleaseFirstResponse { text: text() }),
        Err(Refusal::AlreadyDone)
    );
}

fn outage_over_the_due_time(world: &World) -> Outage {
    let due_at = due(world, ClockKind::Acceptance);
    Outage {
        from: due_at - Duration::hours(2),
        to: due_at + Duration::hours(2),
    }
}

#[test]
fn k7_a_stop_counts_at_the_commit() {
    let mut world = World::disposed();
    let due_at = due(&world, ClockKind::Acceptance);
    world.issued_at = Some(due_at - Duration::MINUTE);
    world.now = due_at + Duration::MINUTE;
    world.liaison("dishub", Command::AcceptCase);
    let clock = world.case().latest_clock(ClockKind::Acceptance).unwrap();
    assert_eq!(clock.breach().unwrap().at, due_at);
    assert_eq!(clock.stopped_at, Some(world.now));
}

#[test]
fn k7_inside_a_recorded_outage_the_issue_counts_and_the_record_is_mended() {
    let mut world = World::disposed();
    let due_at = due(&world, ClockKind::Acceptance);
    world.outages.push(outage_over_the_due_time(&world));
    // Escalation is not held back.
    world.run_to(due_at + Duration::hours(2));
    assert!(
        world
            .case()
            .latest_clock(ClockKind::Acceptance)
            .unwrap()
            .breach()
            .is_some()
    );
    assert_eq!(world.case().latest_clock(ClockKind::Acceptance).unwrap().rungs.len(), 1);
    world.issued_at = Some(due_at - Duration::MINUTE);
    world.liaison("dishub", Command::AcceptCase);
    let clock = world.case().latest_clock(ClockKind::Acceptance).unwrap();
    assert!(matches!(clock.result, Some(ClockResult::Met { .. })));
    assert_eq!(clock.stopped_at, Some(due_at - Duration::MINUTE));
    assert_eq!(clock.correction.as_ref().unwrap().was.at, due_at);
}

#[test]
fn k7_an_outage_recorded_later_mends_breaches_too() {
    let mut world = World::disposed();
    let due_at = due(&world, ClockKind::Acceptance);
    let outage = outage_over_the_due_time(&world);
    world.run_to(due_at + Duration::hours(3));
    world.issued_at = Some(due_at - Duration::MINUTE);
    world.liaison("dishub", Command::AcceptCase);
    assert!(
        world
            .case()
            .latest_clock(ClockKind::Acceptance)
            .unwrap()
            .breach()
            .is_some()
    );
    let events = world.system(Command::CorrectForOutage { outage });
    assert_eq!(events[0].name(), "breach_corrected");
    let clock = world.case().latest_clock(ClockKind::Acceptance).unwrap();
    assert!(matches!(clock.result, Some(ClockResult::Met { .. })));
    assert_eq!(
        world.try_as(&tuntas_domain::Actor::System, &Command::CorrectForOutage { outage }),
        Err(Refusal::NothingChanges)
    );
}

#[test]
fn k8_the_legal_limit_of_a_supervisory_case_is_the_earlier_one_and_escalates() {
    let mut world = World::filed(supervisory("dinkes"));
    world.verifier(Command::AcceptVerification {
        classification: supervisory("dinkes"),
    });
    world.dispose("inspektorat", &[]);
    world.liaison("inspektorat", Command::AcceptCase);
    world.liaison("inspektorat", Command::ReleaseFirstResponse { text: text() });
    let legal_due = due(&world, ClockKind::LegalDecision);
    let working_due = due(&world, ClockKind::Resolution);
    assert!(legal_due < working_due);
    let shown = world.case().shown_clock(ClockKind::Resolution).unwrap();
    assert_eq!(shown.kind, ClockKind::LegalDecision);
    world.run_to(working_due + Duration::days(40));
    let legal = world.case().latest_clock(ClockKind::LegalDecision).unwrap();
    let working = world.case().latest_clock(ClockKind::Resolution).unwrap();
    assert_eq!(legal.rungs.len(), 5, "the earlier one escalates to the top");
    assert!(working.breach().is_some(), "both results are kept");
    assert!(working.rungs.is_empty(), "one ladder at a time");
}

#[test]
fn k9_binding_decision_contest_and_directors_decision_have_clocks() {
    let limits = Policy::default_2024().limits;
    assert_eq!(limits.binding_decision, Limit::WorkingDays(3));
    assert_eq!(limits.director_decision, Limit::WorkingDays(5));
    assert_eq!(limits.contest_window, Limit::WorkingDays(10));
    let policy = Policy::default_2024();
    assert_eq!(policy.oversight.explanation, Limit::CalendarDays(14));
    assert_eq!(policy.oversight.implementation, Limit::CalendarDays(60));
    assert_eq!(policy.evaluation.reply, Limit::WorkingDays(7));
}
