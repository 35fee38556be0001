//! The reconciler: breaches, rungs, vacancies, and cases that cannot be moved.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime, macros::datetime};
use tuntas_domain::{ClockKind, Role};
use tuntas_proto::{
    event::v1::{DirectoryChanged, HolderTerm, directory_changed::Change},
    wire_time::timestamp,
};
use tuntas_routing::fall_due;

use crate::support::{World, entries, fact, riau};

/// Roles of the rungs that have fired for a clock, with the positions addressed.
async fn rungs(world: &World, case: tuntas_domain::CaseId, kind: ClockKind) -> Vec<(Role, String)> {
    let case = world.case(case).await;
    let clock = case.latest_clock(kind).unwrap();
    let position =
        |rung: &tuntas_domain::clock::FiredRung| rung.position.as_ref().map(ToString::to_string).unwrap_or_default();
    clock.rungs.iter().map(|rung| (rung.role, position(rung))).collect()
}

#[sqlx::test(migrations = false)]
async fn an_agency_that_does_not_accept_climbs_the_ladder(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    // Disposed on Monday; two working days end with Wednesday.
    world.clock.advance_to(datetime!(2025-10-08 16:59:59 UTC)).unwrap();
    assert_eq!(fall_due::settle_all(&world.routing).await.unwrap(), 0);
    world.clock.advance_to(datetime!(2025-10-08 17:00 UTC)).unwrap();
    assert_eq!(fall_due::settle_all(&world.routing).await.unwrap(), 1);
    assert_eq!(
        fall_due::settle_all(&world.routing).await.unwrap(),
        0,
        "twice changes nothing"
    );
    let breached = world.facts(filed.case).await.pop().unwrap();
    let details = fact(&breached).details.clone().unwrap();
    assert_eq!(breached.r#type, "tuntas.case.breached");
    assert_eq!(details.clock_kind, "acceptance");
    assert_eq!(details.target_position_id, "dishub.sekretaris");
    assert_eq!(breached.actor.unwrap().via, "system");
    assert_eq!(world.told(&breached.event_id).await, ["opd.dishub.cases"]);

    world.pass(Duration::days(16)).await;
    let fired = rungs(&world, filed.case, ClockKind::Acceptance).await;
    let expected = [
        (Role::Liaison, "dishub.sekretaris"),
        (Role::AccountableHead, "dishub.kepala"),
        (Role::Manager, "diskominfotik.kepala"),
        (Role::Director, "sekda"),
        (Role::Patron, "gubernur"),
    ];
    assert_eq!(fired, expected.map(|(role, position)| (role, position.to_owned())));
    let flagged = world
        .facts(filed.case)
        .await
        .into_iter()
        .any(|event| fact(&event).details.as_ref().unwrap().ombudsman_flag);
    assert!(flagged, "the last rung flags the case to the Ombudsman");
}

#[sqlx::test(migrations = false)]
async fn a_vacant_position_passes_the_rung_on_at_once(pool: PgPool) {
    let world = riau(pool).await;
    // The liaison's term has ended.
    let term = entries()
        .into_iter()
        .find_map(|entry| match entry.change {
            Some(Change::HolderTerm(term)) if term.position_id == "dishub.sekretaris" => Some(term),
            _ => None,
        })
        .unwrap();
    let ended = HolderTerm {
        until: Some(timestamp(world.now())),
        ..term
    };
    let change = DirectoryChanged {
        change: Some(Change::HolderTerm(ended)),
    };
    let filed = world.disposed("dishub", &[]).await;
    world.import(vec![change], Vec::new()).await.unwrap();
    world.pass(Duration::days(3)).await;
    let fired = rungs(&world, filed.case, ClockKind::Acceptance).await;
    let roles: Vec<Role> = fired.iter().map(|(role, _)| *role).collect();
    assert_eq!(roles, [Role::Liaison, Role::AccountableHead]);
}

#[sqlx::test(migrations = false)]
async fn a_case_that_nobody_verifies_starts_at_the_director(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    world.pass(Duration::days(4)).await;
    let fired = rungs(&world, filed.case, ClockKind::Verification).await;
    assert_eq!(fired, [(Role::Director, "sekda".to_owned())]);
}

#[sqlx::test(migrations = false)]
async fn a_command_that_comes_before_the_reconciler_does_not_hide_a_breach(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    // The clock passes the due time and the reconciler has not looked yet.
    world.clock.advance_to(world.now() + Duration::days(4)).unwrap();
    world
        .must("dishub.sekretaris", filed.case, crate::support::accept())
        .await;
    let names = world.names(filed.case).await;
    assert_eq!(names[3..], ["breached", "escalated", "accepted"]);
    let vias: Vec<String> = world.facts(filed.case).await[3..]
        .iter()
        .map(|event| event.actor.clone().unwrap().via)
        .collect();
    assert_eq!(vias, ["system", "system", "officer"]);
}

#[sqlx::test(migrations = false)]
async fn a_case_that_cannot_be_moved_holds_up_nobody(pool: PgPool) {
    let world = riau(pool).await;
    let (broken, stubborn, sound) = (
        world.disposed("dishub", &[]).await,
        world.disposed("dishub", &[]).await,
        world.disposed("dishub", &[]).await,
    );
    sqlx::query("UPDATE kase SET body = '{}'::jsonb WHERE case_id = $1")
        .bind(broken.case.into_uuid())
        .execute(&world.routing.pool)
        .await
        .unwrap();
    // A case of which an event with the next number exists already cannot be stored.
    sqlx::query(
        "INSERT INTO case_event SELECT case_id, seq + 1, gen_random_uuid(), type, at, position_id, holder_id, via,
                command_id, issued_at, causation_id, event, details
         FROM case_event WHERE case_id = $1 ORDER BY seq DESC LIMIT 1",
    )
    .bind(stubborn.case.into_uuid())
    .execute(&world.routing.pool)
    .await
    .unwrap();
    world.clock.advance_to(world.now() + Duration::days(4)).unwrap();
    fall_due::settle_all(&world.routing).await.unwrap();
    assert_eq!(world.names(sound.case).await.last().unwrap(), "breached");
    let stuck: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT case_id FROM kase WHERE stuck_reason IS NOT NULL ORDER BY case_id")
            .fetch_all(&world.routing.pool)
            .await
            .unwrap();
    let mut expected = [broken.case.into_uuid(), stubborn.case.into_uuid()];
    expected.sort();
    assert_eq!(stuck, expected);
    assert_eq!(fall_due::pending(&world.routing).await.unwrap(), 0);

    // What the process puts aside it tries again when it is started anew.
    sqlx::query("DELETE FROM case_event WHERE case_id = $1 AND seq > 3")
        .bind(stubborn.case.into_uuid())
        .execute(&world.routing.pool)
        .await
        .unwrap();
    let stop = world.routing.stop.clone();
    let task = tokio::spawn(fall_due::run(
        world.routing.clone(),
        fall_due::DueGauges::default(),
        stop.clone(),
    ));
    let started = std::time::Instant::now();
    while world.names(stubborn.case).await.last().unwrap() != "breached" {
        assert!(started.elapsed() < std::time::Duration::from_secs(30));
        tokio::task::yield_now().await;
    }
    stop.cancel();
    task.await.unwrap().unwrap();
}

#[sqlx::test(migrations = false)]
async fn the_task_wakes_when_the_clock_is_moved(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    let stop = world.routing.stop.clone();
    let task = tokio::spawn(fall_due::run(
        world.routing.clone(),
        fall_due::DueGauges::default(),
        stop.clone(),
    ));
    world.clock.advance_to(world.now() + Duration::days(4)).unwrap();
    let started = std::time::Instant::now();
    while fall_due::pending(&world.routing).await.unwrap() > 0 {
        assert!(started.elapsed() < std::time::Duration::from_secs(30));
        tokio::task::yield_now().await;
    }
    stop.cancel();
    task.await.unwrap().unwrap();
    assert_eq!(world.names(filed.case).await.last().unwrap(), "breached");
}

#[sqlx::test(migrations = false)]
async fn nothing_is_due_before_its_time(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    let next: OffsetDateTime = sqlx::query_scalar("SELECT next_due_at FROM kase WHERE case_id = $1")
        .bind(filed.case.into_uuid())
        .fetch_one(&world.routing.pool)
        .await
        .unwrap();
    assert_eq!(next, datetime!(2025-10-09 17:00 UTC));
    assert_eq!(fall_due::pending(&world.routing).await.unwrap(), 0);
}
