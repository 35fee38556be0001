//! Who is told of what: one event, one plan, however often it comes.

use sqlx::PgPool;
use tuntas_proto::{
    case::v1::{Answer, Case, CaseEvent, Outcome, RejectReason, State, case_event::Details},
    event::v1::{EvaluationCaseChanged, Event, OmbudsmanActed, event::Payload},
};

use crate::support::{
    EXECUTOR, HEAD, LIAISON, MANAGER, OTHER_LIAISON, World, case, case_event, case_event_with, contribution, filed,
    member, new_id, running,
};

/// Recipients and templates that events planned for a case, sorted.
async fn planned(world: &World, case_id: &str) -> Vec<(String, String)> {
    let mut planned: Vec<_> = world
        .of_case(case_id)
        .await
        .into_iter()
        .map(|(recipient, template, _)| (recipient, template))
        .collect();
    planned.sort();
    planned
}

fn expected(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    pairs.sort();
    pairs
}

#[sqlx::test(migrations = false)]
async fn an_event_that_comes_twice_is_planned_once(pool: PgPool) {
    let world = World::new(pool).await;
    let report = new_id();
    let event = filed(&report);
    world.consume(&event).await.unwrap();
    world.consume(&event).await.unwrap();
    world.handle_again(&event).await;
    let delivery = world.of_report(&report).await;
    assert_eq!(
        (delivery.template.as_str(), delivery.status.as_str()),
        ("report_filed", "planned")
    );
    assert_eq!(delivery.event_id.to_string(), event.event_id);
}

/// What happens, the case after it, the details, and who is told by which template.
type Step<'a> = (&'a str, Case, Details, Vec<(&'a str, &'a str)>);

#[sqlx::test(migrations = false)]
async fn each_step_of_a_case_tells_those_whom_it_concerns(pool: PgPool) {
    let world = World::new(pool).await;
    let report = new_id();
    let answered = |case_id: &str| {
        let mut answer = Answer {
            opd_code: "dishub".to_owned(),
            ..Answer::default()
        };
        answer.set_claimed(Outcome::Resolved);
        Case {
            state: State::Answered.into(),
            answer: Some(answer),
            ..case(case_id, 9, &report)
        }
    };
    let closed = |case_id: &str, outcome: Outcome| Case {
        state: State::Closed.into(),
        outcome: outcome.into(),
        ..case(case_id, 9, &report)
    };
    let details = |change: &dyn Fn(&mut Details)| {
        let mut details = Details::default();
        change(&mut details);
        details
    };
    let reporter = report.as_str();
    let steps: Vec<Step<'_>> = vec![
        ("verified", case(&new_id(), 2, &report), Details::default(), vec![]),
        (
            "completion_requested",
            case(&new_id(), 2, &report),
            Details::default(),
            vec![(reporter, "completion_requested")],
        ),
        (
            "disposed",
            case(&new_id(), 3, &report),
            Details::default(),
            vec![(reporter, "disposed"), (LIAISON, "officer_disposition")],
        ),
        (
            "accepted",
            case(&new_id(), 4, &report),
            Details::default(),
            vec![(reporter, "accepted")],
        ),
        (
            "assigned",
            Case {
                assigned_position_id: EXECUTOR.to_owned(),
                ..case(&new_id(), 5, &report)
            },
            Details::default(),
            vec![(EXECUTOR, "officer_assigned")],
        ),
        (
            "first_response_released",
            case(&new_id(), 6, &report),
            Details::default(),
            vec![(reporter, "first_response")],
        ),
        (
            "answered",
            answered(&new_id()),
            Details::default(),
            vec![(reporter, "answered")],
        ),
        (
            "disputed",
            Case {
                clocks: vec![running("rework", 0)],
                ..case(&new_id(), 7, &report)
            },
            Details::default(),
            vec![
                (reporter, "dispute_received"),
                (HEAD, "officer_disputed"),
                (LIAISON, "officer_disputed"),
            ],
        ),
        (
            "dispute_decided",
            closed(&new_id(), Outcome::Resolved),
            Details::default(),
            vec![(reporter, "dispute_decided")],
        ),
        (
            "closed_by_silence",
            closed(&new_id(), Outcome::Resolved),
            Details::default(),
            vec![(reporter, "closed")],
        ),
        (
            "rejected",
            Case {
                reject_reason: RejectReason::BeforeCourt.into(),
                ..closed(&new_id(), Outcome::Rejected)
            },
            Details::default(),
            vec![(reporter, "rejected")],
        ),
        (
            "referred",
            Case {
                referred_to: "pemkab-kampar".to_owned(),
                ..closed(&new_id(), Outcome::Referred)
            },
            Details::default(),
            vec![(reporter, "referred")],
        ),
        (
            "merged_into",
            closed(&new_id(), Outcome::Merged),
            Details::default(),
            vec![(reporter, "merged")],
        ),
        (
            "lapsed",
            closed(&new_id(), Outcome::Lapsed),
            Details::default(),
            vec![(reporter, "lapsed")],
        ),
        (
            "withdrawn",
            closed(&new_id(), Outcome::Withdrawn),
            details(&|details| details.report_id.clone_from(&report)),
            vec![(reporter, "withdrawn")],
        ),
        (
            "contest_decided",
            case(&new_id(), 9, &report),
            details(&|details| details.upheld = true),
            vec![(reporter, "contest_decided"), (HEAD, "officer_reopened")],
        ),
        (
            "reopened",
            case(&new_id(), 9, &report),
            Details::default(),
            vec![(reporter, "reopened"), (HEAD, "officer_reopened")],
        ),
        (
            "breached",
            case(&new_id(), 9, &report),
            details(&|details| {
                details.clock_kind = "acceptance".to_owned();
                details.position_id = LIAISON.to_owned();
            }),
            vec![(LIAISON, "officer_breach")],
        ),
        (
            "escalated",
            case(&new_id(), 9, &report),
            details(&|details| {
                details.clock_kind = "acceptance".to_owned();
                details.target_position_id = HEAD.to_owned();
            }),
            vec![(HEAD, "officer_escalation"), (MANAGER, "officer_escalation_superior")],
        ),
        ("rated", case(&new_id(), 9, &report), Details::default(), vec![]),
    ];
    for (what, case, details, told) in steps {
        let case_id = case.case_id.clone();
        world.consume(&case_event_with(what, case, details)).await.unwrap();
        assert_eq!(planned(&world, &case_id).await, expected(&told), "{what}");
    }
    world.reachable(&report, "pelapor@contoh.invalid", "id");
    world.foreign.set(|known| {
        for position in [LIAISON, HEAD, EXECUTOR, MANAGER] {
            known
                .positions
                .insert(position.to_owned(), format!("{position}@contoh.invalid"));
        }
    });
    // Every one of these can be written and sent.
    world.send_all().await;
    let unsent: i64 = sqlx::query_scalar("SELECT count(*) FROM delivery WHERE status <> 'sent'")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(unsent, 0);
    assert!(world.relay.mails().iter().all(|(_, mail)| !mail.contains("{{")));
}

#[sqlx::test(migrations = false)]
async fn every_reporter_of_a_cluster_is_told_but_not_those_who_left(pool: PgPool) {
    let world = World::new(pool).await;
    let (first, second, withdrawn, moved) = (new_id(), new_id(), new_id(), new_id());
    let id = new_id();
    let mut members = vec![member(&first), member(&second), member(&withdrawn), member(&moved)];
    members[2].withdrawn = true;
    members[3].moved_to = new_id();
    world
        .consume(&case_event(
            "accepted",
            Case {
                members,
                ..case(&id, 4, &first)
            },
        ))
        .await
        .unwrap();
    assert_eq!(
        planned(&world, &id).await,
        expected(&[(&first, "accepted"), (&second, "accepted")])
    );
}

#[sqlx::test(migrations = false)]
async fn contributors_the_ombudsmans_addressees_and_the_evaluated_are_told(pool: PgPool) {
    let world = World::new(pool).await;
    let id = new_id();
    let two = Case {
        contributions: vec![contribution("dinkes")],
        ..case(&id, 3, &new_id())
    };
    let members = Case { members: vec![], ..two };
    let details = Details {
        opds: vec!["dinkes".to_owned()],
        ..Details::default()
    };
    world
        .consume(&case_event_with("disposed", members, details))
        .await
        .unwrap();
    let told = [
        (LIAISON, "officer_disposition"),
        (OTHER_LIAISON, "officer_contribution"),
    ];
    assert_eq!(planned(&world, &id).await, expected(&told));

    let id = new_id();
    let act = OmbudsmanActed {
        act_id: new_id(),
        case_id: id.clone(),
        kind: "explanation_request".to_owned(),
        addressed_opd: "dishub".to_owned(),
        status: "open".to_owned(),
        ..OmbudsmanActed::default()
    };
    world
        .consume(&event(Payload::OmbudsmanActed(act.clone())))
        .await
        .unwrap();
    // The agency's answer is no news to itself.
    let answered = OmbudsmanActed {
        status: "answered".to_owned(),
        ..act
    };
    world.consume(&event(Payload::OmbudsmanActed(answered))).await.unwrap();
    let told = [(HEAD, "officer_ombudsman"), (LIAISON, "officer_ombudsman")];
    assert_eq!(planned(&world, &id).await, expected(&told));

    let opened = EvaluationCaseChanged {
        evaluation_case_id: new_id(),
        position_id: LIAISON.to_owned(),
        month: "2026-10".to_owned(),
        status: "opened".to_owned(),
        ..EvaluationCaseChanged::default()
    };
    world
        .consume(&event(Payload::EvaluationCaseChanged(opened)))
        .await
        .unwrap();
    let found: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM delivery WHERE template = 'officer_evaluation_opened' AND recipient_id = $1",
    )
    .bind(LIAISON)
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(found, 1);
}

fn event(payload: Payload) -> Event {
    Event {
        event_id: new_id(),
        r#type: "tuntas.test".to_owned(),
        payload: Some(payload),
        ..Event::default()
    }
}

#[sqlx::test(migrations = false)]
async fn a_malformed_event_is_rejected_and_an_unknown_one_ignored(pool: PgPool) {
    let world = World::new(pool).await;
    let broken = case_event("disposed", case("broken", 3, &new_id()));
    let error = world.consume(&broken).await.unwrap_err();
    assert!(error.to_string().starts_with("rejected"), "{error}");
    world
        .consume(&event(Payload::CaseEvent(CaseEvent::default())))
        .await
        .unwrap();
}
