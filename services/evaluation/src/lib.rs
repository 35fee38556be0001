//! Evaluation: how agencies, positions and their holders do, computed from the oversight log alone (rules V1–V4).
//!
//! The log is followed in order ([`follow`]); each entry becomes facts ([`facts`], [`apply`]) in the transaction that
//! moves the position. Figures are computed from facts when asked ([`scores`]). Breaches that went far open
//! evaluation cases, which people decide ([`open_case`], [`reply`], [`decide`]).

pub mod access;
mod app;
pub mod apply;
mod books;
pub mod decide;
pub mod evaluation_cases;
pub mod facts;
pub mod follow;
pub mod grpc;
pub mod metrics;
mod moved;
pub mod near_copy;
pub mod open_case;
pub mod own_events;
pub mod reconcile;
pub mod reply;
pub mod scores;
pub mod store;
pub mod words;

pub use app::main;
