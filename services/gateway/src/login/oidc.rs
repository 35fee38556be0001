//! Login at a provider of OpenID Connect: code flow with PKCE (RFC 7636), state and nonce.
//!
//! What the way back needs travels in a sealed cookie of this browser alone, so that nothing is stored for logins that
//! never end, and nobody can finish a login that another browser began.

use std::sync::Arc;

use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::{Cookie, CookieJar};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use tuntas_kit::{
    clock::Clock,
    problem::{NOT_FOUND, Problem},
};

use super::{
    enter,
    provider::{Provider, Secrets},
};
use crate::{
    accounts::{Outcome, SESSION},
    web::{
        Web,
        fault::{Fault, sentence},
        page::{Page, cookie, own_path},
        peer::Peer,
    },
};

const COOKIE: &str = "masuk-oidc";
const PATH: &str = "/masuk/oidc";
/// How long a person may take at the provider.
const LIFETIME: time::Duration = time::Duration::minutes(10);

/// Where to go after the login.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Back {
    kembali: String,
}

/// What the provider sends a browser back with (RFC 6749 section 4.1.2, RFC 9207).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Arrival {
    code: Option<String>,
    state: String,
    error: Option<String>,
    iss: Option<String>,
}

/// A login under way, as the sealed cookie holds it.
#[derive(Debug, Serialize, Deserialize)]
struct Flow {
    secrets: Secrets,
    back: String,
    /// Unix time in seconds.
    until: i64,
}

/// Sends the browser to the provider.
///
/// # Errors
/// `not_found` without a provider.
pub async fn depart(
    State(web): State<Web>,
    page: Page,
    jar: CookieJar,
    Query(back): Query<Back>,
) -> Result<Response, Fault> {
    let provider = provider(&web)?;
    let departure = match provider.depart().await {
        Ok(departure) => departure,
        Err(problem) => return refuse(&web, page, jar, &problem),
    };
    let flow = Flow {
        secrets: departure.secrets,
        back: own_path(&back.kembali, "").to_owned(),
        until: (Clock::System.now() + LIFETIME).unix_timestamp(),
    };
    let sealed = seal(&web, &flow)?;
    let jar = jar.add(flow_cookie(&web, sealed, LIFETIME));
    Ok((jar, Redirect::to(&departure.url)).into_response())
}

/// Logs in whom the provider confirms, if there is an account for the person.
///
/// # Errors
/// `not_found` without a provider, or the database's.
pub async fn arrive(
    State(web): State<Web>,
    page: Page,
    peer: Peer,
    jar: CookieJar,
    Query(arrival): Query<Arrival>,
) -> Result<Response, Fault> {
    let provider = provider(&web)?;
    let flow = jar.get(COOKIE).and_then(|held| open(&web, held.value()));
    // Whatever comes of it, it comes of it once.
    let jar = jar.add(flow_cookie(&web, String::new(), time::Duration::ZERO));
    let flow = flow.filter(|flow| flow.secrets.state == arrival.state && provider.is_issuer(arrival.iss.as_deref()));
    let Some(flow) = flow else {
        let why = page.t(
            "Percobaan masuk ini tidak dimulai di peramban ini, atau sudah terlalu lama. Mulai lagi.",
            "This login was not begun in this browser, or too long ago. Begin again.",
        );
        let why = why.to_owned();
        return again(&web, page, jar, StatusCode::BAD_REQUEST, why);
    };
    let Some(code) = arrival.code.filter(|_| arrival.error.is_none()) else {
        let why = page.t("Masuk dibatalkan.", "The login was called off.").to_owned();
        return again(&web, page, jar, StatusCode::UNAUTHORIZED, why);
    };
    let named = match web.accounts.count_try(peer) {
        Ok(()) => provider.username(code, flow.secrets).await,
        Err(problem) => Err(problem),
    };
    let username = match named {
        Ok(username) => username,
        Err(problem) => return refuse(&web, page, jar, &problem),
    };
    let before = jar.get(SESSION).map(|held| held.value().to_owned());
    match web
        .accounts
        .log_in_confirmed(peer, &username, before.as_deref())
        .await?
    {
        Outcome::In(value) => {
            let jar = jar.add(cookie(&web, SESSION, value, web.accounts.session_max()));
            Ok((jar, Redirect::to(own_path(&flow.back, "/masuk"))).into_response())
        }
        _ => {
            let why = page.t(
                "Anda belum punya akun di sini. Minta operator membuatnya.",
                "You have no account here yet. Ask the operator for one.",
            );
            let why = why.to_owned();
            again(&web, page, jar, StatusCode::FORBIDDEN, why)
        }
    }
}

fn provider(web: &Web) -> Result<Arc<Provider>, Problem> {
    web.provider.clone().ok_or_else(|| Problem::new(NOT_FOUND))
}

fn refuse(web: &Web, page: Page, jar: CookieJar, problem: &Problem) -> Result<Response, Fault> {
    let status = StatusCode::from_u16(problem.kind().http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let why = match status {
        StatusCode::SERVICE_UNAVAILABLE => page.t(
            "Penyedia akun sedang tidak dapat dihubungi. Coba lagi sebentar lagi, atau masuk dengan sandi.",
            "The account provider cannot be reached right now. Try again in a moment, or log in with a password.",
        ),
        StatusCode::UNAUTHORIZED => page.t(
            "Penyedia akun tidak membenarkan percobaan masuk ini. Mulai lagi.",
            "The account provider did not confirm this login. Begin again.",
        ),
        _ => sentence(page.lang, problem.code()).unwrap_or(problem.text()),
    };
    let why = why.to_owned();
    again(web, page, jar, status, why)
}

fn again(web: &Web, page: Page, jar: CookieJar, status: StatusCode, why: String) -> Result<Response, Fault> {
    Ok((jar, enter::with_trouble(web, page, status, why)?).into_response())
}

/// Only the provider's way back sees it.
fn flow_cookie(web: &Web, value: String, max_age: time::Duration) -> Cookie<'static> {
    let mut cookie = cookie(web, COOKIE, value, max_age);
    cookie.set_path(PATH);
    cookie
}

fn seal(web: &Web, flow: &Flow) -> Result<String, Problem> {
    let plain = serde_json::to_vec(flow).map_err(Problem::internal)?;
    Ok(URL_SAFE_NO_PAD.encode(web.flows.seal(COOKIE.as_bytes(), &plain)?))
}

fn open(web: &Web, sealed: &str) -> Option<Flow> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let plain = web.flows.open(COOKIE.as_bytes(), &sealed).ok()?;
    let flow: Flow = serde_json::from_slice(&plain).ok()?;
    (Clock::System.now().unix_timestamp() < flow.until).then_some(flow)
}
