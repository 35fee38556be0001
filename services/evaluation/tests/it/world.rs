//! A small province whose cases the domain decides and whose events go into a log.

use std::collections::BTreeMap;

use time::{
    Date, OffsetDateTime,
    macros::{date, datetime},
};
use tuntas_domain::{
    Actor, AnswerId, Calendar, Case, CaseId, Command, Directory, Party, Policy, PolicyBook, Privacy, ReportId,
    ReportKind, Role,
    calendar::{Holiday, HolidayKind},
    case::{ClaimedOutcome, Classification, Commitment, Context, Outage, ReturnReason, TextRef},
    decide,
    directory::{AgencyKind, OwnUnits, Position, Term},
    due_commands, next_due,
};
use tuntas_kit::ids;
use tuntas_proto::{
    convert,
    event::v1::{self as wire, directory_changed::Change, event::Payload},
    wire_time::timestamp,
};
use uuid::Uuid;

use crate::log::{Log, event};

/// Monday, 3 March 2025, 09:00 WIB.
pub(crate) const MONDAY: OffsetDateTime = datetime!(2025-03-03 09:00:00 +7);
/// Before anything.
const START: OffsetDateTime = datetime!(2024-01-01 00:00:00 +7);
/// Holidays between Nyepi and the end of Idulfitri 2025.
const HOLIDAYS: [Date; 7] = [
    date!(2025 - 03 - 28),
    date!(2025 - 03 - 31),
    date!(2025 - 04 - 01),
    date!(2025 - 04 - 02),
    date!(2025 - 04 - 03),
    date!(2025 - 04 - 04),
    date!(2025 - 04 - 07),
];
const AGENCIES: [&str; 4] = ["diskominfotik", "inspektorat", "dishub", "dinkes"];
const POSITIONS: [(&str, &str, &[Role], &str); 11] = [
    ("gubernur", "", &[Role::Patron], "I.a"),
    ("sekda", "", &[Role::Director], "I.b"),
    ("ombudsman.riau", "", &[Role::Ombudsman], ""),
    (
        "diskominfotik.kepala",
        "diskominfotik",
        &[Role::Manager, Role::AccountableHead],
        "II.a",
    ),
    ("diskominfotik.verifikator", "diskominfotik", &[Role::Verifier], ""),
    (
        "inspektorat.inspektur",
        "inspektorat",
        &[Role::Auditor, Role::AccountableHead],
        "II.a",
    ),
    ("dishub.kepala", "dishub", &[Role::AccountableHead], "II.a"),
    ("dishub.sekretaris", "dishub", &[Role::Liaison], "III.a"),
    ("dishub.lalin", "dishub", &[Role::Executor], "III.b"),
    ("dinkes.kepala", "dinkes", &[Role::AccountableHead], "II.a"),
    ("dinkes.sekretaris", "dinkes", &[Role::Liaison], "III.a"),
];

/// The province and its log.
pub(crate) struct World {
    pub(crate) log: Log,
    pub(crate) directory: Directory,
    pub(crate) calendar: Calendar,
    pub(crate) policies: PolicyBook,
    pub(crate) outages: Vec<Outage>,
    pub(crate) now: OffsetDateTime,
    cases: BTreeMap<u128, Case>,
}

/// The person who holds a position first.
pub(crate) fn holder(position: &str) -> String {
    format!("h-{}-1", position.replace('.', "-"))
}

/// A case's id by its number.
pub(crate) fn case_id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn text() -> TextRef {
    TextRef {
        id: AnswerId::new(Uuid::from_u128(7)),
        commitment: Commitment([7; 32]),
    }
}

fn report(number: u128) -> ReportId {
    ReportId::new(Uuid::from_u128(1_000 + number))
}

fn complaint() -> Classification {
    Classification {
        kind: ReportKind::Complaint,
        supervisory: false,
        category: Some("jalan-provinsi".parse().unwrap()),
        region: Some("14.01".parse().unwrap()),
        complained_unit: None,
    }
}

impl World {
    /// A province with its directory, policy and calendar in the log.
    pub(crate) fn new() -> Self {
        let mut log = Log::default();
        for code in AGENCIES {
            let agency = wire::Agency {
                code: code.to_owned(),
                kind: "dinas".to_owned(),
                active: true,
                ..wire::Agency::default()
            };
            log.directory(changed(Change::Agency(agency)), START);
        }
        for (id, opd, roles, echelon) in POSITIONS {
            let position = wire::Position {
                id: id.to_owned(),
                opd_code: opd.to_owned(),
                echelon: echelon.to_owned(),
                roles: roles.iter().map(ToString::to_string).collect(),
                active: true,
                ..wire::Position::default()
            };
            log.directory(changed(Change::Position(position)), START);
            let term = wire::HolderTerm {
                holder_id: holder(id),
                position_id: id.to_owned(),
                from: Some(timestamp(START)),
                term_id: ids::new_id().to_string(),
                ..wire::HolderTerm::default()
            };
            log.directory(changed(Change::HolderTerm(term)), START);
        }
        let policy = Policy::default_2024();
        let changed = wire::PolicyChanged {
            version: policy.version.to_string(),
            effective_from: Some(timestamp(policy.effective_from)),
            policy_json: serde_json::to_string(&policy).unwrap(),
        };
        log.directory(Payload::PolicyChanged(changed), START);
        for day in HOLIDAYS {
            let changed = wire::CalendarChanged {
                date: day.to_string(),
                kind: "national".to_owned(),
                name: "Libur".to_owned(),
                removed: false,
            };
            log.directory(Payload::CalendarChanged(changed), START);
        }
        Self {
            log,
            directory: directory(),
            calendar: Calendar::new(1, 2025, HOLIDAYS.map(holiday)),
            policies: PolicyBook::new([policy]).unwrap(),
            outages: Vec::new(),
            now: MONDAY,
            cases: BTreeMap::new(),
        }
    }

    /// Goes to a moment; on the way what falls due in any case is done at its time.
    pub(crate) fn run_to(&mut self, until: OffsetDateTime) {
        loop {
            let next = self
                .cases
                .iter()
                .filter_map(|(number, case)| Some((next_due(case, &self.policies, &self.calendar)?, *number)))
                .filter(|(due_at, _)| *due_at <= until)
                .min();
            let Some((due_at, number)) = next else { break };
            self.now = self.now.max(due_at);
            let due = due_commands(&self.cases[&number], self.now, &self.policies, &self.calendar);
            self.issue(number, &Actor::System, &due[0], self.now);
        }
        self.now = self.now.max(until);
    }

    fn official(&self, position: &str) -> Actor {
        let id = position.parse().unwrap();
        let term = self.directory.positions[&id].holder_at(self.now).unwrap();
        Actor::Official(self.directory.official(&id, &term.holder, self.now).unwrap())
    }

    fn issue(&mut self, number: u128, actor: &Actor, command: &Command, issued_at: OffsetDateTime) {
        let context = Context {
            now: self.now,
            issued_at,
            actor,
            policies: &self.policies,
            calendar: &self.calendar,
            directory: &self.directory,
            outages: &self.outages,
        };
        let case = self.cases.get(&number);
        let events = decide(case, command, &context).unwrap_or_else(|e| panic!("{} refused: {e}", command.kind()));
        for decided in &events {
            match self.cases.get_mut(&number) {
                Some(case) => case.apply(decided),
                None => {
                    self.cases.insert(number, Case::open(decided).unwrap());
                }
            }
            let case = &self.cases[&number];
            let state = convert::case(case, next_due(case, &self.policies, &self.calendar));
            let payload = Payload::CaseEvent(convert::case_event(decided, case, state, "", None));
            let mut event = event(&format!("case:{}", case_id(number)), decided.seq, decided.at, payload);
            if let Some(official) = actor.official() {
                event.actor = Some(tuntas_proto::common::v1::Actor {
                    position_id: official.position.to_string(),
                    holder_id: official.holder.to_string(),
                    via: "officer".to_owned(),
                });
            }
            self.log.append(&event);
        }
    }

    /// An official's command, now.
    pub(crate) fn by(&mut self, position: &str, number: u128, command: Command) {
        let actor = self.official(position);
        self.issue(number, &actor, &command, self.now);
    }

    /// An official's command that was issued before it reached routing.
    pub(crate) fn by_issued(&mut self, position: &str, number: u128, command: Command, issued_at: OffsetDateTime) {
        let actor = self.official(position);
        self.issue(number, &actor, &command, issued_at);
    }

    /// The platform's own command.
    pub(crate) fn system(&mut self, number: u128, command: Command) {
        self.issue(number, &Actor::System, &command, self.now);
    }

    /// A report is filed now and opens case `number`.
    pub(crate) fn file(&mut self, number: u128) {
        let command = Command::File {
            case_id: CaseId::new(case_id(number)),
            report: report(number),
            privacy: Privacy::Open,
            classification: complaint(),
            filed_at: self.now,
        };
        self.issue(number, &Actor::Reporter, &command, self.now);
    }

    /// Verified and disposed now.
    pub(crate) fn dispose(&mut self, number: u128, lead: &str) {
        if self.cases[&number].dispositions.is_empty() {
            let classification = complaint();
            self.by(
                "diskominfotik.verifikator",
                number,
                Command::AcceptVerification { classification },
            );
        }
        let lead = lead.parse().unwrap();
        self.by(
            "diskominfotik.verifikator",
            number,
            Command::Dispose {
                lead,
                contributors: Vec::new(),
            },
        );
    }

    /// Accepted and assigned now.
    pub(crate) fn accept(&mut self, opd: &str, number: u128) {
        self.by(&format!("{opd}.sekretaris"), number, Command::AcceptCase);
    }

    /// The first text to the reporter, now.
    pub(crate) fn respond(&mut self, opd: &str, number: u128) {
        self.by(
            &format!("{opd}.sekretaris"),
            number,
            Command::ReleaseFirstResponse { text: text() },
        );
    }

    /// Answered now.
    pub(crate) fn answer(&mut self, position: &str, number: u128) {
        let answer = Command::ReleaseAnswer {
            text: text(),
            outcome: ClaimedOutcome::Resolved,
            without_contributions: None,
        };
        self.by(position, number, answer);
    }

    /// Intake finds, now, that the case's latest answer is a near copy.
    pub(crate) fn near_copy(&mut self, number: u128, seq: u64) {
        let released_by = self.log.latest_of_case(&case_id(number).to_string(), "answered");
        let payload = Payload::AnswerFoundNearCopy(wire::AnswerFoundNearCopy {
            case_id: case_id(number).to_string(),
            report_id: report(number).to_string(),
            opd_code: "dishub".to_owned(),
            similarity: 73,
            ..wire::AnswerFoundNearCopy::default()
        });
        let mut event = event(&format!("report:{}", report(number)), seq, self.now, payload);
        event.causation_id = released_by.event_id;
        self.log.append(&event);
    }

    /// Returned now.
    pub(crate) fn give_back(&mut self, opd: &str, number: u128) {
        let command = Command::ReturnCase {
            reason: ReturnReason::NotOurTask,
            text: None,
            suggested: None,
        };
        self.by(&format!("{opd}.sekretaris"), number, command);
    }

    /// The reporter's dispute, now.
    pub(crate) fn dispute(&mut self, number: u128) {
        let command = Command::Dispute {
            report: report(number),
            received_at: self.now,
        };
        self.issue(number, &Actor::Reporter, &command, self.now);
    }

    /// The reporter's rating, now.
    pub(crate) fn rate(&mut self, number: u128, score: u8) {
        let command = Command::Rate {
            report: report(number),
            score,
            received_at: self.now,
        };
        self.issue(number, &Actor::Reporter, &command, self.now);
    }

    /// The director's decision on a dispute, now.
    pub(crate) fn decide_dispute(&mut self, number: u128, upheld: bool) {
        self.by(
            "sekda",
            number,
            Command::DecideDispute {
                upheld,
                text: Some(text()),
            },
        );
    }

    /// A case as the domain has it.
    pub(crate) fn case(&self, number: u128) -> &Case {
        &self.cases[&number]
    }

    /// Seconds charged to a party by the domain.
    pub(crate) fn charged(&self, number: u128, party: &Party) -> i64 {
        self.case(number).charged(party, self.now).whole_seconds()
    }
}

fn changed(change: Change) -> Payload {
    Payload::DirectoryChanged(wire::DirectoryChanged { change: Some(change) })
}

fn holiday(date: Date) -> Holiday {
    Holiday {
        date,
        kind: HolidayKind::National,
        name_id: "Libur".to_owned(),
        known_from: None,
    }
}

fn directory() -> Directory {
    let positions = POSITIONS.iter().map(|(id, opd, roles, echelon)| {
        let position = Position {
            id: id.parse().unwrap(),
            opd: opd.parse().ok(),
            roles: roles.iter().copied().collect(),
            echelon: Some((*echelon).to_owned()),
            terms: vec![Term {
                holder: holder(id).parse().unwrap(),
                from: START,
                to: None,
                acting: false,
            }],
        };
        (position.id.clone(), position)
    });
    Directory {
        positions: positions.collect(),
        agencies: AGENCIES
            .iter()
            .map(|code| (code.parse().unwrap(), AgencyKind::Provincial))
            .collect(),
        own_units: OwnUnits {
            manager: "diskominfotik".parse().unwrap(),
            auditor: "inspektorat".parse().unwrap(),
            director: None,
        },
    }
}
