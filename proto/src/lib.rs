//! Everything that crosses a process boundary: the generated messages and services of `proto/`, the descriptors for
//! gRPC reflection, and the conversions between wire and domain types. Generated types stay behind this crate and kit,
//! so that a change of the gRPC library touches two places.

/// File descriptors of all packages, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

pub use prost_types::Timestamp;

pub mod codec;
pub mod convert;
pub mod wire_time;

macro_rules! packages {
    ($($(#[$doc:meta])* $name:ident = $package:literal;)*) => {
        $(
            $(#[$doc])*
            pub mod $name {
                /// Version 1.
                pub mod v1 {
                    tonic::include_proto!($package);
                }
            }
        )*
    };
}

packages! {
    /// Messages that every package shares.
    common = "tuntas.common.v1";
    /// State, commands and events of a case.
    case = "tuntas.case.v1";
    /// The event envelope and its payloads.
    event = "tuntas.event.v1";
    /// Filing, following and the vault.
    intake = "tuntas.intake.v1";
    /// Cases and the directory.
    routing = "tuntas.routing.v1";
    /// An agency's handling.
    desk = "tuntas.desk.v1";
    /// Deliveries.
    notification = "tuntas.notification.v1";
    /// Scores and evaluation cases.
    evaluation = "tuntas.evaluation.v1";
    /// The Ombudsman's feed and acts.
    oversight = "tuntas.oversight.v1";
    /// Accounts of the edge.
    gateway = "tuntas.gateway.v1";
    /// What an operator asks of every service.
    ops = "tuntas.ops.v1";
    /// What a service has published, for consumers that missed some of it.
    outbox = "tuntas.outbox.v1";
}
