//! Who reads a page, in which language, and as whom.

use std::convert::Infallible;

use askama::Template;
use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use time::OffsetDateTime;
use tuntas_domain::Role;
use tuntas_kit::problem::UNAVAILABLE;
use tuntas_proto::Timestamp;

use super::{Web, assets, fault::Fault, format};
use crate::{accounts::User, directory::Directory, lang::Lang};

/// Cookie of the language.
pub const LANGUAGE: &str = "bahasa";

/// What every template needs.
#[derive(Debug, Clone)]
pub struct Page {
    /// Language.
    pub lang: Lang,
    /// Path asked for.
    pub path: String,
    /// Province.
    pub province: String,
    /// Who is logged in.
    pub user: Option<User>,
    /// Who is logged in could not be found out.
    pub sessions_away: bool,
    /// What counts as now.
    pub now: OffsetDateTime,
}

impl Page {
    /// The reader of a request with these headers. When the accounts cannot be asked, nobody is logged in.
    pub async fn of(web: &Web, headers: &HeaderMap, path: &str) -> Self {
        let jar = CookieJar::from_headers(headers);
        let lang = jar
            .get(LANGUAGE)
            .and_then(|cookie| Lang::parse(cookie.value()))
            .unwrap_or_default();
        let (user, sessions_away) = match web.accounts.user_of(web, &jar).await {
            Ok(user) => (user, false),
            Err(problem) => {
                tracing::warn!(%problem, "the session could not be looked up");
                (None, true)
            }
        };
        Self {
            lang,
            path: path.to_owned(),
            province: web.edge.province.clone(),
            user,
            sessions_away,
            now: web.clock.now(),
        }
    }

    /// One of two texts, in the reader's language.
    #[must_use]
    pub fn t<'a>(&self, id: &'a str, en: &'a str) -> &'a str {
        self.lang.t(id, en)
    }

    /// Address of a file of the site.
    #[must_use]
    pub fn asset(&self, name: &str) -> &'static str {
        assets::address(name)
    }

    /// A moment, in WIB.
    #[must_use]
    pub fn at(&self, at: Option<&Timestamp>) -> String {
        format::at(self.lang, at)
    }

    /// Whether who looks at it sees every case.
    #[must_use]
    pub fn sees_all_cases(&self) -> bool {
        self.user.as_ref().is_some_and(User::sees_all_cases)
    }

    /// A day, in WIB.
    #[must_use]
    pub fn day(&self, at: Option<&Timestamp>) -> String {
        format::day(self.lang, at)
    }

    /// What is left of a deadline, or how far it is over.
    #[must_use]
    pub fn left(&self, due: Option<&Timestamp>) -> String {
        format::left(self.lang, due, self.now)
    }

    /// Whether a deadline has passed.
    #[must_use]
    pub fn is_over(&self, due: Option<&Timestamp>) -> bool {
        format::is_over(due, self.now)
    }

    /// Name of a state.
    #[must_use]
    pub fn state(&self, value: &i32) -> &'static str {
        format::state(self.lang, *value)
    }

    /// Name of an outcome.
    #[must_use]
    pub fn outcome(&self, value: &i32) -> &'static str {
        format::outcome(self.lang, *value)
    }

    /// Name of a kind of report.
    #[must_use]
    pub fn kind(&self, value: &i32) -> &'static str {
        format::kind(self.lang, *value)
    }

    /// Name of a privacy.
    #[must_use]
    pub fn privacy(&self, value: &i32) -> &'static str {
        format::privacy(self.lang, *value)
    }

    /// Name of a clock.
    #[must_use]
    pub fn clock(&self, kind: &str) -> String {
        format::clock(self.lang, kind)
    }

    /// Name of a category.
    #[must_use]
    pub fn category<'a>(&self, directory: &'a Directory, code: &'a str) -> &'a str {
        directory.category(code, self.lang)
    }

    /// Whether the reader holds a role.
    #[must_use]
    pub fn has_role(&self, role: Role) -> bool {
        self.user.as_ref().is_some_and(|user| user.roles.contains(&role))
    }

    /// Whether a link leads to the page that is shown.
    #[must_use]
    pub fn is_here(&self, path: &str) -> bool {
        self.path == path
    }
}

impl FromRequestParts<Web> for Page {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Infallible> {
        if let Some(page) = parts.extensions.get::<Self>() {
            return Ok(page.clone());
        }
        let page = Self::of(web, &parts.headers, parts.uri.path()).await;
        parts.extensions.insert(page.clone());
        Ok(page)
    }
}

/// Somebody who is logged in and acts in an office. Others are sent to the login, and come back after it.
#[derive(Debug, Clone)]
pub struct SignedIn(pub User);

impl FromRequestParts<Web> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let Ok(page) = <Page as FromRequestParts<Web>>::from_request_parts(parts, web).await;
        match page.user {
            Some(user) if user.must_change_password => Err(Redirect::to("/masuk/sandi").into_response()),
            Some(user) if user.officer.is_none() => Err(Redirect::to("/masuk/jabatan").into_response()),
            Some(user) => Ok(Self(user)),
            // Sending people to the login would not help: it cannot find out either.
            None if page.sessions_away => Err(Fault::new(UNAVAILABLE).into_response()),
            None if parts.headers.contains_key("hx-request") => Err(StatusCode::UNAUTHORIZED.into_response()),
            None => Err(Redirect::to(&format!("/masuk?kembali={}", parts.uri.path())).into_response()),
        }
    }
}

impl OptionalFromRequestParts<Web> for SignedIn {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Option<Self>, Infallible> {
        let Ok(page) = <Page as FromRequestParts<Web>>::from_request_parts(parts, web).await;
        Ok(page.user.map(Self))
    }
}

/// A template as an answer.
///
/// # Errors
/// The template failed.
pub fn html(template: &impl Template) -> Result<Response, Fault> {
    Ok(Html(template.render()?).into_response())
}

/// A template as the answer to a form that needs another look.
///
/// # Errors
/// The template failed.
pub fn html_with(status: StatusCode, template: &impl Template) -> Result<Response, Fault> {
    Ok((status, Html(template.render()?)).into_response())
}

/// A cookie that scripts and other sites do not see.
#[must_use]
pub fn cookie(
    web: &Web,
    name: impl Into<String>,
    value: impl Into<String>,
    max_age: time::Duration,
) -> Cookie<'static> {
    Cookie::build((name.into(), value.into()))
        .path("/")
        .http_only(true)
        .secure(web.edge.is_https())
        .same_site(SameSite::Lax)
        .max_age(max_age)
        .build()
}

/// A path of this site to go back to; anything else becomes `otherwise`.
#[must_use]
pub fn own_path<'a>(path: &'a str, otherwise: &'a str) -> &'a str {
    let plain =
        path.starts_with('/') && !path.starts_with("//") && !path.contains('\\') && !path.contains(char::is_control);
    if plain { path } else { otherwise }
}

/// Where the reader came from, if that is a page of this site.
#[must_use]
pub fn referer_path(headers: &HeaderMap) -> Option<String> {
    let referer = headers.get(header::REFERER)?.to_str().ok()?;
    let rest = referer.split_once("://")?.1;
    let path = rest.find('/').map(|at| &rest[at..])?;
    Some(own_path(path, "/").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_on_this_site() {
        assert_eq!(own_path("/petugas/kotak", "/"), "/petugas/kotak");
        for elsewhere in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "",
            "javascript:alert(1)",
            "/\tx",
            "/\0x",
            "/\r\nset-cookie: a=b",
        ] {
            assert_eq!(own_path(elsewhere, "/"), "/");
        }
    }
}
