//! Reading a case event: which of its fields makes which fact, and who answers for it.

use time::OffsetDateTime;
use tuntas_domain::{
    Directory, Party,
    authorization::Role,
    ids::{HolderId, OpdCode, PositionId},
};
use tuntas_proto::{
    case::v1::{self as wire, State, party},
    event::v1::Event,
    wire_time::instant,
};

use super::{BreachFact, CaseFact, ChargeFact, ClockFact, EscalationFact, Facts, Responsible, SignalFact, Unreadable};

/// Reads an event of a case.
///
/// # Errors
/// A field that every such event has is missing or malformed.
pub fn read(event: &Event, case_event: &wire::CaseEvent, directory: &Directory) -> Result<Facts, Unreadable> {
    let case = case_event.case.as_ref().ok_or_else(|| missing("case"))?;
    let reader = Reader {
        case,
        directory,
        at: required("occurred_at", event.occurred_at.as_ref())?,
    };
    let clocks = case
        .clocks
        .iter()
        .map(|clock| reader.clock(clock))
        .collect::<Result<_, _>>()?;
    let breached = || case.clocks.iter().filter(|clock| clock.breached_at.is_some());
    let breaches = breached().map(|clock| reader.breach(clock)).collect::<Result<_, _>>()?;
    let mut escalations = Vec::new();
    for clock in breached() {
        for rung in &clock.rungs {
            escalations.push(reader.escalation(clock, rung)?);
        }
    }
    let charges = case
        .ledger
        .iter()
        .enumerate()
        .map(|(number, interval)| reader.charge(number, interval))
        .collect::<Result<_, _>>()?;
    Ok(Facts {
        case: reader.case()?,
        clocks,
        breaches,
        escalations,
        charges,
        signals: reader.signals(event, case_event),
    })
}

struct Reader<'a> {
    case: &'a wire::Case,
    directory: &'a Directory,
    at: OffsetDateTime,
}

impl Reader<'_> {
    fn case(&self) -> Result<CaseFact, Unreadable> {
        let case = self.case;
        let closed_at = case.closed_at.as_ref().and_then(instant);
        Ok(CaseFact {
            case_id: case.case_id.parse().map_err(|_| missing("case_id"))?,
            seq: i64::try_from(case.seq).map_err(|_| missing("seq"))?,
            outcome: match case.state() {
                State::Closed => case
                    .outcome()
                    .as_str_name()
                    .trim_start_matches("OUTCOME_")
                    .to_lowercase(),
                _ => String::new(),
            },
            lead_opd: text(&case.lead_opd),
            filed_at: required("filed_at", case.filed_at.as_ref())?,
            closed_at,
        })
    }

    fn clock(&self, clock: &wire::Clock) -> Result<ClockFact, Unreadable> {
        let due_at = required("due_at", clock.due_at.as_ref())?;
        let stopped_at = clock.stopped_at.as_ref().and_then(instant);
        let corrected = !clock.correction_cause.is_empty();
        let result = match clock.result.as_str() {
            "met" => "met",
            "breached" => "breached",
            "expired" => "expired",
            "void" => "void",
            _ => "running",
        };
        // Rule K7: in an outage of routing the moment of the command counts.
        let counted_stop = match corrected {
            true => clock.stop_issued_at.as_ref().and_then(instant).or(stopped_at),
            false => stopped_at,
        };
        let counted_at = match result {
            "breached" => Some(clock.breached_at.as_ref().and_then(instant).unwrap_or(due_at)),
            "met" => Some(counted_stop.map_or(due_at, |stop| stop.min(due_at))),
            _ => None,
        };
        Ok(ClockFact {
            instance: number(clock.instance),
            kind: clock.kind.clone(),
            responsible: self.charged(clock),
            result,
            due_at,
            stopped_at,
            counted_at,
            corrected,
        })
    }

    fn breach(&self, clock: &wire::Clock) -> Result<BreachFact, Unreadable> {
        Ok(BreachFact {
            instance: number(clock.instance),
            kind: clock.kind.clone(),
            charged: self.charged(clock),
            role: clock.charged_role.clone(),
            breached_at: required("breached_at", clock.breached_at.as_ref())?,
            stopped_at: clock.stopped_at.as_ref().and_then(instant),
        })
    }

    fn escalation(&self, clock: &wire::Clock, rung: &wire::FiredRung) -> Result<EscalationFact, Unreadable> {
        Ok(EscalationFact {
            instance: number(clock.instance),
            rung: number(rung.rung),
            role: rung.role.clone(),
            after_working_days: number(rung.after_working_days),
            fired_at: required("fired_at", rung.fired_at.as_ref())?,
            charged: self.charged(clock),
            charged_party: clock
                .charged_party
                .as_ref()
                .and_then(domain_party)
                .ok_or_else(|| missing("charged_party"))?,
            charged_role: clock.charged_role.clone(),
        })
    }

    fn charge(&self, place: usize, interval: &wire::Interval) -> Result<ChargeFact, Unreadable> {
        let party = interval.party.as_ref().ok_or_else(|| missing("party"))?;
        let from_at = required("from", interval.from.as_ref())?;
        let to_at = interval.to.as_ref().and_then(instant);
        let role = match party.kind() {
            party::Kind::Agency if party.opd_code == self.case.lead_opd && self.executor().is_some() => Role::Executor,
            _ => first_role(party),
        };
        Ok(ChargeFact {
            number: i32::try_from(place).map_err(|_| missing("ledger"))?,
            party: party_name(party),
            charged: self.who(party, role, to_at.unwrap_or(self.at)),
            from_at,
            to_at,
        })
    }

    /// To whom a breach is charged, or whose merit it is that there was none: the event says it (rule V1).
    fn charged(&self, clock: &wire::Clock) -> Responsible {
        let party = clock.charged_party.as_ref().or(clock.party.as_ref());
        Responsible {
            opd: party.and_then(|party| self.opd(party)),
            position: text(&clock.charged_position_id),
            holder: text(&clock.charged_holder_id),
        }
    }

    fn who(&self, party: &wire::Party, role: Role, at: OffsetDateTime) -> Responsible {
        let opd = self.opd(party);
        let within = match role {
            Role::Liaison | Role::AccountableHead | Role::Executor => {
                opd.as_deref().and_then(|code| OpdCode::new(code).ok())
            }
            _ => None,
        };
        let position = match (role, self.executor()) {
            (Role::Executor, Some(executor)) => self.directory.positions.get(&executor),
            _ if matches!(party.kind(), party::Kind::Reporter | party::Kind::Unspecified) => None,
            _ => self.directory.position_with(role, within.as_ref(), at),
        };
        Responsible {
            opd,
            position: position.map(|found| found.id.to_string()),
            holder: position
                .and_then(|found| found.holder_at(at))
                .map(|term| term.holder.to_string()),
        }
    }

    fn executor(&self) -> Option<PositionId> {
        PositionId::new(self.case.assigned_position_id.clone()).ok()
    }

    /// The agency whose measure it is: the manager's is the unit of the manager.
    fn opd(&self, party: &wire::Party) -> Option<String> {
        match party.kind() {
            party::Kind::Agency => text(&party.opd_code),
            party::Kind::Manager => Some(self.directory.own_units.manager.to_string()),
            _ => None,
        }
    }

    fn signals(&self, event: &Event, case_event: &wire::CaseEvent) -> Vec<SignalFact> {
        let details = case_event.details.clone().unwrap_or_default();
        let signal = |kind, responsible| SignalFact {
            kind,
            responsible,
            at: self.at,
            value: None,
        };
        let one = |kind, responsible| vec![signal(kind, responsible)];
        match case_event.r#type.as_str() {
            "filed" => {
                let authority = self.case.authority.clone().unwrap_or(wire::Party {
                    kind: party::Kind::Manager.into(),
                    ..wire::Party::default()
                });
                // A position has it to verify; no agency has received it yet.
                let verifier = self.who(&authority, first_role(&authority), self.at);
                one("received", Responsible { opd: None, ..verifier })
            }
            "disposed" | "bound" | "transferred" => {
                let lead = self.agency(&details.to_opd);
                let mut signals = one("received", lead.clone());
                if !self.case.return_records.is_empty() {
                    signals.push(signal("bounced", lead));
                }
                signals.extend(details.opds.iter().map(|opd| signal("received", self.agency(opd))));
                signals
            }
            "contributor_added" => one("received", self.agency(&details.to_opd)),
            "returned" | "transfer_requested" => {
                let liaison = self.agency(&details.from_opd);
                one("returned", self.acting(event).unwrap_or(liaison))
            }
            "answered" => one("answered", self.answerer()),
            "disputed" => one("disputed", self.answerer()),
            "dispute_decided" if details.upheld => one("dispute_upheld", self.answerer()),
            "rated" => vec![SignalFact {
                value: Some(number(details.rating.clamp(1, 5))),
                ..signal("rated", self.answerer())
            }],
            _ => Vec::new(),
        }
    }

    /// The liaison of an agency.
    fn agency(&self, code: &str) -> Responsible {
        let party = wire::Party {
            kind: party::Kind::Agency.into(),
            opd_code: code.to_owned(),
        };
        self.who(&party, Role::Liaison, self.at)
    }

    /// The officer who acted, with their agency.
    fn acting(&self, event: &Event) -> Option<Responsible> {
        let actor = event.actor.as_ref()?;
        let position = PositionId::new(actor.position_id.clone()).ok()?;
        let holder = HolderId::new(actor.holder_id.clone()).ok();
        Some(Responsible {
            opd: self
                .directory
                .positions
                .get(&position)?
                .opd
                .as_ref()
                .map(ToString::to_string),
            position: Some(position.to_string()),
            holder: holder.map(|holder| holder.to_string()),
        })
    }

    /// Who answers for the answer that stands: the one who worked on it.
    fn answerer(&self) -> Responsible {
        let (code, at) = match &self.case.answer {
            Some(answer) => (answer.opd_code.clone(), answer.released_at.as_ref().and_then(instant)),
            None => (self.case.lead_opd.clone(), None),
        };
        let party = wire::Party {
            kind: party::Kind::Agency.into(),
            opd_code: code.clone(),
        };
        let role = match self.executor() {
            Some(_) if code == self.case.lead_opd => Role::Executor,
            _ => Role::Liaison,
        };
        self.who(&party, role, at.unwrap_or(self.at))
    }
}

/// The role that answers for a party when no other step is named.
fn first_role(party: &wire::Party) -> Role {
    match party.kind() {
        party::Kind::Agency => Role::Liaison,
        party::Kind::Director => Role::Director,
        party::Kind::Patron => Role::Patron,
        party::Kind::Ombudsman => Role::Ombudsman,
        party::Kind::Manager | party::Kind::Reporter | party::Kind::Unspecified => Role::Manager,
    }
}

fn party_name(party: &wire::Party) -> String {
    party.kind().as_str_name().trim_start_matches("KIND_").to_lowercase()
}

fn domain_party(party: &wire::Party) -> Option<Party> {
    match party.kind() {
        party::Kind::Agency => OpdCode::new(party.opd_code.clone()).ok().map(Party::Agency),
        party::Kind::Manager => Some(Party::Manager),
        party::Kind::Reporter => Some(Party::Reporter),
        party::Kind::Director => Some(Party::Director),
        party::Kind::Patron => Some(Party::Patron),
        party::Kind::Ombudsman => Some(Party::Ombudsman),
        party::Kind::Unspecified => None,
    }
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned()).filter(|value| !value.is_empty())
}

fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn required(field: &str, value: Option<&tuntas_proto::Timestamp>) -> Result<OffsetDateTime, Unreadable> {
    value.and_then(instant).ok_or_else(|| missing(field))
}

fn missing(field: &str) -> Unreadable {
    Unreadable(format!("{field} is missing or malformed"))
}
