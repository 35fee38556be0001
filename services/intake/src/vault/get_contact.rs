//! Where a reporter can be reached: for the notification service alone, at the moment of sending.

use tuntas_kit::problem::Problem;
use tuntas_proto::intake::v1::{GetContactRequest, GetContactResponse, Identity};
use uuid::Uuid;

use crate::{
    access::Standing,
    caller::Caller,
    content::{Words, open_identity},
    intake::Intake,
    store::report::Report,
    validate,
};

/// The only service that may ask.
const NOTIFICATION: &str = "notification";

/// The code that this event told of, unless a later one took its place.
fn recovered_code(intake: &Intake, report: &Report, event: Uuid) -> String {
    let code = intake.secrets.recovered_code(event);
    let is_latest = report
        .recovered_mac
        .as_deref()
        .is_some_and(|mac| intake.secrets.fits(report.id, &code, mac));
    if is_latest { code.reveal() } else { String::new() }
}

/// E-mail address, telephone number and language of a reporter. Of an erased report only language and ticket.
///
/// # Errors
/// `forbidden` for everybody but the notification service, `unknown_report`, or the database's.
pub async fn get_contact(
    intake: &Intake,
    caller: &Caller,
    request: GetContactRequest,
) -> Result<GetContactResponse, Problem> {
    caller.require_service(NOTIFICATION)?;
    let report_id = validate::id(&request.report_id)?;
    let mut conn = intake.conn().await?;
    let report = Standing::of(&mut conn, report_id).await?.report;
    let (identity, title) = match intake.key(&mut conn, report_id).await? {
        Some(key) => {
            let sealed = report.sealed_identity.as_deref();
            let identity = sealed
                .map(|sealed| open_identity(&key, report_id, sealed))
                .transpose()?;
            (
                identity.unwrap_or_default(),
                Words::open(&key, report_id, &report.sealed_words)?.title,
            )
        }
        None => (Identity::default(), String::new()),
    };
    let receipt_code = match validate::given(&request.receipt_event_id) {
        Some(event) => recovered_code(intake, &report, validate::id(event)?),
        None => String::new(),
    };
    Ok(GetContactResponse {
        receipt_code,
        email: identity.email,
        phone: identity.phone,
        language: report.language,
        ticket: report.ticket,
        title,
    })
}
