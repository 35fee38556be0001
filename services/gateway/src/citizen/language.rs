//! The switch of the language.

use axum::{
    Form,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use serde::Deserialize;

use crate::{
    lang::Lang,
    web::{
        Web,
        page::{LANGUAGE, cookie, referer_path},
    },
};

/// The form.
#[derive(Debug, Deserialize)]
pub struct Choice {
    bahasa: String,
}

/// Remembers the language and goes back to the page.
pub async fn choose(
    State(web): State<Web>,
    headers: HeaderMap,
    jar: CookieJar,
    Form(choice): Form<Choice>,
) -> Response {
    let lang = Lang::parse(&choice.bahasa).unwrap_or_default();
    let back = referer_path(&headers).unwrap_or_else(|| "/".to_owned());
    let jar = jar.add(cookie(&web, LANGUAGE, lang.code(), time::Duration::days(365)));
    (jar, Redirect::to(&back)).into_response()
}
