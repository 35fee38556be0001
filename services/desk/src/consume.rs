//! `opd.<code>.cases`: what routing tells one agency. Each effect is by sequence or by id, so that an event that
//! comes late, twice or out of order does no harm.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::OpdCode;
use tuntas_kit::{
    broker::opd_queue,
    clock::Clock,
    consumer::{Consumer, Handler, HandlerError, Received},
    directory::{self, DirectoryReader},
    problem::Problem,
    wait::Board,
};
use tuntas_proto::event::v1::{CommandRefused, Event, event::Payload};
use uuid::Uuid;

use crate::{
    apply_case::{self, Applied, CaseError},
    desk::Desk,
    learnt::Learnt,
    metrics::Metrics,
    store::{self, agencies, commands, texts},
};

/// Actor of the events that are nobody's command, such as a breach that was overdue when the command came.
const SYSTEM: &str = "system";
/// Name of the command that makes a draft superfluous.
const RELEASE_ANSWER: &str = "release_answer";

/// Messages on their way to this process at once, over all its queues: they are in its memory until they are handled.
const IN_FLIGHT_MAX: u16 = 1_024;
/// What a queue has in any case, so that a transaction is worth its while.
const IN_FLIGHT_MIN: u16 = 32;

/// Handles the events of one agency's queue.
pub struct AgencyEvents {
    /// The agency.
    pub opd: OpdCode,
    /// What counts as now.
    pub clock: Clock,
    /// Counts.
    pub metrics: Metrics,
    /// Where it says what has come in.
    pub heard: Board,
    /// Entries of the directory that the process has committed.
    pub learnt: Learnt,
    /// The directory as callers are looked up in it.
    pub directory: DirectoryReader,
}

/// A consumer of the queue of one of so many agencies, which share what may be on its way to the process.
#[must_use]
pub fn consumer(desk: &Desk, opd: &OpdCode, agencies: usize) -> Consumer {
    let handler = AgencyEvents {
        opd: opd.clone(),
        clock: desk.clock.clone(),
        metrics: desk.metrics.clone(),
        heard: desk.heard.clone(),
        directory: desk.directory.clone(),
        learnt: desk.learnt.clone(),
    };
    let share = usize::from(IN_FLIGHT_MAX) / agencies.max(1);
    Consumer::new(opd_queue(opd), handler).prefetch(u16::try_from(share).unwrap_or(IN_FLIGHT_MAX).max(IN_FLIGHT_MIN))
}

impl Handler for AgencyEvents {
    async fn handle(&self, conn: &mut PgConnection, received: &Received) -> Result<(), HandlerError> {
        match &received.event.payload {
            Some(Payload::CaseEvent(event)) => {
                let Some(case) = &event.case else {
                    return Err(HandlerError::Reject("a case event without its case".to_owned()));
                };
                if apply_case::apply(conn, &self.opd, case).await? == Applied::HeldBack {
                    tracing::debug!(case.id = %case.case_id, seq = case.seq, "held back: earlier events are missing");
                }
                self.confirm(conn, &received.event, case.seq).await
            }
            Some(Payload::CommandRefused(refused)) => self.refuse(conn, refused).await,
            Some(
                payload @ (Payload::DirectoryChanged(_) | Payload::PolicyChanged(_) | Payload::CalendarChanged(_)),
            ) => self.learn(conn, &received.event, payload).await,
            _ => Ok(()),
        }
    }

    fn committed(&self, batch: &[Received]) {
        self.heard
            .tell(batch.iter().flat_map(|received| waited_for(&received.event)));
        self.learnt.committed(batch.iter().map(|received| &received.event));
        self.directory.committed(batch.iter().map(|received| &received.event));
    }
}

/// What somebody may wait for: the case that has moved, and the command that is decided.
fn waited_for(event: &Event) -> Vec<Uuid> {
    let ids = match &event.payload {
        Some(Payload::CaseEvent(moved)) => [moved.case.as_ref().map(|case| &case.case_id), Some(&event.causation_id)],
        Some(Payload::CommandRefused(refused)) => [Some(&refused.command_id), None],
        _ => return Vec::new(),
    };
    ids.into_iter().flatten().filter_map(|id| id.parse().ok()).collect()
}

impl AgencyEvents {
    /// Applies an entry of the directory. Every agency's queue brings it, so that most of the time it is known already:
    /// looking first keeps the consumers of a desk for many from waiting for each other. A hole in the directory's sequence
    /// means that this queue came to be after the entries before it were published: routing is asked for all of it.
    async fn learn(&self, conn: &mut PgConnection, event: &Event, payload: &Payload) -> Result<(), HandlerError> {
        if let Some(key) = directory::key(payload)
            && (self.learnt.covers(&key, event.aggregate_seq)
                || store::directory::is_known(conn, key.0, &key.1, event.aggregate_seq).await?)
        {
            return Ok(());
        }
        if event.aggregate_seq > directory::latest_seq(conn).await?.saturating_add(1) {
            agencies::want_snapshot(conn, &self.opd).await?;
        }
        directory::apply(conn, event).await.map_err(Problem::from)?;
        Ok(())
    }

    /// Settles the command that a case event answers, also when the event itself is old or held back.
    async fn confirm(&self, conn: &mut PgConnection, event: &Event, seq: u64) -> Result<(), HandlerError> {
        let by_system = event.actor.as_ref().is_some_and(|actor| actor.via == SYSTEM);
        let Ok(command_id) = event.causation_id.parse::<Uuid>() else {
            return Ok(());
        };
        if by_system {
            return Ok(());
        }
        let settled = commands::confirm(conn, &self.opd, command_id, seq, self.now()).await?;
        let Some(settled) = settled else { return Ok(()) };
        self.metrics.count_command("confirmed");
        if settled.kind == RELEASE_ANSWER {
            texts::delete_draft(conn, &self.opd, settled.case_id).await?;
        }
        Ok(())
    }

    async fn refuse(&self, conn: &mut PgConnection, refused: &CommandRefused) -> Result<(), HandlerError> {
        let Ok(command_id) = refused.command_id.parse::<Uuid>() else {
            return Err(HandlerError::Reject("command_id is malformed".to_owned()));
        };
        let code = if refused.code.is_empty() {
            "refused"
        } else {
            refused.code.as_str()
        };
        if commands::refuse(conn, &self.opd, command_id, code, &refused.message, self.now()).await? {
            self.metrics.count_command("refused");
        }
        Ok(())
    }

    fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }
}

impl From<CaseError> for HandlerError {
    fn from(error: CaseError) -> Self {
        match error {
            CaseError::Database(error) => error.into(),
            malformed @ CaseError::Malformed(_) => Self::Reject(malformed.to_string()),
        }
    }
}
