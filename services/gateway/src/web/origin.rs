//! Refuses forms that another site sends in a visitor's name.
//!
//! A browser says with every request where it comes from (`Sec-Fetch-Site`, Fetch Metadata; older ones `Origin`, RFC 6454).
//! A write that says "another site", or says nothing although it carries a cookie, is refused. Programs without cookies
//! say nothing and have nothing that could be abused.

use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// The layer.
pub async fn refuse_other_sites(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || is_own(request.headers()) {
        return next.run(request).await;
    }
    (
        StatusCode::FORBIDDEN,
        "cross_site_request: this form was sent from another site\n",
    )
        .into_response()
}

fn is_own(headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &axum::http::HeaderValue| value.to_str().ok())
    };
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin" || site == "none";
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, own)| own == host),
        (Some(_), None) => false,
        (None, _) => !headers.contains_key(header::COOKIE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, axum::http::HeaderValue::from_static(value));
        }
        is_own(&headers)
    }

    #[test]
    fn another_site_is_refused_and_the_own_page_is_not() {
        assert!(with(&[("sec-fetch-site", "same-origin"), ("cookie", "a=b")]));
        assert!(!with(&[("sec-fetch-site", "cross-site")]));
        assert!(!with(&[("sec-fetch-site", "same-site"), ("cookie", "a=b")]));
        assert!(with(&[("origin", "http://a:1"), ("host", "a:1"), ("cookie", "a=b")]));
        assert!(!with(&[("origin", "http://b"), ("host", "a")]));
        assert!(!with(&[("origin", "null"), ("host", "a")]));
    }

    #[test]
    fn who_says_nothing_may_write_only_without_a_cookie() {
        assert!(with(&[("host", "a")]));
        assert!(!with(&[("host", "a"), ("cookie", "a=b")]));
    }
}
