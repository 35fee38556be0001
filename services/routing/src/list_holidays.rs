//! Lists the days of the calendar that are no working days (rule K3).

use prost::Message as _;
use tuntas_kit::{auth::Assertion, problem::Problem};
use tuntas_proto::{
    event::v1::{Event, event::Payload},
    routing::v1::{ListHolidaysRequest, ListHolidaysResponse},
};

use crate::{Routing, caller::Caller, store};

const YEAR_MAX: u32 = 9999;

/// The holidays, of one year when it is named, by date.
///
/// # Errors
/// `forbidden`, `invalid_argument`, or the database's.
pub(crate) async fn list_holidays(
    routing: &Routing,
    assertion: &Assertion,
    request: &ListHolidaysRequest,
) -> Result<ListHolidaysResponse, Problem> {
    if request.year > YEAR_MAX {
        return Err(Problem::invalid("year", "is not a year"));
    }
    let now = routing.clock.now();
    let mut conn = routing.pool.acquire().await?;
    Caller::resolve(&mut conn, &routing.directory, assertion, now).await?;
    let prefix = match request.year {
        0 => String::new(),
        year => format!("{year:04}-"),
    };
    let mut holidays = Vec::new();
    for (kind, key, body) in store::directory::latest(&mut conn).await? {
        if kind != "holiday" || !key.starts_with(&prefix) {
            continue;
        }
        let event = Event::decode(body.as_slice()).map_err(Problem::internal)?;
        if let Some(Payload::CalendarChanged(day)) = event.payload
            && !day.removed
        {
            holidays.push(day);
        }
    }
    holidays.sort_by(|a, b| a.date.cmp(&b.date));
    Ok(ListHolidaysResponse { holidays })
}
