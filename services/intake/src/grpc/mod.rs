//! The wire: each call is handed to its use case, and a problem becomes a status.

mod citizens;
mod vault;

pub use citizens::Citizens;
pub use vault::Officers;
