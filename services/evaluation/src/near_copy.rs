//! An answer was found to be a near copy: it counts for whom the answer counts, in the period of its release.

use sqlx::PgConnection;
use tuntas_proto::event::v1::{AnswerFoundNearCopy, Event};
use uuid::Uuid;

use crate::{
    facts::{SignalFact, Unreadable},
    store::facts as store,
};

/// Kind of the signal.
const NEAR_COPY: &str = "near_copy";

/// Counts it beside the answer that it is of.
///
/// # Errors
/// The database's; inside, that the event cannot be read, or names an answer that the log before it does not hold.
pub async fn apply(
    conn: &mut PgConnection,
    position: i64,
    event: &Event,
    found: &AnswerFoundNearCopy,
) -> sqlx::Result<Result<(), Unreadable>> {
    let Ok(case_id) = found.case_id.parse::<Uuid>() else {
        return Ok(Err(Unreadable("case_id is malformed".to_owned())));
    };
    let Ok(released_by) = event.causation_id.parse::<Uuid>() else {
        return Ok(Err(Unreadable("causation_id is missing or malformed".to_owned())));
    };
    let Some((responsible, at)) = store::answered(conn, case_id, released_by).await? else {
        return Ok(Err(Unreadable(format!(
            "the log before it holds no answer released by event {released_by}"
        ))));
    };
    let signal = SignalFact {
        kind: NEAR_COPY,
        responsible,
        at,
        value: None,
    };
    store::put_signals(conn, case_id, released_by, &[signal], position).await?;
    Ok(Ok(()))
}
