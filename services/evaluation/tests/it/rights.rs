//! Who sees what.

use sqlx::PgPool;
use time::macros::datetime;
use tonic::{Code, Request};
use tuntas_kit::problem;
use tuntas_proto::evaluation::v1::{self as wire, evaluation_server::Evaluation as _};

use crate::{evaluation_cases::Bench, support::apply, world::World};

async fn bench(pool: PgPool) -> Bench {
    let mut world = World::new();
    world.file(1);
    world.dispose(1, "dishub");
    world.run_to(datetime!(2025-03-13 00:00:00 +7));
    let bench = Bench::new(pool, datetime!(2025-03-13 00:10:00 +7)).await;
    apply(&bench.pool, &world.log.entries, 10).await.unwrap();
    bench
}

fn scores() -> wire::ListScoresRequest {
    wire::ListScoresRequest {
        period: "2025-03".to_owned(),
        ..wire::ListScoresRequest::default()
    }
}

fn breaches(per: &str, subject_id: &str) -> wire::ListBreachesRequest {
    wire::ListBreachesRequest {
        period: "2025-03".to_owned(),
        subject_id: subject_id.to_owned(),
        per: per.to_owned(),
    }
}

#[sqlx::test(migrations = false)]
async fn figures_are_for_those_in_office(pool: PgPool) {
    let bench = bench(pool).await;
    let service = &bench.service;
    for position in ["dinkes.sekretaris", "sekda", "ombudsman.riau"] {
        let answer = service
            .list_scores(bench.by(position, scores()))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(answer.scores.len(), 4, "{position}: every agency is listed");
    }
    assert!(service.list_scores(bench.by_service(scores())).await.is_ok());
    let nobody = service.list_scores(Request::new(scores())).await.unwrap_err();
    assert_eq!(nobody.code(), Code::Unauthenticated);
    // Somebody who does not hold the position.
    let impostor = bench.by_holder("sekda", "h-dinkes-sekretaris-1", scores());
    assert_eq!(
        service.list_scores(impostor).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    let unknown = bench.by_holder("dpmptsp.kepala", "h-dpmptsp-kepala-1", scores());
    assert_eq!(
        service.list_scores(unknown).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    let one = wire::ListScoresRequest {
        subject_id: "dishub".to_owned(),
        ..scores()
    };
    let answer = service.list_scores(bench.by("sekda", one)).await.unwrap().into_inner();
    assert_eq!(
        (answer.scores.len(), answer.scores[0].subject_id.as_str()),
        (1, "dishub")
    );
    for bad in ["", "2025-13", "März", "2025-03-01"] {
        let request = wire::ListScoresRequest {
            period: bad.to_owned(),
            ..scores()
        };
        let refused = service.list_scores(bench.by("sekda", request)).await.unwrap_err();
        assert_eq!(problem::code_of(&refused).as_deref(), Some("invalid_argument"), "{bad}");
    }
}

#[sqlx::test(migrations = false)]
async fn breaches_are_for_those_who_see_the_cases(pool: PgPool) {
    let bench = bench(pool).await;
    let allowed = [
        ("sekda", "opd", ""),
        ("ombudsman.riau", "opd", "dishub"),
        ("diskominfotik.kepala", "position", "dishub.sekretaris"),
        ("dishub.lalin", "opd", "dishub"),
        ("dishub.kepala", "position", "dishub.sekretaris"),
        ("dishub.kepala", "holder", "dishub.sekretaris/h-dishub-sekretaris-1"),
    ];
    for (position, per, subject) in allowed {
        let request = bench.by(position, breaches(per, subject));
        let answer = bench.service.list_breaches(request).await.unwrap().into_inner();
        assert_eq!(answer.breaches.len(), 2, "{position} {per} {subject}");
        assert!(answer.log_position > 0);
    }
    let refused = [
        ("dinkes.kepala", "opd", "dishub"),
        ("dinkes.kepala", "opd", ""),
        ("dinkes.kepala", "position", "dishub.sekretaris"),
        ("dinkes.kepala", "holder", "dishub.sekretaris/h-dishub-sekretaris-1"),
        ("dinkes.kepala", "holder", "nonsense"),
    ];
    for (position, per, subject) in refused {
        let request = bench.by(position, breaches(per, subject));
        let status = bench.service.list_breaches(request).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{position} {per} {subject}");
    }
}

#[sqlx::test(migrations = false)]
async fn evaluation_cases_are_for_those_concerned(pool: PgPool) {
    let bench = bench(pool).await;
    for (position, seen) in [
        ("sekda", 1),
        ("gubernur", 1),
        ("ombudsman.riau", 1),
        ("inspektorat.inspektur", 1),
        ("dishub.sekretaris", 1),
        ("dishub.kepala", 1),
        ("dishub.lalin", 0),
        ("dinkes.kepala", 0),
        ("diskominfotik.kepala", 0),
    ] {
        assert_eq!(bench.cases(position).await.len(), seen, "{position}");
    }
    let of_other = wire::ListEvaluationCasesRequest {
        position_id: "dinkes.kepala".to_owned(),
        open_only: true,
    };
    let answer = bench
        .service
        .list_evaluation_cases(bench.by("sekda", of_other))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.cases.len(), 0);
}
