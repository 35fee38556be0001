//! A small province to test in: two agencies and a third, the manager's and the auditor's unit, all positions held.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use time::macros::datetime;
use time::{Date, Duration, OffsetDateTime};
use tuntas_domain::calendar::{Calendar, Holiday, HolidayKind};
use tuntas_domain::case::{
    CaseEvent, ClaimedOutcome, Classification, Commitment, Context, Outage, ReturnReason, TextRef,
};
use tuntas_domain::directory::{AgencyKind, OwnUnits, Position, Term};
use tuntas_domain::{
    Actor, AnswerId, Case, CaseId, Command, Directory, HolderId, OpdCode, PolicyBook, PositionId, Privacy, Refusal,
    ReportId, ReportKind, Role, decide,
};
use uuid::Uuid;

/// Monday, 3 March 2025, 09:00 WIB: a week without holidays ahead, collective leave at the end of the month.
pub(crate) const MONDAY: OffsetDateTime = datetime!(2025-03-03 09:00:00 +7);

pub(crate) fn opd(code: &str) -> OpdCode {
    code.parse().unwrap()
}

pub(crate) fn position(id: &str) -> PositionId {
    id.parse().unwrap()
}

pub(crate) fn report(number: u128) -> ReportId {
    ReportId::new(Uuid::from_u128(number))
}

pub(crate) fn case_id(number: u128) -> CaseId {
    CaseId::new(Uuid::from_u128(number))
}

pub(crate) fn text() -> TextRef {
    TextRef {
        id: AnswerId::new(Uuid::from_u128(7)),
        commitment: Commitment([7; 32]),
    }
}

/// The shipped holidays, 2024 to 2027.
pub(crate) fn calendar() -> Calendar {
    static CALENDAR: LazyLock<Calendar> = LazyLock::new(read_calendar);
    CALENDAR.clone()
}

fn read_calendar() -> Calendar {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    let holidays = include_str!("../data/holidays.csv").lines().skip(1).map(|line| {
        let mut fields = line.splitn(3, ',');
        let date = Date::parse(fields.next().unwrap(), &format).unwrap();
        let kind = match fields.next().unwrap() {
            "national" => HolidayKind::National,
            "collective_leave" => HolidayKind::CollectiveLeave,
            other => panic!("unknown kind {other}"),
        };
        Holiday {
            date,
            kind,
            name_id: fields.next().unwrap().to_owned(),
            known_from: None,
        }
    });
    Calendar::new(1, 2027, holidays)
}

const POSITIONS: [(&str, Option<&str>, &[Role], &str); 16] = [
    ("gubernur", None, &[Role::Patron], "I.a"),
    ("sekda", None, &[Role::Director], "I.b"),
    ("ombudsman.riau", None, &[Role::Ombudsman], ""),
    (
        "diskominfotik.kepala",
        Some("diskominfotik"),
        &[Role::Manager, Role::AccountableHead],
        "II.a",
    ),
    (
        "diskominfotik.verifikator",
        Some("diskominfotik"),
        &[Role::Verifier],
        "",
    ),
    (
        "inspektorat.inspektur",
        Some("inspektorat"),
        &[Role::Auditor, Role::AccountableHead],
        "II.a",
    ),
    (
        "inspektorat.sekretaris",
        Some("inspektorat"),
        &[Role::Auditor, Role::Liaison],
        "III.a",
    ),
    ("dishub.kepala", Some("dishub"), &[Role::AccountableHead], "II.a"),
    ("dishub.sekretaris", Some("dishub"), &[Role::Liaison], "III.a"),
    ("dishub.lalin", Some("dishub"), &[Role::Executor], "III.b"),
    ("dinkes.kepala", Some("dinkes"), &[Role::AccountableHead], "II.a"),
    ("dinkes.sekretaris", Some("dinkes"), &[Role::Liaison], "III.a"),
    ("dinkes.bidang", Some("dinkes"), &[Role::Executor], "III.b"),
    ("disdik.kepala", Some("disdik"), &[Role::AccountableHead], "II.a"),
    ("disdik.sekretaris", Some("disdik"), &[Role::Liaison], "III.a"),
    ("pusat-data", Some("diskominfotik"), &[Role::Operator], ""),
];

pub(crate) fn directory() -> Directory {
    static DIRECTORY: LazyLock<Directory> = LazyLock::new(make_directory);
    DIRECTORY.clone()
}

fn make_directory() -> Directory {
    let positions = POSITIONS.iter().map(|(id, unit, roles, echelon)| {
        let holder: HolderId = format!("h-{}-1", id.replace('.', "-")).parse().unwrap();
        let found = Position {
            id: position(id),
            opd: unit.map(opd),
            roles: roles.iter().copied().collect::<BTreeSet<_>>(),
            echelon: (!echelon.is_empty()).then(|| (*echelon).to_owned()),
            terms: vec![Term {
                holder,
                from: datetime!(2024-01-01 00:00:00 +7),
                to: None,
                acting: false,
            }],
        };
        (found.id.clone(), found)
    });
    let agencies = [
        ("diskominfotik", AgencyKind::Provincial),
        ("inspektorat", AgencyKind::Provincial),
        ("setda", AgencyKind::Provincial),
        ("dishub", AgencyKind::Provincial),
        ("dinkes", AgencyKind::Provincial),
        ("disdik", AgencyKind::Provincial),
        ("pemko-pekanbaru", AgencyKind::External),
    ];
    Directory {
        agencies: agencies
            .into_iter()
            .map(|(code, kind)| (opd(code), kind))
            .collect::<BTreeMap<_, _>>(),
        positions: positions.collect(),
        own_units: OwnUnits {
            manager: opd("diskominfotik"),
            auditor: opd("inspektorat"),
            director: Some(opd("setda")),
        },
    }
}

pub(crate) fn complaint() -> Classification {
    Classification {
        kind: ReportKind::Complaint,
        supervisory: false,
        category: Some("jalan-provinsi".parse().unwrap()),
        region: Some("14.01".parse().unwrap()),
        complained_unit: None,
    }
}

pub(crate) fn of_kind(kind: ReportKind) -> Classification {
    Classification { kind, ..complaint() }
}

pub(crate) fn supervisory(unit: &str) -> Classification {
    Classification {
        supervisory: true,
        complained_unit: Some(opd(unit)),
        ..complaint()
    }
}

/// A case with the world around it and a present moment.
pub(crate) struct World {
    pub(crate) calendar: Calendar,
    pub(crate) directory: Directory,
    pub(crate) policies: PolicyBook,
    pub(crate) outages: Vec<Outage>,
    pub(crate) now: OffsetDateTime,
    pub(crate) issued_at: Option<OffsetDateTime>,
    pub(crate) events: Vec<CaseEvent>,
    case: Option<Case>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            calendar: calendar(),
            directory: directory(),
            policies: PolicyBook::default_2024(),
            outages: Vec::new(),
            now: MONDAY,
            issued_at: None,
            events: Vec::new(),
            case: None,
        }
    }

    /// A case filed on Monday.
    pub(crate) fn filed(classification: Classification) -> Self {
        Self::filed_as(case_id(1), report(1), classification)
    }

    pub(crate) fn filed_as(case_id: CaseId, report: ReportId, classification: Classification) -> Self {
        let mut world = Self::new();
        let filed_at = world.now;
        let privacy = Privacy::Open;
        world.citizen(Command::File {
            case_id,
            report,
            privacy,
            classification,
            filed_at,
        });
        world
    }

    /// A complaint filed and verified on Monday.
    pub(crate) fn verified() -> Self {
        let mut world = Self::filed(complaint());
        let classification = complaint();
        world.verifier(Command::AcceptVerification { classification });
        world
    }

    /// A complaint disposed to dishub on Monday.
    pub(crate) fn disposed() -> Self {
        let mut world = Self::verified();
        world.dispose("dishub", &[]);
        world
    }

    /// A complaint that dishub works on since Monday.
    pub(crate) fn in_progress() -> Self {
        let mut world = Self::disposed();
        world.liaison("dishub", Command::AcceptCase);
        world
    }

    /// A complaint answered on Monday.
    pub(crate) fn answered() -> Self {
        let mut world = Self::in_progress();
        world.answer_by("dishub.sekretaris");
        world
    }

    pub(crate) fn case(&self) -> &Case {
        self.case.as_ref().expect("a case is open")
    }

    pub(crate) fn official(&self, id: &str) -> Actor {
        let id = position(id);
        let term = self.directory.positions[&id].holder_at(self.now).expect("held");
        Actor::Official(self.directory.official(&id, &term.holder, self.now).expect("official"))
    }

    /// Decides and applies.
    pub(crate) fn try_as(&mut self, actor: &Actor, command: &Command) -> Result<Vec<CaseEvent>, Refusal> {
        let context = Context {
            now: self.now,
            issued_at: self.issued_at.unwrap_or(self.now),
            actor,
            policies: &self.policies,
            calendar: &self.calendar,
            directory: &self.directory,
            outages: &self.outages,
        };
        let events = decide(self.case.as_ref(), command, &context)?;
        for event in &events {
            match &mut self.case {
                Some(case) => case.apply(event),
                None => self.case = Case::open(event),
            }
        }
        self.events.extend(events.iter().cloned());
        Ok(events)
    }

    pub(crate) fn try_by(&mut self, id: &str, command: Command) -> Result<Vec<CaseEvent>, Refusal> {
        let actor = self.official(id);
        self.try_as(&actor, &command)
    }

    pub(crate) fn by(&mut self, id: &str, command: Command) -> Vec<CaseEvent> {
        let name = command.kind();
        self.try_by(id, command)
            .unwrap_or_else(|refusal| panic!("{name} refused: {refusal}"))
    }

    pub(crate) fn try_citizen(&mut self, command: Command) -> Result<Vec<CaseEvent>, Refusal> {
        self.try_as(&Actor::Reporter, &command)
    }

    pub(crate) fn citizen(&mut self, command: Command) -> Vec<CaseEvent> {
        let name = command.kind();
        self.try_citizen(command)
            .unwrap_or_else(|refusal| panic!("{name} refused: {refusal}"))
    }

    pub(crate) fn system(&mut self, command: Command) -> Vec<CaseEvent> {
        let name = command.kind();
        self.try_as(&Actor::System, &command)
            .unwrap_or_else(|refusal| panic!("{name} refused: {refusal}"))
    }

    pub(crate) fn verifier(&mut self, command: Command) -> Vec<CaseEvent> {
        self.by("diskominfotik.verifikator", command)
    }

    pub(crate) fn liaison(&mut self, unit: &str, command: Command) -> Vec<CaseEvent> {
        self.by(&format!("{unit}.sekretaris"), command)
    }

    pub(crate) fn dispose(&mut self, lead: &str, contributors: &[&str]) -> Vec<CaseEvent> {
        let contributors = contributors.iter().map(|code| opd(code)).collect();
        self.verifier(Command::Dispose {
            lead: opd(lead),
            contributors,
        })
    }

    pub(crate) fn answer(&self) -> Command {
        Command::ReleaseAnswer {
            text: text(),
            outcome: ClaimedOutcome::Resolved,
            without_contributions: None,
        }
    }

    pub(crate) fn answer_by(&mut self, id: &str) -> Vec<CaseEvent> {
        let answer = self.answer();
        self.by(id, answer)
    }

    pub(crate) fn dispute(&self, number: u128) -> Command {
        Command::Dispute {
            report: report(number),
            received_at: self.now,
        }
    }

    pub(crate) fn return_case(&self) -> Command {
        Command::ReturnCase {
            reason: ReturnReason::NotOurTask,
            text: None,
            suggested: Some(opd("dinkes")),
        }
    }

    /// Lets days pass without the platform noticing.
    pub(crate) fn skip_days(&mut self, days: i64) {
        self.now += Duration::days(days);
    }

    /// Goes to a moment, issuing what falls due on the way at its due time.
    pub(crate) fn run_to(&mut self, until: OffsetDateTime) {
        while let Some(due_at) =
            tuntas_domain::next_due(self.case(), &self.policies, &self.calendar).filter(|due_at| *due_at <= until)
        {
            self.now = self.now.max(due_at);
            let due = tuntas_domain::due_commands(self.case(), self.now, &self.policies, &self.calendar);
            let first = due.into_iter().next().expect("something is due when next_due says so");
            self.system(first);
        }
        self.now = self.now.max(until);
    }
}

/// Merges a case into another one, both halves.
pub(crate) fn merge(duplicate: &mut World, survivor: &mut World) {
    let facts = duplicate.case().cluster_facts();
    let into = Command::MergeInto {
        survivor: survivor.case().cluster_facts(),
    };
    survivor.verifier(Command::Absorb { duplicate: facts });
    duplicate.verifier(into);
}

/// Another complaint, with its own report.
pub(crate) fn second() -> World {
    World::filed_as(case_id(2), report(2), complaint())
}
