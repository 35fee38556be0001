//! Tests of the pure rules, one module per part of the rule book.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails may panic; it says where"
)]

mod authorization;
mod calendar;
mod clocks;
mod escalation;
mod evaluation;
mod ids;
mod moves;
mod oversight;
mod properties;
mod scoring;
mod table;
mod world;
