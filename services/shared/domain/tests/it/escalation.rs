//! Escalation (rules E1–E3).

use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tuntas_domain::case::{Command, FlagReason};
use tuntas_domain::directory::Term;
use tuntas_domain::{Actor, ClockId, ClockKind, Refusal, Role, next_due};

use crate::world::{MONDAY, World, complaint, position, supervisory};

fn rungs(world: &World, kind: ClockKind) -> Vec<(Role, u16, OffsetDateTime)> {
    let clock = world.case().latest_clock(kind).expect("clock");
    clock
        .rungs
        .iter()
        .map(|rung| (rung.role, rung.after_working_days, rung.at))
        .collect()
}

#[test]
fn e1_agency_clocks_climb_from_the_liaison_to_the_patron() {
    let mut world = World::disposed();
    world.run_to(MONDAY + Duration::days(40));
    // Acceptance fell due at the end of Wednesday, 5 March. Holidays begin on 28 March.
    assert_eq!(
        rungs(&world, ClockKind::Acceptance),
        [
            (Role::Liaison, 0, datetime!(2025-03-06 00:00:00 +7)),
            (Role::AccountableHead, 2, datetime!(2025-03-08 00:00:00 +7)),
            (Role::Manager, 3, datetime!(2025-03-11 00:00:00 +7)),
            (Role::Director, 5, datetime!(2025-03-13 00:00:00 +7)),
            (Role::Patron, 10, datetime!(2025-03-20 00:00:00 +7)),
        ]
    );
    assert!(
        world
            .case()
            .flags
            .iter()
            .any(|flag| flag.reason == FlagReason::LastRung)
    );
    let clock = world.case().latest_clock(ClockKind::Acceptance).unwrap();
    assert_eq!(clock.rungs[1].position, Some(position("dishub.kepala")));
    assert!(clock.is_running(), "a breached clock runs until it is stopped");
}

#[test]
fn e1_managers_clocks_start_at_the_director() {
    let mut world = World::filed(complaint());
    world.run_to(MONDAY + Duration::days(40));
    let roles: Vec<(Role, u16)> = rungs(&world, ClockKind::Verification)
        .iter()
        .map(|(role, after, _)| (*role, *after))
        .collect();
    assert_eq!(roles, [(Role::Director, 0), (Role::Patron, 10)]);
}

#[test]
fn e1_directors_clocks_start_at_the_patron() {
    let mut world = World::filed(supervisory("diskominfotik"));
    world.run_to(MONDAY + Duration::days(40));
    let clock = world.case().latest_clock(ClockKind::Verification).unwrap();
    assert_eq!(clock.rungs[0].role, Role::Patron);
    assert_eq!(clock.breach().unwrap().charged_to.position, Some(position("sekda")));
}

#[test]
fn e1_a_stopped_clock_escalates_no_more() {
    let mut world = World::disposed();
    world.run_to(datetime!(2025-03-06 09:00:00 +7));
    world.liaison("dishub", Command::AcceptCase);
    world.run_to(MONDAY + Duration::days(20));
    assert_eq!(rungs(&world, ClockKind::Acceptance).len(), 1);
}

#[test]
fn e2_a_vacant_position_passes_the_rung_on_at_once() {
    let mut world = World::disposed();
    let head = position("dishub.kepala");
    world.directory.positions.get_mut(&head).unwrap().terms[0].to = Some(MONDAY);
    world.run_to(datetime!(2025-03-08 00:00:00 +7));
    let clock = world.case().latest_clock(ClockKind::Acceptance).unwrap();
    let fired: Vec<(Role, bool)> = clock
        .rungs
        .iter()
        .map(|rung| (rung.role, rung.holder.is_some()))
        .collect();
    assert_eq!(
        fired,
        [
            (Role::Liaison, true),
            (Role::AccountableHead, false),
            (Role::Manager, true)
        ]
    );
    assert_eq!(clock.rungs[1].position, Some(head));
    assert_eq!(clock.rungs[1].at, clock.rungs[2].at);
}

#[test]
fn e2_an_acting_holder_covers_absence_and_a_vacancy_is_charged_to_the_position() {
    let mut world = World::disposed();
    let liaison = position("dishub.sekretaris");
    let terms = &mut world.directory.positions.get_mut(&liaison).unwrap().terms;
    terms[0].to = Some(MONDAY);
    world.run_to(datetime!(2025-03-06 00:00:00 +7));
    let charge = world
        .case()
        .latest_clock(ClockKind::Acceptance)
        .unwrap()
        .breach()
        .unwrap()
        .charged_to
        .clone();
    assert_eq!((charge.position, charge.holder), (Some(liaison.clone()), None));

    let mut acting = World::disposed();
    let plt: tuntas_domain::HolderId = "h-plt-1".parse().unwrap();
    acting.directory.positions.get_mut(&liaison).unwrap().terms.push(Term {
        holder: plt.clone(),
        from: MONDAY,
        to: Some(MONDAY + Duration::days(30)),
        acting: true,
    });
    acting.run_to(datetime!(2025-03-06 00:00:00 +7));
    let clock = acting.case().latest_clock(ClockKind::Acceptance).unwrap();
    assert_eq!(clock.rungs[0].holder, Some(plt.clone()));
    assert_eq!(clock.breach().unwrap().charged_to.holder, Some(plt));
}

#[test]
fn e2_everything_vacant_still_reaches_the_top_at_once() {
    let mut world = World::disposed();
    for found in world.directory.positions.values_mut() {
        found.terms.clear();
    }
    world.run_to(datetime!(2025-03-06 00:00:00 +7));
    let clock = world.case().latest_clock(ClockKind::Acceptance).unwrap();
    assert_eq!(clock.rungs.len(), 5);
    assert!(
        world
            .case()
            .flags
            .iter()
            .any(|flag| flag.reason == FlagReason::LastRung)
    );
}

#[test]
fn e3_next_due_names_the_next_thing_and_only_running_things() {
    let mut world = World::filed(complaint());
    let next = |world: &World| next_due(world.case(), &world.policies, &world.calendar);
    assert_eq!(next(&world), Some(datetime!(2025-03-07 00:00:00 +7)));
    world.run_to(datetime!(2025-03-07 00:00:00 +7));
    assert_eq!(
        next(&world),
        Some(datetime!(2025-03-18 00:00:00 +7)),
        "the legal notice"
    );
    let received_at = world.now;
    world.citizen(Command::Withdraw {
        report: crate::world::report(1),
        received_at,
    });
    assert_eq!(next(&world), None);
}

#[test]
fn e3_a_due_command_is_decided_once() {
    let mut world = World::disposed();
    let clock = world.case().running_clock(ClockKind::Acceptance).unwrap().id;
    let early = world.try_as(&Actor::System, &Command::FallDue { clock });
    assert_eq!(early, Err(Refusal::NotDue));
    world.now = datetime!(2025-03-06 00:00:00 +7);
    world.system(Command::FallDue { clock });
    for command in [
        Command::FallDue { clock },
        Command::Escalate { clock, rung: 0 },
        Command::Escalate { clock, rung: 1 },
        Command::Escalate {
            clock: ClockId(99),
            rung: 0,
        },
    ] {
        assert_eq!(world.try_as(&Actor::System, &command), Err(Refusal::NotDue));
    }
    world.now = datetime!(2025-03-08 00:00:00 +7);
    world.system(Command::Escalate { clock, rung: 1 });
}
