//! Notification on a real PostgreSQL, with real SMTP conversations, real webhooks and foreign servers in place of intake
//! and routing.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod digest;
mod foreign;
mod hooks;
mod mails;
mod plans;
mod relay;
mod rpc;
mod support;
