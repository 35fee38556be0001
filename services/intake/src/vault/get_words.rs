//! The reporter's words, for an officer whose role or agency has the case now.

use tuntas_kit::problem::Problem;
use tuntas_proto::intake::v1::{GetWordsRequest, GetWordsResponse};

use crate::{
    access, attach,
    caller::Caller,
    content::Words,
    intake::Intake,
    store::{attachment, register},
    validate,
};

/// Opens the words of a report.
///
/// # Errors
/// `unknown_report` (also for who may not read it), `report_erased`, `forbidden`, or the database's.
pub async fn get_words(
    intake: &Intake,
    caller: &Caller,
    request: GetWordsRequest,
) -> Result<GetWordsResponse, Problem> {
    let report_id = validate::id(&request.report_id)?;
    let standing = access::readable(intake, caller, report_id).await?;
    let mut conn = intake.conn().await?;
    let key = intake.key_or_erased(&mut conn, report_id).await?;
    let words = Words::open(&key, report_id, &standing.report.sealed_words)?;
    let attachments = attachment::of_report(&mut conn, report_id).await?;
    let redacted_body = register::body_of(&mut conn, report_id).await?.unwrap_or_default();
    drop(conn);
    access::log_read(intake, caller, &standing).await?;
    Ok(GetWordsResponse {
        report_id: report_id.to_string(),
        ticket: standing.report.ticket,
        title: words.title,
        body: words.body,
        place: words.place,
        event_date: standing
            .report
            .event_date
            .map(|date| date.to_string())
            .unwrap_or_default(),
        attachments: attachments.iter().map(attach::to_wire).collect(),
        source_url: words.source_url,
        redacted_body,
    })
}
