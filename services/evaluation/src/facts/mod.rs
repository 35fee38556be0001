//! From one event of a case to facts, by what the event itself says and the directory of that position in the log.
//!
//! Pure and total: the same log gives the same facts, however it is cut into batches. The wire form is the contract
//! (a case event carries the resulting state of the case), so nothing is looked up in routing.

mod read;

use time::OffsetDateTime;
use tuntas_domain::Party;
use uuid::Uuid;

pub use read::read;

/// What an event of a case says that measures need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The case as it stands.
    pub case: CaseFact,
    /// All its clocks.
    pub clocks: Vec<ClockFact>,
    /// Those of its clocks that are breached.
    pub breaches: Vec<BreachFact>,
    /// Rungs that have fired.
    pub escalations: Vec<EscalationFact>,
    /// Time charged to a party, in order.
    pub charges: Vec<ChargeFact>,
    /// What this event itself is for or against somebody.
    pub signals: Vec<SignalFact>,
}

/// A case as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the table of this name, documented there")]
pub struct CaseFact {
    pub case_id: Uuid,
    pub seq: i64,
    pub outcome: String,
    pub lead_opd: Option<String>,
    pub filed_at: OffsetDateTime,
    pub closed_at: Option<OffsetDateTime>,
}

/// Who is responsible for something. A position is none when the agency has none of the role, a holder when vacant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Responsible {
    /// Agency.
    pub opd: Option<String>,
    /// Position.
    pub position: Option<String>,
    /// Its holder then.
    pub holder: Option<String>,
}

/// A clock and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the table of this name, documented there")]
pub struct ClockFact {
    pub instance: i32,
    pub kind: String,
    pub responsible: Responsible,
    pub result: &'static str,
    pub due_at: OffsetDateTime,
    pub stopped_at: Option<OffsetDateTime>,
    pub counted_at: Option<OffsetDateTime>,
    /// A breach was mended (rule K7).
    pub corrected: bool,
}

/// A breach.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the table of this name, documented there")]
pub struct BreachFact {
    pub instance: i32,
    pub kind: String,
    pub charged: Responsible,
    pub role: String,
    pub breached_at: OffsetDateTime,
    pub stopped_at: Option<OffsetDateTime>,
}

/// A rung that fired.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the table of this name, documented there")]
pub struct EscalationFact {
    pub instance: i32,
    pub rung: i32,
    pub role: String,
    pub after_working_days: i32,
    pub fired_at: OffsetDateTime,
    pub charged: Responsible,
    pub charged_party: Party,
    pub charged_role: String,
}

/// Time charged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the table of this name, documented there")]
pub struct ChargeFact {
    pub number: i32,
    pub party: String,
    pub charged: Responsible,
    pub from_at: OffsetDateTime,
    pub to_at: Option<OffsetDateTime>,
}

/// Something for or against somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the table of this name, documented there")]
pub struct SignalFact {
    pub kind: &'static str,
    pub responsible: Responsible,
    pub at: OffsetDateTime,
    pub value: Option<i32>,
}

/// What is wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);
