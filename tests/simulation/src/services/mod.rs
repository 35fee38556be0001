//! What the services do with requests and events, each in one transaction.

mod desk;
mod intake;
mod oversight;
mod routing;

use std::rc::Rc;

use tuntas_kit::consumer::HandlerError;

use crate::{
    event::{Event, Queue, Service},
    tx::{DbError, Tx},
    world::{Request, Sim, Topic},
};

pub(crate) use desk::close_gaps;
pub(crate) use routing::{complaint, due};

/// Handles events of a queue in a transaction in which they are claimed.
pub(crate) async fn handle(tx: &mut Tx, queue: Queue, events: &[Rc<Event>]) -> Result<(), HandlerError> {
    match queue {
        Queue::RoutingIntake | Queue::RoutingCommands => routing::handle(tx, events).await,
        Queue::DeskCases => desk::handle(tx, events).await,
        Queue::OversightEvents => oversight::handle(tx, events).await,
    }
}

/// Answers calls for ever. One that fails is not answered: the caller repeats it under its key.
pub(crate) async fn serve(sim: Sim, service: Service) {
    loop {
        // Users are let into a restored desk once its consumers have compared.
        while service == Service::Desk && sim.with(|world| !world.unnoticed.is_empty()) {
            sim.sleep("waiting to be compared", 50).await;
        }
        let taken = sim.with(|world| {
            let requests = &mut world.requests[service as usize];
            (!requests.is_empty()).then(|| requests.remove(0))
        });
        let Some(request) = taken else {
            sim.idle(Topic::Calls(service), "waiting for calls").await;
            continue;
        };
        if answer(&sim, service, &request).await.is_ok() {
            sim.step("answering").await;
            sim.with(|world| {
                world.answered.insert(request.key);
                world.changes += 1;
            });
        }
    }
}

async fn answer(sim: &Sim, service: Service, request: &Request) -> Result<(), DbError> {
    match service {
        Service::Intake => intake::answer(sim, request).await,
        Service::Routing => routing::answer(sim, request).await,
        Service::Desk => desk::answer(sim, request).await,
        Service::Oversight => Ok(()),
    }
}
