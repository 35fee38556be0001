//! Texts of a report and of its cluster, for an officer who may read it.

use tuntas_kit::problem::Problem;
use tuntas_proto::intake::v1::{ListTextsRequest, ListTextsResponse};

use crate::{
    access,
    caller::{Caller, is_ombudsman},
    intake::Intake,
    store::text::{self, StoredText},
    texts, validate,
};

/// Lists the texts that the caller may read: what was released, what the reporter wrote, what their own agency
/// wrote; all of it for those above the agencies.
///
/// # Errors
/// `unknown_report` (also for who may not read it), `forbidden`, or the database's.
pub async fn list_texts(
    intake: &Intake,
    caller: &Caller,
    request: ListTextsRequest,
) -> Result<ListTextsResponse, Problem> {
    let report_id = validate::id(&request.report_id)?;
    let official = caller.officer()?;
    let standing = access::readable(intake, caller, report_id).await?;
    let mut conn = intake.conn().await?;
    let own = official.opd.as_ref().map(ToString::to_string);
    let sees_all = is_ombudsman(official) || standing.may_be_redacted_by(official);
    let readable: Vec<StoredText> = text::of_report(&mut conn, report_id)
        .await?
        .into_iter()
        .filter(|text| {
            sees_all
                || text.audience != "officers"
                || text.author_opd == own
                // Instructions and reasons go from one who has the case to the next.
                || matches!(text.kind.as_str(), "instruction" | "reason" | "recommendation" | "explanation")
        })
        .collect();
    let texts = texts::open_all(intake, &mut conn, &readable).await?;
    drop(conn);
    access::log_read(intake, caller, &standing).await?;
    Ok(ListTextsResponse { texts })
}
