//! Oversight on a real PostgreSQL: order, contiguity, crashes, followers, immutability, rights, the Ombudsman's acts.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod feed;
mod immutable;
mod sequencing;
mod support;
