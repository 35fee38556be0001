//! The directory as every service keeps it: applied twice, out of order, and read as domain values.

use sqlx::PgPool;
use time::{OffsetDateTime, macros::datetime};
use tuntas_domain::{HolderId, OpdCode, PositionId, Role};
use tuntas_kit::directory::{self, DirectoryReader, event_of};
use tuntas_proto::{
    event::v1::{
        Agency, CalendarChanged, DirectoryChanged, Event, HolderTerm, PolicyChanged, Position,
        directory_changed::Change, event::Payload,
    },
    wire_time::timestamp,
};

const IMPORTED: OffsetDateTime = datetime!(2026-01-05 01:00 UTC);
const LATER: OffsetDateTime = datetime!(2026-06-01 01:00 UTC);

fn changed(seq: u64, change: Change) -> Event {
    event_of(
        Payload::DirectoryChanged(DirectoryChanged { change: Some(change) }),
        seq,
        IMPORTED,
    )
}

fn agency(seq: u64, code: &str, name: &str) -> Event {
    let agency = Agency {
        code: code.to_owned(),
        kind: "dinas".to_owned(),
        short_name: name.to_owned(),
        active: true,
        ..Agency::default()
    };
    changed(seq, Change::Agency(agency))
}

fn position(seq: u64, id: &str, roles: &[&str]) -> Event {
    let position = Position {
        id: id.to_owned(),
        opd_code: "dishub".to_owned(),
        roles: roles.iter().map(ToString::to_string).collect(),
        active: true,
        ..Position::default()
    };
    changed(seq, Change::Position(position))
}

fn term(seq: u64, holder: &str, position: &str, from: OffsetDateTime, until: Option<OffsetDateTime>) -> Event {
    let term = HolderTerm {
        holder_id: holder.to_owned(),
        position_id: position.to_owned(),
        from: Some(timestamp(from)),
        until: until.map(timestamp),
        acting: until.is_some(),
        term_id: format!("t-{holder}"),
    };
    changed(seq, Change::HolderTerm(term))
}

async fn apply_all(pool: &PgPool, events: &[Event]) -> Vec<bool> {
    let mut conn = pool.acquire().await.unwrap();
    let mut applied = Vec::new();
    for event in events {
        applied.push(directory::apply(&mut conn, event).await.unwrap());
    }
    applied
}

#[sqlx::test]
async fn an_event_counts_once_and_an_older_one_never_undoes_a_newer_one(pool: PgPool) {
    let applied = apply_all(
        &pool,
        &[
            agency(2, "dishub", "Baru"),
            agency(2, "dishub", "Baru"),
            agency(1, "dishub", "Lama"),
        ],
    )
    .await;
    assert_eq!(applied, [true, false, false]);
    let read = DirectoryReader::default()
        .current(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    let dishub: OpdCode = "dishub".parse().unwrap();
    assert_eq!(read.agencies[&dishub].short_name, "Baru");
    assert_eq!(read.seq, 2);
}

#[sqlx::test]
async fn m13_an_official_is_who_holds_the_position_at_that_moment(pool: PgPool) {
    apply_all(
        &pool,
        &[
            position(1, "dishub.sekretaris", &["liaison"]),
            term(2, "h-regular", "dishub.sekretaris", IMPORTED, None),
            term(
                3,
                "h-acting",
                "dishub.sekretaris",
                LATER,
                Some(LATER + time::Duration::days(10)),
            ),
        ],
    )
    .await;
    let read = DirectoryReader::default()
        .current(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    let liaison: PositionId = "dishub.sekretaris".parse().unwrap();
    let regular: HolderId = "h-regular".parse().unwrap();
    let acting: HolderId = "h-acting".parse().unwrap();
    let official = read
        .directory
        .official(&liaison, &regular, LATER - time::Duration::seconds(1))
        .unwrap();
    assert!(official.roles.contains(&Role::Liaison));
    assert!(read.directory.official(&liaison, &regular, LATER).is_none());
    assert!(read.directory.official(&liaison, &acting, LATER).unwrap().acting);
    assert!(
        read.directory
            .official(&liaison, &regular, LATER + time::Duration::days(10))
            .is_some()
    );
}

#[sqlx::test]
async fn a_reading_is_kept_until_something_changes(pool: PgPool) {
    apply_all(&pool, &[agency(1, "dishub", "Dishub")]).await;
    let reader = DirectoryReader::default();
    let mut conn = pool.acquire().await.unwrap();
    let first = reader.current(&mut conn).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(
        &first,
        &reader.current(&mut conn).await.unwrap()
    ));
    apply_all(&pool, &[agency(2, "disdik", "Disdik")]).await;
    assert_eq!(reader.current(&mut conn).await.unwrap().agencies.len(), 2);
}

#[sqlx::test]
async fn holidays_and_policies_are_entries_too(pool: PgPool) {
    let day = |seq, removed| {
        let day = CalendarChanged {
            date: "2026-08-17".to_owned(),
            kind: "national".to_owned(),
            name: "Hari Kemerdekaan".to_owned(),
            removed,
        };
        event_of(Payload::CalendarChanged(day), seq, IMPORTED)
    };
    let monday = time::macros::date!(2026 - 08 - 17);
    let reader = DirectoryReader::default();
    let mut conn = pool.acquire().await.unwrap();
    apply_all(&pool, &[day(1, false)]).await;
    assert!(!reader.current(&mut conn).await.unwrap().calendar.is_working_day(monday));
    apply_all(&pool, &[day(2, true)]).await;
    assert!(reader.current(&mut conn).await.unwrap().calendar.is_working_day(monday));
}

#[sqlx::test]
async fn a_change_that_is_committed_after_a_later_one_is_seen(pool: PgPool) {
    let day = |seq, date: &str, removed| {
        let day = CalendarChanged {
            date: date.to_owned(),
            kind: "national".to_owned(),
            name: "Hari libur contoh".to_owned(),
            removed,
        };
        event_of(Payload::CalendarChanged(day), seq, IMPORTED)
    };
    let (monday, tuesday) = ("2026-08-17", "2026-08-18");
    apply_all(&pool, &[day(1, monday, false), day(2, tuesday, false)]).await;
    let mut slow = pool.begin().await.unwrap();
    directory::apply(&mut slow, &day(3, monday, true)).await.unwrap();
    apply_all(&pool, &[day(4, tuesday, true)]).await;
    let reader = DirectoryReader::default();
    let mut conn = pool.acquire().await.unwrap();
    let is_working_day = async |conn: &mut sqlx::PgConnection, date| {
        let read = reader.current(conn).await.unwrap();
        read.calendar.is_working_day(date)
    };
    let (monday, tuesday) = (time::macros::date!(2026 - 08 - 17), time::macros::date!(2026 - 08 - 18));
    assert!(is_working_day(&mut conn, tuesday).await);
    assert!(!is_working_day(&mut conn, monday).await);
    slow.commit().await.unwrap();
    assert!(is_working_day(&mut conn, monday).await);
}

#[sqlx::test]
async fn what_does_not_parse_is_refused_before_it_is_stored(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let bad_policy = PolicyChanged {
        version: "1".to_owned(),
        policy_json: "{}".to_owned(),
        ..PolicyChanged::default()
    };
    let refused = [
        agency(1, "Dis Hub", "Dishub"),
        position(2, "dishub.sekretaris", &["emperor"]),
        event_of(Payload::PolicyChanged(bad_policy), 3, IMPORTED),
    ];
    for event in refused {
        assert!(directory::apply(&mut conn, &event).await.is_err(), "{event:?}");
    }
    assert_eq!(directory::latest_seq(&mut conn).await.unwrap(), 0);
}
