//! The state of a case for the wire, complete: a reader of resulting states alone can compute every measure.

use time::OffsetDateTime;
use tuntas_domain::{
    Case, CaseClock, ClockKind, ClockResult, Official, Outcome, Party, Privacy,
    authorization::Relation,
    case::{Answer, DisputeRecord, FlagReason, Member, ReturnRecord},
    clock::{CorrectionCause, FiredRung},
};

use super::kinds::{
    outcome_to_wire, party_to_wire, privacy_to_wire, reject_reason_to_wire, report_kind_to_wire, state_to_wire,
    text_ref_to_wire,
};
use super::text_or_empty;
use crate::{case::v1 as wire, wire_time::timestamp};

/// A case for the wire. `next_due_at` is [`tuntas_domain::next_due`]'s answer, which needs policy and calendar.
#[must_use]
pub fn case(case: &Case, next_due_at: Option<OffsetDateTime>) -> wire::Case {
    let claimed = case.answer().map(|answer| Outcome::from(answer.outcome));
    let outcome = case.state.outcome().or(claimed.as_ref());
    let (reject_reason, referred_to, merged_into) = ending(case.state.outcome());
    wire::Case {
        case_id: case.id.to_string(),
        seq: case.seq,
        state: state_to_wire(&case.state).into(),
        outcome: outcome.map_or(wire::Outcome::Unspecified, outcome_to_wire).into(),
        reject_reason: reject_reason.into(),
        referred_to,
        merged_into,
        kind: report_kind_to_wire(case.kind).into(),
        supervisory: case.supervisory,
        complained_opd: text_or_empty(case.complained_unit.as_ref()),
        category_code: text_or_empty(case.category.as_ref()),
        region_code: text_or_empty(case.region.as_ref()),
        filed_at: Some(timestamp(case.filed_at)),
        policy_version: case.policy_version.to_string(),
        lead_opd: text_or_empty(case.lead.as_ref()),
        contributions: case.contributions.iter().map(|part| contribution(case, part)).collect(),
        returns: u32::try_from(case.returns.len()).unwrap_or(u32::MAX),
        returnable: !case.binding,
        disputes: u32::try_from(case.disputes.len()).unwrap_or(u32::MAX),
        assigned_position_id: text_or_empty(case.executor.as_ref()),
        answer: case.answer().map(answer),
        members: case.members.iter().map(|reporter| member(case, reporter)).collect(),
        clocks: case.clocks.iter().map(clock).collect(),
        ledger: case
            .ledger
            .iter()
            .map(|interval| wire::Interval {
                party: Some(party_to_wire(&interval.party)),
                from: Some(timestamp(interval.from)),
                to: interval.to.map(timestamp),
            })
            .collect(),
        holder: case.holder().map(party_to_wire),
        closed_at: case.closed_at.map(timestamp),
        privacy: strictest(case)
            .map_or(wire::Privacy::Unspecified, privacy_to_wire)
            .into(),
        taken_over: case.taken_over_at.is_some(),
        next_due_at: next_due_at.map(timestamp),
        return_records: case.returns.iter().map(return_record).collect(),
        dispute_records: case.disputes.iter().map(dispute_record).collect(),
        authority: Some(party_to_wire(&case.authority)),
        flags: case
            .flags
            .iter()
            .map(|flag| wire::OmbudsmanFlag {
                reason: flag_code(flag.reason).to_owned(),
                at: Some(timestamp(flag.at)),
            })
            .collect(),
        updated_at: Some(timestamp(case.updated_at)),
        awaiting_director: case.awaiting_director,
        transfer_requested: case.transfer_requested,
        lead_done_at: case.lead_done_at.map(timestamp),
        answers: case.answers.iter().map(answer).collect(),
        contest: case
            .contest
            .as_ref()
            .map_or("", |contest| decision(contest.granted, "granted"))
            .to_owned(),
        counted_from: Some(timestamp(case.counted_from)),
        first_response_at: case.first_response_at.map(timestamp),
        head_required: case.head_required(),
    }
}

/// The relation of an official to a case known from the wire, for `may()` outside of routing.
#[must_use]
pub fn relation(official: &Official, case: &wire::Case) -> Relation {
    let own = official.opd.as_ref().map(ToString::to_string).unwrap_or_default();
    let has_agency = !own.is_empty();
    let open = |part: &&wire::Contribution| part.done_at.is_none() && part.ended_at.is_none();
    let kind = case.authority.as_ref().map_or(0, |party| party.kind);
    Relation {
        lead: has_agency && case.lead_opd == own,
        contributor: has_agency && case.contributions.iter().filter(open).any(|part| part.opd_code == own),
        took_part: has_agency && case.contributions.iter().any(|part| part.opd_code == own),
        complained: has_agency && case.complained_opd == own,
        supervisory: case.supervisory,
        authority: match wire::party::Kind::try_from(kind) {
            Ok(wire::party::Kind::Director) => Party::Director,
            Ok(wire::party::Kind::Patron) => Party::Patron,
            _ => Party::Manager,
        },
        head_required: case.head_required,
    }
}

fn ending(outcome: Option<&Outcome>) -> (wire::RejectReason, String, String) {
    let none = wire::RejectReason::Unspecified;
    match outcome {
        Some(Outcome::Rejected { reason }) => (reject_reason_to_wire(*reason), String::new(), String::new()),
        Some(Outcome::Referred { to }) => (none, to.to_string(), String::new()),
        Some(Outcome::Merged { into }) => (none, String::new(), into.to_string()),
        _ => (none, String::new(), String::new()),
    }
}

/// Confidential goes before anonymous, anonymous before open; a case without live reports keeps its last ones'.
fn strictest(case: &Case) -> Option<Privacy> {
    let live = case.live_members().map(|member| member.privacy).max();
    live.or_else(|| case.members.iter().map(|member| member.privacy).max())
}

fn contribution(case: &Case, part: &tuntas_domain::case::Contribution) -> wire::Contribution {
    let due = case
        .clocks
        .iter()
        .rev()
        .find(|clock| clock.kind == ClockKind::Contribution && clock.party.opd() == Some(&part.opd));
    wire::Contribution {
        opd_code: part.opd.to_string(),
        disposed_at: Some(timestamp(part.disposed_at)),
        due_at: due.map(|clock| timestamp(clock.due_at)),
        done_at: part.done_at.map(timestamp),
        ended_at: part.ended_at.map(timestamp),
    }
}

fn member(case: &Case, member: &Member) -> wire::Member {
    let silence = |clock: &&CaseClock| {
        clock.kind == ClockKind::ReporterSilence
            && clock.is_running()
            && clock.report.is_none_or(|report| report == member.report)
    };
    // A window of one's own goes before everybody's.
    let window = case
        .clocks
        .iter()
        .filter(silence)
        .max_by_key(|clock| clock.report.is_some());
    wire::Member {
        report_id: member.report.to_string(),
        joined_at: Some(timestamp(member.joined_at)),
        withdrawn: member.withdrawn_at.is_some(),
        dispute_until: window.map(|clock| timestamp(clock.due_at)),
        privacy: privacy_to_wire(member.privacy).into(),
        rating: member.rating.as_ref().map_or(0, |rating| u32::from(rating.score)),
        came_from: text_or_empty(member.came_from.as_ref()),
        moved_to: text_or_empty(member.moved_to.as_ref()),
        disputed_answer: member.disputed_answer.unwrap_or_default(),
    }
}

fn answer(answer: &Answer) -> wire::Answer {
    wire::Answer {
        text: Some(text_ref_to_wire(&answer.text)),
        opd_code: answer.opd.to_string(),
        claimed: outcome_to_wire(&answer.outcome.into()).into(),
        released_at: Some(timestamp(answer.released_at)),
    }
}

fn return_record(record: &ReturnRecord) -> wire::ReturnRecord {
    wire::ReturnRecord {
        opd_code: record.opd.to_string(),
        at: Some(timestamp(record.at)),
        reason_code: record.reason.code().to_owned(),
        suggested_opd: text_or_empty(record.suggested.as_ref()),
        transfer_request: record.transfer_request,
    }
}

fn dispute_record(record: &DisputeRecord) -> wire::DisputeRecord {
    wire::DisputeRecord {
        report_id: record.report.to_string(),
        answer: record.answer,
        received_at: Some(timestamp(record.received_at)),
        decision: decision(record.upheld, "upheld").to_owned(),
    }
}

const fn decision(decided: Option<bool>, yes: &'static str) -> &'static str {
    match decided {
        None => "open",
        Some(true) => yes,
        Some(false) => "dismissed",
    }
}

const fn flag_code(reason: FlagReason) -> &'static str {
    match reason {
        FlagReason::AboutDirector => "about_director",
        FlagReason::Reclassified => "reclassified",
        FlagReason::AwayFromSupervisory => "away_from_supervisory",
        FlagReason::LastRung => "last_rung",
        FlagReason::AppealToOmbudsman => "appeal_to_ombudsman",
    }
}

fn clock(clock: &CaseClock) -> wire::Clock {
    let breach = clock.breach();
    let charge = match &clock.result {
        Some(ClockResult::Breached(breach)) => Some(&breach.charged_to),
        Some(ClockResult::Met { by }) => by.as_ref(),
        _ => None,
    };
    wire::Clock {
        kind: clock.kind.code().to_owned(),
        instance: clock.id.0,
        party: Some(party_to_wire(&clock.party)),
        started_at: Some(timestamp(clock.started_at())),
        due_at: Some(timestamp(clock.due_at)),
        paused: clock.is_running() && clock.is_paused(),
        stopped_at: clock.stopped_at.map(timestamp),
        breached_at: breach.map(|breach| timestamp(breach.at)),
        charged_party: charge.map(|charge| party_to_wire(&charge.party)),
        charged_position_id: charge
            .map(|charge| text_or_empty(charge.position.as_ref()))
            .unwrap_or_default(),
        charged_holder_id: charge
            .map(|charge| text_or_empty(charge.holder.as_ref()))
            .unwrap_or_default(),
        rungs: clock.rungs.iter().map(fired_rung).collect(),
        correction_cause: clock
            .correction
            .as_ref()
            .map_or("", |correction| match correction.cause {
                CorrectionCause::RoutingOutage => "routing_outage",
            })
            .to_owned(),
        provisional: clock.provisional,
        result: match &clock.result {
            None => "",
            Some(ClockResult::Met { .. }) => "met",
            Some(ClockResult::Breached(_)) => "breached",
            Some(ClockResult::Expired) => "expired",
            Some(ClockResult::Void) => "void",
        }
        .to_owned(),
        report_id: text_or_empty(clock.report.as_ref()),
        stop_issued_at: clock.stop_issued_at.map(timestamp),
        charged_role: charge.map(|charge| charge.role.to_string()).unwrap_or_default(),
    }
}

fn fired_rung(rung: &FiredRung) -> wire::FiredRung {
    wire::FiredRung {
        rung: rung.rung,
        after_working_days: u32::from(rung.after_working_days),
        role: rung.role.to_string(),
        position_id: text_or_empty(rung.position.as_ref()),
        holder_id: text_or_empty(rung.holder.as_ref()),
        due_at: Some(timestamp(rung.due_at)),
        fired_at: Some(timestamp(rung.at)),
        flags_ombudsman: rung.flags_ombudsman,
    }
}
