//! Rule E3 with many overdue cases: found through the index, oldest first, none left behind.
//!
//! `TUNTAS_TEST_OVERDUE_CASES` sets how many; the time it takes is printed.
#![expect(clippy::print_stdout, reason = "a measurement is to be read")]

use std::time::Instant;

use sqlx::{PgConnection, PgPool};
use time::{Duration, OffsetDateTime};
use tuntas_domain::{Case, ClockKind, ReportId, next_due};
use tuntas_kit::ids;
use tuntas_routing::{
    fall_due,
    store::{
        self,
        cases::{CaseRow, count_due},
    },
};

use crate::support::{World, riau};

const CASES_DEFAULT: u32 = 100_000;
const CHUNK: u32 = 2_000;
/// How far apart the due times of the cases lie together.
const SPREAD: Duration = Duration::days(1);

fn cases_wanted() -> u32 {
    std::env::var("TUNTAS_TEST_OVERDUE_CASES").map_or(CASES_DEFAULT, |text| text.parse().unwrap())
}

/// Copies of a case that nobody has accepted, with due times spread over a day, in an order that is not that of
/// their ids.
async fn fill(conn: &mut PgConnection, world: &World, template: &Case, cases: u32) {
    let directory = world.routing.directory.current(conn).await.unwrap();
    for chunk in 0..cases.div_ceil(CHUNK) {
        let numbers = chunk * CHUNK..((chunk + 1) * CHUNK).min(cases);
        let copies: Vec<Case> = numbers.map(|number| copy(template, number, cases)).collect();
        let rows: Vec<CaseRow<'_>> = copies
            .iter()
            .map(|case| CaseRow {
                case,
                next_due_at: next_due(case, &directory.policies, &directory.calendar),
                named_opd: None,
            })
            .collect();
        store::cases::save(conn, &rows).await.unwrap();
    }
}

fn copy(template: &Case, number: u32, cases: u32) -> Case {
    let mut case = template.clone();
    case.id = ids::new_id().into();
    case.members[0].report = ReportId::new(ids::new_id());
    let scattered = u64::from(number) * 48_271 % u64::from(cases);
    let later = SPREAD * (scattered as f64 / f64::from(cases));
    for clock in &mut case.clocks {
        if clock.kind == ClockKind::Acceptance {
            clock.due_at -= later;
        }
    }
    case
}

async fn plan(pool: &PgPool, now: OffsetDateTime) -> String {
    sqlx::query("ANALYZE kase").execute(pool).await.unwrap();
    let lines: Vec<String> = sqlx::query_scalar(
        "EXPLAIN SELECT case_id, body FROM kase
         WHERE next_due_at <= $1 AND stuck_reason IS NULL
         ORDER BY next_due_at, case_id LIMIT 200 FOR UPDATE SKIP LOCKED",
    )
    .bind(now)
    .fetch_all(pool)
    .await
    .unwrap();
    lines.join("\n")
}

/// When each case's breach was due, in the order in which the breaches were published.
async fn order_of_breaches(pool: &PgPool) -> Vec<OffsetDateTime> {
    sqlx::query_scalar(
        "SELECT (event -> 'effects' -> 0 -> 'breach' -> 'at')::text FROM outbox JOIN case_event USING (event_id)
         WHERE event_type = 'tuntas.case.breached' AND exchange = 'tuntas.events' ORDER BY outbox.seq",
    )
    .fetch_all(pool)
    .await
    .unwrap()
    .into_iter()
    .map(|text: String| serde_json::from_str(&text).unwrap())
    .collect()
}

#[sqlx::test(migrations = false)]
async fn many_overdue_cases_are_settled_in_order(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    let template = world.case(filed.case).await;
    let due_at = template.latest_clock(ClockKind::Acceptance).unwrap().due_at;
    let cases = cases_wanted();
    let mut conn = world.routing.pool.acquire().await.unwrap();
    let started = Instant::now();
    fill(&mut conn, &world, &template, cases).await;
    println!("{cases} cases stored in {:.1} s", started.elapsed().as_secs_f64());

    // All are overdue by more than 60 s at once, as after a long stop of routing.
    world.clock.advance_to(due_at + Duration::minutes(2)).unwrap();
    let now = world.now();
    let late_before = now - Duration::seconds(60);
    assert_eq!(
        count_due(&mut conn, now, late_before).await.unwrap().late,
        u64::from(cases) + 1
    );
    let plan = plan(&world.routing.pool, now).await;
    println!("{plan}");
    assert!(plan.contains("kase_due") && !plan.contains("Seq Scan"), "{plan}");

    let started = Instant::now();
    let settled = fall_due::settle_all(&world.routing).await.unwrap();
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{settled} overdue cases settled in {seconds:.1} s: {:.0} a second",
        settled as f64 / seconds
    );
    assert_eq!(settled, u64::from(cases) + 1);
    let left = count_due(&mut conn, now, late_before).await.unwrap();
    assert_eq!((left.due, left.late, left.stuck), (0, 0, 0));

    // Oldest due time first, but for a batch that one worker commits while the others go on.
    let order = order_of_breaches(&world.routing.pool).await;
    assert_eq!(order.len(), cases as usize + 1);
    let config = &world.routing.config.reconciler;
    let in_hand = 10 * (config.claim_batch_max * config.workers) as usize;
    let late = order
        .iter()
        .zip(order.iter().skip(in_hand))
        .filter(|(before, after)| before > after);
    assert_eq!(late.count(), 0);
}
