//! Evaluation on a real PostgreSQL, over logs that the domain itself wrote: figures by hand, crashes, a second run,
//! evaluation cases, rights, and following the feed over gRPC.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

mod evaluation_cases;
mod figures;
mod following;
mod log;
mod rights;
mod support;
mod world;
