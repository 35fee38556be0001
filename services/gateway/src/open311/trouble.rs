//! What went wrong, as GeoReport says it: a list of code and sentence.

use axum::{
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use tuntas_kit::problem::{INTERNAL, NOT_FOUND, Problem, RATE_LIMITED};

use super::render::{Format, Node};

/// Seconds after which a caller with too many requests may try again.
const RETRY_AFTER_S: &str = "10";

/// A request that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// HTTP status, also the code in the list.
    pub status: StatusCode,
    /// Sentence.
    pub description: String,
}

impl Trouble {
    /// Something about the request.
    #[must_use]
    pub fn bad(description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            description: description.into(),
        }
    }

    /// Something that was named is not there.
    #[must_use]
    pub fn missing(description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            description: description.into(),
        }
    }

    /// No key, or one that opens nothing.
    #[must_use]
    pub fn forbidden() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            description: "api_key is missing or invalid".to_owned(),
        }
    }

    /// In a notation.
    #[must_use]
    pub fn answer(&self, format: Format) -> Response {
        let error = Node::Object(vec![
            ("code", Node::Integer(self.status.as_u16().into())),
            ("description", Node::text(self.description.as_str())),
        ]);
        let mut response = Node::List("error", vec![error]).answer(format, "errors", self.status);
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            let value = header::HeaderValue::from_static(RETRY_AFTER_S);
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        let kind = problem.kind();
        if kind == INTERNAL {
            tracing::error!(?problem, "an Open311 request failed");
        }
        // Clients of GeoReport know 400, 403 and 404 of what they did wrong.
        let status = match kind.http {
            _ if kind == NOT_FOUND => StatusCode::NOT_FOUND,
            _ if kind == RATE_LIMITED => StatusCode::TOO_MANY_REQUESTS,
            http if http >= 500 => StatusCode::from_u16(http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            description: problem.text().to_owned(),
        }
    }
}

/// An answer, or the trouble in the notation that was asked for.
pub fn or_trouble(format: Format, result: Result<Response, Trouble>) -> Response {
    result.unwrap_or_else(|trouble| trouble.answer(format))
}

/// What is asked for here and is not here.
pub async fn unknown(uri: Uri) -> Response {
    Trouble::missing("there is no such resource; see /open311/discovery.json").answer(Format::of(uri.path()))
}

/// What is here and does not take this method.
pub async fn wrong_method(method: Method, uri: Uri) -> Response {
    let trouble = Trouble {
        status: StatusCode::METHOD_NOT_ALLOWED,
        description: format!("{method} is not for this resource"),
    };
    trouble.answer(Format::of(uri.path())).into_response()
}
