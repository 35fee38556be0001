//! Report and case of a ticket number, for any officer: people quote tickets, the platform works with ids.

use tuntas_kit::problem::{Problem, UNKNOWN_TICKET};
use tuntas_proto::intake::v1::{ResolveTicketRequest, ResolveTicketResponse};

use crate::{access::Standing, caller::Caller, intake::Intake, receipt, store::report};

/// Ids only. To the unit that a supervisory case is about it looks as if there were no such ticket (rule M10).
///
/// # Errors
/// `unknown_ticket`, `forbidden` for a service, or the database's.
pub async fn resolve_ticket(
    intake: &Intake,
    caller: &Caller,
    request: ResolveTicketRequest,
) -> Result<ResolveTicketResponse, Problem> {
    let official = caller.officer()?;
    let unknown = || Problem::new(UNKNOWN_TICKET);
    let ticket = receipt::parse_ticket(&request.ticket).ok_or_else(unknown)?;
    let mut conn = intake.conn().await?;
    let report = report::by_ticket(&mut conn, &ticket.to_string())
        .await?
        .ok_or_else(unknown)?;
    let standing = Standing::of(&mut conn, report.id).await?;
    if standing.is_hidden_from(official) {
        return Err(unknown());
    }
    Ok(ResolveTicketResponse {
        report_id: report.id.to_string(),
        case_id: standing.case.map(|case| case.case_id).unwrap_or_default(),
    })
}
