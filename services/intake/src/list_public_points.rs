//! Where public reports are, for a map.

use tuntas_kit::problem::Problem;
use tuntas_proto::{
    case::v1::State,
    convert::state_name,
    intake::v1::{ListPublicPointsRequest, ListPublicPointsResponse, PublicPoint},
};

use crate::{
    intake::Intake,
    public,
    search_register::check_words,
    store::point::{self, MapRow, Query},
    validate, words,
};

const POINTS_DEFAULT: u32 = 300;
const POINTS_MAX: u32 = 1_000;

/// Lists the newest points that a question finds. A query of words that mean nothing finds nothing.
///
/// # Errors
/// `query_length`, or the database's.
pub async fn list_public_points(
    intake: &Intake,
    request: ListPublicPointsRequest,
) -> Result<ListPublicPointsResponse, Problem> {
    check_words(&request.query)?;
    let words = words::normal_form(&request.query);
    if words.is_empty() && validate::given(&request.query).is_some() {
        return Ok(ListPublicPointsResponse::default());
    }
    let size = match request.size {
        0 => POINTS_DEFAULT,
        size => size.min(POINTS_MAX),
    };
    let owned = |text: &str| validate::given(text).map(str::to_owned);
    let query = Query {
        words,
        category_code: owned(&request.category_code),
        region_code: owned(&request.region_code),
        opd_code: owned(&request.opd_code),
        state: Some(state_name(request.state)).filter(|state| !state.is_empty()),
        limit: size.into(),
    };
    let rows = point::list(&mut *intake.conn().await?, &query).await?;
    Ok(ListPublicPointsResponse {
        points: rows.into_iter().map(to_wire).collect(),
    })
}

fn state_of(name: &str) -> State {
    let known = (0..=State::Closed.into()).find(|value| state_name(*value) == name);
    known.and_then(|value| value.try_into().ok()).unwrap_or_default()
}

fn to_wire(row: MapRow) -> PublicPoint {
    let (latitude, longitude) = public::degrees(row.latitude_e3, row.longitude_e3);
    PublicPoint {
        ticket: row.ticket,
        title: row.title,
        state: state_of(&row.state).into(),
        latitude,
        longitude,
    }
}
