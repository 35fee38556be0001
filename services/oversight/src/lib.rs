//! Oversight: every event of the platform at a fixed position, for the Ombudsman and for evaluation.
//!
//! Events arrive from the broker in any order ([`consume`]), get their position from one sequencer that never puts
//! an effect before its cause ([`order`], [`sequencer`]), and are read by position, then live ([`feed`]). The
//! Ombudsman's own acts and reads are events of the same log.

pub mod access;
pub mod act;
pub mod acts;
pub mod answer_act;
mod app;
mod books;
pub mod close_act;
pub mod consume;
pub mod feed;
pub mod grpc;
pub mod head;
pub mod leaf;
pub mod metrics;
pub mod order;
pub mod reconcile;
pub mod record_read;
pub mod sequencer;
pub mod store;

pub use app::main;
