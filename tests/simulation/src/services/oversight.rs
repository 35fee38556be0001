//! Oversight: takes every event as an arrival, unless it has arrived before.

use std::rc::Rc;

use tuntas_kit::consumer::HandlerError;

use crate::{
    event::{Event, Service},
    tx::Tx,
};

pub(super) async fn handle(tx: &mut Tx, events: &[Rc<Event>]) -> Result<(), HandlerError> {
    tx.sim.step("inserting arrivals").await;
    for event in events {
        let (known, taken) = tx.sim.with(|world| {
            let database = world.database(Service::Oversight);
            let waiting = database.arrivals.values().map(|waiting| &waiting.event);
            let same = |other: &&Rc<Event>| other.aggregate == event.aggregate && other.seq == event.seq;
            let at_place = waiting.clone().find(same).map(|other| other.id);
            let known = database.logged.contains(&event.id) || at_place == Some(event.id);
            let in_log = database.places.contains(&(event.aggregate, event.seq)) && !known;
            (known, in_log || at_place.is_some_and(|id| id != event.id))
        });
        if taken {
            return Err(HandlerError::Reject("another event has its place".to_owned()));
        }
        if !known {
            tx.writes.arrived.push(event.clone());
        }
    }
    Ok(())
}
