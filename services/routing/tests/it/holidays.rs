//! A holiday that is added while cases run moves only the clocks that are not yet due (rule K3).

use sqlx::PgPool;
use time::{Duration, OffsetDateTime, macros::datetime};
use tuntas_domain::{Case, ClockKind};
use tuntas_proto::{
    event::v1::CalendarChanged,
    routing::v1::{ListHolidaysRequest, PutHolidaysRequest, directory_server::Directory},
};

use crate::support::{VERIFIER, code, fact, key, name, riau};

fn day(date: &str, removed: bool) -> CalendarChanged {
    CalendarChanged {
        date: date.to_owned(),
        kind: "local".to_owned(),
        name: "Hari Contoh".to_owned(),
        removed,
    }
}

fn due(case: &Case, kind: ClockKind) -> OffsetDateTime {
    case.latest_clock(kind).unwrap().due_at
}

#[sqlx::test(migrations = false)]
async fn an_added_holiday_moves_clocks_not_yet_due(pool: PgPool) {
    let world = riau(pool).await;
    let overdue = world.complaint().await;
    world.pass(Duration::days(4)).await;
    let running = world.disposed("dishub", &[]).await;
    let before = (world.case(overdue.case).await, world.case(running.case).await);
    // Friday; the agency has until Tuesday, 13 October.
    assert_eq!(due(&before.1, ClockKind::Acceptance), datetime!(2025-10-14 17:00 UTC));

    let answer = world.put_holidays(vec![day("2025-10-14", false)]).await.unwrap();
    assert_eq!(answer.changed, 1);
    let after = (world.case(overdue.case).await, world.case(running.case).await);
    assert_eq!(
        due(&after.0, ClockKind::Verification),
        due(&before.0, ClockKind::Verification),
        "was due before"
    );
    assert_eq!(due(&after.1, ClockKind::Acceptance), datetime!(2025-10-15 17:00 UTC));
    assert_eq!(
        due(&after.1, ClockKind::Resolution),
        due(&before.1, ClockKind::Resolution) + Duration::days(1)
    );
    let moved = world.facts(running.case).await.pop().unwrap();
    assert_eq!(name(&moved), "deadline_moved");
    assert!(!moved.causation_id.is_empty());
    assert!(fact(&moved).details.as_ref().unwrap().previous_due_at.is_some());
    assert_eq!(world.told(&moved.event_id).await, ["opd.dishub.cases"]);
    let next: OffsetDateTime = sqlx::query_scalar("SELECT next_due_at FROM kase WHERE case_id = $1")
        .bind(running.case.into_uuid())
        .fetch_one(&world.routing.pool)
        .await
        .unwrap();
    assert_eq!(next, datetime!(2025-10-15 17:00 UTC));

    let again = world.put_holidays(vec![day("2025-10-14", false)]).await.unwrap();
    assert_eq!((again.changed, again.deadlines_moved), (0, 0));
    let never = world.put_holidays(vec![day("2025-10-13", true)]).await.unwrap();
    assert_eq!(never.changed, 0, "it was no holiday");
    let removed = world.put_holidays(vec![day("2025-10-14", true)]).await.unwrap();
    assert_eq!(removed.changed, 1);
    assert_eq!(
        due(&world.case(running.case).await, ClockKind::Acceptance),
        datetime!(2025-10-14 17:00 UTC)
    );
}

#[sqlx::test(migrations = false)]
async fn what_is_no_day_is_refused(pool: PgPool) {
    let world = riau(pool).await;
    let status = world.put_holidays(vec![day("2026-13-45", false)]).await.unwrap_err();
    assert_eq!(code(&status), "invalid_argument");
    let request = PutHolidaysRequest {
        idempotency_key: key(),
        holidays: vec![day("2025-10-14", false)],
    };
    let status = world.api.put_holidays(world.by(VERIFIER, request)).await.unwrap_err();
    assert_eq!(code(&status), "forbidden");
}

#[sqlx::test(migrations = false)]
async fn a_holiday_and_a_command_at_once(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.complaint().await;
    let (command, holiday) = tokio::join!(
        world.order(VERIFIER, filed.case, crate::support::verify()),
        world.put_holidays(vec![day("2025-10-21", false)]),
    );
    command.unwrap();
    holiday.unwrap();
    let case = world.case(filed.case).await;
    // Fourteen working days from Tuesday the 6th, with one more holiday among them.
    assert_eq!(due(&case, ClockKind::Resolution), datetime!(2025-10-27 17:00 UTC));
}

#[sqlx::test(migrations = false)]
async fn holidays_are_listed_by_date_without_those_taken_back(pool: PgPool) {
    let world = riau(pool).await;
    let days = vec![
        day("2031-05-02", false),
        day("2031-01-02", false),
        day("2031-03-03", false),
    ];
    world.put_holidays(days).await.unwrap();
    world.put_holidays(vec![day("2031-03-03", true)]).await.unwrap();
    let list = async |year| {
        let request = world.by(VERIFIER, ListHolidaysRequest { year });
        let answer = world.api.list_holidays(request).await?;
        Ok::<_, tonic::Status>(answer.into_inner().holidays)
    };
    let dates: Vec<String> = list(2031).await.unwrap().into_iter().map(|day| day.date).collect();
    assert_eq!(dates, ["2031-01-02", "2031-05-02"]);
    assert!(list(2032).await.unwrap().is_empty());
    let all = list(0).await.unwrap();
    assert!(all.len() > 2 && all.is_sorted_by_key(|day| day.date.clone()));
    assert_eq!(code(&list(10_000).await.unwrap_err()), "invalid_argument");
}
