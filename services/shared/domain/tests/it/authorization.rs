//! The table of who may do what (rules M10, M12, M13), and who sees a case.

use std::fmt::Write as _;

use time::Duration;
use tuntas_domain::case::Command;
use tuntas_domain::directory::Term;
use tuntas_domain::{Actor, CommandKind, Party, Refusal, Relation, Role, may, may_see};

use crate::world::{MONDAY, World, complaint, opd, position, supervisory};

fn relation() -> Relation {
    Relation {
        lead: false,
        contributor: false,
        took_part: false,
        complained: false,
        supervisory: false,
        authority: Party::Manager,
        head_required: false,
    }
}

#[test]
fn m13_table_of_roles_and_commands() {
    let lead = Relation {
        lead: true,
        ..relation()
    };
    let contributor = Relation {
        contributor: true,
        ..relation()
    };
    let strict = Relation {
        lead: true,
        head_required: true,
        ..relation()
    };
    let above = Relation {
        authority: Party::Director,
        ..relation()
    };
    let mut table = format!("{:<26}", "command");
    for role in Role::ALL {
        write!(table, "{:<17}", role.code()).unwrap();
    }
    table.push_str("\n\nA = on any case, L = leading agency, l = leading unless the head is required,\nC = contributing agency, U = only when the director is the authority (M10),\nS = only when supervisory\n\n");
    for command in CommandKind::ALL {
        write!(table, "{:<26}", command.code()).unwrap();
        for role in Role::ALL {
            let mut cell = String::new();
            if may(role, command, &relation()) {
                cell.push('A');
            } else {
                if may(role, command, &strict) {
                    cell.push('L');
                } else if may(role, command, &lead) {
                    cell.push('l');
                }
                if may(role, command, &contributor) {
                    cell.push('C');
                }
                if may(role, command, &above) {
                    cell.push('U');
                }
                if may(
                    role,
                    command,
                    &Relation {
                        supervisory: true,
                        ..relation()
                    },
                ) {
                    cell.push('S');
                }
            }
            write!(table, "{:<17}", if cell.is_empty() { "." } else { &cell }).unwrap();
        }
        table.push('\n');
    }
    let table: Vec<&str> = table.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[test]
fn m10_the_unit_complained_about_does_not_see_a_supervisory_case() {
    let hidden = Relation {
        complained: true,
        supervisory: true,
        lead: true,
        ..relation()
    };
    for role in Role::ALL {
        assert!(!may_see(role, &hidden), "{role}");
        for command in CommandKind::ALL {
            assert!(!may(role, command, &hidden), "{role} {command}");
        }
    }
    let ordinary = Relation {
        complained: true,
        lead: true,
        ..relation()
    };
    assert!(
        may_see(Role::Liaison, &ordinary),
        "an ordinary complaint is answered by its agency"
    );
    assert!(may(Role::Liaison, CommandKind::AcceptCase, &ordinary));
    assert!(!may(Role::Manager, CommandKind::Reject, &ordinary));
}

#[test]
fn operators_read_nothing_and_agencies_only_their_own() {
    assert!(!may_see(
        Role::Operator,
        &Relation {
            lead: true,
            ..relation()
        }
    ));
    for role in [Role::AccountableHead, Role::Liaison, Role::Executor] {
        assert!(!may_see(role, &relation()));
        assert!(may_see(
            role,
            &Relation {
                lead: true,
                ..relation()
            }
        ));
        assert!(may_see(
            role,
            &Relation {
                took_part: true,
                ..relation()
            }
        ));
    }
    for role in [Role::Patron, Role::Director, Role::Ombudsman] {
        assert!(may_see(role, &relation()));
    }
}

#[test]
fn only_the_right_issuer_is_heard() {
    let mut world = World::disposed();
    let reporter = world.try_as(&Actor::Reporter, &Command::AcceptCase);
    assert_eq!(reporter, Err(Refusal::NotPermitted));
    let system = world.try_as(&Actor::System, &Command::AcceptCase);
    assert_eq!(system, Err(Refusal::NotPermitted));
    let received_at = world.now;
    let withdraw = Command::Withdraw {
        report: crate::world::report(1),
        received_at,
    };
    assert_eq!(world.try_by("sekda", withdraw), Err(Refusal::NotPermitted));
    assert_eq!(
        world.try_by("dinkes.sekretaris", Command::AcceptCase),
        Err(Refusal::NotPermitted)
    );
    assert_eq!(
        world.try_by("dishub.lalin", Command::AcceptCase),
        Err(Refusal::NotPermitted)
    );
}

#[test]
fn m10_own_unit_has_its_own_refusal() {
    // An ordinary complaint about dishub: a holder of dishub who is also a verifier does not decide on it.
    let mut world = World::new();
    let double = position("dishub.kepala");
    world
        .directory
        .positions
        .get_mut(&double)
        .unwrap()
        .roles
        .insert(Role::Verifier);
    let classification = tuntas_domain::case::Classification {
        complained_unit: Some(opd("dishub")),
        ..complaint()
    };
    world.citizen(Command::File {
        case_id: crate::world::case_id(1),
        report: crate::world::report(1),
        privacy: tuntas_domain::Privacy::Open,
        classification: classification.clone(),
        filed_at: MONDAY,
    });
    let accept = Command::AcceptVerification { classification };
    assert_eq!(world.try_by("dishub.kepala", accept.clone()), Err(Refusal::OwnUnit));
    world.verifier(accept);
    world.dispose("dishub", &[]);
    world.by("dishub.kepala", Command::AcceptCase);
}

#[test]
fn m13_an_action_is_authorised_as_of_its_issue() {
    let world = World::new();
    let liaison = position("dishub.sekretaris");
    let regular = "h-dishub-sekretaris-1".parse().unwrap();
    let acting = "h-plh-9".parse().unwrap();
    let mut directory = world.directory.clone();
    directory.positions.get_mut(&liaison).unwrap().terms.push(Term {
        holder: acting,
        from: MONDAY,
        to: Some(MONDAY + Duration::days(7)),
        acting: true,
    });
    let acting = "h-plh-9".parse().unwrap();
    let at = |days| MONDAY + Duration::days(days);
    assert!(directory.official(&liaison, &regular, at(-1)).is_some());
    assert!(
        directory.official(&liaison, &regular, at(1)).is_none(),
        "the acting holder acts"
    );
    assert!(
        directory
            .official(&liaison, &acting, at(1))
            .is_some_and(|official| official.acting)
    );
    assert!(
        directory.official(&liaison, &acting, at(7)).is_none(),
        "the term is over"
    );
    assert!(directory.official(&position("no.such"), &acting, at(1)).is_none());
}

#[test]
fn m9_the_auditor_reclassifies_supervisory_cases_only() {
    let mut ordinary = World::filed(complaint());
    let to = Command::Reclassify {
        classification: supervisory("dinkes"),
    };
    assert_eq!(
        ordinary.try_by("inspektorat.sekretaris", to),
        Err(Refusal::NotPermitted)
    );
}
