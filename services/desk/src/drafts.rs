//! The agency's own, unreleased text of an answer. Whoever handles the case at the agency reads and replaces it.

use tuntas_domain::CaseId;
use tuntas_kit::{
    problem::{NOT_FOUND, Problem, UNKNOWN_CASE},
    tx,
};
use tuntas_proto::{
    case::v1::Outcome,
    desk::v1::{GetDraftRequest, GetDraftResponse, SaveDraftRequest},
    wire_time::timestamp,
};

use crate::{
    caller::Caller,
    desk::Desk,
    part::Part,
    store::{
        cases,
        texts::{self, Draft},
    },
};

const BODY_CHARS_MAX: usize = 10_000;

/// Saves the draft of a case, in place of the one before.
///
/// # Errors
/// `unknown_case` for a case that the agency does not have, `invalid_argument`.
pub async fn save(desk: &Desk, caller: &Caller, request: SaveDraftRequest) -> Result<(), Problem> {
    caller.own(&request.opd_code)?;
    let case_id = known_case(desk, caller, &request.case_id).await?;
    // PostgreSQL stores no NUL in a text.
    if request.body.chars().count() > BODY_CHARS_MAX || request.body.contains('\0') {
        return Err(Problem::invalid("body", "at most 10,000 characters, none of them NUL"));
    }
    let claimed = match request.claimed() {
        Outcome::Unspecified => None,
        claimed => Some(claimed.as_str_name().to_owned()),
    };
    let draft = Draft {
        body: request.body,
        claimed,
        saved_at: caller.at,
    };
    let (opd, by) = (caller.opd.clone(), caller.official.position.clone());
    tx::run(&desk.pool, move |conn| {
        Box::pin(async move { Ok::<_, Problem>(texts::save_draft(conn, &opd, case_id, &draft, &by).await?) })
    })
    .await
}

/// The draft of a case.
///
/// # Errors
/// `unknown_case`, or `not_found` when it has none.
pub async fn get(desk: &Desk, caller: &Caller, request: &GetDraftRequest) -> Result<GetDraftResponse, Problem> {
    caller.own(&request.opd_code)?;
    let case_id = known_case(desk, caller, &request.case_id).await?;
    let mut conn = desk.conn().await?;
    let draft = texts::draft(&mut conn, &caller.opd, case_id).await?;
    let draft = draft.ok_or_else(|| Problem::new(NOT_FOUND).message("the case has no draft"))?;
    let claimed = draft
        .claimed
        .as_deref()
        .and_then(Outcome::from_str_name)
        .unwrap_or_default();
    Ok(GetDraftResponse {
        body: draft.body,
        claimed: claimed.into(),
        saved_at: Some(timestamp(draft.saved_at)),
    })
}

async fn known_case(desk: &Desk, caller: &Caller, case_id: &str) -> Result<CaseId, Problem> {
    let case_id = case_id.parse().map_err(|error| Problem::invalid("case_id", error))?;
    let mut conn = desk.conn().await?;
    let stored = cases::get(&mut conn, &caller.opd, case_id).await?;
    match stored {
        Some(stored) if stored.part != Part::Gone => Ok(case_id),
        _ => Err(Problem::new(UNKNOWN_CASE)),
    }
}
