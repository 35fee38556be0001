use sqlx::PgPool;
use tuntas_intake::{list_public_points::list_public_points, search_register::get_public_report};
use tuntas_proto::{
    case::v1::State,
    intake::v1::{
        FileReportRequest, FileReportResponse, GetPublicReportRequest, ListPublicPointsRequest, PublicReport,
    },
};

use crate::support::{World, case_of, key, request, with_text};

async fn verify(world: &World, filed: &FileReportResponse, kind: &str, seq: u64) {
    let text = world
        .store(
            "diskominfotik.verifikator",
            &filed.report_id,
            kind,
            "Jalan rusak di Siak",
        )
        .await;
    let case = case_of(filed, seq, State::AwaitingDisposition);
    world.happen(&case, "verified", with_text(&text)).await;
}

async fn points(world: &World, asked: ListPublicPointsRequest) -> Vec<(String, f64, f64)> {
    let found = list_public_points(&world.intake, asked).await.unwrap();
    let told = |point: tuntas_proto::intake::v1::PublicPoint| (point.ticket, point.latitude, point.longitude);
    found.points.into_iter().map(told).collect()
}

async fn public(world: &World, filed: &FileReportResponse) -> PublicReport {
    let asked = GetPublicReportRequest {
        ticket: filed.ticket.clone(),
        also_unlisted: false,
    };
    get_public_report(&world.intake, asked).await.unwrap()
}

async fn filed_at(world: &World, latitude: f64, longitude: f64) -> FileReportResponse {
    let mut request = FileReportRequest { ..request(&key()) };
    let place = request.place.get_or_insert_default();
    (place.latitude, place.longitude) = (Some(latitude), Some(longitude));
    world.file_as(request).await
}

#[sqlx::test(migrations = false)]
async fn a_place_is_public_when_the_verifier_says_so_and_only_coarsely(pool: PgPool) {
    let world = World::new(pool).await;
    let (told, kept) = (
        filed_at(&world, 0.507_13, 101.447_77).await,
        filed_at(&world, 0.6, 101.5).await,
    );
    verify(&world, &told, "redaction_with_place", 2).await;
    verify(&world, &kept, "redaction", 2).await;
    let all = points(&world, ListPublicPointsRequest::default()).await;
    assert_eq!(all, [(told.ticket.clone(), 0.507, 101.448)]);
    let report = public(&world, &told).await;
    assert_eq!((report.latitude, report.longitude), (Some(0.507), Some(101.448)));
    let report = public(&world, &kept).await;
    assert_eq!((report.latitude, report.longitude), (None, None));
    // What is taken back is taken off the map.
    verify(&world, &told, "redaction", 3).await;
    assert!(points(&world, ListPublicPointsRequest::default()).await.is_empty());
    assert_eq!(public(&world, &told).await.latitude, None);
}

#[sqlx::test(migrations = false)]
async fn points_are_found_by_what_the_register_is_searched_by(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = filed_at(&world, 0.5, 101.4).await;
    verify(&world, &filed, "redaction_with_place", 2).await;
    let found = async |asked| points(&world, asked).await.len();
    let asked = ListPublicPointsRequest::default;
    let words = |query: &str| ListPublicPointsRequest {
        query: query.to_owned(),
        ..asked()
    };
    assert_eq!(found(words("kerusakan jalan")).await, 1);
    assert_eq!(found(words("gajah terbang")).await, 0);
    assert_eq!(found(words("yang di dan")).await, 0);
    let state = |state: State| ListPublicPointsRequest {
        state: state.into(),
        ..asked()
    };
    assert_eq!(found(state(State::AwaitingDisposition)).await, 1);
    assert_eq!(found(state(State::Closed)).await, 0);
    let region = ListPublicPointsRequest {
        region_code: "14.01".to_owned(),
        ..asked()
    };
    assert_eq!(found(region).await, 0);
}

#[sqlx::test(migrations = false)]
async fn without_coordinates_there_is_no_point(pool: PgPool) {
    let world = World::new(pool).await;
    let mut request = request(&key());
    request.place = None;
    let filed = world.file_as(request).await;
    verify(&world, &filed, "redaction_with_place", 2).await;
    assert!(points(&world, ListPublicPointsRequest::default()).await.is_empty());
    assert_eq!(public(&world, &filed).await.body, "Jalan rusak di Siak");
}
