//! Carries out a command as it came over the wire, whoever brought it: an officer's call, a desk's or a citizen's
//! message. A merge, an unmerge and a granted contest of a merge move two cases together (rules M6, M8).

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{Actor, Case, CaseId, Command, Refusal, ReportId, ReportKind, case::TextRef};
use tuntas_kit::problem::Problem;
use tuntas_proto::{
    case::v1::{CaseCommand, case_command::Command as Wire},
    convert::{self, Asked, ConvertError},
};
use uuid::Uuid;

use crate::{
    command_error::CommandError,
    commit_command::{Moves, Order, commit_command},
    store,
};

/// A command with all that is known about how it came.
#[derive(Debug, Clone)]
pub(crate) struct Ask<'a> {
    /// The case it is for.
    pub(crate) case_id: CaseId,
    /// The command.
    pub(crate) command: &'a CaseCommand,
    /// Who asks.
    pub(crate) actor: Actor,
    /// Id of the command.
    pub(crate) command_id: Uuid,
    /// Event that carried it.
    pub(crate) causation_id: Option<Uuid>,
    /// When it was issued, or for a citizen's command received (rules K7, M2).
    pub(crate) issued_at: OffsetDateTime,
}

/// The cases that a command moves, so that all can be locked at once before any is decided.
///
/// # Errors
/// The database's. What does not parse is left for [`carry_out`] to refuse.
pub(crate) async fn cases_of(
    conn: &mut PgConnection,
    case_id: CaseId,
    command: &CaseCommand,
) -> Result<Vec<CaseId>, Problem> {
    let mut cases = vec![case_id];
    match &command.command {
        Some(Wire::Merge(merge)) => cases.extend(merge.into_case_id.parse::<CaseId>().ok()),
        Some(Wire::Unmerge(unmerge)) => {
            if let (Some(case), Ok(report)) = (store::cases::load(conn, case_id).await?, unmerge.report_id.parse()) {
                cases.extend(came_from(&case, report));
            }
        }
        Some(Wire::DecideContest(_)) => {
            if let Some(case) = store::cases::load(conn, case_id).await? {
                cases.extend(merged_into(&case));
            }
        }
        _ => {}
    }
    Ok(cases)
}

/// Decides a command and records what it led to. Its cases ([`cases_of`]) are locked.
///
/// # Errors
/// A refusal, or `invalid_argument` for a command that does not parse; nothing is recorded then.
pub(crate) async fn carry_out(conn: &mut PgConnection, moves: &mut Moves, ask: &Ask<'_>) -> Result<(), CommandError> {
    let case = moves.case(ask.case_id).ok_or(Refusal::UnknownCase)?;
    match parse(ask, case.kind)? {
        Asked::Plain(command) => commit_command(conn, moves, &order(ask, ask.case_id, command)).await,
        Asked::DecideContest { granted, text } => decide_contest(conn, moves, ask, granted, text).await,
        Asked::MergeInto(survivor) => merge(conn, moves, ask, survivor).await,
        Asked::Unmerge(report) => unmerge(conn, moves, ask, report).await,
    }
}

fn parse(ask: &Ask<'_>, standing: ReportKind) -> Result<Asked, CommandError> {
    convert::asked(ask.command, ask.issued_at, standing).map_err(|error| invalid(&error).into())
}

/// A message that does not parse, as the caller is told.
pub(crate) fn invalid(error: &ConvertError) -> Problem {
    Problem::invalid(error.field, &error.why)
}

fn order(ask: &Ask<'_>, case_id: CaseId, command: Command) -> Order {
    Order {
        case_id,
        command,
        actor: ask.actor.clone(),
        command_id: ask.command_id,
        causation_id: ask.causation_id,
        issued_at: ask.issued_at,
        text: if case_id == ask.case_id {
            convert::text_of(ask.command)
        } else {
            None
        },
    }
}

/// The case goes into another one (rule M6).
async fn merge(
    conn: &mut PgConnection,
    moves: &mut Moves,
    ask: &Ask<'_>,
    survivor_id: CaseId,
) -> Result<(), CommandError> {
    if survivor_id == ask.case_id {
        return Err(Refusal::SameCase.into());
    }
    let duplicate = moves.case(ask.case_id).ok_or(Refusal::UnknownCase)?.cluster_facts();
    let survivor = moves.case(survivor_id).ok_or(Refusal::UnknownCase)?.cluster_facts();
    let orders = [
        order(ask, ask.case_id, Command::MergeInto { survivor }),
        order(ask, survivor_id, Command::Absorb { duplicate }),
    ];
    commit_together(conn, moves, &orders).await
}

/// A report of the cluster gets its own case back, with the reports that came with it (rule M6).
async fn unmerge(
    conn: &mut PgConnection,
    moves: &mut Moves,
    ask: &Ask<'_>,
    report: ReportId,
) -> Result<(), CommandError> {
    let survivor = moves.case(ask.case_id).ok_or(Refusal::UnknownCase)?;
    let duplicate_id = came_from(survivor, report).ok_or(Refusal::NotMerged)?;
    let reports = survivor.live_members_from(duplicate_id);
    moves.case(duplicate_id).ok_or(Refusal::UnknownCase)?;
    let orders = [
        order(ask, ask.case_id, Command::SplitOff { case_id: duplicate_id }),
        order(ask, duplicate_id, Command::Unmerge { reports }),
    ];
    commit_together(conn, moves, &orders).await
}

/// A contest of a merge that is granted takes the reports out of the cluster again (rules M8, M11).
async fn decide_contest(
    conn: &mut PgConnection,
    moves: &mut Moves,
    ask: &Ask<'_>,
    granted: bool,
    text: Option<TextRef>,
) -> Result<(), CommandError> {
    let case = moves.case(ask.case_id).ok_or(Refusal::UnknownCase)?;
    let mut reports = Vec::new();
    let mut orders = Vec::new();
    if let Some(survivor_id) = merged_into(case).filter(|_| granted) {
        let survivor = moves.case(survivor_id).ok_or(Refusal::UnknownCase)?;
        reports = survivor.live_members_from(ask.case_id);
        orders.push(order(ask, survivor_id, Command::SplitOff { case_id: ask.case_id }));
    }
    let decision = Command::DecideContest { granted, text, reports };
    orders.insert(0, order(ask, ask.case_id, decision));
    commit_together(conn, moves, &orders).await
}

/// All of the orders, or none.
async fn commit_together(conn: &mut PgConnection, moves: &mut Moves, orders: &[Order]) -> Result<(), CommandError> {
    let cases: Vec<CaseId> = orders.iter().map(|order| order.case_id).collect();
    let mark = moves.mark(&cases);
    for order in orders {
        if let Err(error) = commit_command(conn, moves, order).await {
            moves.roll_back(mark);
            return Err(error);
        }
    }
    Ok(())
}

/// The case that a report was merged from.
pub(crate) fn came_from(survivor: &Case, report: ReportId) -> Option<CaseId> {
    survivor.live_member(report).and_then(|member| member.came_from)
}

fn merged_into(case: &Case) -> Option<CaseId> {
    match case.state.outcome() {
        Some(tuntas_domain::Outcome::Merged { into }) => Some(*into),
        _ => None,
    }
}
