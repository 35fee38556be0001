//! The edge on a real PostgreSQL, with servers in place of the services that answer what a test says, and remember in
//! whose name they were asked.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod away;
mod browser;
mod csrf;
mod fake;
mod headers;
mod injection;
mod limits;
mod login;
mod matrix;
mod oidc;
mod routes;
mod support;
mod totp;
mod uploads;
