//! Tests of the pure rules, one module per part of the rule book.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails may panic; it says where"
)]

mod authorization;
mod calendar;
mod charges;
mod clocks;
mod clusters;
mod disputes;
mod escalation;
mod evaluation;
mod ids;
mod moves;
mod oversight;
mod own_unit;
mod properties;
mod scoring;
mod steps;
mod table;
mod world;
