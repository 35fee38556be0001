//! Lists the cases that wait for the caller's roles, what falls due first on top.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::OffsetDateTime;
use tuntas_domain::{Case, Official, Party, Role};
use tuntas_kit::{
    auth::Assertion,
    problem::{FORBIDDEN, Problem},
};
use tuntas_proto::{
    case::v1::State as WireState,
    common::v1::PageRequest,
    convert,
    routing::v1::{ListInboxRequest, ListInboxResponse},
};
use uuid::Uuid;

use crate::{
    Routing,
    caller::Caller,
    get_case::to_wire,
    store::{
        self,
        cases::deadline,
        inbox::{Among, InboxQuery, Waiting},
    },
};

const ROWS_DEFAULT: u32 = 50;
const ROWS_MAX: u32 = 200;
/// Roles that see every case by their office (`authorization::may_see`).
const SEE_ALL: [Role; 5] = [
    Role::Patron,
    Role::Director,
    Role::Ombudsman,
    Role::Manager,
    Role::Verifier,
];

/// A page of the caller's inbox.
///
/// # Errors
/// `forbidden`, `invalid_argument`, or the database's.
pub(crate) async fn list_inbox(
    routing: &Routing,
    assertion: &Assertion,
    request: &ListInboxRequest,
) -> Result<ListInboxResponse, Problem> {
    let now = routing.clock.now();
    let mut conn = routing.pool.acquire().await?;
    let (caller, directory) = Caller::resolve(&mut conn, &routing.directory, assertion, now).await?;
    let page = request.page.clone().unwrap_or_default();
    let rows = rows(&page)?;
    let official = caller.official()?;
    let query = InboxQuery {
        among: among(official, &request.among)?,
        opd: official.opd.as_ref().map(ToString::to_string),
        state: state(request)?,
        overdue_before: request.overdue_only.then_some(now),
        after: decode_cursor(&page.cursor)?,
        // One more than asked for tells whether there is a next page.
        rows_max: i64::from(rows) + 1,
    };
    let mut cases = store::inbox::list(&mut conn, &query).await?;
    let more = cases.len() > rows as usize;
    cases.truncate(rows as usize);
    let next_cursor = cases.last().filter(|_| more).map(encode_cursor).unwrap_or_default();
    Ok(ListInboxResponse {
        cases: cases.iter().map(|case| to_wire(case, &directory)).collect(),
        next_cursor,
    })
}

/// The cases that are asked for: what waits for the official, or all open ones for those who may see them.
fn among(official: &Official, asked: &str) -> Result<Among, Problem> {
    let all = match asked {
        "" => return Ok(Among::Waiting(waiting_for(official))),
        "open" => Among::Open,
        "flagged" => Among::Flagged,
        _ => return Err(Problem::invalid("among", "is empty, open or flagged")),
    };
    if !SEE_ALL.iter().any(|role| official.roles.contains(role)) {
        return Err(FORBIDDEN.into());
    }
    Ok(all)
}

/// What waits for an official: what their party holds, and by role what else is theirs to do.
fn waiting_for(official: &Official) -> Waiting {
    let mut holders = Vec::new();
    let mut waiting = Waiting::default();
    for role in &official.roles {
        match role {
            Role::Manager | Role::Verifier => holders.push(Party::Manager),
            Role::Director => holders.push(Party::Director),
            Role::Patron => holders.push(Party::Patron),
            Role::Ombudsman => holders.push(Party::Ombudsman),
            Role::Liaison | Role::AccountableHead => {
                holders.extend(official.opd.clone().map(Party::Agency));
                waiting.contributions = true;
            }
            Role::Executor => waiting.executor = Some(official.position.to_string()),
            Role::Auditor => waiting.supervisory = true,
            Role::Operator => {}
        }
    }
    waiting.holders = holders.iter().map(Party::code).collect();
    waiting
}

pub(crate) fn rows(page: &PageRequest) -> Result<u32, Problem> {
    match page.size {
        0 => Ok(ROWS_DEFAULT),
        size if size <= ROWS_MAX => Ok(size),
        _ => Err(Problem::invalid("page.size", format!("is more than {ROWS_MAX}"))),
    }
}

fn state(request: &ListInboxRequest) -> Result<Option<String>, Problem> {
    match WireState::try_from(request.state) {
        Ok(WireState::Unspecified) => Ok(None),
        Ok(_) => Ok(Some(convert::state_name(request.state).to_owned())),
        Err(_) => Err(Problem::invalid("state", "is not a state")),
    }
}

pub(crate) fn encode_cursor(case: &Case) -> String {
    let nanos = deadline(case).unix_timestamp_nanos();
    URL_SAFE_NO_PAD.encode(format!("{nanos} {}", case.id))
}

pub(crate) fn decode_cursor(cursor: &str) -> Result<(OffsetDateTime, Uuid), Problem> {
    if cursor.is_empty() {
        return Ok(store::inbox::FIRST_PLACE);
    }
    parse_cursor(cursor).ok_or_else(|| Problem::invalid("page.cursor", "is not one of ours"))
}

fn parse_cursor(cursor: &str) -> Option<(OffsetDateTime, Uuid)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (nanos, id) = text.split_once(' ')?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos.parse().ok()?).ok()?;
    Some((at, id.parse().ok()?))
}
