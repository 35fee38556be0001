//! Measures (rules V1, V2), periods, near copies.

use time::Duration;
use time::macros::datetime;
use tuntas_domain::case::Command;
use tuntas_domain::near_copy::{shingles, similarity_basis_points};
use tuntas_domain::period::Period;
use tuntas_domain::scoring::{Fact, Measures, Predicate, Ratio, Subject, What, facts_of, measure, nearest_rank};
use tuntas_domain::{ClockKind, Party, Policy};

use crate::world::{MONDAY, World, case_id, opd, position, report};

fn measured(subject: &Subject, period: &str, facts: &[Fact]) -> Measures {
    measure(
        subject,
        period.parse().unwrap(),
        facts,
        &Policy::default_2024().scoring,
        1,
    )
}

fn dishub() -> Subject {
    Subject::Party(Party::Agency(opd("dishub")))
}

fn fact(what: What) -> Fact {
    Fact {
        case_id: case_id(1),
        at: MONDAY,
        party: Party::Agency(opd("dishub")),
        position: None,
        holder: None,
        what,
    }
}

#[test]
fn periods_are_of_wib() {
    let last_second = datetime!(2025-03-31 16:59:59 UTC);
    let first_second = datetime!(2025-03-31 17:00:00 UTC);
    assert_eq!(Period::month_of(last_second).to_string(), "2025-03");
    assert_eq!(Period::month_of(first_second).to_string(), "2025-04");
    assert_eq!(Period::quarter_of(first_second).to_string(), "2025-Q2");
    assert_eq!(Period::year_of(first_second).to_string(), "2025");
    for text in ["2025-12", "2025-Q4", "2025"] {
        let period: Period = text.parse().unwrap();
        assert_eq!(period.to_string(), text);
        assert_eq!(period.to(), datetime!(2026-01-01 00:00:00 +7));
        assert!(!period.contains(period.to()));
    }
    for wrong in [
        "", "25", "2025-13", "2025-00", "2025-1", "2025-Q5", "2025-Q", "2025-3x", "+025-01",
    ] {
        assert!(wrong.parse::<Period>().is_err(), "{wrong}");
    }
}

#[test]
fn v2_nearest_rank_percentiles() {
    assert_eq!(nearest_rank(&[], 50), None);
    assert_eq!(nearest_rank(&[7], 90), Some(7));
    let values: Vec<u64> = (1..=10).collect();
    assert_eq!(nearest_rank(&values, 50), Some(5));
    assert_eq!(nearest_rank(&values, 90), Some(9));
    assert_eq!(nearest_rank(&values, 100), Some(10));
    assert_eq!(nearest_rank(&[15, 20, 35, 40, 50], 30), Some(20));
}

#[test]
fn v2_ratios_round_half_up() {
    assert_eq!(Ratio { part: 2, whole: 3 }.basis_points(), Some(6_667));
    assert_eq!(Ratio { part: 1, whole: 3 }.basis_points(), Some(3_333));
    assert_eq!(Ratio { part: 0, whole: 0 }.basis_points(), None);
}

#[test]
fn v2_a_case_on_time_counts_for_everybody_who_had_a_part() {
    let mut world = World::answered();
    world.citizen(Command::Rate {
        report: report(1),
        score: 5,
        received_at: MONDAY,
    });
    world.run_to(MONDAY + Duration::days(20));
    let facts = facts_of(world.case());
    let agency = measured(&dishub(), "2025-03", &facts);
    assert_eq!((agency.received, agency.answered, agency.closed), (1, 1, 1));
    for ratio in [agency.acceptance, agency.first_response, agency.resolution] {
        assert_eq!(ratio, Ratio { part: 1, whole: 1 });
    }
    assert_eq!(agency.verification, Ratio::default(), "the manager's");
    assert_eq!(agency.rating.shrunk_hundredths, Some(318), "(500 + 10 x 300) / 11");
    assert_eq!(agency.predicate, Some(Predicate::Baik));
    let manager = measured(&Subject::Party(Party::Manager), "2025-03", &facts);
    assert_eq!(manager.verification, Ratio { part: 1, whole: 1 });
    let liaison = measured(&Subject::Position(position("dishub.sekretaris")), "2025-Q1", &facts);
    assert_eq!(liaison.resolution, Ratio { part: 1, whole: 1 });
    let other_month = measured(&dishub(), "2025-04", &facts);
    assert_eq!((other_month.received, other_month.predicate), (0, None));
}

#[test]
fn v2_the_first_of_stop_or_due_decides_the_period() {
    let mut world = World::in_progress();
    // Due on 21 March, answered in April.
    world.run_to(datetime!(2025-04-15 09:00:00 +7));
    world.answer_by("dishub.sekretaris");
    let facts = facts_of(world.case());
    let march = measured(&dishub(), "2025-03", &facts);
    assert_eq!(march.resolution, Ratio { part: 0, whole: 1 });
    let april = measured(&dishub(), "2025-04", &facts);
    assert_eq!(april.resolution, Ratio::default());
    assert_eq!(april.answered, 1);
    assert!(march.escalations[&0] >= 1);
}

#[test]
fn v2_returns_bounces_disputes_and_copies_are_counted() {
    let mut world = World::disposed();
    let returned = world.return_case();
    world.liaison("dishub", returned);
    world.dispose("dinkes", &[]);
    let facts = facts_of(world.case());
    assert_eq!(measured(&dishub(), "2025-03", &facts).returns, 1);
    let dinkes = Subject::Party(Party::Agency(opd("dinkes")));
    assert_eq!(measured(&dinkes, "2025-03", &facts).bounces, 1);

    let counted: Vec<Fact> = [
        What::Answered,
        What::Answered,
        What::Disputed,
        What::DisputeUpheld,
        What::NearCopy,
    ]
    .map(fact)
    .into();
    let measures = measured(&dishub(), "2025-03", &counted);
    assert_eq!(
        (measures.disputes, measures.disputes_upheld, measures.near_copies),
        (1, 1, 1)
    );
    assert_eq!(measures.score_basis_points, Some(5_000));
    assert_eq!(measures.predicate, Some(Predicate::Kurang));
}

#[test]
fn v2_small_numbers_of_ratings_say_little() {
    let one: Vec<Fact> = vec![fact(What::Rated { score: 1 })];
    let many: Vec<Fact> = (0..200).map(|_| fact(What::Rated { score: 1 })).collect();
    assert_eq!(measured(&dishub(), "2025", &one).rating.shrunk_hundredths, Some(282));
    assert_eq!(measured(&dishub(), "2025", &many).rating.shrunk_hundredths, Some(110));
}

#[test]
fn v2_the_order_of_facts_does_not_matter() {
    let kinds = [ClockKind::Resolution, ClockKind::Acceptance, ClockKind::Rework];
    let mut facts: Vec<Fact> = (0..30_u64)
        .flat_map(|number| {
            let kind = kinds[usize::try_from(number % 3).unwrap()];
            [
                fact(What::ClockEnded {
                    kind,
                    on_time: number % 4 != 0,
                }),
                fact(What::Closed {
                    charged_seconds: number * number % 17 * 3_600,
                }),
            ]
        })
        .collect();
    let forward = measured(&dishub(), "2025-03", &facts);
    facts.reverse();
    let backward = measured(&dishub(), "2025-03", &facts);
    assert_eq!(
        serde_json::to_string(&forward).unwrap(),
        serde_json::to_string(&backward).unwrap()
    );
}

#[test]
fn near_copies_are_found_whatever_the_date_and_number() {
    let one = shingles("Terima kasih, laporan Anda no. 12 telah kami teruskan ke bidang terkait pada 3 Maret 2025.");
    let two = shingles("Terima kasih, laporan Anda no. 99 telah kami teruskan ke bidang terkait pada 17 Maret 2025!");
    let other = shingles("Lubang di Jalan Sudirman km 4 ditambal kemarin oleh regu pemeliharaan, foto terlampir.");
    assert_eq!(similarity_basis_points(&one, &two), 10_000);
    assert_eq!(similarity_basis_points(&one, &other), 0);
    assert_eq!(similarity_basis_points(&shingles(""), &shingles("")), 0);
    assert_eq!(similarity_basis_points(&shingles("Siap"), &shingles("siap.")), 10_000);
}

/// What offices send: thanks, a subject, a road, a ticket, and that it was passed on.
fn template(subject: &str, road: &str, ticket: &str) -> String {
    format!(
        "Terima kasih atas laporan Saudara dengan nomor {ticket} mengenai {subject} di {road}. Laporan telah kami terima \
         dan kami teruskan kepada bidang teknis untuk ditindaklanjuti sesuai ketentuan yang berlaku. Kami mohon \
         kesabaran Saudara dan mengucapkan terima kasih atas peran serta dalam pembangunan daerah."
    )
}

#[test]
fn a_template_filled_in_for_another_place_and_ticket_is_a_near_copy() {
    let threshold = Policy::default_2024().scoring.near_copy_from_basis_points;
    let sent = shingles(&template("jalan berlubang", "Jalan Contoh Raya km 4", "TTS-8K3M5Q2P-7"));
    let similar = |text: &str| similarity_basis_points(&sent, &shingles(text));
    let ticket = similar(&template(
        "jalan berlubang",
        "Jalan Contoh Raya km 31",
        "TTS-0000AAAA-H",
    ));
    assert_eq!(ticket, 10_000);
    let road = similar(&template("jalan berlubang", "Gang Misal Dua", "TTS-0000AAAA-H"));
    assert!((7_000..9_000).contains(&road), "{road}");
    let road_and_subject = similar(&template("lampu padam", "Gang Misal Dua", "TTS-0000AAAA-H"));
    assert!((threshold..8_000).contains(&road_and_subject), "{road_and_subject}");
    // The same greeting and closing around words of its own.
    let own = similar(
        "Terima kasih atas laporan Saudara. Lubang di depan pasar sudah ditambal oleh regu pemeliharaan pada hari Rabu; \
         saluran di sampingnya kami bersihkan agar air tidak menggenang lagi, foto terlampir. Kami mengucapkan terima \
         kasih atas peran serta dalam pembangunan daerah.",
    );
    assert!(own > 0 && own < threshold / 2, "{own}");
}

#[test]
fn a_policy_from_before_near_copies_has_their_default() {
    let policy = Policy::default_2024();
    let mut json = serde_json::to_value(&policy).unwrap();
    json["scoring"]
        .as_object_mut()
        .unwrap()
        .remove("near_copy_from_basis_points");
    assert_eq!(serde_json::from_value::<Policy>(json).unwrap(), policy);
}
