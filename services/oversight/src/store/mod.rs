//! The SQL of this service: free functions on a connection.

pub mod acts;
pub mod arrivals;
pub mod log;
