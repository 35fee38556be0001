//! A small province: the agencies, positions, policies and holidays by which the simulated cases are decided.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use time::{
    OffsetDateTime,
    macros::{date, datetime},
};
use tuntas_domain::{
    Actor, Calendar, Directory, HolderId, OpdCode, PolicyBook, PositionId, Role,
    calendar::{Holiday, HolidayKind},
    directory::{AgencyKind, OwnUnits, Position, Term},
};

/// When every simulation begins: a Monday, 09:00 WIB, with collective leave at the end of the month.
pub(crate) const BEGIN: OffsetDateTime = datetime!(2025-03-03 09:00:00 +7);
/// Numbers of the actors, in the order of [`POSITIONS`] after the reporter and the platform.
pub(crate) const REPORTER: usize = 0;
pub(crate) const SYSTEM: usize = 1;
pub(crate) const VERIFIER: usize = 2;
pub(crate) const MANAGER: usize = 3;
pub(crate) const DIRECTOR: usize = 4;
pub(crate) const OMBUDSMAN: usize = 5;
pub(crate) const LIAISON: usize = 6;
pub(crate) const HEAD: usize = 7;
pub(crate) const ACTORS: usize = 8;

const POSITIONS: [(&str, Option<&str>, &[Role]); 9] = [
    ("diskominfotik.verifikator", Some("diskominfotik"), &[Role::Verifier]),
    (
        "diskominfotik.kepala",
        Some("diskominfotik"),
        &[Role::Manager, Role::AccountableHead],
    ),
    ("sekda", None, &[Role::Director]),
    ("ombudsman.riau", None, &[Role::Ombudsman]),
    ("dishub.sekretaris", Some("dishub"), &[Role::Liaison]),
    ("dishub.kepala", Some("dishub"), &[Role::AccountableHead]),
    ("dishub.lalin", Some("dishub"), &[Role::Executor]),
    ("dinkes.kepala", Some("dinkes"), &[Role::AccountableHead]),
    ("gubernur", None, &[Role::Patron]),
];

pub(crate) struct Province {
    pub(crate) directory: Directory,
    pub(crate) policies: PolicyBook,
    pub(crate) calendar: Calendar,
    /// The agency with a desk.
    pub(crate) agency: OpdCode,
    /// Another one, without.
    pub(crate) other: OpdCode,
    pub(crate) executor: PositionId,
    /// Who acts, by number.
    pub(crate) actors: Vec<Actor>,
}

/// The one province.
pub(crate) fn get() -> &'static Province {
    static PROVINCE: LazyLock<Province> = LazyLock::new(make);
    &PROVINCE
}

#[expect(
    clippy::expect_used,
    reason = "the codes are constants of this file, and every test reads them"
)]
fn make() -> Province {
    let opd = |code: &str| code.parse::<OpdCode>().expect("an agency's code");
    let id = |text: &str| text.parse::<PositionId>().expect("a position's id");
    let holder = |text: &str| -> HolderId { format!("h-{}", text.replace('.', "-")).parse().expect("a holder's id") };
    let positions: BTreeMap<PositionId, Position> = POSITIONS
        .iter()
        .map(|(name, unit, roles)| {
            let position = Position {
                id: id(name),
                opd: unit.map(opd),
                roles: roles.iter().copied().collect::<BTreeSet<_>>(),
                echelon: None,
                terms: vec![Term {
                    holder: holder(name),
                    from: datetime!(2024-01-01 00:00:00 +7),
                    to: None,
                    acting: false,
                }],
            };
            (position.id.clone(), position)
        })
        .collect();
    let agencies = ["diskominfotik", "inspektorat", "setda", "dishub", "dinkes"];
    let directory = Directory {
        agencies: agencies
            .into_iter()
            .map(|code| (opd(code), AgencyKind::Provincial))
            .collect(),
        positions,
        own_units: OwnUnits {
            manager: opd("diskominfotik"),
            auditor: opd("inspektorat"),
            director: Some(opd("setda")),
        },
    };
    let officials = POSITIONS.iter().take(ACTORS - 2).map(|(name, ..)| {
        let official = directory.official(&id(name), &holder(name), BEGIN);
        Actor::Official(official.expect("a position that is held"))
    });
    let actors = [Actor::Reporter, Actor::System].into_iter().chain(officials).collect();
    let holidays = [
        date!(2025 - 03 - 28),
        date!(2025 - 03 - 31),
        date!(2025 - 04 - 01),
        date!(2025 - 04 - 18),
        date!(2025 - 05 - 01),
    ];
    Province {
        actors,
        policies: PolicyBook::default_2024(),
        calendar: Calendar::new(
            1,
            2027,
            holidays.map(|date| Holiday {
                date,
                kind: HolidayKind::National,
                name_id: String::new(),
                known_from: None,
            }),
        ),
        agency: opd("dishub"),
        other: opd("dinkes"),
        executor: id("dishub.lalin"),
        directory,
    }
}
