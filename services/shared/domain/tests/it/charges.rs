//! To whom a breach is charged (rule V1).

use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tuntas_domain::case::Command;
use tuntas_domain::{ClockKind, Party};

use crate::world::{World, complaint, opd, position, supervisory};

fn due(world: &World, kind: ClockKind) -> OffsetDateTime {
    world.case().latest_clock(kind).expect("clock").due_at
}

fn charge_of(world: &World, kind: ClockKind) -> (Party, Option<String>) {
    let breach = world
        .case()
        .latest_clock(kind)
        .unwrap()
        .breach()
        .expect("breached")
        .clone();
    let id = breach.charged_to.position.map(|id| id.as_str().to_owned());
    assert!(breach.charged_to.holder.is_some());
    (breach.charged_to.party, id)
}

#[test]
fn v1_a_breach_is_charged_to_the_holder_and_the_position_of_the_step() {
    let mut acceptance = World::disposed();
    let due_at = due(&acceptance, ClockKind::Acceptance);
    acceptance.run_to(due_at);
    let dishub = Party::Agency(opd("dishub"));
    let liaison = Some("dishub.sekretaris".to_owned());
    assert_eq!(
        charge_of(&acceptance, ClockKind::Acceptance),
        (dishub.clone(), liaison.clone())
    );

    let mut unassigned = World::in_progress();
    let due_at = due(&unassigned, ClockKind::Resolution);
    unassigned.run_to(due_at);
    assert_eq!(charge_of(&unassigned, ClockKind::Resolution), (dishub.clone(), liaison));

    let mut assigned = World::in_progress();
    assigned.liaison(
        "dishub",
        Command::Assign {
            executor: position("dishub.lalin"),
        },
    );
    assigned.run_to(due_at);
    assert_eq!(
        charge_of(&assigned, ClockKind::Resolution),
        (dishub.clone(), Some("dishub.lalin".to_owned()))
    );

    let mut reworked = World::answered();
    let dispute = reworked.dispute(1);
    reworked.citizen(dispute);
    let due_at = due(&reworked, ClockKind::Rework);
    reworked.run_to(due_at);
    assert_eq!(
        charge_of(&reworked, ClockKind::Rework),
        (dishub, Some("dishub.kepala".to_owned()))
    );
}

#[test]
fn v1_release_that_needs_the_head_is_charged_to_the_head() {
    let mut world = World::filed(supervisory("dinkes"));
    world.verifier(Command::AcceptVerification {
        classification: supervisory("dinkes"),
    });
    world.dispose("inspektorat", &[]);
    world.liaison("inspektorat", Command::AcceptCase);
    world.liaison("inspektorat", Command::DeclareLeadDone);
    let due_at = due(&world, ClockKind::Resolution);
    world.run_to(due_at);
    let (_, id) = charge_of(&world, ClockKind::Resolution);
    assert_eq!(id.as_deref(), Some("inspektorat.inspektur"));
}

#[test]
fn v1_who_received_it_too_late_is_not_charged() {
    // The manager sits on the case for eleven of the fourteen days: the overrun is the manager's.
    let mut world = World::filed(complaint());
    world.run_to(datetime!(2025-03-18 09:00:00 +7));
    world.verifier(Command::AcceptVerification {
        classification: complaint(),
    });
    world.dispose("dishub", &[]);
    world.liaison("dishub", Command::AcceptCase);
    let due_at = due(&world, ClockKind::Resolution);
    world.run_to(due_at);
    assert_eq!(
        charge_of(&world, ClockKind::Resolution),
        (Party::Manager, Some("diskominfotik.kepala".to_owned()))
    );
    // Received within the manager's three days: the agency's.
    let mut in_time = World::filed(complaint());
    in_time.run_to(datetime!(2025-03-06 23:00:00 +7));
    in_time.verifier(Command::AcceptVerification {
        classification: complaint(),
    });
    in_time.dispose("dishub", &[]);
    in_time.run_to(due_at);
    assert_eq!(
        charge_of(&in_time, ClockKind::Resolution).0,
        Party::Agency(opd("dishub"))
    );
}

#[test]
fn v1_an_agency_that_returned_late_bears_the_overrun() {
    let mut world = World::disposed();
    // Twelve working days in acceptance, where two are allowed; then returned.
    world.run_to(datetime!(2025-03-19 09:00:00 +7));
    let returned = world.return_case();
    world.liaison("dishub", returned);
    world.dispose("dinkes", &[]);
    world.liaison("dinkes", Command::AcceptCase);
    let due_at = due(&world, ClockKind::Resolution);
    world.run_to(due_at);
    assert_eq!(charge_of(&world, ClockKind::Resolution).0, Party::Agency(opd("dishub")));
}

#[test]
fn v1_a_breach_between_two_commands_is_recorded_before_the_second() {
    let mut world = World::disposed();
    let due_at = due(&world, ClockKind::Acceptance);
    world.now = due_at + Duration::days(3);
    let events = world.liaison("dishub", Command::AcceptCase);
    let names: Vec<&str> = events.iter().map(|event| event.name()).collect();
    assert_eq!(names, ["breached", "escalated", "escalated", "accepted"]);
    assert_eq!(
        world
            .case()
            .latest_clock(ClockKind::Acceptance)
            .unwrap()
            .breach()
            .unwrap()
            .at,
        due_at
    );
}

#[test]
fn v1_who_kept_a_case_that_was_not_its_own_bears_the_overrun() {
    let mut world = World::in_progress();
    world.run_to(datetime!(2025-03-20 09:00:00 +7));
    world.by("diskominfotik.kepala", Command::Transfer { to: opd("dinkes") });
    world.liaison("dinkes", Command::AcceptCase);
    let due_at = due(&world, ClockKind::Resolution);
    world.run_to(due_at);
    assert_eq!(charge_of(&world, ClockKind::Resolution).0, Party::Agency(opd("dishub")));
}
