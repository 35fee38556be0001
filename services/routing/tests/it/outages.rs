//! An outage of routing: what a desk issued inside it counts from its issue, also when the window is recorded later
//! (rule K7).

use sqlx::PgPool;
use time::{Duration, OffsetDateTime, macros::datetime};
use tuntas_domain::{ClockKind, clock::ClockResult};
use tuntas_proto::{
    routing::v1::{RecordOutageRequest, cases_server::Cases},
    wire_time::timestamp,
};

use crate::support::{DIRECTOR, LIAISON, OPERATOR, World, accept, code, fact, key, name, riau};

async fn record(world: &World, from: OffsetDateTime, to: OffsetDateTime) -> u32 {
    let request = RecordOutageRequest {
        idempotency_key: key(),
        from: Some(timestamp(from)),
        to: Some(timestamp(to)),
        cause: "broker tidak dapat dijangkau".to_owned(),
    };
    let again = request.clone();
    let first = world
        .api
        .record_outage(world.by(OPERATOR, request))
        .await
        .unwrap()
        .into_inner();
    let second = world
        .api
        .record_outage(world.by(OPERATOR, again))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first, second);
    first.corrected
}

#[sqlx::test(migrations = false)]
async fn a_breach_that_the_outage_caused_is_mended_afterwards(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    // Accepted at the desk an hour before it was due; the message came two hours later.
    let issued_at = datetime!(2025-10-08 16:00 UTC);
    world.clock.advance_to(issued_at).unwrap();
    let command = world.desks(LIAISON, filed.case, accept(), issued_at);
    world.pass(Duration::hours(2)).await;
    assert!(world.consume("routing.commands", command).await.unwrap());
    let case = world.case(filed.case).await;
    let clock = case.latest_clock(ClockKind::Acceptance).unwrap();
    assert!(clock.breach().is_some());
    assert_eq!(clock.rungs.len(), 1, "escalation is never held back");

    let (from, to) = (issued_at - Duration::minutes(30), issued_at + Duration::minutes(90));
    assert_eq!(record(&world, from, to).await, 1);
    let corrected = world.facts(filed.case).await.pop().unwrap();
    assert_eq!(name(&corrected), "breach_corrected");
    assert!(!corrected.causation_id.is_empty());
    let wire = fact(&corrected).case.as_ref().unwrap();
    assert!(
        wire.clocks
            .iter()
            .any(|clock| clock.correction_cause == "routing_outage")
    );
    let case = world.case(filed.case).await;
    let clock = case.latest_clock(ClockKind::Acceptance).unwrap();
    assert!(matches!(clock.result, Some(ClockResult::Met { .. })));
    let outages = world
        .published()
        .await
        .into_iter()
        .filter(|m| m.routing_key == "routing.outage.recorded");
    assert_eq!(outages.count(), 1);
}

#[sqlx::test(migrations = false)]
async fn a_command_of_a_recorded_outage_counts_from_its_issue(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    let other = world.disposed("dishub", &[]).await;
    let issued_at = datetime!(2025-10-08 16:00 UTC);
    world.clock.advance_to(issued_at).unwrap();
    let inside = world.desks(LIAISON, filed.case, accept(), issued_at);
    let outside = world.desks(LIAISON, other.case, accept(), issued_at - Duration::hours(4));
    world.pass(Duration::hours(2)).await;
    assert_eq!(
        record(
            &world,
            issued_at - Duration::minutes(30),
            issued_at + Duration::minutes(90)
        )
        .await,
        0
    );
    assert!(world.consume("routing.commands", inside).await.unwrap());
    assert!(world.consume("routing.commands", outside).await.unwrap());
    let clock = |case: &tuntas_domain::Case| case.latest_clock(ClockKind::Acceptance).unwrap().clone();
    assert!(clock(&world.case(filed.case).await).correction.is_some());
    assert!(
        clock(&world.case(other.case).await).breach().is_some(),
        "issued before the outage: it was late"
    );
}

#[sqlx::test(migrations = false)]
async fn who_may_record_what(pool: PgPool) {
    let world = riau(pool).await;
    let now = world.now();
    let record = async |by: &str, from, to, cause: &str| {
        let request = RecordOutageRequest {
            idempotency_key: key(),
            from: Some(timestamp(from)),
            to: Some(timestamp(to)),
            cause: cause.to_owned(),
        };
        let answer = world.api.record_outage(world.by(by, request)).await;
        answer.map(|_| ()).map_err(|status| code(&status))
    };
    let hour = Duration::hours(1);
    assert_eq!(
        record(DIRECTOR, now - hour, now, "listrik").await.unwrap_err(),
        "forbidden"
    );
    assert_eq!(
        record(OPERATOR, now, now + hour, "listrik").await.unwrap_err(),
        "invalid_argument"
    );
    assert_eq!(
        record(OPERATOR, now, now - hour, "listrik").await.unwrap_err(),
        "invalid_argument"
    );
    assert_eq!(
        record(OPERATOR, now - hour, now, "").await.unwrap_err(),
        "invalid_argument"
    );
    assert_eq!(record(OPERATOR, now - hour, now, "listrik").await, Ok(()));
}
