//! Erasure (UU 27/2022): the key of a report is deleted, and with it words, identity, texts and files are
//! unreadable wherever their ciphertext still lies. Commitments stay, so the oversight log still verifies.

use tuntas_domain::Role;
use tuntas_kit::{
    idempotency, outbox,
    problem::{FORBIDDEN, Problem},
    tx,
};
use tuntas_proto::{
    common::v1::Actor,
    event::v1::{ReportErased, event::Payload},
    intake::v1::{EraseReportRequest, EraseReportResponse},
};

use crate::{
    access::Standing,
    caller::{Caller, actor_of},
    facts::{self, What},
    intake::Intake,
    store::report,
    validate,
};

/// The operator's program, which applies erasures again after a restore.
const CTL: &str = "ctl";

/// Erases a report. Erasing it again changes nothing.
///
/// # Errors
/// `forbidden` for everybody but the manager and the operator's program, `unknown_report`, or the database's.
pub async fn erase_report(
    intake: &Intake,
    caller: &Caller,
    request: EraseReportRequest,
) -> Result<EraseReportResponse, Problem> {
    idempotency::check_key(&request.idempotency_key)?;
    let actor = who_may(caller)?;
    let report_id = validate::id(&request.report_id)?;
    let mut conn = intake.conn().await?;
    Standing::of(&mut conn, report_id).await?;
    drop(conn);
    let at = intake.now();
    tx::run(&intake.pool, move |conn| {
        Box::pin(async move {
            if !report::erase(conn, report_id, at).await? {
                return Ok(());
            }
            let seq = report::next_seq(conn, report_id).await?;
            let payload = Payload::ReportErased(ReportErased {
                report_id: report_id.to_string(),
            });
            outbox::append(conn, &[facts::fact(What::Erased, report_id, seq, at, actor, payload)]).await?;
            Ok::<_, Problem>(())
        })
    })
    .await?;
    tracing::info!(report.id = %report_id, "erased a report");
    Ok(EraseReportResponse {})
}

fn who_may(caller: &Caller) -> Result<Actor, Problem> {
    match caller {
        Caller::Officer(official) if official.roles.contains(&Role::Manager) => Ok(actor_of(official)),
        Caller::Service(service) if service == CTL => Ok(Actor {
            via: service.clone(),
            ..Actor::default()
        }),
        _ => Err(Problem::new(FORBIDDEN)),
    }
}
