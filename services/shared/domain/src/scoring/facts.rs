//! From the state of a case to the facts that it holds.

use time::OffsetDateTime;

use super::{Fact, What};
use crate::case::Case;
use crate::clock::{CaseClock, Charge, ClockResult};
use crate::party::Party;

/// All facts that the state of a case holds. From the states of all cases every figure can be computed again.
#[must_use]
pub fn facts_of(case: &Case) -> Vec<Fact> {
    let mut facts = Vec::new();
    case.clocks
        .iter()
        .for_each(|clock| clock_facts(case, clock, &mut facts));
    disposition_facts(case, &mut facts);
    answer_facts(case, &mut facts);
    if let Some(closed_at) = case.closed_at {
        let mut parties: Vec<&Party> = case.ledger.iter().map(|interval| &interval.party).collect();
        parties.sort();
        parties.dedup();
        for party in parties {
            let charged = case.charged(party, closed_at).whole_seconds();
            let charged_seconds = u64::try_from(charged).unwrap_or(0);
            facts.push(of_party(
                case,
                closed_at,
                party.clone(),
                What::Closed { charged_seconds },
            ));
        }
    }
    facts
}

const fn of_party(case: &Case, at: OffsetDateTime, party: Party, what: What) -> Fact {
    Fact {
        case_id: case.id,
        at,
        party,
        position: None,
        holder: None,
        what,
    }
}

fn charged(case: &Case, at: OffsetDateTime, charge: &Charge, what: What) -> Fact {
    Fact {
        case_id: case.id,
        at,
        party: charge.party.clone(),
        position: charge.position.clone(),
        holder: charge.holder.clone(),
        what,
    }
}

fn clock_facts(case: &Case, clock: &CaseClock, facts: &mut Vec<Fact>) {
    let kind = clock.kind;
    match &clock.result {
        Some(ClockResult::Met { by: Some(by) }) => {
            // Rule V2: it stopped before it was due.
            let at = clock.stopped_at.unwrap_or(clock.due_at);
            facts.push(charged(case, at, by, What::ClockEnded { kind, on_time: true }));
        }
        Some(ClockResult::Breached(breach)) => {
            let ended = What::ClockEnded { kind, on_time: false };
            facts.push(charged(case, breach.at, &breach.charged_to, ended));
            for rung in &clock.rungs {
                let what = What::Escalated {
                    after_working_days: rung.after_working_days,
                };
                facts.push(charged(case, rung.at, &breach.charged_to, what));
            }
        }
        _ => {}
    }
}

fn disposition_facts(case: &Case, facts: &mut Vec<Fact>) {
    for disposition in &case.dispositions {
        let party = Party::Agency(disposition.lead.clone());
        facts.push(of_party(case, disposition.at, party.clone(), What::Received));
        if case.returns.iter().any(|record| record.at <= disposition.at) {
            facts.push(of_party(case, disposition.at, party, What::Bounced));
        }
    }
    for part in &case.contributions {
        let party = Party::Agency(part.opd.clone());
        facts.push(of_party(case, part.disposed_at, party, What::Received));
    }
    for record in &case.returns {
        let party = Party::Agency(record.opd.clone());
        facts.push(of_party(case, record.at, party, What::Returned));
    }
}

fn answer_facts(case: &Case, facts: &mut Vec<Fact>) {
    for answer in &case.answers {
        let party = Party::Agency(answer.opd.clone());
        facts.push(of_party(case, answer.released_at, party, What::Answered));
    }
    for dispute in &case.disputes {
        let place = usize::try_from(dispute.answer)
            .ok()
            .and_then(|number| number.checked_sub(1));
        let Some(answer) = place.and_then(|place| case.answers.get(place)) else {
            continue;
        };
        let party = Party::Agency(answer.opd.clone());
        facts.push(of_party(case, dispute.received_at, party.clone(), What::Disputed));
        if dispute.upheld == Some(true) {
            facts.push(of_party(case, dispute.received_at, party, What::DisputeUpheld));
        }
    }
    // A rating is of the handling as a whole: it counts for the agency whose answer stands.
    if let Some(answer) = case.answer() {
        for rating in case
            .members
            .iter()
            .filter(|m| m.moved_to.is_none())
            .filter_map(|m| m.rating)
        {
            let party = Party::Agency(answer.opd.clone());
            facts.push(of_party(case, rating.at, party, What::Rated { score: rating.score }));
        }
    }
}
