//! Reclassification and own units (rules M9, M10).

use tuntas_domain::case::{Classification, Command, FlagReason, State};
use tuntas_domain::{ClockKind, Party, Refusal, ReportKind};

use crate::world::{MONDAY, World, complaint, of_kind, opd, supervisory};

#[test]
fn m9_reclassification_only_before_the_first_disposition_and_away_only_with_the_auditor() {
    let mut world = World::filed(supervisory("dinkes"));
    let away = Command::Reclassify {
        classification: complaint(),
    };
    assert_eq!(
        world.try_by("diskominfotik.verifikator", away.clone()),
        Err(Refusal::AuditorRequired)
    );
    assert_eq!(
        world.try_by(
            "diskominfotik.verifikator",
            Command::AcceptVerification {
                classification: complaint()
            }
        ),
        Err(Refusal::AuditorRequired)
    );
    let legal = world.case().running_clock(ClockKind::Resolution).unwrap().due_at;
    world.by("inspektorat.sekretaris", away);
    assert!(!world.case().supervisory);
    assert_eq!(world.case().flags[0].reason, FlagReason::AwayFromSupervisory);
    let now_ordinary = world.case().running_clock(ClockKind::Resolution).unwrap();
    assert!(now_ordinary.due_at < legal, "the limit follows the kind");
    assert_eq!(now_ordinary.started_at(), MONDAY);
    let aspiration = of_kind(ReportKind::Aspiration);
    world.verifier(Command::Reclassify {
        classification: aspiration.clone(),
    });
    assert_eq!(world.case().flags[1].reason, FlagReason::Reclassified);
    assert_eq!(
        world.try_by(
            "diskominfotik.verifikator",
            Command::Reclassify {
                classification: aspiration.clone()
            }
        ),
        Err(Refusal::NothingChanges)
    );
    world.verifier(Command::AcceptVerification {
        classification: aspiration,
    });
    world.dispose("dishub", &[]);
    assert_eq!(
        world.try_by(
            "diskominfotik.verifikator",
            Command::Reclassify {
                classification: complaint()
            }
        ),
        Err(Refusal::AlreadyDisposed)
    );
}

#[test]
fn m10_nobody_decides_on_their_own_unit() {
    let accept = |unit: &str| Command::AcceptVerification {
        classification: supervisory(unit),
    };
    for unit in ["diskominfotik", "inspektorat"] {
        let mut world = World::filed(supervisory(unit));
        assert_eq!(world.case().holder(), Some(&Party::Director), "{unit}");
        world.by("sekda", accept(unit));
    }
    let mut own = World::filed(supervisory("diskominfotik"));
    for id in ["diskominfotik.verifikator", "diskominfotik.kepala"] {
        assert_eq!(
            own.try_by(id, accept("diskominfotik")),
            Err(Refusal::NotPermitted),
            "{id}"
        );
    }
    let mut director = World::filed(supervisory("setda"));
    assert_eq!(director.case().holder(), Some(&Party::Patron));
    assert_eq!(director.case().flags[0].reason, FlagReason::AboutDirector);
    assert_eq!(director.try_by("sekda", accept("setda")), Err(Refusal::NotPermitted));
    director.by("gubernur", accept("setda"));
}

#[test]
fn m10_a_case_found_at_verification_to_be_about_the_own_unit_goes_up() {
    let mut world = World::filed(complaint());
    let classification = Classification {
        ..supervisory("diskominfotik")
    };
    let events = world.verifier(Command::AcceptVerification { classification });
    assert_eq!(events[0].name(), "handed_up");
    assert_eq!(world.case().state, State::AwaitingVerification);
    assert_eq!(world.case().holder(), Some(&Party::Director));
}

#[test]
fn m10_a_supervisory_case_is_not_disposed_to_the_unit_complained_about() {
    let mut world = World::filed(supervisory("dinkes"));
    world.verifier(Command::AcceptVerification {
        classification: supervisory("dinkes"),
    });
    for (lead, contributors) in [("dinkes", vec![]), ("inspektorat", vec![opd("dinkes")])] {
        assert_eq!(
            world.try_by(
                "diskominfotik.verifikator",
                Command::Dispose {
                    lead: opd(lead),
                    contributors
                }
            ),
            Err(Refusal::OwnUnit)
        );
    }
    world.dispose("inspektorat", &[]);
}
