//! The Ombudsman's requests (rule K9).

use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tuntas_domain::oversight_act::{
    ActCommand, ActEvent, ActKind, ActRefusal, ActState, Judgement, OversightAct, decide_act,
};
use tuntas_domain::{Actor, Policy, RecommendationId};
use uuid::Uuid;

use crate::world::{MONDAY, World, case_id, opd, text};

struct Act {
    world: World,
    events: Vec<ActEvent>,
    act: Option<OversightAct>,
}

impl Act {
    fn new(kind: ActKind) -> Self {
        let mut act = Self {
            world: World::new(),
            events: Vec::new(),
            act: None,
        };
        let request = ActCommand::Request {
            id: RecommendationId::new(Uuid::from_u128(9)),
            kind,
            case_id: Some(case_id(1)),
            addressed_to: Some(opd("dishub")),
            text: text(),
        };
        let ombudsman = act.world.official("ombudsman.riau");
        act.decide(&ombudsman, &request, MONDAY).unwrap();
        act
    }

    fn decide(&mut self, actor: &Actor, command: &ActCommand, now: OffsetDateTime) -> Result<(), ActRefusal> {
        let policy = Policy::default_2024().oversight;
        let event = decide_act(self.act.as_ref(), command, now, actor, &policy, &self.world.calendar)?;
        match &mut self.act {
            Some(act) => act.apply(&event),
            None => self.act = OversightAct::open(&event),
        }
        self.events.push(event);
        assert_eq!(OversightAct::replay(&self.events), self.act);
        Ok(())
    }

    fn state(&self) -> ActState {
        self.act.as_ref().unwrap().state
    }

    fn due_at(&self) -> OffsetDateTime {
        self.act.as_ref().unwrap().next_due().unwrap()
    }
}

#[test]
fn k9_an_explanation_has_fourteen_days_then_fourteen() {
    let mut act = Act::new(ActKind::Explanation);
    assert_eq!(act.due_at(), datetime!(2025-03-18 00:00:00 +7));
    assert_eq!(
        act.decide(&Actor::System, &ActCommand::FallDue, MONDAY),
        Err(ActRefusal::NotDue)
    );
    act.decide(&Actor::System, &ActCommand::FallDue, act.due_at()).unwrap();
    assert_eq!(act.state(), ActState::RequestedAgain);
    assert_eq!(act.due_at(), datetime!(2025-04-01 00:00:00 +7));
    act.decide(&Actor::System, &ActCommand::FallDue, act.due_at()).unwrap();
    assert_eq!(act.state(), ActState::Overdue);
    let liaison = act.world.official("dishub.sekretaris");
    act.decide(
        &liaison,
        &ActCommand::Answer { text: text() },
        MONDAY + Duration::days(40),
    )
    .unwrap();
    assert_eq!(act.act.as_ref().unwrap().answered_in_time, Some(false));
    let ombudsman = act.world.official("ombudsman.riau");
    let close = ActCommand::Close {
        judgement: Judgement::NotSatisfied,
    };
    act.decide(&ombudsman, &close, MONDAY + Duration::days(41)).unwrap();
    assert_eq!(act.decide(&ombudsman, &close, MONDAY), Err(ActRefusal::IllegalMove));
}

#[test]
fn k9_a_recommendation_has_sixty_days() {
    let mut act = Act::new(ActKind::Recommendation);
    assert_eq!(act.due_at(), datetime!(2025-05-03 00:00:00 +7));
    let head = act.world.official("dishub.kepala");
    act.decide(&head, &ActCommand::Answer { text: text() }, act.due_at())
        .unwrap();
    assert_eq!(act.act.as_ref().unwrap().answered_in_time, Some(true));
    assert_eq!(act.act.as_ref().unwrap().next_due(), None);
    let mut late = Act::new(ActKind::Recommendation);
    late.decide(&Actor::System, &ActCommand::FallDue, late.due_at())
        .unwrap();
    assert_eq!(late.state(), ActState::Overdue);
}

#[test]
fn only_the_ombudsman_asks_and_only_the_one_addressed_answers() {
    let mut act = Act::new(ActKind::Explanation);
    for id in ["dinkes.sekretaris", "dishub.lalin", "sekda"] {
        let other = act.world.official(id);
        let answer = ActCommand::Answer { text: text() };
        assert_eq!(
            act.decide(&other, &answer, MONDAY),
            Err(ActRefusal::NotPermitted),
            "{id}"
        );
    }
    let sekda = act.world.official("sekda");
    let close = ActCommand::Close {
        judgement: Judgement::Withdrawn,
    };
    assert_eq!(act.decide(&sekda, &close, MONDAY), Err(ActRefusal::NotPermitted));
    act.act = None;
    assert_eq!(
        act.decide(&Actor::System, &ActCommand::FallDue, MONDAY),
        Err(ActRefusal::WrongAct)
    );
}
