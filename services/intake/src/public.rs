//! A report as everybody may see it: the verifier's text, the state, the released answer.

use prost::Message as _;
use sqlx::PgConnection;
use tuntas_domain::ClockKind;
use tuntas_kit::problem::Problem;
use tuntas_proto::{
    case::v1::{Case, Clock, State},
    convert::report_kind_to_wire,
    intake::v1::PublicReport,
    wire_time::timestamp,
};
use uuid::Uuid;

use crate::{
    intake::Intake,
    store::{
        self, point,
        register::{PublicRow, UnlistedRow},
        text,
    },
    texts,
};

/// Rows of the register for the wire, in their order.
///
/// # Errors
/// The database's, or an answer that does not open.
pub async fn reports(
    intake: &Intake,
    conn: &mut PgConnection,
    rows: Vec<PublicRow>,
) -> Result<Vec<PublicReport>, Problem> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.report_id).collect();
    let points = point::of_reports(conn, &ids).await?;
    let mut reports = Vec::with_capacity(rows.len());
    for row in rows {
        let place = points.iter().find(|point| point.report_id == row.report_id);
        let place = place.map(|point| degrees(point.latitude_e3, point.longitude_e3));
        let (latitude, longitude) = place.unzip();
        reports.push(PublicReport {
            latitude,
            longitude,
            ..shown(intake, conn, row).await?
        });
    }
    Ok(reports)
}

/// One row of the register for the wire.
///
/// # Errors
/// As [`reports`].
pub async fn report(intake: &Intake, conn: &mut PgConnection, row: PublicRow) -> Result<PublicReport, Problem> {
    let shown = reports(intake, conn, vec![row]).await?.pop();
    shown.ok_or_else(|| Problem::internal("a row became no report"))
}

/// Latitude and longitude from thousandths of a degree.
#[must_use]
pub fn degrees(latitude_e3: i32, longitude_e3: i32) -> (f64, f64) {
    (f64::from(latitude_e3) / 1000.0, f64::from(longitude_e3) / 1000.0)
}

async fn shown(intake: &Intake, conn: &mut PgConnection, row: PublicRow) -> Result<PublicReport, Problem> {
    let case = match &row.case_body {
        Some(body) => Case::decode(body.as_slice()).map_err(Problem::internal)?,
        None => Case::default(),
    };
    let closed = case.state == i32::from(State::Closed);
    Ok(PublicReport {
        ticket: row.ticket,
        title: row.title,
        body: row.body,
        kind: report_kind_to_wire(store::parsed("kind", &row.kind)?).into(),
        state: case.state,
        // Before that it is what the answer claims.
        outcome: if closed { case.outcome } else { 0 },
        category_code: row.category_code,
        region_code: row.region_code,
        lead_opd: case.lead_opd.clone(),
        filed_at: Some(timestamp(row.filed_at)),
        answer: answer(intake, conn, &case).await?,
        similarity: row.similarity.unsigned_abs().min(100),
        updated_at: Some(timestamp(row.updated_at)),
        answer_due_at: answer_due_at(&case),
        listed: true,
        latitude: None,
        longitude: None,
    })
}

/// A report that is not in the register: nothing but that it is there, and whether it is closed.
#[must_use]
pub fn unlisted(row: UnlistedRow) -> PublicReport {
    PublicReport {
        ticket: row.ticket,
        state: if row.closed { State::Closed.into() } else { 0 },
        category_code: row.category_code,
        filed_at: Some(timestamp(row.filed_at)),
        updated_at: Some(timestamp(row.updated_at)),
        ..PublicReport::default()
    }
}

/// When the answer is due, while its clock runs.
fn answer_due_at(case: &Case) -> Option<tuntas_proto::Timestamp> {
    let runs =
        |clock: &&Clock| clock.kind == ClockKind::Resolution.code() && !clock.paused && clock.stopped_at.is_none();
    case.clocks.iter().rfind(runs).and_then(|clock| clock.due_at)
}

/// The answer that stands, if it was released to everybody.
async fn answer(intake: &Intake, conn: &mut PgConnection, case: &Case) -> Result<String, Problem> {
    let named = case.answer.as_ref().and_then(|answer| answer.text.as_ref());
    let Some(id) = named.and_then(|text| text.text_id.parse::<Uuid>().ok()) else {
        return Ok(String::new());
    };
    match text::by_id(conn, id).await? {
        Some(text) if text.audience == "public" => Ok(texts::open_one(intake, conn, &text)
            .await?
            .map(|body| body.body)
            .unwrap_or_default()),
        _ => Ok(String::new()),
    }
}
