//! Figures computed by hand from cases with known times.

use std::collections::BTreeMap;

use prost::Message as _;
use sqlx::PgPool;
use time::macros::datetime;
use tuntas_domain::{Command, Party, case::Outage};
use tuntas_evaluation::scores::Per;
use tuntas_proto::{
    evaluation::v1 as wire,
    event::v1::{Event, event::Payload},
};

use crate::{
    support::{apply, breaches, migrate, score, scores},
    world::{World, case_id},
};

/// March 2025. Filed on Monday the 3rd at 09:00, disposed at 10:00, all of them:
/// 1: dishub, in time throughout. 2: dishub, accepted late. 3: dishub, never touched. 4: dinkes returns it, dishub has it.
fn march() -> World {
    let mut world = World::new();
    for number in 1..=4 {
        world.file(number);
    }
    world.run_to(datetime!(2025-03-03 10:00:00 +7));
    for number in 1..=3 {
        world.dispose(number, "dishub");
    }
    world.dispose(4, "dinkes");
    world.run_to(datetime!(2025-03-03 11:00:00 +7));
    world.accept("dishub", 1);
    world.by(
        "dishub.sekretaris",
        1,
        Command::Assign {
            executor: "dishub.lalin".parse().unwrap(),
        },
    );
    world.respond("dishub", 1);
    world.run_to(datetime!(2025-03-04 09:00:00 +7));
    world.answer("dishub.sekretaris", 1);
    world.give_back("dinkes", 4);
    world.run_to(datetime!(2025-03-04 10:00:00 +7));
    world.dispose(4, "dishub");
    world.run_to(datetime!(2025-03-05 09:00:00 +7));
    world.rate(1, 5);
    world.accept("dishub", 4);
    world.respond("dishub", 4);
    world.run_to(datetime!(2025-03-07 09:00:00 +7));
    world.accept("dishub", 2);
    world.respond("dishub", 2);
    world.run_to(datetime!(2025-03-10 09:00:00 +7));
    world.answer("dishub.sekretaris", 2);
    world.answer("dishub.sekretaris", 4);
    world
}

fn ratio(kept: u64, all: u64) -> Option<wire::Ratio> {
    Some(wire::Ratio { kept, all })
}

fn rungs(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
    counts
        .iter()
        .map(|(role, count)| ((*role).to_owned(), *count))
        .collect()
}

#[sqlx::test(migrations = false)]
async fn a_month_of_an_agency(pool: PgPool) {
    migrate(&pool).await;
    let mut world = march();
    world.run_to(datetime!(2025-04-15 09:00:00 +7));
    apply(&pool, &world.log.entries, 7).await.unwrap();
    let dishub = score(&pool, Per::Opd, "2025-03", "dishub").await;
    let expected = wire::Score {
        subject_id: "dishub".to_owned(),
        period: "2025-03".to_owned(),
        received: 4,
        // 1 by silence on the 19th, 2 and 4 on the 25th; 3 is open and late.
        closed: 3,
        open: 1,
        overdue: 1,
        verification_on_time: ratio(0, 0),
        // Due at 00:00 on the 6th: 2 came on the 7th, 3 never.
        acceptance_on_time: ratio(2, 4),
        first_response_on_time: ratio(3, 4),
        resolution_on_time: ratio(3, 4),
        // 1: 23 h. 4: 5 d 23 h. 2: 6 d 23 h.
        charged_median_s: 514_800,
        charged_p90_s: 601_200,
        returns: 0,
        disputes_upheld: 0,
        // (5.00 + 10 x 3.00) / 11 = 3.18
        rating_hundredths: 318,
        ratings: 1,
        breaches: 4,
        // 2: the liaison at once. 3: acceptance and first response up to the patron, resolution (late on the 22nd)
        // up to the manager on the 27th; its +5 falls into April, after Idulfitri.
        escalations: rungs(&[
            ("liaison", 4),
            ("accountable_head", 3),
            ("manager", 3),
            ("director", 2),
            ("patron", 2),
        ]),
        // (10 x 5000 + 15 x 7500 + 35 x 7500 + 10 x 10000 + 15 x 5450 + 5 x 10000) / 90
        points: 7_297,
        predicate: "sedang".to_owned(),
        near_copy_answers: 0,
        bounces: 1,
    };
    assert_eq!(dishub, expected);
    for number in 1..=4 {
        let dishub = Party::Agency("dishub".parse().unwrap());
        assert!(
            world.charged(number, &dishub) > 0,
            "the domain's ledger agrees that dishub had case {number}"
        );
    }
    let april = score(&pool, Per::Opd, "2025-04", "dishub").await;
    assert_eq!((april.received, april.closed, april.open, april.overdue), (0, 0, 1, 1));
    assert_eq!(april.escalations, rungs(&[("director", 1)]));
    assert_eq!(april.predicate, "belum_dinilai");
}

/// The province's times leave out what the reporter is charged with: answers wait for a dispute that does not come.
#[sqlx::test(migrations = false)]
async fn a_month_of_the_province(pool: PgPool) {
    migrate(&pool).await;
    let mut world = march();
    world.run_to(datetime!(2025-04-15 09:00:00 +7));
    apply(&pool, &world.log.entries, 7).await.unwrap();
    let all = scores(&pool, Per::Province, "2025-03").await.scores;
    let [province] = all.as_slice() else { panic!("{all:?}") };
    let agency = score(&pool, Per::Opd, "2025-03", "dishub").await;
    assert_eq!(province.subject_id, "province");
    assert_eq!((province.closed, agency.closed), (3, 3));
    // The manager's hour of each, and for the fourth the day at dinkes.
    assert_eq!(province.charged_p90_s, agency.charged_p90_s + 3_600);
    // 1: a day. 2 and 4: seven days each.
    assert_eq!(province.charged_median_s, 604_800);
}

#[sqlx::test(migrations = false)]
async fn a_month_of_the_manager_and_of_an_agency_that_returned(pool: PgPool) {
    migrate(&pool).await;
    let mut world = march();
    world.run_to(datetime!(2025-04-01 09:00:00 +7));
    apply(&pool, &world.log.entries, 50).await.unwrap();
    let manager = score(&pool, Per::Opd, "2025-03", "diskominfotik").await;
    assert_eq!(manager.verification_on_time, ratio(4, 4));
    // An hour each for 1 and 2, two for 4.
    assert_eq!((manager.charged_median_s, manager.charged_p90_s), (3_600, 7_200));
    assert_eq!((manager.received, manager.closed, manager.open), (0, 3, 1));
    assert_eq!((manager.points, manager.predicate.as_str()), (10_000, "baik"));
    let dinkes = score(&pool, Per::Opd, "2025-03", "dinkes").await;
    assert_eq!(
        (dinkes.received, dinkes.returns, dinkes.bounces, dinkes.closed),
        (1, 1, 0, 1)
    );
    assert_eq!(dinkes.acceptance_on_time, ratio(1, 1));
    assert_eq!((dinkes.charged_median_s, dinkes.breaches), (82_800, 0));
    let inspektorat = score(&pool, Per::Opd, "2025-03", "inspektorat").await;
    assert_eq!(
        (inspektorat.points, inspektorat.predicate.as_str()),
        (0, "belum_dinilai")
    );
}

#[sqlx::test(migrations = false)]
async fn a_month_of_positions_and_holders(pool: PgPool) {
    migrate(&pool).await;
    let mut world = march();
    world.run_to(datetime!(2025-04-15 09:00:00 +7));
    apply(&pool, &world.log.entries, 1).await.unwrap();
    let liaison = score(&pool, Per::Position, "2025-03", "dishub.sekretaris").await;
    assert_eq!(
        (liaison.received, liaison.closed, liaison.open, liaison.overdue),
        (4, 2, 1, 1)
    );
    assert_eq!(liaison.acceptance_on_time, ratio(2, 4));
    // The first case's work was the executor's.
    assert_eq!(liaison.first_response_on_time, ratio(2, 3));
    assert_eq!(liaison.resolution_on_time, ratio(2, 3));
    assert_eq!((liaison.ratings, liaison.breaches, liaison.bounces), (0, 4, 1));
    // (10 x 5000 + 15 x 6667 + 35 x 6667 + 10 x 10000 + 5 x 10000) / 75
    assert_eq!((liaison.points, liaison.predicate.as_str()), (7_111, "sedang"));
    let executor = score(&pool, Per::Position, "2025-03", "dishub.lalin").await;
    assert_eq!(executor.first_response_on_time, ratio(1, 1));
    assert_eq!(executor.resolution_on_time, ratio(1, 1));
    assert_eq!(
        (executor.charged_median_s, executor.ratings, executor.rating_hundredths),
        (82_800, 1, 318)
    );
    let verifier = score(&pool, Per::Position, "2025-03", "diskominfotik.kepala").await;
    assert_eq!((verifier.received, verifier.verification_on_time), (4, ratio(4, 4)));
    let person = score(&pool, Per::Holder, "2025-03", "dishub.sekretaris/h-dishub-sekretaris-1").await;
    assert_eq!(
        wire::Score {
            subject_id: liaison.subject_id.clone(),
            ..person
        },
        liaison
    );
    let quarter = score(&pool, Per::Position, "2025-Q1", "dishub.sekretaris").await;
    assert_eq!(
        wire::Score {
            period: liaison.period.clone(),
            ..quarter
        },
        liaison
    );
    let year = score(&pool, Per::Position, "2025", "dishub.sekretaris").await;
    assert_eq!(year.escalations["director"], 3);
}

#[sqlx::test(migrations = false)]
async fn every_breach_names_its_case_and_its_place_in_the_log(pool: PgPool) {
    migrate(&pool).await;
    let mut world = march();
    world.run_to(datetime!(2025-03-31 09:00:00 +7));
    apply(&pool, &world.log.entries, 20).await.unwrap();
    let breaches = breaches(&pool, Per::Opd, "2025-03", "dishub").await;
    let said: Vec<(String, &str)> = breaches
        .iter()
        .map(|breach| (breach.case_id.clone(), breach.clock_kind.as_str()))
        .collect();
    let case = |number| case_id(number).to_string();
    let expected = [
        (case(2), "acceptance"),
        (case(3), "acceptance"),
        (case(3), "first_response"),
        (case(3), "resolution"),
    ];
    assert_eq!(said, expected);
    for breach in breaches {
        assert_eq!(breach.position_id, "dishub.sekretaris");
        assert_eq!(breach.holder_id, "h-dishub-sekretaris-1");
        assert!(!breach.corrected);
        let entry = &world.log.entries[usize::try_from(breach.log_position).unwrap() - 1];
        let event = Event::decode(entry.event.as_slice()).unwrap();
        let Some(Payload::CaseEvent(event)) = event.payload else {
            panic!("{breach:?}")
        };
        assert_eq!(
            (event.r#type.as_str(), event.case.unwrap().case_id),
            ("breached", breach.case_id)
        );
    }
}

#[sqlx::test(migrations = false)]
async fn a_corrected_breach_counts_as_kept(pool: PgPool) {
    migrate(&pool).await;
    let mut world = World::new();
    world.file(1);
    world.run_to(datetime!(2025-03-03 10:00:00 +7));
    world.dispose(1, "dishub");
    // The desk accepted on the 5th at 15:00, routing was out until the 6th at 08:00: the breach at 00:00 stands first.
    let outage = Outage {
        from: datetime!(2025-03-05 12:00:00 +7),
        to: datetime!(2025-03-06 08:00:00 +7),
    };
    world.run_to(outage.to);
    let accepted_at = datetime!(2025-03-05 15:00:00 +7);
    world.by_issued("dishub.sekretaris", 1, Command::AcceptCase, accepted_at);
    apply(&pool, &world.log.entries, 20).await.unwrap();
    let before = score(&pool, Per::Opd, "2025-03", "dishub").await;
    assert_eq!(
        (before.acceptance_on_time, before.breaches, before.overdue),
        (ratio(0, 1), 1, 0)
    );
    assert_eq!(before.escalations, rungs(&[("liaison", 1)]));
    world.outages.push(outage);
    world.system(1, Command::CorrectForOutage { outage });
    apply(&pool, &world.log.entries, 20).await.unwrap();
    let after = score(&pool, Per::Opd, "2025-03", "dishub").await;
    assert_eq!((after.acceptance_on_time, after.breaches), (ratio(1, 1), 0));
    assert_eq!(after.escalations, rungs(&[]));
    let breaches = breaches(&pool, Per::Opd, "2025-03", "dishub").await;
    assert_eq!(
        (breaches.len(), breaches[0].corrected),
        (1, true),
        "the record of it stays"
    );
}

#[sqlx::test(migrations = false)]
async fn disputes_that_the_director_upholds(pool: PgPool) {
    migrate(&pool).await;
    let mut world = World::new();
    world.file(1);
    world.dispose(1, "dishub");
    world.accept("dishub", 1);
    world.answer("dishub.sekretaris", 1);
    world.run_to(datetime!(2025-03-04 09:00:00 +7));
    world.dispute(1);
    world.answer("dishub.kepala", 1);
    world.run_to(datetime!(2025-03-05 09:00:00 +7));
    world.dispute(1);
    world.run_to(datetime!(2025-03-06 09:00:00 +7));
    world.decide_dispute(1, true);
    apply(&pool, &world.log.entries, 20).await.unwrap();
    let dishub = score(&pool, Per::Opd, "2025-03", "dishub").await;
    assert_eq!((dishub.disputes_upheld, dishub.closed, dishub.open), (1, 0, 1));
    // (10 x 10000 + 15 x 10000 + 35 x 10000 + 10 x 5000 + 5 x 10000) / 75
    assert_eq!(dishub.points, 9_333);
    let sekda = score(&pool, Per::Position, "2025-03", "sekda").await;
    assert_eq!((sekda.breaches, sekda.open), (0, 1));
}

/// Rule V2, in WIB: what is done a second before the month ends counts in it, what is done a second later in the next.
#[sqlx::test(migrations = false)]
async fn months_end_at_midnight_wib(pool: PgPool) {
    migrate(&pool).await;
    let mut world = World::new();
    world.run_to(datetime!(2025-04-29 09:00:00 +7));
    for number in 1..=2 {
        world.file(number);
    }
    // 16:59:59 UTC of the 30th is the last second of April in WIB.
    world.run_to(datetime!(2025-04-30 16:59:59 UTC));
    world.dispose(1, "dishub");
    world.run_to(datetime!(2025-04-30 17:00:00 UTC));
    world.dispose(2, "dishub");
    apply(&pool, &world.log.entries, 20).await.unwrap();
    for (period, received) in [
        ("2025-04", 1),
        ("2025-05", 1),
        ("2025-Q2", 2),
        ("2025", 2),
        ("2025-03", 0),
    ] {
        let dishub = score(&pool, Per::Opd, period, "dishub").await;
        let manager = score(&pool, Per::Opd, period, "diskominfotik").await;
        assert_eq!(dishub.received, received, "{period}");
        assert_eq!(manager.verification_on_time, ratio(received, received), "{period}");
    }
}

/// What intake found late counts in the month of the answer, for whom the answer counts, once.
#[sqlx::test(migrations = false)]
async fn near_copies_count_where_the_answers_do(pool: PgPool) {
    migrate(&pool).await;
    let mut world = march();
    world.run_to(datetime!(2025-04-15 09:00:00 +7));
    apply(&pool, &world.log.entries, 20).await.unwrap();
    let before = score(&pool, Per::Opd, "2025-03", "dishub").await;
    assert_eq!((before.near_copy_answers, before.points), (0, 7_297));
    // The executor's of case 1, the liaison's of case 2; said twice of case 1.
    world.near_copy(1, 2);
    world.near_copy(2, 2);
    world.near_copy(1, 3);
    apply(&pool, &world.log.entries, 20).await.unwrap();
    let dishub = score(&pool, Per::Opd, "2025-03", "dishub").await;
    let expected = wire::Score {
        near_copy_answers: 2,
        // One of three answers is original:
        // (10 x 5000 + 15 x 7500 + 35 x 7500 + 10 x 10000 + 15 x 5450 + 5 x 3333) / 90
        points: 6_927,
        ..before
    };
    assert_eq!(dishub, expected);
    for (per, subject) in [
        (Per::Position, "dishub.lalin"),
        (Per::Position, "dishub.sekretaris"),
        (Per::Holder, "dishub.sekretaris/h-dishub-sekretaris-1"),
    ] {
        let one = score(&pool, per, "2025-03", subject).await;
        assert_eq!(one.near_copy_answers, 1, "{subject}");
    }
    let april = score(&pool, Per::Opd, "2025-04", "dishub").await;
    assert_eq!(april.near_copy_answers, 0);
}

/// Rule V4: the same log gives the same bytes, however it was cut and whatever happened on the way.
#[sqlx::test(migrations = false)]
async fn a_second_run_gives_the_same_bytes(pool: PgPool) {
    migrate(&pool).await;
    let mut world = march();
    world.near_copy(2, 2);
    world.run_to(datetime!(2025-04-15 09:00:00 +7));
    world.near_copy(4, 2);
    let mut runs = Vec::new();
    for size in [1, 13, usize::MAX] {
        sqlx::raw_sql(
            "DELETE FROM signal; DELETE FROM charge; DELETE FROM escalation; DELETE FROM breach; DELETE FROM clock_fact;
             DELETE FROM case_fact; DELETE FROM evaluation_case; DELETE FROM directory_entry; DELETE FROM outbox;
             UPDATE log_cursor SET position = 0, chain_hash = decode(repeat('00', 32), 'hex')",
        )
        .execute(&pool)
        .await
        .unwrap();
        apply(&pool, &world.log.entries, size.min(world.log.entries.len()))
            .await
            .unwrap();
        let mut bytes = Vec::new();
        for per in [Per::Opd, Per::Position, Per::Holder] {
            for period in ["2025-03", "2025-04", "2025-Q1", "2025"] {
                let scores = scores(&pool, per, period).await;
                assert_eq!(scores.log_position, world.log.entries.len() as u64);
                assert_eq!(scores.policy_version, "1");
                bytes.push(scores.encode_to_vec());
            }
        }
        // What is told of evaluation cases is the same too, ids and all: nobody hears anything twice.
        let told: Vec<(uuid::Uuid, Vec<u8>)> = sqlx::query_as("SELECT event_id, body FROM outbox ORDER BY seq")
            .fetch_all(&pool)
            .await
            .unwrap();
        assert!(!told.is_empty());
        runs.push((bytes, told));
    }
    assert_eq!(runs[0], runs[1]);
    assert_eq!(runs[0], runs[2]);
}
