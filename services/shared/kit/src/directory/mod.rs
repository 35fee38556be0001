//! The directory in every service: agencies, positions, holders, categories, regions, policy and calendar.
//!
//! Routing owns it and writes through [`apply`]; the other services keep a replica by applying routing's events
//! with the same function. It is small (some hundred entries), so it is read whole into a [`Snapshot`] of domain
//! values and cached until an entry changes; a role or a limit is never looked up anywhere else.

mod reader;

use std::collections::BTreeMap;

use prost::Message as _;
use sqlx::PgConnection;
use time::{Date, OffsetDateTime, format_description::well_known::Iso8601};
use tuntas_domain::{
    Calendar, CategoryCode, Directory, HolderId, Official, OpdCode, Policy, PolicyBook, PositionId, RegionCode, Role,
    calendar::{Holiday, HolidayKind},
    directory::{AgencyKind, OwnUnits, Position, Term},
};
use tuntas_proto::{
    event::v1::{self as wire, Event, directory_changed::Change, event::Payload},
    wire_time::{instant, timestamp},
};

pub use self::reader::DirectoryReader;
use crate::{auth::Assertion, problem::Problem};

/// Aggregate id of all directory, policy and calendar events.
pub const AGGREGATE: &str = "directory";

/// Kind of an agency that is no agency of the province.
pub const EXTERNAL: &str = "external";

/// The directory as it stands, as domain values and as the wire entries with their names.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Latest sequence applied.
    pub seq: u64,
    /// Agencies, positions and terms, for the domain.
    pub directory: Directory,
    /// All versions of the policy.
    pub policies: PolicyBook,
    /// The working calendar.
    pub calendar: Calendar,
    /// Agencies with their names, by code.
    pub agencies: BTreeMap<OpdCode, wire::Agency>,
    /// Positions with their titles, by id.
    pub positions: BTreeMap<PositionId, wire::Position>,
    /// Terms, by id.
    pub terms: BTreeMap<String, wire::HolderTerm>,
    /// Categories, by code.
    pub categories: BTreeMap<CategoryCode, wire::Category>,
    /// Regions, by code.
    pub regions: BTreeMap<RegionCode, wire::Region>,
}

/// Why an entry is refused.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The database failed.
    #[error("directory")]
    Database(#[from] sqlx::Error),
    /// An entry does not hold what it should.
    #[error("directory entry {kind} {id}: {why}")]
    Malformed {
        /// Kind of the entry.
        kind: &'static str,
        /// Its id, as given.
        id: String,
        /// What is wrong.
        why: String,
    },
}

impl From<DirectoryError> for Problem {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Database(error) => error.into(),
            malformed @ DirectoryError::Malformed { .. } => Self::internal(malformed),
        }
    }
}

/// How much of the directory is here. Tells whether a replica has what the owner has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Latest sequence; 0 where all was learnt by asking.
    pub seq: i64,
    /// Number of entries.
    pub entries: i64,
}

impl Snapshot {
    /// The official behind a verified assertion at a moment (rule M13).
    #[must_use]
    pub fn official(&self, assertion: &Assertion, at: OffsetDateTime) -> Option<Official> {
        let position = assertion.position().ok()?;
        let holder = assertion.holder().ok()?;
        self.directory.official(&position, &holder, at)
    }

    /// Provincial agencies: those that have a queue.
    pub fn provincial(&self) -> impl Iterator<Item = &OpdCode> {
        self.directory
            .agencies
            .iter()
            .filter(|(_, kind)| **kind == AgencyKind::Provincial)
            .map(|(code, _)| code)
    }
}

/// Applies a directory, policy or calendar event. Another payload, and an event older than the stored one,
/// changes nothing. Returns whether an entry changed.
///
/// # Errors
/// The database's, or an entry whose ids do not parse.
pub async fn apply(conn: &mut PgConnection, event: &Event) -> Result<bool, DirectoryError> {
    let Some((kind, id)) = event.payload.as_ref().and_then(key) else {
        return Ok(false);
    };
    check(kind, &id, event)?;
    let body = Event {
        aggregate_id: AGGREGATE.to_owned(),
        aggregate_seq: event.aggregate_seq,
        occurred_at: event.occurred_at,
        payload: event.payload.clone(),
        ..Event::default()
    }
    .encode_to_vec();
    let seq = i64::try_from(event.aggregate_seq).unwrap_or(i64::MAX);
    let done = sqlx::query!(
        "INSERT INTO directory_entry (kind, id, seq, body) VALUES ($1, $2, $3, $4)
         ON CONFLICT (kind, id) DO UPDATE SET seq = excluded.seq, body = excluded.body, written_by = excluded.written_by
         WHERE directory_entry.seq < excluded.seq",
        kind,
        id,
        seq,
        body,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The stored entries as events, oldest change first: for a snapshot that is handed to another service.
///
/// # Errors
/// The database's, or an entry that does not decode.
pub async fn entries(conn: &mut PgConnection) -> Result<Vec<Event>, DirectoryError> {
    let rows = sqlx::query!("SELECT id, body FROM directory_entry ORDER BY seq, kind, id")
        .fetch_all(conn)
        .await?;
    rows.into_iter()
        .map(|row| Event::decode(row.body.as_slice()).map_err(|e| malformed("entry", &row.id, e)))
        .collect()
}

/// Sequence of the latest change; 0 for an empty directory.
///
/// # Errors
/// The database's.
pub async fn latest_seq(conn: &mut PgConnection) -> sqlx::Result<u64> {
    let seq = sqlx::query_scalar!(r#"SELECT coalesce(max(seq), 0) AS "seq!" FROM directory_entry"#)
        .fetch_one(conn)
        .await?;
    Ok(seq.unsigned_abs())
}

/// How much of the directory is here.
///
/// # Errors
/// The database's.
pub async fn extent(conn: &mut PgConnection) -> sqlx::Result<Extent> {
    sqlx::query_as!(
        Extent,
        r#"SELECT coalesce(max(seq), 0) AS "seq!", count(*) AS "entries!" FROM directory_entry"#
    )
    .fetch_one(conn)
    .await
}

/// Kind and id under which a payload is stored; none for payloads that are not of the directory.
#[must_use]
pub fn key(payload: &Payload) -> Option<(&'static str, String)> {
    match payload {
        Payload::DirectoryChanged(changed) => Some(match changed.change.as_ref()? {
            Change::Agency(agency) => ("agency", agency.code.clone()),
            Change::Position(position) => ("position", position.id.clone()),
            Change::HolderTerm(term) => ("term", term.term_id.clone()),
            Change::Category(category) => ("category", category.code.clone()),
            Change::Region(region) => ("region", region.code.clone()),
        }),
        Payload::PolicyChanged(policy) => Some(("policy", policy.version.clone())),
        Payload::CalendarChanged(day) => Some(("holiday", day.date.clone())),
        _ => None,
    }
}

/// Refuses an entry before it is stored, so that a reading never fails on what was accepted.
fn check(kind: &'static str, id: &str, event: &Event) -> Result<(), DirectoryError> {
    let mut draft = Draft::default();
    draft.add(event).map_err(|error| match error {
        DirectoryError::Malformed { why, .. } => malformed(kind, id, why),
        database @ DirectoryError::Database(_) => database,
    })
}

async fn read(conn: &mut PgConnection) -> Result<Snapshot, DirectoryError> {
    let mut draft = Draft::default();
    let events = entries(conn).await?;
    let seq = events.last().map_or(0, |event| event.aggregate_seq);
    for event in &events {
        draft.add(event)?;
    }
    draft.finish(seq)
}

#[derive(Default)]
struct Draft {
    agencies: BTreeMap<OpdCode, wire::Agency>,
    positions: BTreeMap<PositionId, wire::Position>,
    terms: BTreeMap<String, (PositionId, Term, wire::HolderTerm)>,
    categories: BTreeMap<CategoryCode, wire::Category>,
    regions: BTreeMap<RegionCode, wire::Region>,
    policies: Vec<Policy>,
    holidays: BTreeMap<Date, Holiday>,
    calendar_changes: u32,
}

impl Draft {
    fn add(&mut self, event: &Event) -> Result<(), DirectoryError> {
        match &event.payload {
            Some(Payload::DirectoryChanged(changed)) => self.add_change(changed.change.as_ref()),
            Some(Payload::PolicyChanged(policy)) => {
                let parsed: Policy =
                    serde_json::from_str(&policy.policy_json).map_err(|e| malformed("policy", &policy.version, e))?;
                self.policies.push(parsed);
                Ok(())
            }
            Some(Payload::CalendarChanged(day)) => self.add_day(day, event),
            _ => Ok(()),
        }
    }

    fn add_change(&mut self, change: Option<&Change>) -> Result<(), DirectoryError> {
        match change {
            Some(Change::Agency(agency)) => {
                let code = parsed("agency", &agency.code, &agency.code)?;
                self.agencies.insert(code, agency.clone());
            }
            Some(Change::Position(position)) => {
                domain_position(position)?;
                self.positions
                    .insert(parsed("position", &position.id, &position.id)?, position.clone());
            }
            Some(Change::HolderTerm(term)) => {
                let position = parsed("term", &term.term_id, &term.position_id)?;
                let parsed_term = domain_term(term)?;
                self.terms
                    .insert(term.term_id.clone(), (position, parsed_term, term.clone()));
            }
            Some(Change::Category(category)) => {
                self.categories
                    .insert(parsed("category", &category.code, &category.code)?, category.clone());
            }
            Some(Change::Region(region)) => {
                self.regions
                    .insert(parsed("region", &region.code, &region.code)?, region.clone());
            }
            None => {}
        }
        Ok(())
    }

    fn add_day(&mut self, day: &wire::CalendarChanged, event: &Event) -> Result<(), DirectoryError> {
        let date = Date::parse(&day.date, &Iso8601::DATE).map_err(|e| malformed("holiday", &day.date, e))?;
        self.calendar_changes = self.calendar_changes.saturating_add(1);
        if day.removed {
            self.holidays.remove(&date);
            return Ok(());
        }
        let kind = match day.kind.as_str() {
            "national" => HolidayKind::National,
            "collective_leave" => HolidayKind::CollectiveLeave,
            "local" => HolidayKind::Local,
            other => return Err(malformed("holiday", &day.date, format!("unknown kind {other:?}"))),
        };
        let known_from = event.occurred_at.as_ref().and_then(instant);
        self.holidays.insert(
            date,
            Holiday {
                date,
                kind,
                name_id: day.name.clone(),
                known_from,
            },
        );
        Ok(())
    }

    fn finish(mut self, seq: u64) -> Result<Snapshot, DirectoryError> {
        let mut positions = BTreeMap::new();
        for (id, position) in &self.positions {
            if position.active {
                positions.insert(id.clone(), domain_position(position)?);
            }
        }
        for (position, term, _) in self.terms.values() {
            if let Some(position) = positions.get_mut(position) {
                position.terms.push(term.clone());
            }
        }
        let agencies = self
            .agencies
            .iter()
            .filter(|(_, agency)| agency.active)
            .map(|(code, agency)| (code.clone(), agency_kind(agency)))
            .collect();
        self.policies.sort_by_key(|policy| policy.version);
        let policies = match self.policies.is_empty() {
            true => PolicyBook::default_2024(),
            false => PolicyBook::new(self.policies).map_err(|e| malformed("policy", "all", e))?,
        };
        let last_year = self.holidays.keys().next_back().map_or(0, |date| date.year());
        Ok(Snapshot {
            seq,
            directory: Directory {
                own_units: own_units(&positions)?,
                agencies,
                positions,
            },
            policies,
            calendar: Calendar::new(self.calendar_changes, last_year, self.holidays.into_values()),
            agencies: self.agencies,
            positions: self.positions,
            terms: self.terms.into_iter().map(|(id, (_, _, term))| (id, term)).collect(),
            categories: self.categories,
            regions: self.regions,
        })
    }
}

fn agency_kind(agency: &wire::Agency) -> AgencyKind {
    if agency.kind == EXTERNAL {
        AgencyKind::External
    } else {
        AgencyKind::Provincial
    }
}

/// The units of rule M10 are those to which the positions with these roles belong: data, not code. Before the
/// directory is filled, placeholders stand in which no agency bears.
fn own_units(positions: &BTreeMap<PositionId, Position>) -> Result<OwnUnits, DirectoryError> {
    let unit_of = |role: Role| {
        positions
            .values()
            .find(|position| position.roles.contains(&role))
            .and_then(|position| position.opd.clone())
    };
    let or_none = |unit: Option<OpdCode>| match unit {
        Some(unit) => Ok(unit),
        None => parsed("agency", "unassigned", "unassigned"),
    };
    Ok(OwnUnits {
        manager: or_none(unit_of(Role::Manager))?,
        auditor: or_none(unit_of(Role::Auditor))?,
        director: unit_of(Role::Director),
    })
}

fn domain_position(position: &wire::Position) -> Result<Position, DirectoryError> {
    let roles = position
        .roles
        .iter()
        .map(|role| parsed("position", &position.id, role))
        .collect::<Result<_, _>>()?;
    let opd = match position.opd_code.as_str() {
        "" => None,
        code => Some(parsed("position", &position.id, code)?),
    };
    Ok(Position {
        id: parsed("position", &position.id, &position.id)?,
        opd,
        roles,
        echelon: Some(position.echelon.clone()).filter(|echelon| !echelon.is_empty()),
        terms: Vec::new(),
    })
}

fn domain_term(term: &wire::HolderTerm) -> Result<Term, DirectoryError> {
    let from = term
        .from
        .as_ref()
        .and_then(instant)
        .ok_or_else(|| malformed("term", &term.term_id, "has no valid start"))?;
    let holder: HolderId = parsed("term", &term.term_id, &term.holder_id)?;
    Ok(Term {
        holder,
        from,
        to: term.until.as_ref().and_then(instant),
        acting: term.acting,
    })
}

fn parsed<T>(kind: &'static str, id: &str, text: &str) -> Result<T, DirectoryError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|e: T::Err| malformed(kind, id, e))
}

fn malformed(kind: &'static str, id: &str, why: impl std::fmt::Display) -> DirectoryError {
    DirectoryError::Malformed {
        kind,
        id: id.to_owned(),
        why: why.to_string(),
    }
}

/// A directory event as it goes to [`apply`] in tests and at import.
#[must_use]
pub fn event_of(payload: Payload, seq: u64, at: OffsetDateTime) -> Event {
    Event {
        aggregate_id: AGGREGATE.to_owned(),
        aggregate_seq: seq,
        occurred_at: Some(timestamp(at)),
        payload: Some(payload),
        ..Event::default()
    }
}
