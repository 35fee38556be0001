//! The desk on a real PostgreSQL, with foreign servers in place of intake and routing; and once over a real RabbitMQ.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

mod broker;
mod cases;
mod commands;
mod foreign;
mod rebuild;
mod support;
mod texts;
mod words;
