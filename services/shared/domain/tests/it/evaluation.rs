//! Evaluation cases (rules V3, K9).

use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tuntas_domain::evaluation_case::{
    EvaluationCase, EvaluationCommand, EvaluationEvent, EvaluationRefusal, EvaluationState, Ground, Measure,
    decide_evaluation, deciding_role, opens_case,
};
use tuntas_domain::{Actor, ClockId, ClockKind, EvaluationCaseId, Policy, Role};
use uuid::Uuid;

use crate::world::{MONDAY, World, case_id, complaint, position, text};

struct Evaluation {
    world: World,
    events: Vec<EvaluationEvent>,
    case: Option<EvaluationCase>,
}

fn ground(number: u32) -> Ground {
    Ground {
        case_id: case_id(1),
        clock: ClockId(number),
        reached_at: MONDAY,
    }
}

impl Evaluation {
    fn opened(id: &str) -> Self {
        let mut evaluation = Self {
            world: World::new(),
            events: Vec::new(),
            case: None,
        };
        let found = &evaluation.world.directory.positions[&position(id)];
        let open = EvaluationCommand::Open {
            id: EvaluationCaseId::new(Uuid::from_u128(5)),
            position: found.id.clone(),
            holder: found.holder_at(MONDAY).unwrap().holder.clone(),
            decided_by_role: deciding_role(found),
            ground: ground(0),
        };
        evaluation.decide(&Actor::System, &open, MONDAY).unwrap();
        evaluation
    }

    fn decide(
        &mut self,
        actor: &Actor,
        command: &EvaluationCommand,
        now: OffsetDateTime,
    ) -> Result<(), EvaluationRefusal> {
        let policy = Policy::default_2024();
        let calendar = &self.world.calendar;
        let event = decide_evaluation(self.case.as_ref(), command, now, actor, &policy, calendar)?;
        match &mut self.case {
            Some(case) => case.apply(&event),
            None => self.case = EvaluationCase::open(&event),
        }
        self.events.push(event);
        assert_eq!(EvaluationCase::replay(&self.events), self.case);
        Ok(())
    }

    fn by(&mut self, id: &str, command: &EvaluationCommand, now: OffsetDateTime) -> Result<(), EvaluationRefusal> {
        let actor = self.world.official(id);
        self.decide(&actor, command, now)
    }

    fn case(&self) -> &EvaluationCase {
        self.case.as_ref().unwrap()
    }
}

const fn warning() -> EvaluationCommand {
    EvaluationCommand::Decide {
        measure: Measure::WrittenWarning,
        text: tuntas_domain::case::TextRef {
            id: tuntas_domain::AnswerId::new(Uuid::from_u128(8)),
            commitment: tuntas_domain::case::Commitment([8; 32]),
        },
    }
}

#[test]
fn v3_a_case_opens_at_rung_five_and_for_heads_at_ten() {
    let policy = Policy::default_2024().evaluation;
    let mut world = World::disposed();
    world.run_to(MONDAY + Duration::days(60));
    let opening = |world: &World, kind| -> Vec<u16> {
        let clock = world.case().latest_clock(kind).unwrap();
        let charge = &clock.breach().unwrap().charged_to;
        let opens = clock.rungs.iter().filter(|rung| opens_case(charge, rung, &policy));
        opens.map(|rung| rung.after_working_days).collect()
    };
    assert_eq!(opening(&world, ClockKind::Acceptance), [5, 10]);
    let mut managers = World::filed(complaint());
    managers.run_to(MONDAY + Duration::days(60));
    assert_eq!(opening(&managers, ClockKind::Verification), [10]);
}

#[test]
fn v3_the_patron_decides_on_echelon_two_and_the_director_below() {
    let world = World::new();
    let by = |id: &str| deciding_role(&world.directory.positions[&position(id)]);
    assert_eq!(by("dishub.kepala"), Role::Patron);
    assert_eq!(by("sekda"), Role::Patron);
    assert_eq!(by("dishub.sekretaris"), Role::Director);
    assert_eq!(by("dishub.lalin"), Role::Director);
}

#[test]
fn k9_right_of_reply_then_decision() {
    let mut evaluation = Evaluation::opened("dishub.sekretaris");
    assert_eq!(evaluation.case().reply_due_at, datetime!(2025-03-13 00:00:00 +7));
    assert_eq!(evaluation.case().month.to_string(), "2025-03");
    assert_eq!(
        evaluation.by("sekda", &warning(), MONDAY),
        Err(EvaluationRefusal::ReplyTimeRuns),
        "nobody is judged unheard"
    );
    let reply = EvaluationCommand::Reply { text: text() };
    assert_eq!(
        evaluation.by("dishub.kepala", &reply, MONDAY),
        Err(EvaluationRefusal::NotPermitted)
    );
    evaluation
        .by("dishub.sekretaris", &reply, MONDAY + Duration::days(1))
        .unwrap();
    assert_eq!(evaluation.case().state, EvaluationState::AwaitingDecision);
    assert_eq!(
        evaluation.case().decision_due_at,
        Some(datetime!(2025-03-25 00:00:00 +7))
    );
    assert_eq!(
        evaluation.by("gubernur", &warning(), MONDAY),
        Err(EvaluationRefusal::NotPermitted)
    );
    evaluation.by("sekda", &warning(), MONDAY + Duration::days(2)).unwrap();
    assert_eq!(
        evaluation.case().state,
        EvaluationState::Decided {
            measure: Measure::WrittenWarning
        }
    );
    assert_eq!(evaluation.case().next_due(), None);
}

#[test]
fn v3_nothing_is_decided_by_the_machine() {
    let mut evaluation = Evaluation::opened("dishub.sekretaris");
    let due_at = evaluation.case().next_due().unwrap();
    assert_eq!(
        evaluation.decide(&Actor::System, &EvaluationCommand::FallDue, MONDAY),
        Err(EvaluationRefusal::NotDue)
    );
    evaluation
        .decide(&Actor::System, &EvaluationCommand::FallDue, due_at)
        .unwrap();
    assert_eq!(evaluation.case().state, EvaluationState::AwaitingDecision);
    let due_at = evaluation.case().next_due().unwrap();
    evaluation
        .decide(&Actor::System, &EvaluationCommand::FallDue, due_at)
        .unwrap();
    assert_eq!(
        evaluation.case().state,
        EvaluationState::AwaitingDecision,
        "late, not decided"
    );
    assert_eq!(evaluation.case().decision_late_since, Some(due_at));
    assert_eq!(evaluation.case().next_due(), None);
    assert_eq!(
        evaluation.decide(&Actor::System, &warning(), due_at),
        Err(EvaluationRefusal::NotPermitted)
    );
}

#[test]
fn v3_nobody_decides_on_themselves_and_grounds_add_up() {
    let mut evaluation = Evaluation::opened("sekda");
    evaluation
        .decide(
            &Actor::System,
            &EvaluationCommand::AddGround { ground: ground(1) },
            MONDAY,
        )
        .unwrap();
    assert_eq!(evaluation.case().grounds.len(), 2);
    assert_eq!(
        evaluation.decide(
            &Actor::System,
            &EvaluationCommand::AddGround { ground: ground(1) },
            MONDAY
        ),
        Err(EvaluationRefusal::GroundKnown)
    );
    assert_eq!(
        evaluation.by("sekda", &warning(), MONDAY),
        Err(EvaluationRefusal::OwnCase)
    );
}
