//! Oversight on a real PostgreSQL: order, contiguity, crashes, followers, immutability, rights, the Ombudsman's acts.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod acts;
mod bench;
mod feed;
mod immutable;
mod rights;
mod sequencing;
mod support;
