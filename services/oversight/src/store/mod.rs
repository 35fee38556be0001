//! The SQL of this service: free functions on a connection.

pub mod arrivals;
pub mod log;
