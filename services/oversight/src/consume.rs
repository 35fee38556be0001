//! Every event of the platform arrives here, with its exact bytes, and waits for its position.

use sqlx::PgConnection;
use tuntas_kit::{
    consumer::{Handler, HandlerError, Received},
    directory,
};
use tuntas_proto::event::v1::{Event, event::Payload};
use uuid::Uuid;

use crate::store::arrivals::{self, NewArrival};

/// Stores arrivals, and keeps the replica of the directory.
#[derive(Debug, Clone, Copy)]
pub struct Arrivals;

impl Handler for Arrivals {
    async fn handle(&self, conn: &mut PgConnection, received: &Received) -> Result<(), HandlerError> {
        self.handle_batch(conn, std::slice::from_ref(received)).await
    }

    async fn handle_batch(&self, conn: &mut PgConnection, batch: &[Received]) -> Result<(), HandlerError> {
        // One statement serves all; each is a step in its own trace all the same.
        let _spans: Vec<_> = batch.iter().map(Received::span).collect();
        let new = batch.iter().map(arrival).collect::<Result<Vec<_>, _>>()?;
        if let Some(event_id) = arrivals::insert(conn, &new).await? {
            return Err(HandlerError::Reject(format!(
                "event {event_id}: another event has its place in its aggregate"
            )));
        }
        for received in batch {
            // A malformed entry must not keep an event out of the log: it is logged, and the replica goes without.
            match directory::apply(conn, &received.event).await {
                Ok(_) => {}
                Err(directory::DirectoryError::Database(error)) => return Err(error.into()),
                Err(malformed) => tracing::error!(error = %malformed, "a change of the directory was not applied"),
            }
        }
        Ok(())
    }
}

fn arrival(received: &Received) -> Result<NewArrival<'_>, HandlerError> {
    let event = &received.event;
    let reject = |why: &str| HandlerError::Reject(format!("event {}: {why}", received.event_id));
    let aggregate_seq = i64::try_from(event.aggregate_seq)
        .ok()
        .filter(|seq| *seq >= 1)
        .ok_or_else(|| reject("aggregate_seq must count from 1"))?;
    if event.aggregate_id.is_empty() || event.r#type.is_empty() {
        return Err(reject("it has no aggregate or no type"));
    }
    let causation_id = match event.causation_id.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| reject("causation_id is not a UUID"))?),
    };
    Ok(NewArrival {
        event_id: received.event_id,
        event_type: &event.r#type,
        aggregate_id: &event.aggregate_id,
        aggregate_seq,
        causation_id,
        case_id: case_of(event),
        body: &received.body,
    })
}

/// The case that an event is about, if it names one.
#[must_use]
pub fn case_of(event: &Event) -> Option<Uuid> {
    let text = match event.payload.as_ref()? {
        Payload::CaseEvent(case) => &case.case.as_ref()?.case_id,
        Payload::CaseCommandIssued(issued) => &issued.command.as_ref()?.case_id,
        Payload::CitizenCommandReceived(received) => &received.command.as_ref()?.case_id,
        Payload::AnswerFoundNearCopy(found) => &found.case_id,
        Payload::CommandRefused(refused) => &refused.case_id,
        Payload::OmbudsmanActed(acted) => &acted.case_id,
        Payload::OmbudsmanRead(read) => &read.case_id,
        _ => return None,
    };
    text.parse().ok()
}
