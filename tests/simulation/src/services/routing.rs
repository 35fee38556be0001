//! Routing: the one writer of cases, around the domain's own decisions.

use std::{collections::BTreeMap, rc::Rc};

use time::OffsetDateTime;
use tuntas_domain::{
    Case, CaseEvent, CaseId, Command, Context, Privacy, Refusal, ReportId, ReportKind,
    case::{CaseFact, Classification, Effect},
    decide, due_commands, next_due,
};
use tuntas_kit::consumer::HandlerError;
use uuid::Uuid;

use super::intake::is_new;
use crate::{
    bug::Bug,
    consumer::away,
    database::{CaseRow, Lock},
    event::{Address, Aggregate, Asked, Event, Payload, Service},
    province::{self, REPORTER, SYSTEM},
    tx::{DbError, Tx},
    world::{Request, Sim, Topic, Wish},
};

/// Cases that one transaction moves.
struct Moves {
    sim: Sim,
    now: OffsetDateTime,
    rows: BTreeMap<u32, Rc<CaseRow>>,
    moved: BTreeMap<u32, Rc<CaseRow>>,
    published: Vec<(Rc<Event>, Address)>,
}

impl Moves {
    /// Locks cases, in the order of their numbers, and reads them.
    async fn lock(tx: &mut Tx, mut cases: Vec<u32>) -> Result<Self, DbError> {
        cases.sort_unstable();
        cases.dedup();
        for case in &cases {
            tx.lock(Lock::Case(*case)).await?;
        }
        tx.sim.step("reading cases").await;
        Ok(tx.sim.with(|world| {
            let now = world.now;
            let all = &world.database(Service::Routing).cases;
            let rows = cases.iter().filter_map(|case| Some((*case, all.get(case)?.clone())));
            Self {
                rows: rows.collect(),
                sim: tx.sim.clone(),
                now,
                moved: BTreeMap::new(),
                published: Vec::new(),
            }
        }))
    }

    fn case(&self, case: u32) -> Option<&CaseRow> {
        self.moved.get(&case).or_else(|| self.rows.get(&case)).map(Rc::as_ref)
    }

    fn decide(&self, asked: &Asked) -> Result<Vec<CaseEvent>, Refusal> {
        let province = province::get();
        let actor = province.actors.get(asked.actor).ok_or(Refusal::NotPermitted)?;
        let context = Context {
            now: self.now,
            issued_at: asked.issued_at,
            actor,
            policies: &province.policies,
            calendar: &province.calendar,
            directory: &province.directory,
            outages: &[],
        };
        decide(self.case(asked.case).map(|row| &row.case), &asked.command, &context)
    }

    /// Decides a command and records what it led to.
    fn carry_out(&mut self, asked: &Asked, cause: Option<u32>) -> Result<(), Refusal> {
        let events = match self.decide(asked) {
            Ok(events) => events,
            Err(refusal) => match self.forged(asked) {
                Some(event) => vec![event],
                None => return Err(refusal),
            },
        };
        self.record(asked.case, events, cause);
        Ok(())
    }

    /// For the bug that does not mind a refusal.
    fn forged(&self, asked: &Asked) -> Option<CaseEvent> {
        let row = self
            .case(asked.case)
            .filter(|_| self.sim.with(|world| world.has(Bug::RefusalIgnored)))?;
        Some(CaseEvent {
            seq: row.case.seq + 1,
            at: self.now.max(row.case.updated_at),
            fact: CaseFact::Accepted {
                opd: province::get().agency.clone(),
            },
            effects: Vec::new(),
        })
    }

    fn record(&mut self, number: u32, events: Vec<CaseEvent>, cause: Option<u32>) {
        let (mut row, stored) = match self.case(number) {
            // What falls due is another's: the bug would have it fall due for ever.
            Some(row) => (Some(row.clone()), cause.map(|_| row.case.clone())),
            None => (None, None),
        };
        for mut event in events {
            if self.sim.with(|world| world.has(Bug::PauseForgotten)) {
                event
                    .effects
                    .retain(|effect| !matches!(effect, Effect::ClockPaused { .. }));
            }
            let before = row.as_ref().is_some_and(|row| concerns(&row.case));
            let event_kept = Rc::new(event.clone());
            match &mut row {
                Some(row) => {
                    row.case.apply(&event);
                    row.events.push(event_kept);
                }
                None => {
                    row = Case::open(&event).map(|case| CaseRow {
                        case,
                        events: vec![event_kept],
                        next_due: None,
                    });
                }
            }
            let gone = !row.as_ref().is_some_and(|row| concerns(&row.case));
            self.publish(number, event, cause, before, gone);
        }
        let Some(mut row) = row else { return };
        if let Some(stored) = stored.filter(|_| self.sim.with(|world| world.has(Bug::StateForgotten))) {
            row.case = stored;
        }
        let province = province::get();
        row.next_due = next_due(&row.case, &province.policies, &province.calendar);
        self.moved.insert(number, Rc::new(row));
    }

    fn publish(&mut self, number: u32, event: CaseEvent, cause: Option<u32>, before: bool, gone: bool) {
        let published = Rc::new(Event {
            id: self.sim.with(|world| world.next_event()),
            aggregate: Aggregate::Case(number),
            seq: event.seq,
            cause,
            payload: Payload::Moved { event, gone },
        });
        self.published.push((published.clone(), Address::RoutingCase));
        if before || !gone {
            self.published.push((published, Address::DeskWork));
        }
    }

    fn refuse(&mut self, cause: u32) {
        let id = self.sim.with(|world| world.next_event());
        let refused = Event {
            id,
            aggregate: Aggregate::Command(id),
            seq: 1,
            cause: Some(cause),
            payload: Payload::Refused,
        };
        self.published.push((Rc::new(refused), Address::RoutingRefused));
    }

    /// Stores what has moved and appends what there is to tell.
    async fn save(self, tx: &mut Tx) -> Result<(), DbError> {
        tx.writes.cases.extend(self.moved);
        tx.append(self.published).await
    }
}

/// Whether the agency with the desk has a part in the case.
fn concerns(case: &Case) -> bool {
    let agency = &province::get().agency;
    case.lead.as_ref() == Some(agency) || case.open_contribution(agency).is_some()
}

pub(super) async fn handle(tx: &mut Tx, events: &[Rc<Event>]) -> Result<(), HandlerError> {
    let cases = events.iter().filter_map(|event| match &event.payload {
        Payload::Asked(asked) => Some(asked.case),
        _ => None,
    });
    let mut moves = Moves::lock(tx, cases.collect()).await.map_err(away)?;
    for event in events {
        match &event.payload {
            Payload::Filed { report, at } => {
                let opened = moves.carry_out(&filing(*report, *at), Some(event.id));
                opened.map_err(|refusal| HandlerError::Bounded(refusal.into()))?;
            }
            Payload::Asked(asked) => {
                if moves.case(asked.case).is_none() {
                    let why = "no case was opened for the report yet";
                    return Err(HandlerError::Bounded(anyhow::anyhow!(why)));
                }
                if moves.carry_out(asked, Some(event.id)).is_err() {
                    moves.refuse(event.id);
                }
            }
            Payload::Moved { .. } | Payload::Refused => {}
        }
    }
    moves.save(tx).await.map_err(away)
}

fn filing(report: u32, filed_at: OffsetDateTime) -> Asked {
    Asked {
        case: report,
        actor: REPORTER,
        command: Command::File {
            case_id: CaseId::new(Uuid::from_u128(u128::from(report))),
            report: ReportId::new(Uuid::from_u128(u128::from(report))),
            privacy: Privacy::Open,
            classification: complaint(),
            filed_at,
        },
        issued_at: filed_at,
    }
}

/// What the simulated reports are.
pub(crate) fn complaint() -> Classification {
    Classification {
        kind: ReportKind::Complaint,
        supervisory: false,
        category: None,
        region: None,
        complained_unit: None,
    }
}

/// An officer's call. A refusal is an answer, too.
pub(super) async fn answer(sim: &Sim, request: &Request) -> Result<(), DbError> {
    let Wish::Ask(asked) = &request.what else { return Ok(()) };
    let mut tx = Tx::begin(sim, Service::Routing).await?;
    tx.lock(Lock::Key(request.key)).await?;
    if !is_new(sim, request.key) {
        return Ok(());
    }
    let mut moves = Moves::lock(&mut tx, vec![asked.case]).await?;
    if moves.carry_out(asked, None).is_err() {
        return Ok(());
    }
    tx.writes.answers.push(request.key);
    moves.save(&mut tx).await?;
    tx.commit().await
}

/// Decides what falls due, for ever.
pub(crate) async fn due(sim: Sim) {
    loop {
        let found = sim.with(|world| {
            let now = world.now;
            let cases = &world.database(Service::Routing).cases;
            let mut rows = cases.iter();
            rows.find(|(_, row)| row.next_due.is_some_and(|at| at <= now))
                .map(|(case, _)| *case)
        });
        match found {
            None => sim.idle(Topic::Cases, "nothing is due").await,
            Some(case) if fall_due(&sim, case).await.is_err() => sim.sleep("what is due waits", 10).await,
            Some(_) => {}
        }
    }
}

async fn fall_due(sim: &Sim, case: u32) -> Result<(), DbError> {
    const COMMANDS_MAX: usize = 100;
    let mut tx = Tx::begin(sim, Service::Routing).await?;
    let mut moves = Moves::lock(&mut tx, vec![case]).await?;
    let province = province::get();
    for _ in 0..COMMANDS_MAX {
        let Some(row) = moves.case(case) else { break };
        let due = due_commands(&row.case, moves.now, &province.policies, &province.calendar);
        let Some(command) = due.into_iter().next() else { break };
        let asked = Asked {
            case,
            actor: SYSTEM,
            command,
            issued_at: moves.now,
        };
        if let Err(refusal) = moves.carry_out(&asked, None) {
            sim.with(|world| world.violated(|| format!("what is due on case {case} is refused: {refusal}")));
            break;
        }
    }
    moves.save(&mut tx).await?;
    tx.commit().await
}
