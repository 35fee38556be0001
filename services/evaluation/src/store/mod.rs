//! The SQL of this service: free functions on a connection.

pub mod cases;
pub mod cursor;
pub mod facts;
pub mod measures;
