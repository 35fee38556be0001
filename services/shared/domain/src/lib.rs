//! The pure rules of Tuntas.
//!
//! Everything a case may do is decided here and nowhere else: no async, no I/O, no `now()`.
//! Time, calendar, policy and directory are arguments. State changes only through
//! [`case::decide`] and [`case::Case::apply`]; an illegal move is a typed [`Refusal`].
//!
//! Rule numbers (M, K, E, V) in the documentation of this crate are those of the platform's rule book:
//! M for moves of a case, K for clocks, E for escalation, V for evaluation.

pub mod authorization;
pub mod breach;
pub mod calendar;
pub mod case;
pub mod clock;
mod command_kind;
pub mod directory;
pub mod escalation;
pub mod evaluation_case;
pub mod ids;
pub mod near_copy;
pub mod oversight_act;
pub mod party;
pub mod period;
pub mod policy;
pub mod refusal;
pub mod report;
pub mod scoring;
pub mod ticket;

pub use authorization::{Actor, CommandKind, Official, Relation, Role, may, may_see};
pub use calendar::Calendar;
pub use case::{Case, CaseEvent, Command, Context, Outcome, State, decide, due_commands, next_due};
pub use clock::{CaseClock, ClockId, ClockKind, ClockResult};
pub use directory::Directory;
pub use ids::{
    AnswerId, AttachmentId, CaseId, CategoryCode, CommandId, EvaluationCaseId, EventId, HolderId, OpdCode, PositionId,
    RecommendationId, RegionCode, ReportId,
};
pub use party::Party;
pub use policy::{Policy, PolicyBook};
pub use refusal::Refusal;
pub use report::{Privacy, ReportKind};
pub use ticket::TicketNumber;
