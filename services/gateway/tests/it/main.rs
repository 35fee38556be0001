//! The edge without services behind it: what it reads, what it writes, what it counts.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]
#![expect(unreachable_pub, reason = "the modules of a test binary are its own")]

mod api_keys;
mod inbox;
mod open311_file;
mod open311_filter;
mod open311_render;
mod openapi;
mod support;
