//! What can go wrong for who types a command: a sentence, the stable code of a refusal, the next step, an exit code.

use std::fmt;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Exit codes; part of the contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Something unexpected.
    Failure = 1,
    /// The command line or its input is not valid.
    Usage = 2,
    /// A rule of the platform refused it; the code says which.
    Refused = 3,
    /// No such thing.
    NotFound = 4,
    /// The caller may not do this.
    NotPermitted = 5,
    /// A service or a server is away.
    Unavailable = 6,
    /// The books do not balance, or the doctor found something.
    Unbalanced = 7,
}

/// A failed command.
#[derive(Debug)]
pub struct CtlError {
    exit: Exit,
    code: Option<String>,
    message: String,
    next: Option<String>,
}

/// What every command returns.
pub type Result<T> = std::result::Result<T, CtlError>;

impl CtlError {
    /// A failure of this class.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            code: None,
            message: message.into(),
            next: None,
        }
    }

    /// Input that is not valid.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something unexpected, with its cause.
    #[must_use]
    pub fn failure(what: &str, cause: impl fmt::Display) -> Self {
        Self::new(Exit::Failure, format!("{what}: {cause}"))
    }

    /// Adds what to do next.
    #[must_use]
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.next = Some(step.into());
        self
    }

    /// Adds the stable code of a refusal.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The stable code of the platform, when one came.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// As JSON, for `--json`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({"error": {
            "exit_code": self.exit as u8, "code": self.code, "message": self.message, "next_step": self.next,
        }})
    }
}

impl fmt::Display for CtlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CtlError {}

impl miette::Diagnostic for CtlError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code.as_ref().map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.next.as_ref().map(|next| Box::new(next) as Box<dyn fmt::Display>)
    }
}

/// The stable code inside a status.
#[must_use]
pub fn code_of(status: &Status) -> Option<String> {
    status
        .get_details_error_info()
        .map(|info| info.reason)
        .filter(|reason| !reason.is_empty())
}

/// Whether the same request may be sent again with a hope of success.
#[must_use]
pub fn is_transient(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => true,
        // A connection that breaks within an answer has no code of ours.
        Code::Unknown | Code::Internal => code_of(status).is_none(),
        Code::Aborted | Code::ResourceExhausted => {
            matches!(code_of(status).as_deref(), Some("stale" | "overloaded") | None)
        }
        _ => false,
    }
}

impl From<Status> for CtlError {
    fn from(status: Status) -> Self {
        let code = code_of(&status);
        let exit = exit_of(&status, code.as_deref());
        let next = code.as_deref().and_then(next_step).or_else(|| match exit {
            Exit::Unavailable => Some("run `tuntas doctor` to see which part is away, then try again".to_owned()),
            _ => None,
        });
        let message = match status.message() {
            "" => format!("the service answered {:?}", status.code()),
            message => message.to_owned(),
        };
        Self {
            exit,
            code,
            message,
            next,
        }
    }
}

fn exit_of(status: &Status, code: Option<&str>) -> Exit {
    if matches!(code, Some("not_permitted" | "own_unit" | "head_required" | "forbidden")) {
        return Exit::NotPermitted;
    }
    match status.code() {
        Code::InvalidArgument | Code::OutOfRange => Exit::Usage,
        Code::NotFound => Exit::NotFound,
        Code::PermissionDenied | Code::Unauthenticated => Exit::NotPermitted,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Exit::Unavailable,
        Code::ResourceExhausted if code != Some("rate_limited") => Exit::Unavailable,
        Code::FailedPrecondition | Code::Aborted | Code::AlreadyExists | Code::ResourceExhausted => Exit::Refused,
        _ => Exit::Failure,
    }
}

fn next_step(code: &str) -> Option<String> {
    let step = match code {
        "unknown_ticket" => {
            "check ticket number and receipt code: both are on the receipt, and O/0, I/1 are told apart"
        }
        "unknown_case" => "`tuntas inbox --as POSITION` lists the cases of a position",
        "illegal_move" | "already_disposed" => "`tuntas show CASE --as POSITION` says in which state the case is",
        "head_required" => "let the head of the agency do it: `--as OPD.kepala`",
        "own_unit" => "nobody decides on their own unit: `--as sekda`",
        "not_permitted" | "forbidden" => "`tuntas directory list --opd OPD` shows which position has which role",
        "returns_exhausted" | "binding_decision_required" => {
            "the manager decides: `tuntas bind CASE --to OPD --as diskominfotik.kepala`"
        }
        "appeal_to_ombudsman" => "the reporter may turn to the Ombudsman RI, Riau office",
        "contributions_outstanding" => "wait for them, or say why not: `--without-contributions \"reason\"`",
        "clock_not_adjustable" => "only a platform started in demo mode has a clock that can be moved",
        "rate_limited" => "wait a minute before trying again",
        "unauthenticated" | "assertion_expired" => {
            "does the trust folder of --state belong to this platform, and do the clocks agree? `tuntas doctor`"
        }
        _ => return None,
    };
    Some(step.to_owned())
}

impl From<tuntas_kit::problem::Problem> for CtlError {
    fn from(problem: tuntas_kit::problem::Problem) -> Self {
        Status::from(problem).into()
    }
}

impl From<tuntas_kit::auth::KeyError> for CtlError {
    fn from(error: tuntas_kit::auth::KeyError) -> Self {
        Self::failure("keys", error).next("`tuntas keys init --dir DIR` makes what is missing")
    }
}

/// Names the file in an error of the file system.
pub fn at_path(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> CtlError + '_ {
    move |error| CtlError::failure(&path.display().to_string(), error)
}
