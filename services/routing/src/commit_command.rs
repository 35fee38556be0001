//! The one way in which a case moves: lock, decide, apply, store, publish, all in the caller's transaction.
//!
//! A transaction makes [`Moves`], locks the cases it will move, gives commands to [`commit_command`] and ends with
//! [`Moves::save`], whose events it appends to the outbox as its last step. Officers' and desks' commands, citizens'
//! commands, the clocks, holidays and outages all go through here; there is no other writer of a case.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use prost::Message as _;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{
    Actor, Case, CaseEvent, CaseId, Command, Context, OpdCode, ReportId,
    case::{CaseFact, Effect, Outage},
    decide, due_commands, next_due,
};
use tuntas_kit::{
    directory::{DirectoryReader, Snapshot},
    event::{EventDraft, OutboxEvent},
    problem::Problem,
};
use tuntas_proto::{case::v1::Case as WireCase, common::v1::TextRef, convert, event::v1::event::Payload};
use uuid::Uuid;

use crate::{
    caller::wire_actor,
    change_directory::SOURCE,
    command_error::CommandError,
    store::{self, cases::CaseRow, events::EventRow},
};

/// A command that somebody gave to a case.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// The case; for a filing, the one that it opens.
    pub(crate) case_id: CaseId,
    /// What is asked.
    pub(crate) command: Command,
    /// Who asks, as the directory had them when they asked (rule M13).
    pub(crate) actor: Actor,
    /// Id of the command.
    pub(crate) command_id: Uuid,
    /// Event that carried it, if one did.
    pub(crate) causation_id: Option<Uuid>,
    /// When it was issued; counts only inside a recorded outage (rule K7).
    pub(crate) issued_at: OffsetDateTime,
    /// Text that the command names and the domain has no use for, such as the explanation of a rejection.
    pub(crate) text: Option<TextRef>,
}

/// Cases that one transaction moves, each locked until it ends.
pub(crate) struct Moves {
    now: OffsetDateTime,
    directory: Arc<Snapshot>,
    cases: BTreeMap<CaseId, Tracked>,
    rows: Vec<EventRow>,
    published: Vec<OutboxEvent>,
}

#[derive(Default)]
struct Tracked {
    /// As it is stored; none for a case that is being opened.
    stored: Option<Case>,
    current: Option<Case>,
    named_opd: Option<OpdCode>,
}

/// How cases stood at one point of a transaction.
pub(crate) struct Mark {
    cases: Vec<(CaseId, Option<Case>)>,
    rows: usize,
    published: usize,
}

impl Moves {
    /// Starts to move cases at `now`, by the directory, policy and calendar as they are; these do not change until
    /// the transaction ends.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn begin(
        conn: &mut PgConnection,
        reader: &DirectoryReader,
        now: OffsetDateTime,
    ) -> Result<Self, Problem> {
        store::directory::lock_for_use(conn).await?;
        let directory = reader.current(conn).await?;
        Ok(Self::with_directory(directory, now))
    }

    /// Starts to move cases in a transaction that has changed the directory itself.
    pub(crate) fn with_directory(directory: Arc<Snapshot>, now: OffsetDateTime) -> Self {
        Self {
            now,
            directory,
            cases: BTreeMap::new(),
            rows: Vec::new(),
            published: Vec::new(),
        }
    }

    /// The moment of the decisions.
    pub(crate) const fn now(&self) -> OffsetDateTime {
        self.now
    }

    /// The directory by which is decided.
    pub(crate) fn directory(&self) -> &Snapshot {
        &self.directory
    }

    /// Locks cases and reads them; unknown ones are left out. Lock all that a transaction moves in one call: the
    /// locks are taken in the order of the ids.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn lock(&mut self, conn: &mut PgConnection, case_ids: &[CaseId]) -> Result<(), Problem> {
        let unlocked: Vec<CaseId> = case_ids
            .iter()
            .filter(|id| !self.cases.contains_key(id))
            .copied()
            .collect();
        if unlocked.is_empty() {
            return Ok(());
        }
        for case in store::cases::lock(conn, &unlocked).await? {
            self.track(case);
        }
        Ok(())
    }

    /// Takes a case that was locked by the query that read it.
    pub(crate) fn track(&mut self, case: Case) {
        let tracked = Tracked {
            stored: Some(case.clone()),
            current: Some(case.clone()),
            named_opd: None,
        };
        self.cases.insert(case.id, tracked);
    }

    /// Remembers the agency that the reporter named, for a case that is being opened.
    pub(crate) fn name_opd(&mut self, case_id: CaseId, opd: Option<OpdCode>) {
        if let Some(tracked) = self.cases.get_mut(&case_id) {
            tracked.named_opd = opd;
        }
    }

    /// A locked case as it stands now.
    pub(crate) fn case(&self, case_id: CaseId) -> Option<&Case> {
        self.cases.get(&case_id)?.current.as_ref()
    }

    /// A case for the wire, with what falls due next by the present policy and calendar.
    pub(crate) fn wire(&self, case: &Case) -> WireCase {
        let next = next_due(case, &self.directory.policies, &self.directory.calendar);
        convert::case(case, next)
    }

    /// How many effects of this transaction fit, such as the due times that it moved.
    pub(crate) fn count_effects(&self, fits: impl Fn(&Effect) -> bool) -> u32 {
        let effects = self.rows.iter().flat_map(|row| &row.event.effects);
        u32::try_from(effects.filter(|effect| fits(effect)).count()).unwrap_or(u32::MAX)
    }

    /// Remembers how cases stand, for a move that touches several and is refused half-way.
    pub(crate) fn mark(&self, case_ids: &[CaseId]) -> Mark {
        let cases = case_ids.iter().map(|id| (*id, self.case(*id).cloned())).collect();
        Mark {
            cases,
            rows: self.rows.len(),
            published: self.published.len(),
        }
    }

    /// Takes back what was recorded since the mark.
    pub(crate) fn roll_back(&mut self, mark: Mark) {
        self.rows.truncate(mark.rows);
        self.published.truncate(mark.published);
        for (case_id, case) in mark.cases {
            if let Some(tracked) = self.cases.get_mut(&case_id) {
                tracked.current = case;
            }
        }
    }

    /// Commands that are due on a locked case.
    pub(crate) fn due(&self, case_id: CaseId) -> Vec<Command> {
        self.case(case_id).map_or_else(Vec::new, |case| {
            due_commands(case, self.now, &self.directory.policies, &self.directory.calendar)
        })
    }

    /// Locked cases that have not moved, with when they are due next by the present policy and calendar.
    pub(crate) fn unmoved(&self) -> Vec<(CaseId, Option<OffsetDateTime>)> {
        let (policies, calendar) = (&self.directory.policies, &self.directory.calendar);
        let unmoved = self.cases.values().filter(|tracked| tracked.moved().is_none());
        unmoved
            .filter_map(|tracked| tracked.current.as_ref())
            .map(|case| (case.id, next_due(case, policies, calendar)))
            .collect()
    }

    /// Stores the cases that moved with their events, and gives what is to be appended to the outbox.
    ///
    /// # Errors
    /// The database's, or a case that does not serialise.
    pub(crate) async fn save(self, conn: &mut PgConnection) -> Result<Vec<OutboxEvent>, Problem> {
        let (policies, calendar) = (&self.directory.policies, &self.directory.calendar);
        let mut rows = Vec::new();
        let mut regrouped = Vec::new();
        let mut places = Vec::new();
        for tracked in self.cases.values() {
            let Some(case) = tracked.moved() else { continue };
            rows.push(CaseRow {
                case,
                next_due_at: next_due(case, policies, calendar),
                named_opd: tracked.named_opd.as_ref(),
            });
            if tracked.parts_changed() {
                regrouped.push(case);
            }
            places.extend(tracked.joined().map(|report| (report, case.id)));
        }
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        store::cases::save(conn, &rows).await.map_err(save_failed)?;
        store::events::insert(conn, &self.rows).await?;
        if !regrouped.is_empty() {
            store::agencies::replace(conn, &regrouped).await?;
        }
        if !places.is_empty() {
            store::reports::place(conn, &places).await?;
        }
        Ok(self.published)
    }

    fn record(&mut self, order: &Order, events: &[CaseEvent]) -> Result<(), CommandError> {
        let mut text = order.text.clone();
        for event in events {
            let before = self.case(order.case_id).cloned();
            let after = match before.clone() {
                Some(mut case) => {
                    case.apply(event);
                    case
                }
                None => Case::open(event).ok_or_else(not_an_opening)?,
            };
            // The text belongs to what the command led to, not to what was overdue before it.
            let text = if is_platforms(event) { None } else { text.take() };
            self.publish(order, event, before.as_ref(), &after, text);
            self.cases.entry(order.case_id).or_default().current = Some(after);
        }
        Ok(())
    }

    fn publish(
        &mut self,
        order: &Order,
        event: &CaseEvent,
        before: Option<&Case>,
        after: &Case,
        text: Option<TextRef>,
    ) {
        let state = self.wire(after);
        let command_id = order.command_id.to_string();
        let wire_event = convert::case_event(event, after, state, &command_id, text);
        let details = wire_event.details.clone().unwrap_or_default().encode_to_vec();
        let actor = wire_actor(if is_platforms(event) {
            &Actor::System
        } else {
            &order.actor
        });
        let mut draft = EventDraft::new(
            format!("tuntas.case.{}", event.name()),
            SOURCE,
            format!("case:{}", after.id),
            event.seq,
            event.at,
            Payload::CaseEvent(wire_event),
        )
        .actor(actor.clone())
        .policy_version(after.policy_version.to_string());
        if let Some(cause) = order.causation_id {
            draft = draft.caused_by(cause);
        }
        let sealed = draft.seal();
        self.rows.push(EventRow {
            case_id: after.id,
            event_id: sealed.event_id(),
            position_id: actor.position_id,
            holder_id: actor.holder_id,
            via: actor.via,
            command_id: order.command_id,
            issued_at: (order.issued_at < event.at).then_some(order.issued_at),
            causation_id: order.causation_id,
            event: event.clone(),
            details,
        });
        self.published
            .push(sealed.to_events(format!("routing.case.{}", event.name())));
        for opd in concerned(before, after) {
            self.published.push(sealed.to_work(&opd));
        }
    }
}

impl Tracked {
    fn moved(&self) -> Option<&Case> {
        let current = self.current.as_ref()?;
        let seq_before = self.stored.as_ref().map_or(0, |case| case.seq);
        (current.seq > seq_before).then_some(current)
    }

    fn parts_changed(&self) -> bool {
        let parts = |case: &Option<Case>| case.as_ref().map(store::agencies::parts).unwrap_or_default();
        parts(&self.stored) != parts(&self.current)
    }

    /// Reports that are in the case now and were not before.
    fn joined(&self) -> impl Iterator<Item = ReportId> {
        let own = |case: &Option<Case>| -> BTreeSet<ReportId> {
            let members = case.iter().flat_map(|case| &case.members);
            members
                .filter(|member| member.moved_to.is_none())
                .map(|member| member.report)
                .collect()
        };
        let before = own(&self.stored);
        own(&self.current)
            .into_iter()
            .filter(move |report| !before.contains(report))
    }
}

/// Decides a command on a case that `moves` has locked, and records what it led to.
///
/// # Errors
/// [`CommandError::Refused`] when the rules do not allow it; the case is unchanged then.
pub(crate) async fn commit_command(
    conn: &mut PgConnection,
    moves: &mut Moves,
    order: &Order,
) -> Result<(), CommandError> {
    let outages = match order.issued_at < moves.now {
        true => outages_at(conn, order.issued_at).await?,
        false => Vec::new(),
    };
    decide_command(moves, order, &outages)
}

/// As [`commit_command`], for a command that was issued just now.
///
/// # Errors
/// As [`commit_command`].
pub(crate) fn decide_command(moves: &mut Moves, order: &Order, outages: &[Outage]) -> Result<(), CommandError> {
    let directory = Arc::clone(&moves.directory);
    let context = Context {
        now: moves.now,
        issued_at: order.issued_at.min(moves.now),
        actor: &order.actor,
        policies: &directory.policies,
        calendar: &directory.calendar,
        directory: &directory.directory,
        outages,
    };
    let events = decide(moves.case(order.case_id), &order.command, &context)?;
    moves.record(order, &events)
}

async fn outages_at(conn: &mut PgConnection, at: OffsetDateTime) -> Result<Vec<Outage>, CommandError> {
    let windows = store::outages::covering(conn, at).await?;
    Ok(windows.into_iter().map(|(from, to)| Outage { from, to }).collect())
}

/// Agencies that a move concerns, before or after: also the one that has just lost the case, and never the unit
/// that a supervisory case is about (rule M10).
fn concerned(before: Option<&Case>, after: &Case) -> BTreeSet<OpdCode> {
    let mut opds: BTreeSet<OpdCode> = store::agencies::parts(after).into_keys().collect();
    opds.extend(before.map(store::agencies::parts).unwrap_or_default().into_keys());
    if after.supervisory
        && let Some(complained) = &after.complained_unit
    {
        opds.remove(complained);
    }
    opds
}

/// Breaches and rungs that were overdue when somebody's command came are the platform's act, not that person's.
fn is_platforms(event: &CaseEvent) -> bool {
    matches!(event.fact, CaseFact::Breached { .. } | CaseFact::Escalated { .. })
}

fn not_an_opening() -> CommandError {
    CommandError::Failed(Problem::internal("the first event of a case does not open it"))
}

fn save_failed(error: store::cases::SaveError) -> Problem {
    match error {
        store::cases::SaveError::Database(error) => error.into(),
        other => Problem::internal(other),
    }
}
