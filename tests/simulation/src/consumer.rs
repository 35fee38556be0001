//! A consumer of one queue, as the real worker: around the real course of a batch, claims and verdicts.

use std::rc::Rc;

use tuntas_kit::{
    broker::BrokerError,
    consumer::{
        HandlerError,
        course::{self, Course, Verdict, used_up},
    },
};
use uuid::Uuid;

use crate::{
    broker::{Delivery, Link, Message},
    bug::Bug,
    event::{Event, Queue},
    services,
    tx::{DbError, Tx, statement},
    world::{Ailment, Sim, Topic, World},
};

const BATCH_MAX: u32 = 8;
const TRIES_MAX: u32 = 3;

/// Consumes for ever.
pub(crate) async fn run(sim: Sim, queue: Queue) {
    loop {
        // Whatever ended it, the next session begins with what is not acknowledged.
        let _ended = session(&sim, queue).await;
        let wait = sim.with(|world| u64::from(world.below(20)));
        sim.sleep("the consumer waits to reconnect", wait).await;
    }
}

async fn session(sim: &Sim, queue: Queue) -> Result<(), BrokerError> {
    let link = Link::connect(sim).await?;
    let batch_max = 1 + sim.with(|world| world.below(BATCH_MAX)) as usize;
    loop {
        let batch = collect(sim, &link, queue, batch_max).await?;
        let Some(last) = batch.last().map(|delivery| delivery.tag) else {
            continue;
        };
        if sim.with(|world| world.has(Bug::AckBeforeCommit)) {
            link.ack_up_to(queue, last)?;
        }
        let messages: Vec<Message> = batch.into_iter().map(|delivery| delivery.message).collect();
        settle(sim, queue, &link, &messages).await?;
        sim.step("a batch is settled").await;
        link.ack_up_to(queue, last)?;
        sim.step("a batch is acknowledged").await;
    }
}

async fn collect(sim: &Sim, link: &Link, queue: Queue, batch_max: usize) -> Result<Vec<Delivery>, BrokerError> {
    let mut batch = Vec::new();
    while batch.len() < batch_max {
        match link.ready(queue)? {
            Some(delivery) => batch.push(delivery),
            None if batch.is_empty() => {
                sim.idle(Topic::Messages(queue), "the consumer waits for messages")
                    .await
            }
            None => break,
        }
    }
    sim.step("a batch has come").await;
    Ok(batch)
}

/// Handles messages until each is handled or dead, wherever they come from.
pub(crate) async fn settle(sim: &Sim, queue: Queue, link: &Link, batch: &[Message]) -> Result<(), BrokerError> {
    let mut course = Course::new(batch.len());
    while let Some(range) = course.attempt() {
        let attempted = batch.get(range.clone()).unwrap_or_default();
        let Err(error) = attempt(sim, queue, attempted).await else {
            course.settled();
            continue;
        };
        let verdict = course.failed(&error);
        let Some(message) = batch.get(range.start) else { break };
        let dead = match verdict {
            Verdict::OneByOne => continue,
            Verdict::Again => false,
            Verdict::Dead => true,
            Verdict::Count => count_try(sim, queue, &message.event).await,
        };
        if dead {
            bury(sim, queue, link, message).await?;
            course.settled();
        } else {
            let wait = sim.with(|world| u64::from(world.below(20)));
            sim.sleep("an event waits to be tried again", wait).await;
        }
    }
    Ok(())
}

/// Counts a failed try; answers whether they are used up. If even counting fails, the event is simply tried again.
async fn count_try(sim: &Sim, queue: Queue, event: &Event) -> bool {
    let counted = |world: &mut World| {
        let row = world
            .database(queue.owner())
            .inbox
            .entry((queue, event.id))
            .or_default();
        row.tries += 1;
        row.tries
    };
    let tries = statement(sim, "counting a try", counted).await;
    tries.is_ok_and(|tries| used_up(tries, TRIES_MAX))
}

async fn bury(sim: &Sim, queue: Queue, link: &Link, message: &Message) -> Result<(), BrokerError> {
    sim.with(|world| world.note("buries event", u64::from(message.event.id)));
    link.publish_dead(queue, message).await?;
    let noted = |world: &mut World| {
        let inbox = &mut world.database(queue.owner()).inbox;
        inbox.entry((queue, message.event.id)).or_default().dead = true;
    };
    // As the real one: a dead letter that is not in the inbox may be fetched and die once more.
    let _noted = statement(sim, "noting a dead letter", noted).await;
    Ok(())
}

/// One transaction: claim, handle what was not handled before, commit.
async fn attempt(sim: &Sim, queue: Queue, batch: &[Message]) -> Result<(), HandlerError> {
    let mut tx = Tx::begin(sim, queue.owner()).await.map_err(away)?;
    let ids: Vec<Uuid> = batch.iter().map(|message| message.event.uuid()).collect();
    let mut claimed = tx.claim(queue, &ids).await.map_err(away)?;
    if sim.with(|world| world.has(Bug::ClaimForgotten)) {
        claimed.clone_from(&ids);
    }
    let fresh: Vec<Rc<Event>> = course::fresh(&ids, claimed)
        .into_iter()
        .filter_map(|place| batch.get(place).map(|message| message.event.clone()))
        .collect();
    if sim.with(|world| world.has(Bug::ClaimCommittedFirst)) {
        tx.commit_claims();
    }
    if !fresh.is_empty() {
        sim.step("handling").await;
        for event in &fresh {
            if let Some(ailment) = sim.with(|world| world.ails(queue, event)) {
                return Err(error_of(ailment));
            }
            sim.with(|world| world.note("takes event", u64::from(event.id)));
            tx.writes.effects.push((queue, event.id));
        }
        services::handle(&mut tx, queue, &fresh).await?;
    }
    tx.commit().await.map_err(away)
}

fn error_of(ailment: Ailment) -> HandlerError {
    match ailment {
        Ailment::Away => HandlerError::Retry(anyhow::anyhow!("away")),
        Ailment::Fault => HandlerError::Bounded(anyhow::anyhow!("a fault")),
        Ailment::Rejected => HandlerError::Reject(String::new()),
    }
}

/// The database is away, or has aborted a conflict: as the real conversion has it, to be tried again.
pub(crate) fn away(error: DbError) -> HandlerError {
    HandlerError::Retry(error.into())
}
