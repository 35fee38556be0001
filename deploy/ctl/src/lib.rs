//! The command line `tuntas`, its demo and its bookkeeping check, as a library that the platform tests drive too.
//!
//! Layers, from the bottom: [`error`] (exit codes), [`endpoints`] (where the platform is), [`platform`] (typed calls in
//! somebody's name, with retries under the same idempotency key), [`render`] and [`labels`] (what people see),
//! [`commands`] (one file per group), [`demo`] (eight weeks of a province in minutes).

pub mod cli;
pub mod commands;
pub mod demo;
pub mod directory;
pub mod endpoints;
pub mod error;
pub mod labels;
pub mod platform;
pub mod quiet;
pub mod render;
pub mod trust;
pub mod wib;
