//! Why a command did not move its case: refused by the rules, or not decided at all.

use tuntas_domain::Refusal;
use tuntas_kit::problem::Problem;

/// Why a command did not move its case.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// The rules refuse it: a settled outcome.
    Refused(Refusal),
    /// It could not be decided.
    Failed(Problem),
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Problem> for CommandError {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl From<sqlx::Error> for CommandError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => Self::refusal(refusal.code(), refusal.to_string()),
            CommandError::Failed(problem) => problem,
        }
    }
}
