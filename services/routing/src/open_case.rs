//! Opens the case of a report that was filed (rule M1).

use std::collections::HashMap;

use tuntas_domain::{Actor, CaseId, Command, OpdCode, ReportId, ReportKind, case::Classification, directory::OwnUnits};
use tuntas_kit::{consumer::HandlerError, ids};
use tuntas_proto::{convert, event::v1::ReportFiled, wire_time::instant};
use uuid::Uuid;

use crate::{
    command_error::CommandError,
    commit_command::{Moves, Order, decide_command},
    refuse_command::of_refusal,
};

/// Opens a case with the reporter's own classification. A report that has a case keeps it.
///
/// # Errors
/// Rejects a filing that does not parse; else the database's.
pub(crate) fn open_case(
    moves: &mut Moves,
    places: &mut HashMap<ReportId, CaseId>,
    event_id: Uuid,
    filed: &ReportFiled,
) -> Result<(), HandlerError> {
    let report: ReportId = filed.report_id.parse().map_err(|_| reject("report_id"))?;
    if places.contains_key(&report) {
        tracing::warn!(report.id = %report, "the report was filed before; its case stays");
        return Ok(());
    }
    let named: Option<OpdCode> = filed.named_opd.parse().ok();
    let case_id = CaseId::new(ids::new_id());
    let filed_at = filed
        .filed_at
        .as_ref()
        .and_then(instant)
        .ok_or_else(|| reject("filed_at"))?;
    let order = Order {
        case_id,
        command: Command::File {
            case_id,
            report,
            privacy: convert::privacy(filed.privacy).map_err(|_| reject("privacy"))?,
            classification: classification(moves, filed, named.as_ref())?,
            filed_at,
        },
        actor: Actor::Reporter,
        command_id: event_id,
        causation_id: Some(event_id),
        issued_at: filed_at,
        text: None,
    };
    decide_command(moves, &order, &[]).map_err(|error| match error {
        CommandError::Refused(refusal) => HandlerError::Reject(of_refusal(refusal).1),
        CommandError::Failed(problem) => problem.into(),
    })?;
    moves.name_opd(case_id, named);
    places.insert(report, case_id);
    Ok(())
}

/// Category and region are hints: one that is unknown is left for the verifier, the report is handled all the same.
fn classification(moves: &Moves, filed: &ReportFiled, named: Option<&OpdCode>) -> Result<Classification, HandlerError> {
    let kind = convert::report_kind(filed.kind).map_err(|_| reject("kind"))?;
    let own = &moves.directory().directory.own_units;
    Ok(Classification {
        kind,
        supervisory: false,
        category: filed.category_code.parse().ok(),
        region: filed.region_code.parse().ok(),
        complained_unit: named.filter(|opd| is_about(own, kind, opd)).cloned(),
    })
}

/// Rule M10 from the first moment: a complaint that names the unit that would verify it goes above that unit.
fn is_about(own: &OwnUnits, kind: ReportKind, named: &OpdCode) -> bool {
    let verifies = own.manager == *named || own.auditor == *named;
    kind == ReportKind::Complaint && (verifies || own.director.as_ref() == Some(named))
}

fn reject(field: &str) -> HandlerError {
    HandlerError::Reject(format!("the filing has no valid {field}"))
}
