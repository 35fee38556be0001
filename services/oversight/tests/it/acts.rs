//! The Ombudsman's acts and their clocks (rule K9).

use sqlx::PgPool;
use time::{OffsetDateTime, macros::datetime};
use tonic::Status;
use tuntas_kit::problem;
use tuntas_proto::{
    event::v1::{OmbudsmanActed, event::Payload},
    oversight::v1::{self as wire, oversight_server::Oversight as _},
    wire_time::instant,
};
use uuid::Uuid;

use crate::bench::{Bench, case_id, text};

/// Monday, 3 November 2025, 09:00 WIB.
const NOW: OffsetDateTime = datetime!(2025-11-03 09:00:00 +7);

fn ask(kind: &str, key: &str) -> wire::ActRequest {
    wire::ActRequest {
        idempotency_key: key.to_owned(),
        case_id: case_id(),
        kind: kind.to_owned(),
        addressed_opd: String::new(),
        text: text(1),
    }
}

fn answer(act_id: &str, key: &str, implemented: bool) -> wire::AnswerActRequest {
    wire::AnswerActRequest {
        idempotency_key: key.to_owned(),
        act_id: act_id.to_owned(),
        text: text(2),
        implemented,
    }
}

fn close(act_id: &str, key: &str, judgement: &str) -> wire::CloseActRequest {
    wire::CloseActRequest {
        idempotency_key: key.to_owned(),
        act_id: act_id.to_owned(),
        judgement: judgement.to_owned(),
        text: text(3),
    }
}

fn code(status: &Status) -> String {
    problem::code_of(status).unwrap_or_default()
}

impl Bench {
    async fn asked(&self, kind: &str, key: &str) -> wire::ActResponse {
        self.acts
            .act(self.by("ombudsman.riau", ask(kind, key)))
            .await
            .unwrap()
            .into_inner()
    }

    async fn answered(&self, position: &str, request: wire::AnswerActRequest) -> Result<(), Status> {
        self.acts.answer_act(self.by(position, request)).await.map(|_| ())
    }

    async fn closed(&self, position: &str, request: wire::CloseActRequest) -> Result<(), Status> {
        self.acts.close_act(self.by(position, request)).await.map(|_| ())
    }

    async fn acted(&self) -> Vec<(String, u64, OmbudsmanActed)> {
        let told = self.told().await;
        told.into_iter()
            .filter_map(|(key, event)| match event.payload {
                Some(Payload::OmbudsmanActed(acted)) => Some((key, event.aggregate_seq, acted)),
                _ => None,
            })
            .collect()
    }
}

#[sqlx::test(migrations = false)]
async fn an_explanation_is_asked_for_twice_and_then_overdue(pool: PgPool) {
    let bench = Bench::new(pool, NOW).await;
    let asked = bench.asked("explanation_request", "k-1").await;
    // Fourteen calendar days after the 3rd: 24:00 of the 17th.
    let first_due = datetime!(2025-11-18 00:00:00 +7);
    assert_eq!(asked.due_at.as_ref().and_then(instant), Some(first_due));
    assert_eq!(
        bench.asked("explanation_request", "k-1").await,
        asked,
        "the same key gives the same answer"
    );
    bench.clock.advance_to(first_due - time::Duration::SECOND).unwrap();
    bench.reconcile().await;
    assert_eq!(bench.list().await[0].status, "open");
    bench.clock.advance_to(first_due).unwrap();
    bench.reconcile().await;
    bench.reconcile().await;
    let again = &bench.list().await[0];
    let second_due = datetime!(2025-12-02 00:00:00 +7);
    assert_eq!(
        (again.status.as_str(), again.due_at.as_ref().and_then(instant)),
        ("open", Some(second_due))
    );
    bench.clock.advance_to(second_due).unwrap();
    bench.reconcile().await;
    bench.reconcile().await;
    assert_eq!(bench.list().await[0].status, "overdue");
    // It is still taken.
    bench
        .answered("dishub.kepala", answer(&asked.act_id, "k-2", false))
        .await
        .unwrap();
    let act = &bench.list().await[0];
    assert_eq!((act.status.as_str(), &act.answer), ("answered", &text(2)));
    let said: Vec<(String, u64, String, String)> = bench
        .acted()
        .await
        .into_iter()
        .map(|(key, seq, acted)| (key, seq, acted.kind, acted.status))
        .collect();
    let line =
        |seq, kind: &str, status: &str| (format!("oversight.act.{kind}"), seq, kind.to_owned(), status.to_owned());
    let expected = [
        line(1, "explanation_request", "open"),
        line(2, "explanation_request", "open"),
        line(3, "explanation_request", "overdue"),
        line(4, "explanation", "answered"),
    ];
    assert_eq!(said, expected);
}

#[sqlx::test(migrations = false)]
async fn a_recommendation_has_sixty_days(pool: PgPool) {
    let bench = Bench::new(pool, NOW).await;
    let asked = bench.asked("recommendation", "k-1").await;
    let due = datetime!(2026-01-03 00:00:00 +7);
    assert_eq!(asked.due_at.as_ref().and_then(instant), Some(due));
    bench.clock.advance_to(due).unwrap();
    bench.reconcile().await;
    assert_eq!(bench.list().await[0].status, "overdue");
    bench
        .answered("dishub.sekretaris", answer(&asked.act_id, "k-2", true))
        .await
        .unwrap();
    bench
        .answered("dishub.sekretaris", answer(&asked.act_id, "k-2", true))
        .await
        .unwrap();
    assert_eq!(bench.list().await[0].status, "done");
    let last = bench.acted().await.pop().unwrap();
    assert_eq!(
        (last.0.as_str(), last.1, last.2.status.as_str()),
        ("oversight.act.implementation", 3, "done")
    );
    assert_eq!((last.2.text, last.2.addressed_opd.as_str()), (text(2), "dishub"));
}

#[sqlx::test(migrations = false)]
async fn a_comment_asks_for_nothing(pool: PgPool) {
    let bench = Bench::new(pool, NOW).await;
    let comment = bench.asked("comment", "k-1").await;
    assert_eq!(comment.due_at, None);
    bench.clock.advance_to(NOW + time::Duration::days(400)).unwrap();
    bench.reconcile().await;
    assert_eq!(bench.list().await[0].status, "done");
    let refused = bench
        .answered("dishub.kepala", answer(&comment.act_id, "k-2", false))
        .await
        .unwrap_err();
    assert_eq!(code(&refused), "illegal_move");
    let request = wire::ListActsRequest {
        case_id: case_id(),
        open_only: true,
    };
    let open = bench
        .acts
        .list_acts(bench.by("ombudsman.riau", request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(open.acts.len(), 0);
}

#[sqlx::test(migrations = false)]
async fn only_the_ombudsman_acts_and_only_the_addressed_answer(pool: PgPool) {
    let bench = Bench::new(pool, NOW).await;
    for position in [
        "sekda",
        "gubernur",
        "dishub.kepala",
        "inspektorat.inspektur",
        "pusat-data",
    ] {
        let request = bench.by(position, ask("comment", "k-0"));
        assert_eq!(
            code(&bench.acts.act(request).await.unwrap_err()),
            "forbidden",
            "{position}"
        );
    }
    let asked = bench.asked("explanation_request", "k-1").await;
    for position in ["dinkes.kepala", "dishub.lalin", "sekda", "ombudsman.riau"] {
        let refused = bench
            .answered(position, answer(&asked.act_id, "k-2", false))
            .await
            .unwrap_err();
        assert_eq!(code(&refused), "forbidden", "{position}");
    }
    bench
        .answered("dishub.sekretaris", answer(&asked.act_id, "k-3", false))
        .await
        .unwrap();
    for (position, seen) in [
        ("sekda", Some(1)),
        ("dishub.kepala", Some(1)),
        ("dinkes.kepala", Some(0)),
    ] {
        let request = bench.by(position, wire::ListActsRequest::default());
        let acts = bench
            .acts
            .list_acts(request)
            .await
            .ok()
            .map(|answer| answer.into_inner().acts.len());
        assert_eq!(acts, seen, "{position}");
    }
    for position in ["dishub.lalin", "pusat-data"] {
        let request = bench.by(position, wire::ListActsRequest::default());
        assert_eq!(
            code(&bench.acts.list_acts(request).await.unwrap_err()),
            "forbidden",
            "{position}"
        );
    }
}

#[sqlx::test(migrations = false)]
async fn bad_requests_are_refused_by_name(pool: PgPool) {
    let bench = Bench::new(pool, NOW).await;
    let good = || ask("comment", "k");
    let mut short_text = text(1).unwrap();
    short_text.commitment.pop();
    let cases = [
        (
            wire::ActRequest {
                idempotency_key: String::new(),
                ..good()
            },
            "idempotency_key_missing",
        ),
        (
            wire::ActRequest {
                idempotency_key: "k".repeat(129),
                ..good()
            },
            "idempotency_key_missing",
        ),
        (
            wire::ActRequest {
                case_id: "x".to_owned(),
                ..good()
            },
            "invalid_argument",
        ),
        (
            wire::ActRequest {
                case_id: Uuid::from_u128(9).to_string(),
                ..good()
            },
            "unknown_case",
        ),
        (
            wire::ActRequest {
                kind: "reopen".to_owned(),
                ..good()
            },
            "invalid_argument",
        ),
        (
            wire::ActRequest {
                addressed_opd: "Dishub!".to_owned(),
                ..good()
            },
            "invalid_argument",
        ),
        (
            wire::ActRequest {
                addressed_opd: "unknown".to_owned(),
                ..good()
            },
            "invalid_argument",
        ),
        (wire::ActRequest { text: None, ..good() }, "invalid_argument"),
        (
            wire::ActRequest {
                text: Some(short_text),
                ..good()
            },
            "invalid_argument",
        ),
    ];
    for (request, expected) in cases {
        let refused = bench
            .acts
            .act(bench.by("ombudsman.riau", request.clone()))
            .await
            .unwrap_err();
        assert_eq!(code(&refused), expected, "{request:?}");
    }
    let asked = bench.asked("explanation_request", "k-1").await;
    let other_text = wire::ActRequest {
        text: text(9),
        ..ask("explanation_request", "k-1")
    };
    let reused = bench
        .acts
        .act(bench.by("ombudsman.riau", other_text))
        .await
        .unwrap_err();
    assert_eq!(code(&reused), "idempotency_key_reused");
    let implemented = answer(&asked.act_id, "k-2", true);
    assert_eq!(
        code(&bench.answered("dishub.kepala", implemented).await.unwrap_err()),
        "invalid_argument"
    );
    let unknown = answer(&Uuid::from_u128(9).to_string(), "k-2", false);
    assert_eq!(
        code(&bench.answered("dishub.kepala", unknown).await.unwrap_err()),
        "not_found"
    );
    assert_eq!(bench.acted().await.len(), 1, "nothing was stored or told of the others");
}

#[sqlx::test(migrations = false)]
async fn an_answered_request_is_closed_with_a_judgement_once(pool: PgPool) {
    let bench = Bench::new(pool, NOW).await;
    let asked = bench.asked("recommendation", "k-1").await;
    bench
        .answered("dishub.kepala", answer(&asked.act_id, "k-2", true))
        .await
        .unwrap();
    assert_eq!(
        bench.list().await[0].judgement,
        "",
        "what an agency says of itself is no judgement"
    );
    for _ in 0..2 {
        bench
            .closed("ombudsman.riau", close(&asked.act_id, "k-3", "partly_satisfied"))
            .await
            .unwrap();
    }
    let act = &bench.list().await[0];
    assert_eq!(
        (
            act.status.as_str(),
            act.judgement.as_str(),
            &act.judgement_text,
            &act.answer
        ),
        ("done", "partly_satisfied", &text(3), &text(2))
    );
    let acted = bench.acted().await;
    assert_eq!(acted.len(), 3);
    let (key, seq, last) = &acted[2];
    let expected = OmbudsmanActed {
        act_id: asked.act_id.clone(),
        case_id: case_id(),
        kind: "judgement".to_owned(),
        addressed_opd: "dishub".to_owned(),
        text: text(3),
        due_at: asked.due_at,
        status: "done".to_owned(),
        judgement: "partly_satisfied".to_owned(),
    };
    assert_eq!((key.as_str(), *seq, last), ("oversight.act.judgement", 3, &expected));
    // The same key for another judgement, and another key: the first judgement stands.
    let reused = bench
        .closed("ombudsman.riau", close(&asked.act_id, "k-3", "satisfied"))
        .await
        .unwrap_err();
    assert_eq!(code(&reused), "idempotency_key_reused");
    let again = bench
        .closed("ombudsman.riau", close(&asked.act_id, "k-4", "satisfied"))
        .await
        .unwrap_err();
    assert_eq!(code(&again), "illegal_move");
    let late = bench
        .answered("dishub.kepala", answer(&asked.act_id, "k-5", false))
        .await
        .unwrap_err();
    assert_eq!(code(&late), "illegal_move", "after it nothing more is taken");
    bench.clock.advance_to(NOW + time::Duration::days(400)).unwrap();
    bench.reconcile().await;
    assert_eq!(bench.list().await[0].judgement, "partly_satisfied");
    assert_eq!(bench.acted().await.len(), 3);
}

#[sqlx::test(migrations = false)]
async fn a_request_is_taken_back_or_found_wanting_without_an_answer(pool: PgPool) {
    let bench = Bench::new(pool, NOW).await;
    let withdrawn = bench.asked("explanation_request", "k-1").await;
    let unanswered = bench.asked("explanation_request", "k-2").await;
    bench
        .closed("ombudsman.riau", close(&withdrawn.act_id, "k-3", "withdrawn"))
        .await
        .unwrap();
    // Asked a second time, and overdue: only the one that is still open.
    for days in [20, 40] {
        bench.clock.advance_to(NOW + time::Duration::days(days)).unwrap();
        bench.reconcile().await;
    }
    bench
        .closed("ombudsman.riau", close(&unanswered.act_id, "k-4", "not_satisfied"))
        .await
        .unwrap();
    let said: Vec<(String, u64, String, String)> = bench
        .acted()
        .await
        .into_iter()
        .skip(2)
        .map(|(_, seq, acted)| (acted.act_id, seq, acted.status, acted.judgement))
        .collect();
    let line = |act: &wire::ActResponse, seq, status: &str, judgement: &str| {
        (act.act_id.clone(), seq, status.to_owned(), judgement.to_owned())
    };
    let expected = [
        line(&withdrawn, 2, "done", "withdrawn"),
        line(&unanswered, 2, "open", ""),
        line(&unanswered, 3, "overdue", ""),
        line(&unanswered, 4, "done", "not_satisfied"),
    ];
    assert_eq!(said, expected);
    let request = wire::ListActsRequest {
        case_id: case_id(),
        open_only: true,
    };
    let open = bench.acts.list_acts(bench.by("ombudsman.riau", request)).await.unwrap();
    assert_eq!(open.into_inner().acts.len(), 0);
}

#[sqlx::test(migrations = false)]
async fn only_the_ombudsman_closes_and_only_requests(pool: PgPool) {
    let bench = Bench::new(pool, NOW).await;
    let asked = bench.asked("explanation_request", "k-1").await;
    let comment = bench.asked("comment", "k-2").await;
    for position in [
        "dishub.kepala",
        "dishub.sekretaris",
        "sekda",
        "gubernur",
        "inspektorat.inspektur",
        "pusat-data",
    ] {
        let refused = bench
            .closed(position, close(&asked.act_id, "k-3", "satisfied"))
            .await
            .unwrap_err();
        assert_eq!(code(&refused), "forbidden", "{position}");
    }
    let service = bench.by_service("desk", close(&asked.act_id, "k-3", "satisfied"));
    assert_eq!(code(&bench.acts.close_act(service).await.unwrap_err()), "forbidden");
    let good = || close(&asked.act_id, "k-4", "satisfied");
    let bad = [
        (close(&comment.act_id, "k-4", "satisfied"), "illegal_move"),
        (close(&Uuid::from_u128(9).to_string(), "k-4", "satisfied"), "not_found"),
        (close("x", "k-4", "satisfied"), "invalid_argument"),
        (close(&asked.act_id, "k-4", "fine"), "invalid_argument"),
        (close(&asked.act_id, "k-4", ""), "invalid_argument"),
        (close(&asked.act_id, "", "satisfied"), "idempotency_key_missing"),
        (wire::CloseActRequest { text: None, ..good() }, "invalid_argument"),
    ];
    for (request, expected) in bad {
        let refused = bench.closed("ombudsman.riau", request.clone()).await.unwrap_err();
        assert_eq!(code(&refused), expected, "{request:?}");
    }
    assert_eq!(bench.acted().await.len(), 2, "nothing was stored or told of the others");
    bench.closed("ombudsman.riau", good()).await.unwrap();
}
