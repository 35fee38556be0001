//! Intake against a real PostgreSQL: every use case, each one twice.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]
#![expect(unreachable_pub, reason = "the modules of a test binary are its own")]

mod attachments;
mod bad_input;
mod batches;
mod callers;
mod canary;
mod cases;
mod commands;
mod erasure;
mod filing;
mod near_copies;
mod points;
mod receipts;
mod recovery;
mod register;
mod register_filters;
mod rights;
mod support;
mod tracking;
mod vault;
mod wire;
