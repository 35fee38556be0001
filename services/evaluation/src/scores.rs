//! Figures of a period (rules V1, V2): facts from the tables, the formula from the domain, the position of the log
//! with every answer.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sqlx::{PgConnection, PgPool};
use tuntas_domain::{
    ClockKind, Party,
    authorization::Role,
    ids::{CaseId, PositionId},
    period::Period,
    scoring::{self, Fact, Measures, Subject, What},
};
use tuntas_kit::{
    directory::{DirectoryReader, Snapshot},
    problem::Problem,
    tx,
};
use tuntas_proto::evaluation::v1 as wire;

use crate::store::measures::{self as store, Counted, Window};

/// `[scores]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in default.toml, key by key")]
pub struct Settings {
    pub breaches_max: u32,
    pub service_readers: Vec<String>,
}

/// Predicate of who had nothing to be measured by.
const NOT_SCORED: &str = "belum_dinilai";
/// Roles of positions that are listed even when there is nothing to measure.
const MEASURED_ROLES: [Role; 6] = [
    Role::Liaison,
    Role::AccountableHead,
    Role::Executor,
    Role::Verifier,
    Role::Manager,
    Role::Director,
];

/// Of whom figures are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// All of it together.
    Province,
    /// Agencies.
    Opd,
    /// Positions, whoever holds them.
    Position,
    /// Positions, each with one of its holders: `position/holder`.
    Holder,
}

impl Per {
    /// Parses the field `per`.
    ///
    /// # Errors
    /// `invalid_argument`.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "province" => Ok(Self::Province),
            "" | "opd" => Ok(Self::Opd),
            "position" => Ok(Self::Position),
            "holder" => Ok(Self::Holder),
            _ => Err(Problem::invalid("per", "is province, opd, position or holder")),
        }
    }

    /// Its name in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Province => "province",
            Self::Opd => "opd",
            Self::Position => "position",
            Self::Holder => "holder",
        }
    }
}

/// The figures of a period, all of one position of the log.
///
/// # Errors
/// The database's.
pub async fn list_scores(
    pool: &PgPool,
    directory: DirectoryReader,
    per: Per,
    period: Period,
    subject: String,
) -> Result<wire::ListScoresResponse, Problem> {
    tx::run(pool, move |conn| {
        Box::pin(async move {
            let position = store::as_of_one_position(conn).await?;
            let snapshot = directory.current(conn).await?;
            let window = Window {
                per: per.name(),
                subject: &subject,
                from: period.from(),
                to: period.to(),
            };
            let counts = Counts::read(conn, &window).await?;
            scores(&snapshot, per, period, &subject, counts, position)
        })
    })
    .await
}

/// What the tables say, by subject.
#[derive(Default)]
struct Counts {
    facts: BTreeMap<String, Vec<Fact>>,
    breaches: BTreeMap<String, u64>,
    open: BTreeMap<String, u64>,
    overdue: BTreeMap<String, u64>,
    escalations: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Counts {
    async fn read(conn: &mut PgConnection, window: &Window<'_>) -> sqlx::Result<Self> {
        let mut counts = Self::default();
        counts.add(store::signals(conn, window).await?, signal);
        counts.add(store::clocks(conn, window).await?, clock);
        counts.add(store::closed(conn, window).await?, |closed| {
            Some(What::Closed {
                charged_seconds: u64::try_from(closed.value).unwrap_or(0),
            })
        });
        for rung in store::rungs(conn, window).await? {
            counts
                .escalations
                .entry(rung.subject)
                .or_default()
                .insert(rung.role, rung.count.unsigned_abs());
        }
        let by_subject = |rows: Vec<store::Count>| -> BTreeMap<String, u64> {
            rows.into_iter()
                .map(|row| (row.subject, row.count.unsigned_abs()))
                .collect()
        };
        counts.breaches = by_subject(store::breach_counts(conn, window).await?);
        counts.open = by_subject(store::open(conn, window).await?);
        counts.overdue = by_subject(store::overdue(conn, window).await?);
        Ok(counts)
    }

    fn add(&mut self, rows: Vec<Counted>, what: impl Fn(&Counted) -> Option<What>) {
        for row in rows {
            if let Some(what) = what(&row) {
                // The subject is decided by the query; party and position say nothing more.
                let fact = Fact {
                    case_id: CaseId::new(row.case_id),
                    at: row.at,
                    party: Party::Manager,
                    position: None,
                    holder: None,
                    what,
                };
                self.facts.entry(row.subject).or_default().push(fact);
            }
        }
    }

    fn subjects(&self) -> impl Iterator<Item = &String> {
        self.facts
            .keys()
            .chain(self.breaches.keys())
            .chain(self.open.keys())
            .chain(self.overdue.keys())
    }
}

fn signal(signal: &Counted) -> Option<What> {
    Some(match signal.kind.as_str() {
        "received" => What::Received,
        "answered" => What::Answered,
        "returned" => What::Returned,
        "bounced" => What::Bounced,
        "disputed" => What::Disputed,
        "dispute_upheld" => What::DisputeUpheld,
        "near_copy" => What::NearCopy,
        "rated" => What::Rated {
            score: u8::try_from(signal.value).ok()?,
        },
        _ => return None,
    })
}

fn clock(clock: &Counted) -> Option<What> {
    let kind = ClockKind::ALL.into_iter().find(|kind| kind.code() == clock.kind)?;
    Some(What::ClockEnded {
        kind,
        on_time: clock.value > 0,
    })
}

fn scores(
    snapshot: &Snapshot,
    per: Per,
    period: Period,
    subject: &str,
    mut counts: Counts,
    position: i64,
) -> Result<wire::ListScoresResponse, Problem> {
    // Rule K3: scoring is that of the period.
    let policy = snapshot
        .policies
        .in_force(period.from())
        .ok_or_else(|| Problem::internal("no policy is in force"))?;
    let mut subjects: BTreeSet<String> = counts.subjects().cloned().collect();
    subjects.extend(
        listed(snapshot, per)
            .into_iter()
            .filter(|id| subject.is_empty() || id == subject),
    );
    let scores = subjects
        .into_iter()
        .map(|id| {
            let facts = counts.facts.remove(&id).unwrap_or_default();
            let measures = scoring::measure(&Subject::Province, period, &facts, &policy.scoring, policy.version);
            score(id, period, &measures, &mut counts)
        })
        .collect();
    Ok(wire::ListScoresResponse {
        scores,
        log_position: position.unsigned_abs(),
        policy_version: policy.version.to_string(),
    })
}

/// Whom the directory has, so that nobody is missing for want of cases.
fn listed(snapshot: &Snapshot, per: Per) -> Vec<String> {
    match per {
        Per::Province => vec![per.name().to_owned()],
        Per::Opd => snapshot.provincial().map(ToString::to_string).collect(),
        Per::Position => {
            let measured = |id: &&PositionId| {
                snapshot
                    .directory
                    .positions
                    .get(*id)
                    .is_some_and(|position| MEASURED_ROLES.iter().any(|role| position.roles.contains(role)))
            };
            snapshot
                .directory
                .positions
                .keys()
                .filter(measured)
                .map(ToString::to_string)
                .collect()
        }
        Per::Holder => Vec::new(),
    }
}

fn score(subject_id: String, period: Period, measures: &Measures, counts: &mut Counts) -> wire::Score {
    let ratio = |ratio: scoring::Ratio| {
        Some(wire::Ratio {
            kept: ratio.part,
            all: ratio.whole,
        })
    };
    let take = |from: &mut BTreeMap<String, u64>| from.remove(&subject_id).unwrap_or_default();
    let (open, overdue, breaches) = (
        take(&mut counts.open),
        take(&mut counts.overdue),
        take(&mut counts.breaches),
    );
    wire::Score {
        period: period.to_string(),
        received: measures.received,
        closed: measures.closed,
        open,
        overdue,
        verification_on_time: ratio(measures.verification),
        acceptance_on_time: ratio(measures.acceptance),
        first_response_on_time: ratio(measures.first_response),
        resolution_on_time: ratio(measures.resolution),
        charged_median_s: measures.charged_median_seconds.unwrap_or_default(),
        charged_p90_s: measures.charged_p90_seconds.unwrap_or_default(),
        returns: measures.returns,
        disputes_upheld: measures.disputes_upheld,
        rating_hundredths: measures.rating.shrunk_hundredths.unwrap_or_default(),
        ratings: measures.rating.count,
        breaches,
        escalations: counts
            .escalations
            .remove(&subject_id)
            .unwrap_or_default()
            .into_iter()
            .collect(),
        points: measures.score_basis_points.unwrap_or_default(),
        predicate: measures
            .predicate
            .map_or(NOT_SCORED, |predicate| predicate.code())
            .to_owned(),
        near_copy_answers: measures.near_copies,
        bounces: measures.bounces,
        subject_id,
    }
}

/// The breaches behind the figures of a period, each with its case and its place in the log.
///
/// # Errors
/// The database's.
pub async fn list_breaches(
    pool: &PgPool,
    per: Per,
    period: Period,
    subject: String,
    rows_max: i64,
) -> Result<wire::ListBreachesResponse, Problem> {
    tx::run(pool, move |conn| {
        Box::pin(async move {
            let position = store::as_of_one_position(conn).await?;
            let window = Window {
                per: per.name(),
                subject: &subject,
                from: period.from(),
                to: period.to(),
            };
            let breaches = store::breaches(conn, &window, rows_max).await?;
            Ok(wire::ListBreachesResponse {
                breaches: breaches.into_iter().map(Into::into).collect(),
                log_position: position.unsigned_abs(),
            })
        })
    })
    .await
}

impl From<store::Breach> for wire::Breach {
    fn from(breach: store::Breach) -> Self {
        use tuntas_proto::wire_time::timestamp;
        Self {
            case_id: breach.case_id.to_string(),
            clock_kind: breach.kind,
            due_at: Some(timestamp(breach.due_at)),
            stopped_at: breach.stopped_at.map(timestamp),
            opd_code: breach.opd_code.unwrap_or_default(),
            position_id: breach.position_id.unwrap_or_default(),
            holder_id: breach.holder_id.unwrap_or_default(),
            log_position: breach.log_position.unsigned_abs(),
            corrected: breach.corrected,
        }
    }
}
