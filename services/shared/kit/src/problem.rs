//! The one table of what can go wrong for a caller: stable code, gRPC code, HTTP status, sentence.
//!
//! A use case answers `Result<T, Problem>`. On the wire a [`Problem`] is a gRPC status with a
//! `google.rpc.ErrorInfo` detail (reason = code, domain = [`DOMAIN`]); the gateway makes RFC 9457 JSON of the
//! same row. Codes are part of the contract: they are added, never renamed.
//!
//! A domain refusal has its own code (`Refusal::code()`); what this table does not list is answered as
//! `failed_precondition` under that code, so a new refusal needs no change here.

use std::{borrow::Cow, collections::HashMap, error::Error as StdError, fmt, sync::Arc};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// `domain` of every `ErrorInfo` of the platform.
pub const DOMAIN: &str = "tuntas";

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Stable code, also the `ErrorInfo.reason`.
    pub code: &'static str,
    /// gRPC status code.
    pub grpc: Code,
    /// HTTP status (RFC 9110) for the gateway.
    pub http: u16,
    /// A sentence for people; names no data.
    pub message: &'static str,
}

macro_rules! table {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $grpc:ident, $http:literal, $message:literal;)+) => {
        $($(#[$doc])* pub const $name: Kind =
            Kind { code: $code, grpc: Code::$grpc, http: $http, message: $message };)+
        /// Every row, in order of definition.
        pub const TABLE: &[Kind] = &[$($name),+];
    };
}

table! {
    /// The request could not be parsed into the domain's types.
    INVALID_ARGUMENT = "invalid_argument", InvalidArgument, 400, "the request is not valid";
    /// An idempotency key is missing or malformed.
    IDEMPOTENCY_KEY_MISSING = "idempotency_key_missing", InvalidArgument, 400, "every write needs an idempotency key of 1 to 128 characters";
    /// An idempotency key came back with another request.
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", AlreadyExists, 409, "this idempotency key was used for another request";
    /// No assertion of an actor, or one that does not verify.
    UNAUTHENTICATED = "unauthenticated", Unauthenticated, 401, "no valid assertion came with the request";
    /// The actor's assertion had expired when it was used.
    ASSERTION_EXPIRED = "assertion_expired", Unauthenticated, 401, "the assertion has expired";
    /// The actor may not do this.
    FORBIDDEN = "forbidden", PermissionDenied, 403, "the caller may not do this";
    /// No report has this ticket number, or the receipt code does not fit it; the two look the same.
    UNKNOWN_TICKET = "unknown_ticket", NotFound, 404, "no report matches this receipt";
    /// No such case.
    UNKNOWN_CASE = "unknown_case", NotFound, 404, "no such case";
    /// No such thing of another kind.
    NOT_FOUND = "not_found", NotFound, 404, "no such thing";
    /// The actor's roles do not allow the command (rule M13).
    NOT_PERMITTED = "not_permitted", PermissionDenied, 403, "the actor may not do this";
    /// Nobody decides on their own unit (rule M10).
    OWN_UNIT = "own_unit", PermissionDenied, 403, "nobody decides on their own unit";
    /// The release needs the head's role (rule M12).
    HEAD_REQUIRED = "head_required", PermissionDenied, 403, "this needs the head of the agency";
    /// Reclassification away from supervisory needs the auditor (rule M9).
    AUDITOR_REQUIRED = "auditor_required", PermissionDenied, 403, "this needs the auditor";
    /// A contest is never decided by the one who decided first (rule M8).
    DECIDED_FIRST = "decided_first", PermissionDenied, 403, "the one who decided first may not decide this";
    /// The agency is unknown or not the province's.
    UNKNOWN_AGENCY = "unknown_agency", InvalidArgument, 400, "the agency is unknown or not the province's";
    /// The position is unknown or of another agency.
    UNKNOWN_POSITION = "unknown_position", InvalidArgument, 400, "the position is unknown or of another agency";
    /// The state of the case does not allow the move.
    ILLEGAL_MOVE = "illegal_move", FailedPrecondition, 409, "the state of the case does not allow this";
    /// The writer saw an older state than the current one.
    STALE = "stale", Aborted, 409, "the state has changed meanwhile";
    /// Too many tries.
    RATE_LIMITED = "rate_limited", ResourceExhausted, 429, "too many requests; try again later";
    /// The service has more to do than it can.
    OVERLOADED = "overloaded", ResourceExhausted, 503, "the service is overloaded; try again";
    /// Something the service needs is away; the same request may be sent again.
    UNAVAILABLE = "unavailable", Unavailable, 503, "the service is not available now; try again";
    /// The answer is not in yet.
    DEADLINE_EXCEEDED = "deadline_exceeded", DeadlineExceeded, 504, "the answer took too long";
    /// The clock runs on real time, or was asked to go back.
    CLOCK_NOT_ADJUSTABLE = "clock_not_adjustable", FailedPrecondition, 409, "the clock cannot be set to this";
    /// A fault of ours; details are in the log under the trace id.
    INTERNAL = "internal", Internal, 500, "an internal error occurred";
}

/// The row of a code, if the table has one.
#[must_use]
pub fn kind(code: &str) -> Option<Kind> {
    TABLE.iter().find(|kind| kind.code == code).copied()
}

/// A failed use case: what the caller is told, and for the log what caused it.
#[derive(Clone)]
pub struct Problem {
    // Boxed, because every `Result` of a use case carries one.
    inner: Box<Inner>,
}

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    metadata: HashMap<String, String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Problem {
    /// A problem with the row's own sentence.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                code: Cow::Borrowed(kind.code),
                message: Cow::Borrowed(kind.message),
                metadata: HashMap::new(),
                source: None,
            }),
        }
    }

    /// A refusal of the domain, by its stable code and its sentence.
    #[must_use]
    pub fn refusal(code: &str, message: impl Into<Cow<'static, str>>) -> Self {
        let mut problem = Self::new(kind(code).unwrap_or(ILLEGAL_MOVE)).message(message);
        problem.inner.code = Cow::Owned(code.to_owned());
        problem
    }

    /// `invalid_argument`, with the name of the field at fault and what is wrong with it.
    #[must_use]
    pub fn invalid(field: &str, why: impl fmt::Display) -> Self {
        Self::new(INVALID_ARGUMENT)
            .message(format!("{field}: {why}"))
            .with("field", field)
    }

    /// `internal`, with the cause for the log.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(INTERNAL).caused_by(cause)
    }

    /// `unavailable`, with the cause for the log.
    #[must_use]
    pub fn unavailable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(UNAVAILABLE).caused_by(cause)
    }

    /// Replaces the sentence. It goes to the caller: no personal data, no internals.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.inner.message = message.into();
        self
    }

    /// Adds a fact to `ErrorInfo.metadata`. It goes to the caller: ids and names of fields only.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.inner.metadata.insert(key.to_owned(), value.into());
        self
    }

    /// Adds the cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner.source = Some(Arc::from(cause.into()));
        self
    }

    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.inner.code
    }

    /// The row of the table.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.inner.kind
    }

    /// The sentence for the caller.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.inner.message
    }

    /// The database error behind it, if there is one.
    #[must_use]
    pub fn database_error(&self) -> Option<&sqlx::Error> {
        self.inner.source.as_deref().and_then(|source| source.downcast_ref())
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.inner.code, self.inner.message)
    }
}

impl StdError for Problem {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        Self::new(kind)
    }
}

impl From<tuntas_domain::Refusal> for Problem {
    fn from(refusal: tuntas_domain::Refusal) -> Self {
        Self::refusal(refusal.code(), refusal.to_string())
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if is_unavailable(&error) {
            Self::unavailable(error)
        } else if is_unstorable_text(&error) {
            Self::new(INVALID_ARGUMENT).message("a text holds a character that cannot be stored")
        } else {
            Self::internal(error)
        }
    }
}

/// Whether a text of the request holds a zero byte, which PostgreSQL stores in no text.
fn is_unstorable_text(error: &sqlx::Error) -> bool {
    // Class 22 data exception, 021 character not in repertoire.
    matches!(error, sqlx::Error::Database(db) if db.code().as_deref() == Some("22021"))
}

/// Whether the database could not be reached or is shutting down, so that the same request may succeed later.
#[must_use]
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // Class 08 connection exception, 53 insufficient resources, 57P operator intervention; 25006 read-only, as a former leader is that
        // came back as a standby; 25P03 a session that was silent in a transaction for too long.
        sqlx::Error::Database(db) => db.code().is_some_and(|code| {
            ["08", "53", "57P"].iter().any(|class| code.starts_with(class)) || ["25006", "25P03"].contains(&&*code)
        }),
        _ => false,
    }
}

impl From<Problem> for Status {
    /// Logs the cause, once and here, because here the error leaves the process.
    fn from(problem: Problem) -> Self {
        let inner = *problem.inner;
        if let Some(cause) = &inner.source {
            let chain = crate::telemetry::chain(cause.as_ref());
            if inner.kind == INTERNAL {
                tracing::error!(error.code = %inner.code, error.chain = %chain, "request failed");
            } else {
                tracing::warn!(error.code = %inner.code, error.chain = %chain, "request failed");
            }
        }
        let details = ErrorDetails::with_error_info(inner.code, DOMAIN, inner.metadata);
        Status::with_error_details(inner.kind.grpc, inner.message, details)
    }
}

/// The stable code inside a status that another service of the platform answered.
#[must_use]
pub fn code_of(status: &Status) -> Option<String> {
    status
        .get_details_error_info()
        .filter(|info| info.domain == DOMAIN)
        .map(|info| info.reason)
}

/// The problem inside a status, to hand a callee's refusal on to our own caller. A status without our detail
/// becomes `unavailable`, `overloaded` (the limit of calls on one connection has none) or `internal`.
impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        if let Some(code) = code_of(&status) {
            return Self::refusal(&code, status.message().to_owned());
        }
        match status.code() {
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Self::unavailable(status),
            Code::ResourceExhausted => Self::new(OVERLOADED),
            _ => Self::internal(status),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn a_callee_that_sheds_load_is_overloaded_and_not_broken() {
        let shed = Status::resource_exhausted("Too many active requests for the connection");
        assert_eq!(Problem::from(shed).code(), "overloaded");
    }

    #[test]
    fn codes_are_unique_and_snake_case() {
        for (i, kind) in TABLE.iter().enumerate() {
            assert!(
                kind.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{kind:?}"
            );
            assert!(TABLE[..i].iter().all(|other| other.code != kind.code));
        }
    }

    #[test]
    fn a_problem_survives_the_wire() {
        let status: Status = Problem::invalid("ticket", "too short").into();
        assert_eq!(status.code(), Code::InvalidArgument);
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.reason, "invalid_argument");
        assert_eq!(info.domain, "tuntas");
        assert_eq!(info.metadata["field"], "ticket");
        assert_eq!(Problem::from(status).code(), "invalid_argument");
    }

    #[test]
    fn an_unlisted_refusal_keeps_its_code() {
        let status: Status = Problem::refusal("appeal_to_ombudsman", "third dispute").into();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(code_of(&status).unwrap(), "appeal_to_ombudsman");
    }

    #[test]
    fn an_internal_error_tells_the_caller_nothing() {
        let status: Status = Problem::from(sqlx::Error::Protocol("password wrong".to_owned())).into();
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("password"));
    }

    #[test]
    fn a_database_that_is_away_is_unavailable() {
        assert_eq!(Problem::from(sqlx::Error::PoolTimedOut).code(), "unavailable");
    }
}
