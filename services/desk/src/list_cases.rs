//! The agency's cases, what falls due first on top, with the commands that are pending next to them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::OffsetDateTime;
use tuntas_domain::CaseId;
use tuntas_kit::problem::Problem;
use tuntas_proto::{
    case::v1::State,
    desk::v1::{ListCasesRequest, ListCasesResponse},
};
use uuid::Uuid;

use crate::{
    caller::Caller,
    desk::Desk,
    part::state_code,
    show,
    store::{
        cases::{self, Filter, Place},
        commands,
    },
};

const PAGE_DEFAULT: u32 = 50;
const PAGE_MAX: u32 = 200;

/// Lists a page.
///
/// # Errors
/// `invalid_argument` or the database's.
pub async fn list(desk: &Desk, caller: &Caller, request: &ListCasesRequest) -> Result<ListCasesResponse, Problem> {
    let page = request.page.clone().unwrap_or_default();
    let size = match page.size {
        0 => PAGE_DEFAULT,
        size if size <= PAGE_MAX => size,
        _ => return Err(Problem::invalid("page.size", "at most 200")),
    };
    let state = State::try_from(request.state).map_err(|error| Problem::invalid("state", error))?;
    let filter = Filter {
        state: state_code(state),
        assigned_to: request.assigned_to_me.then(|| caller.official.position.clone()),
    };
    let after = match page.cursor.as_str() {
        "" => None,
        cursor => Some(from_cursor(cursor).ok_or_else(|| Problem::invalid("page.cursor", "is not one of ours"))?),
    };
    let mut conn = desk.conn().await?;
    // One more than asked for tells whether there is a next page.
    let mut rows = cases::page(&mut conn, &caller.opd, &filter, after, i64::from(size) + 1).await?;
    let asked = usize::try_from(size).unwrap_or(usize::MAX);
    let more = rows.len() > asked;
    rows.truncate(asked);
    let next_cursor = rows
        .last()
        .filter(|_| more)
        .map(|(place, _)| to_cursor(*place))
        .unwrap_or_default();
    let ids: Vec<CaseId> = rows.iter().map(|(place, _)| place.case_id).collect();
    let pending = commands::pending(&mut conn, &caller.opd, &ids).await?;
    let cases = rows
        .into_iter()
        .map(|(place, stored)| {
            let own: Vec<_> = pending
                .iter()
                .filter(|command| command.case_id == place.case_id)
                .cloned()
                .collect();
            show::case(stored, &own)
        })
        .collect();
    Ok(ListCasesResponse { cases, next_cursor })
}

/// 16 bytes of time and 16 of id.
fn to_cursor(place: Place) -> String {
    let nanos = place.due_order.unix_timestamp_nanos().to_be_bytes();
    URL_SAFE_NO_PAD.encode([nanos, place.case_id.into_uuid().into_bytes()].concat())
}

fn from_cursor(text: &str) -> Option<Place> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (nanos, id) = bytes.split_first_chunk::<16>()?;
    Some(Place {
        due_order: OffsetDateTime::from_unix_timestamp_nanos(i128::from_be_bytes(*nanos)).ok()?,
        case_id: CaseId::new(Uuid::from_slice(id).ok()?),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let place = Place {
            due_order: datetime!(2026-11-24 17:00:00.000001 UTC),
            case_id: Uuid::max().into(),
        };
        assert_eq!(from_cursor(&to_cursor(place)).unwrap(), place);
        assert_eq!(from_cursor("nonsense"), None);
        assert_eq!(from_cursor(""), None);
    }
}
