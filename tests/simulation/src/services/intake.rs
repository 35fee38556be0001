//! Intake: files reports and takes citizens' commands, each once under its idempotency key.

use std::rc::Rc;

use crate::{
    bug::Bug,
    database::Lock,
    event::{Address, Aggregate, Event, Payload, Service},
    tx::{DbError, Tx},
    world::{Request, Sim, Wish},
};

pub(super) async fn answer(sim: &Sim, request: &Request) -> Result<(), DbError> {
    let mut tx = Tx::begin(sim, Service::Intake).await?;
    tx.lock(Lock::Key(request.key)).await?;
    if !is_new(sim, request.key) {
        return Ok(());
    }
    let report = match &request.what {
        Wish::File(report) => *report,
        Wish::Ask(asked) => asked.case,
    };
    tx.lock(Lock::Case(report)).await?;
    let (aggregate, address, payload) = match &request.what {
        Wish::File(_) => {
            let at = sim.with(|world| world.now);
            (
                Aggregate::Report(report),
                Address::IntakeFiled,
                Payload::Filed { report, at },
            )
        }
        Wish::Ask(asked) => (
            Aggregate::Report(report),
            Address::IntakeCommand,
            Payload::Asked(asked.clone()),
        ),
    };
    let event = sim.with(|world| {
        let outbox = &world.database(Service::Intake).outbox;
        let before = outbox.iter().filter(|row| row.event.aggregate == aggregate).count();
        Rc::new(Event {
            id: world.next_event(),
            aggregate,
            seq: before as u64 + 1,
            cause: None,
            payload,
        })
    });
    tx.writes.answers.push(request.key);
    tx.append(vec![(event, address)]).await?;
    tx.commit().await
}

/// Whether a request is carried out for the first time.
pub(super) fn is_new(sim: &Sim, key: u32) -> bool {
    sim.with(|world| {
        let forgets = world.has(Bug::KeyForgotten);
        forgets
            || Service::SOURCES
                .iter()
                .all(|service| !world.database(*service).answers.contains(&key))
    })
}
