//! Conformance of the plumbing on a real PostgreSQL and a real RabbitMQ.
//!
//! `DATABASE_URL` names the PostgreSQL server; every test gets a database of its own there. `TUNTAS_TEST_AMQP_URL` and
//! `TUNTAS_TEST_AMQP_MGMT_URL` name a RabbitMQ, where every test gets a virtual host of its own. The test that kills the
//! broker starts one by `deploy/servers`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

mod app;
mod auth;
mod catch_up;
mod config;
mod consumer;
mod dead;
mod directory;
mod idempotency;
mod outage;
mod outbox;
mod relay;
mod rights;
mod support;
mod tx;
