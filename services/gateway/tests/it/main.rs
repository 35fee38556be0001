//! The edge. Some tests ask what it reads, writes and counts by itself; the others serve it on a real PostgreSQL, with servers
//! in place of the services that answer what a test says, and remember in whose name they were asked.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]
#![expect(unreachable_pub, reason = "the modules of a test binary are its own")]

mod api_keys;
mod away;
mod browser;
mod csrf;
mod fake;
mod headers;
mod inbox;
mod injection;
mod limits;
mod login;
mod matrix;
mod oidc;
mod open311_file;
mod open311_filter;
mod open311_render;
mod openapi;
mod routes;
mod support;
mod totp;
mod uploads;
mod world;
