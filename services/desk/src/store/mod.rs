//! The desk's SQL: free functions on a connection, one module per table.
//!
//! Every function takes the agency, so that no query can cross from one agency of this desk to another.

pub mod agencies;
pub mod cases;
pub mod commands;
pub mod directory;
pub mod held;
pub mod texts;

/// A sequence as the database keeps it.
pub(crate) fn to_bigint(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
