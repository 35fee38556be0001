//! All SQL of intake: free functions on a connection.

pub mod answer_gram;
pub mod attachment;
pub mod case;
pub mod command;
pub mod filing;
pub mod point;
pub mod recovery;
pub mod register;
pub mod register_search;
pub mod report;
pub mod text;
pub mod update;
pub mod upkeep;

use tuntas_kit::problem::Problem;

/// A status or code in the database that this release does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown {0} in the database")]
pub struct UnknownCode(pub &'static str);

/// Parses a code that a CHECK of the table admits.
pub(crate) fn parsed<T: std::str::FromStr>(what: &'static str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::internal(UnknownCode(what)))
}
