//! Earlier reports like one, for routing and for who verifies. Words are compared in here; only ids come out.

use time::Duration;
use tuntas_kit::problem::{FORBIDDEN, Problem};
use tuntas_proto::{
    intake::v1::{FindSimilarRequest, FindSimilarResponse, SimilarReport},
    wire_time::timestamp,
};

use crate::{
    access::Standing, caller::Caller, content::Words, intake::Intake, problems::UNKNOWN_REPORT, store::report, suggest,
    validate,
};

const ROUTING: &str = "routing";
const LIMIT_DEFAULT: u32 = 10;
const LIMIT_MAX: u32 = 50;

/// Finds reports like one, and categories that fit its words.
///
/// # Errors
/// `forbidden` for other services and for officers who do not verify it, `unknown_report`, or the database's.
pub async fn find_similar(
    intake: &Intake,
    caller: &Caller,
    request: FindSimilarRequest,
) -> Result<FindSimilarResponse, Problem> {
    let report_id = validate::id(&request.report_id)?;
    let mut conn = intake.conn().await?;
    let standing = Standing::of(&mut conn, report_id).await?;
    match caller {
        Caller::Service(service) if service == ROUTING => {}
        Caller::Service(_) => return Err(Problem::new(FORBIDDEN)),
        Caller::Officer(official) if standing.may_be_redacted_by(official) => {}
        Caller::Officer(_) => return Err(Problem::new(UNKNOWN_REPORT)),
    }
    let limit = if request.limit == 0 {
        LIMIT_DEFAULT
    } else {
        request.limit.min(LIMIT_MAX)
    };
    let window = Duration::days(i64::from(intake.config.search.similar_window_days));
    let similarity_min = i32::try_from(intake.config.search.similar_min).unwrap_or(i32::MAX);
    let since = standing.report.filed_at - window;
    let rows = report::similar(&mut conn, report_id, since, similarity_min, i64::from(limit)).await?;
    let categories = match intake.key(&mut conn, report_id).await? {
        Some(key) => {
            let words = Words::open(&key, report_id, &standing.report.sealed_words)?;
            let directory = intake.snapshot(&mut conn).await?;
            suggest::categories(&directory, &format!("{}\n{}", words.title, words.body))
        }
        None => Vec::new(),
    };
    Ok(FindSimilarResponse {
        reports: rows.into_iter().map(to_wire).collect(),
        categories,
    })
}

fn to_wire(row: report::Similar) -> SimilarReport {
    SimilarReport {
        report_id: row.report_id.to_string(),
        case_id: row.case_id.map(|id| id.to_string()).unwrap_or_default(),
        similarity: row.similarity.unsigned_abs().min(100),
        category_code: row.category_code,
        lead_opd: row.lead_opd.unwrap_or_default(),
        filed_at: Some(timestamp(row.filed_at)),
    }
}
