//! Templates and drafts are the agency's own.

use sqlx::PgPool;
use tuntas_kit::problem::code_of;
use tuntas_proto::{
    case::v1::Outcome,
    desk::v1::{
        DeleteTemplateRequest, GetDraftRequest, ListTemplatesRequest, PutTemplateRequest, SaveDraftRequest, Template,
        desk_server::Desk as _,
    },
};

use crate::support::{EXECUTOR, LIAISON, OTHER_LIAISON, World, case, case_event, new_case_id};

fn template(key: &str, name: &str) -> PutTemplateRequest {
    PutTemplateRequest {
        idempotency_key: key.to_owned(),
        template: Some(Template {
            opd_code: "dishub".to_owned(),
            name: name.to_owned(),
            body: "Laporan {{ticket}} sedang kami tangani.".to_owned(),
            ..Template::default()
        }),
    }
}

#[sqlx::test(migrations = false)]
async fn a_template_is_stored_once_listed_replaced_and_deleted(pool: PgPool) {
    let world = World::new(pool).await;
    let put = async |request| {
        let answer = world.desk.put_template(world.by(LIAISON, request)).await;
        answer
            .map(|answer| answer.into_inner().template.unwrap())
            .map_err(|status| code_of(&status).unwrap())
    };
    let stored = put(template("k1", "Sedang ditangani")).await.unwrap();
    assert_eq!(put(template("k1", "Sedang ditangani")).await.unwrap(), stored);
    assert_eq!(put(template("k1", "Lain")).await.unwrap_err(), "idempotency_key_reused");
    assert_eq!(put(template("k2", "Sedang ditangani")).await.unwrap_err(), "name_taken");
    assert_eq!(put(template("k3", " ")).await.unwrap_err(), "invalid_argument");
    let mut longer = template("k4", &"x".repeat(5_000));
    assert_eq!(put(longer.clone()).await.unwrap_err(), "invalid_argument");
    let replacement = longer.template.as_mut().unwrap();
    replacement.template_id.clone_from(&stored.template_id);
    replacement.name = "Dalam penanganan".to_owned();
    put(longer).await.unwrap();
    let list = async |position: &str, opd: &str| {
        let request = ListTemplatesRequest {
            opd_code: opd.to_owned(),
        };
        let answer = world.desk.list_templates(world.by(position, request)).await;
        answer
            .map(|answer| answer.into_inner().templates)
            .map_err(|status| code_of(&status).unwrap())
    };
    let listed = list(EXECUTOR, "dishub").await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].name, "Dalam penanganan");
    assert_eq!(list(OTHER_LIAISON, "dishub").await.unwrap_err(), "not_found");
    assert!(list(OTHER_LIAISON, "dinkes").await.unwrap().is_empty());
    for _ in 0..2 {
        let request = DeleteTemplateRequest {
            opd_code: "dishub".to_owned(),
            template_id: stored.template_id.clone(),
        };
        world.desk.delete_template(world.by(LIAISON, request)).await.unwrap();
    }
    assert!(list(LIAISON, "dishub").await.unwrap().is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_draft_is_shared_within_the_agency_and_replaced(pool: PgPool) {
    let world = World::new(pool).await;
    let id = new_case_id();
    world
        .consume("dishub", &case_event("disposed", case(&id, 3)))
        .await
        .unwrap();
    let get = async |position: &str| {
        let opd_code = position.split('.').next().unwrap().to_owned();
        let request = GetDraftRequest {
            opd_code,
            case_id: id.clone(),
        };
        let answer = world.desk.get_draft(world.by(position, request)).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| code_of(&status).unwrap())
    };
    assert_eq!(get(LIAISON).await.unwrap_err(), "not_found");
    for body in ["Konsep pertama", "Konsep kedua"] {
        let request = SaveDraftRequest {
            opd_code: "dishub".to_owned(),
            case_id: id.clone(),
            body: body.to_owned(),
            claimed: Outcome::Resolved.into(),
        };
        world.desk.save_draft(world.by(EXECUTOR, request)).await.unwrap();
    }
    let draft = get(LIAISON).await.unwrap();
    assert_eq!(
        (draft.body.as_str(), draft.claimed()),
        ("Konsep kedua", Outcome::Resolved)
    );
    assert_eq!(get(OTHER_LIAISON).await.unwrap_err(), "unknown_case");
    let huge = SaveDraftRequest {
        opd_code: "dishub".to_owned(),
        case_id: id.clone(),
        body: "x".repeat(10_001),
        claimed: 0,
    };
    let refused = world.desk.save_draft(world.by(EXECUTOR, huge)).await.unwrap_err();
    assert_eq!(code_of(&refused).unwrap(), "invalid_argument");
}
