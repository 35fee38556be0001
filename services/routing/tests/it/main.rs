//! routing on a real PostgreSQL: a database of its own for every test (`DATABASE_URL` names the server).
//!
//! Use cases are called through the RPC layer, messages through the handlers as the consumer calls them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

mod broker;
mod citizens;
mod clocks;
mod clusters;
mod concurrency;
mod desks;
mod directory;
mod disputes;
mod holidays;
mod journeys;
mod outages;
mod overdue;
mod reading;
mod several_agencies;
mod suggestions;
mod support;
mod visibility;
