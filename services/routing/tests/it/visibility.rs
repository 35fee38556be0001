//! Who sees what: supervisory cases, own units, services and desks (rules M9, M10).

use sqlx::PgPool;
use tonic::Status;
use tuntas_domain::CaseId;
use tuntas_proto::{
    case::v1::{
        Outcome, Party,
        case_command::{self as ask, Command},
        party,
    },
    event::v1::ReportFiled,
    routing::v1::{GetCaseRequest, ListInboxRequest, cases_server::Cases},
};

use crate::support::{
    AUDITOR, DIRECTOR, HEAD, LIAISON, MANAGER, OMBUDSMAN, OPERATOR, PATRON, VERIFIER, World, accept, answer, code,
    dispose, riau, verify_as,
};

async fn supervisory_about_dishub(world: &World) -> CaseId {
    let filed = world.complaint().await;
    let verify = verify_as(ask::Verify {
        supervisory: true,
        complained_opd: "dishub".to_owned(),
        ..ask::Verify::default()
    });
    world.must(VERIFIER, filed.case, verify).await;
    filed.case
}

fn refusal_of<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    code(&answer.unwrap_err())
}

#[sqlx::test(migrations = false)]
async fn the_unit_complained_about_does_not_see_a_supervisory_case(pool: PgPool) {
    let world = riau(pool).await;
    let case = supervisory_about_dishub(&world).await;
    assert_eq!(world.refused(VERIFIER, case, dispose("dishub", &[])).await, "own_unit");
    world
        .must(VERIFIER, case, dispose("inspektorat", &["diskominfotik"]))
        .await;
    let disposed = world.facts(case).await.pop().unwrap();
    let told = world.told(&disposed.event_id).await;
    assert_eq!(told, ["opd.diskominfotik.cases", "opd.inspektorat.cases"]);
    for blind in [LIAISON, HEAD, OPERATOR, "pupr-pkpp.sekretaris"] {
        assert_eq!(refusal_of(world.get(blind, case).await), "forbidden", "{blind}");
    }
    for sees in [
        MANAGER,
        VERIFIER,
        DIRECTOR,
        PATRON,
        OMBUDSMAN,
        AUDITOR,
        "inspektorat.sekretaris",
    ] {
        assert!(world.get(sees, case).await.is_ok(), "{sees}");
    }
    let request = GetCaseRequest {
        case_id: case.to_string(),
        ..GetCaseRequest::default()
    };
    let desk = world.api.get_case(world.service("desk", request.clone())).await;
    assert_eq!(refusal_of(desk), "forbidden");
    assert!(world.api.get_case(world.service("evaluation", request)).await.is_ok());
}

#[sqlx::test(migrations = false)]
async fn the_answer_to_a_supervisory_case_needs_the_head(pool: PgPool) {
    let world = riau(pool).await;
    let case = supervisory_about_dishub(&world).await;
    world.must(VERIFIER, case, dispose("inspektorat", &[])).await;
    world.must("inspektorat.sekretaris", case, accept()).await;
    let refused = world
        .refused("inspektorat.sekretaris", case, answer(Outcome::Resolved))
        .await;
    assert_eq!(refused, "head_required");
    world.must("inspektorat.kepala", case, answer(Outcome::Resolved)).await;
}

#[sqlx::test(migrations = false)]
async fn away_from_supervisory_only_with_the_auditor(pool: PgPool) {
    let world = riau(pool).await;
    let case = supervisory_about_dishub(&world).await;
    let away = Command::Reclassify(ask::Reclassify {
        supervisory: false,
        category_code: "transportasi-darat".to_owned(),
        region_code: "14.71".to_owned(),
        complained_opd: "dishub".to_owned(),
        ..ask::Reclassify::default()
    });
    assert_eq!(world.refused(MANAGER, case, away.clone()).await, "auditor_required");
    let case = world.must(AUDITOR, case, away).await;
    assert!(!case.supervisory);
    assert!(case.flags.iter().any(|flag| flag.reason == "away_from_supervisory"));
}

#[sqlx::test(migrations = false)]
async fn nobody_decides_on_their_own_unit(pool: PgPool) {
    let world = riau(pool).await;
    // Named by the reporter: it goes above the manager from the first moment.
    let filed = world
        .file(ReportFiled {
            named_opd: "diskominfotik".to_owned(),
            ..world.filing()
        })
        .await;
    let about = ask::Verify {
        complained_opd: "diskominfotik".to_owned(),
        ..ask::Verify::default()
    };
    for own in [VERIFIER, MANAGER] {
        assert_eq!(
            world.refused(own, filed.case, verify_as(about.clone())).await,
            "not_permitted"
        );
    }
    let case = world.must(DIRECTOR, filed.case, verify_as(about.clone())).await;
    assert_eq!(
        case.holder,
        Some(Party {
            kind: party::Kind::Director.into(),
            opd_code: String::new()
        })
    );
    world.must(DIRECTOR, filed.case, dispose("inspektorat", &[])).await;

    // Found out at verification: it is handed up.
    let other = world.complaint().await;
    let case = world.must(VERIFIER, other.case, verify_as(about.clone())).await;
    assert_eq!(case.authority.unwrap().kind, i32::from(party::Kind::Director));
    assert_eq!(world.names(other.case).await.last().unwrap(), "handed_up");
    assert_eq!(
        world.refused(VERIFIER, other.case, verify_as(about)).await,
        "not_permitted"
    );
}

#[sqlx::test(migrations = false)]
async fn a_complaint_about_the_auditors_unit_goes_to_the_director(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world
        .file(ReportFiled {
            named_opd: "inspektorat".to_owned(),
            ..world.filing()
        })
        .await;
    let listed = |position: &str| {
        let request = world.by(position, ListInboxRequest::default());
        async { world.api.list_inbox(request).await.unwrap().into_inner().cases }
    };
    assert!(listed(MANAGER).await.is_empty());
    assert_eq!(listed(DIRECTOR).await[0].case_id, filed.case.to_string());
}

#[sqlx::test(migrations = false)]
async fn an_agency_sees_its_own_cases_alone(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    assert!(world.get(LIAISON, filed.case).await.is_ok());
    assert!(world.get("dishub.pengawas-lalu-lintas-1", filed.case).await.is_ok());
    assert_eq!(refusal_of(world.get("pupr-pkpp.kepala", filed.case).await), "forbidden");
    assert_eq!(refusal_of(world.get(OPERATOR, filed.case).await), "forbidden");
    let request = GetCaseRequest {
        case_id: filed.case.to_string(),
        ..GetCaseRequest::default()
    };
    assert!(world.api.get_case(world.service("desk", request.clone())).await.is_ok());
    assert_eq!(
        refusal_of(world.api.get_case(world.service("edge", request)).await),
        "forbidden"
    );
}
