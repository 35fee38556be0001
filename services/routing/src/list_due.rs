//! Lists what falls due, with who answers for it: what notification's morning mails say.

use time::OffsetDateTime;
use tuntas_domain::{Case, breach};
use tuntas_kit::{auth::Assertion, directory::Snapshot, problem::Problem};
use tuntas_proto::{
    routing::v1::{DueClock, ListDueRequest, ListDueResponse},
    wire_time::{instant, timestamp},
};

use crate::{
    Routing,
    caller::Caller,
    list_inbox::{decode_cursor, encode_cursor, rows},
    store::{
        self,
        inbox::{Among, InboxQuery},
    },
};

/// The only service that may ask.
const NOTIFICATION: &str = "notification";

/// A page of running clocks.
///
/// # Errors
/// `forbidden` for everybody but notification, `invalid_argument`, or the database's.
pub(crate) async fn list_due(
    routing: &Routing,
    assertion: &Assertion,
    request: &ListDueRequest,
) -> Result<ListDueResponse, Problem> {
    let now = routing.clock.now();
    let mut conn = routing.pool.acquire().await?;
    let (caller, directory) = Caller::resolve(&mut conn, &routing.directory, assertion, now).await?;
    caller.require(&[NOTIFICATION], &[])?;
    let before = request.before.as_ref().and_then(instant);
    let before = before.ok_or_else(|| Problem::invalid("before", "is needed"))?;
    let page = request.page.clone().unwrap_or_default();
    let rows = rows(&page)?;
    let query = InboxQuery {
        among: Among::Open,
        opd: None,
        state: None,
        overdue_before: Some(before),
        after: decode_cursor(&page.cursor)?,
        // One more than asked for tells whether there is a next page.
        rows_max: i64::from(rows) + 1,
    };
    let mut cases = store::inbox::list(&mut conn, &query).await?;
    let more = cases.len() > rows as usize;
    cases.truncate(rows as usize);
    Ok(ListDueResponse {
        next_cursor: cases.last().filter(|_| more).map(encode_cursor).unwrap_or_default(),
        clocks: cases
            .iter()
            .flat_map(|case| due(case, before, now, &directory))
            .collect(),
    })
}

/// The running clocks of a case that fall due before a moment, those of reporters left out.
fn due(case: &Case, before: OffsetDateTime, now: OffsetDateTime, directory: &Snapshot) -> Vec<DueClock> {
    let running = case
        .clocks
        .iter()
        .filter(|clock| clock.is_running() && !clock.kind.is_reporters() && clock.due_at < before);
    running
        .map(|clock| {
            let charge = breach::responsible(case, clock, clock.party.clone(), now, &directory.directory);
            DueClock {
                case_id: case.id.to_string(),
                kind: clock.kind.code().to_owned(),
                due_at: Some(timestamp(clock.due_at)),
                position_id: charge.position.map(|position| position.to_string()).unwrap_or_default(),
                category_code: case.category.as_ref().map(ToString::to_string).unwrap_or_default(),
                region_code: case.region.as_ref().map(ToString::to_string).unwrap_or_default(),
            }
        })
        .collect()
}
