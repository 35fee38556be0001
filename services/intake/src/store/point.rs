//! Where public reports are.

use sqlx::PgConnection;
use uuid::Uuid;

/// Newest points that are looked through: a map is of now.
const LOOKED_THROUGH_MAX: i64 = 5_000;

/// What is searched for; see the search of the register.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "named as in ListPublicPointsRequest")]
pub struct Query {
    pub words: String,
    pub category_code: Option<String>,
    pub region_code: Option<String>,
    pub opd_code: Option<String>,
    pub state: Option<&'static str>,
    pub limit: i64,
}

/// The place of one report.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct PointRow {
    pub report_id: Uuid,
    pub latitude_e3: i32,
    pub longitude_e3: i32,
}

/// A point of a map.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the columns in the migration")]
pub struct MapRow {
    pub ticket: String,
    pub title: String,
    pub state: String,
    pub latitude_e3: i32,
    pub longitude_e3: i32,
}

/// Says where listed reports are, each once.
///
/// # Errors
/// The database's.
pub async fn put(conn: &mut PgConnection, points: &[PointRow]) -> sqlx::Result<()> {
    if points.is_empty() {
        return Ok(());
    }
    let report_ids: Vec<Uuid> = points.iter().map(|point| point.report_id).collect();
    let latitudes: Vec<i32> = points.iter().map(|point| point.latitude_e3).collect();
    let longitudes: Vec<i32> = points.iter().map(|point| point.longitude_e3).collect();
    sqlx::query!(
        "INSERT INTO register_point (report_id, filed_at, latitude_e3, longitude_e3)
         SELECT report.id, report.filed_at, given.latitude_e3, given.longitude_e3
         FROM unnest($1::uuid[], $2::integer[], $3::integer[]) AS given (report_id, latitude_e3, longitude_e3)
         JOIN report ON report.id = given.report_id
         ORDER BY report.id
         ON CONFLICT (report_id) DO UPDATE SET latitude_e3 = excluded.latitude_e3,
             longitude_e3 = excluded.longitude_e3",
        &report_ids,
        &latitudes,
        &longitudes,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Says of reports that they are nowhere any more.
///
/// # Errors
/// The database's.
pub async fn remove(conn: &mut PgConnection, report_ids: &[Uuid]) -> sqlx::Result<()> {
    if report_ids.is_empty() {
        return Ok(());
    }
    sqlx::query!("DELETE FROM register_point WHERE report_id = ANY ($1)", report_ids)
        .execute(conn)
        .await?;
    Ok(())
}

/// The places of these reports, as far as they have one.
///
/// # Errors
/// The database's.
pub async fn of_reports(conn: &mut PgConnection, report_ids: &[Uuid]) -> sqlx::Result<Vec<PointRow>> {
    sqlx::query_as!(
        PointRow,
        "SELECT report_id, latitude_e3, longitude_e3 FROM register_point WHERE report_id = ANY ($1)",
        report_ids,
    )
    .fetch_all(conn)
    .await
}

/// The newest points that a question finds.
///
/// # Errors
/// The database's.
pub async fn list(conn: &mut PgConnection, query: &Query) -> sqlx::Result<Vec<MapRow>> {
    sqlx::query_as!(
        MapRow,
        r#"SELECT facet.ticket, register.title, facet.state, point.latitude_e3, point.longitude_e3
           FROM (SELECT * FROM register_point ORDER BY filed_at DESC, report_id DESC LIMIT $7) AS point
           JOIN register_facet AS facet USING (report_id)
           JOIN register USING (report_id)
           WHERE ($1 = '' OR register.vector @@ plainto_tsquery('indonesian', $1) OR $1 <% register.words)
             AND ($2::text IS NULL OR facet.category_code = $2)
             AND ($3::text IS NULL OR facet.region_code = $3)
             AND ($4::text IS NULL OR facet.lead_opd = $4)
             AND ($5::text IS NULL OR facet.state = $5)
           ORDER BY point.filed_at DESC, point.report_id DESC LIMIT $6"#,
        query.words,
        query.category_code,
        query.region_code,
        query.opd_code,
        query.state,
        query.limit,
        LOOKED_THROUGH_MAX,
    )
    .fetch_all(conn)
    .await
}
