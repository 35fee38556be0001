//! Notification's SQL: free functions on a connection, one module per table.

pub mod case_agencies;
pub mod deliveries;
pub mod digest_days;
pub mod preferences;
pub mod sending;
pub mod webhooks;

/// A sequence as the database keeps it.
pub(crate) fn to_bigint(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
