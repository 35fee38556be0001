//! All SQL of this service: free functions on a connection.

pub mod agencies;
pub mod cases;
pub mod contacts;
pub mod directory;
pub mod events;
pub mod inbox;
pub mod outages;
pub mod reports;
