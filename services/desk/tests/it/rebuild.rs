//! What routing's snapshot repairs: an empty database, a gap that does not close, a case that left unnoticed.

use sqlx::PgPool;
use time::OffsetDateTime;
use tuntas_desk::store::{
    agencies,
    commands::{self, NewCommand},
};
use tuntas_kit::ids;
use tuntas_proto::{
    case::v1::{Case, CaseCommand, State},
    event::v1::{DirectoryChanged, Event, Position, directory_changed::Change},
};

use crate::support::{LIAISON, World, case, case_event, directory_event, new_case_id};

#[sqlx::test(migrations = false)]
async fn an_empty_database_fills_itself_from_routing(pool: PgPool) {
    let mut world = World::unlearnt(pool, &["dishub"]).await;
    let id = new_case_id();
    world.foreign.set(|known| known.cases.push(case(&id, 5)));
    world.foreign.set(|known| known.down = true);
    world.reconciler.round().await.unwrap();
    assert_eq!(world.get(LIAISON, &id).await.unwrap_err(), "unavailable");
    world.foreign.set(|known| known.down = false);
    world.reconciler.round().await.unwrap();
    assert_eq!(world.listed(LIAISON).await, [id]);
    // Once is enough.
    world.reconciler.round().await.unwrap();
    assert_eq!(world.foreign.get(|known| known.snapshots), 1);
}

#[sqlx::test(migrations = false)]
async fn a_gap_that_does_not_close_is_closed_with_routing_or_without(pool: PgPool) {
    let mut world = World::new(pool).await;
    let (gone, gapped) = (new_case_id(), new_case_id());
    world.foreign.set(|known| known.cases.push(case(&gapped, 3)));
    world.reconciler.round().await.unwrap();
    world
        .consume("dishub", &case_event("disposed", case(&gone, 4)))
        .await
        .unwrap();
    world.foreign.set(|known| known.down = true);
    let later = Case {
        state: State::InProgress.into(),
        ..case(&gapped, 6)
    };
    world
        .consume("dishub", &case_event("assigned", later.clone()))
        .await
        .unwrap();
    let seq = async |world: &World| {
        world
            .get(LIAISON, &gapped)
            .await
            .unwrap()
            .case
            .unwrap()
            .case
            .unwrap()
            .seq
    };
    assert_eq!(seq(&world).await, 3);
    // Routing is away: the state that came is complete, so the case goes on with it.
    world.reconciler.round().await.unwrap();
    assert_eq!(seq(&world).await, 6);
    // Routing is back and knows a later state, and no longer the other case: its leaving was lost.
    world.foreign.set(|known| {
        known.down = false;
        known.cases = vec![Case { seq: 8, ..later }];
    });
    world.reconciler.round().await.unwrap();
    assert_eq!(seq(&world).await, 8);
    assert_eq!(world.listed(LIAISON).await, std::slice::from_ref(&gapped));
    assert_eq!(world.get(LIAISON, &gone).await.unwrap_err(), "unknown_case");
}

#[sqlx::test(migrations = false)]
async fn a_snapshot_that_is_older_than_the_queue_takes_nothing_back(pool: PgPool) {
    let mut world = World::new(pool).await;
    let (id, closed) = (new_case_id(), new_case_id());
    world
        .consume("dishub", &case_event("accepted", case(&id, 9)))
        .await
        .unwrap();
    let done = Case {
        state: State::Closed.into(),
        next_due_at: None,
        ..case(&closed, 12)
    };
    world
        .consume("dishub", &case_event("closed_by_silence", done))
        .await
        .unwrap();
    world.foreign.set(|known| known.cases.push(case(&id, 7)));
    world.reconciler.round().await.unwrap();
    let shown = world.get(LIAISON, &id).await.unwrap().case.unwrap().case.unwrap();
    assert_eq!(shown.seq, 9);
    // Closed cases are in no snapshot and stay.
    assert_eq!(world.listed(LIAISON).await, [id, closed]);
}

#[sqlx::test(migrations = false)]
async fn a_new_database_numbers_its_commands_apart_from_the_old_one(pool: PgPool) {
    let world = World::unlearnt(pool, &["dishub"]).await;
    let opd = "dishub".parse().unwrap();
    let mut conn = world.desk.pool.acquire().await.unwrap();
    assert!(agencies::add(&mut conn, &opd, ids::new_id()).await.unwrap());
    assert!(!agencies::add(&mut conn, &opd, ids::new_id()).await.unwrap());
    let command = CaseCommand::default();
    let (position, holder) = ("dishub.sekretaris".parse().unwrap(), "holder".parse().unwrap());
    let new = || NewCommand {
        command_id: ids::new_id(),
        opd: &opd,
        case_id: new_case_id().parse().unwrap(),
        kind: "accept",
        issued_at: OffsetDateTime::UNIX_EPOCH,
        position: &position,
        holder: &holder,
        command: &command,
    };
    let first = commands::issue(&mut conn, &new()).await.unwrap();
    let second = commands::issue(&mut conn, &new()).await.unwrap();
    assert_eq!((first.seq, second.seq), (1, 2));
    assert_eq!(first.aggregate_id, second.aggregate_id);
    assert!(first.aggregate_id.starts_with("desk:dishub:"));
    // A case that is not one is refused for good, not tried again for ever.
    let broken = case_event(
        "disposed",
        Case {
            case_id: "broken".to_owned(),
            ..case(&new_case_id(), 1)
        },
    );
    drop(conn);
    let error = world.consume("dishub", &broken).await.unwrap_err();
    assert!(error.to_string().starts_with("rejected"), "{error}");
}

#[sqlx::test(migrations = false)]
async fn the_directory_is_learnt_from_every_queue_and_an_old_entry_takes_nothing_back(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let title = |title: &str, seq| {
        let position = Position {
            id: LIAISON.to_owned(),
            opd_code: "dishub".to_owned(),
            title: title.to_owned(),
            roles: vec!["liaison".to_owned()],
            active: true,
            ..Position::default()
        };
        let changed = DirectoryChanged {
            change: Some(Change::Position(position)),
        };
        Event {
            event_id: ids::new_id().to_string(),
            ..directory_event(changed, seq)
        }
    };
    let (old, new) = (title("Jabatan lama", 100), title("Jabatan baru", 101));
    world.consume("dishub", &new).await.unwrap();
    world.consume("dinkes", &old).await.unwrap();
    world.consume("dinkes", &new).await.unwrap();
    world.handle_again("dinkes", &old).await;
    let directory = world
        .desk
        .directory
        .current(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    assert_eq!(directory.positions[&LIAISON.parse().unwrap()].title, "Jabatan baru");
}
