//! Login with name, password and code; logout; the office to act in.

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use secrecy::SecretString;
use serde::Deserialize;
use tuntas_kit::problem::UNAVAILABLE;

use crate::{
    accounts::{Credentials, Outcome, SESSION, User, store},
    web::{
        Web,
        fault::{Fault, sentence},
        page::{Page, cookie, html, html_with, own_path},
        peer::Peer,
    },
};

#[derive(Template)]
#[template(path = "login/enter.html")]
struct EnterPage {
    page: Page,
    back: String,
    username: String,
    asks_code: bool,
    trouble: Option<String>,
    /// Name of the provider at which people may log in instead.
    provider: Option<String>,
}

#[derive(Template)]
#[template(path = "login/offices.html")]
struct OfficesPage {
    page: Page,
    offices: Vec<(String, String)>,
}

/// Where to go after the login.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Back {
    kembali: String,
}

/// The form's fields.
#[derive(Deserialize)]
pub struct Entry {
    nama: String,
    sandi: SecretString,
    #[serde(default)]
    kode: String,
    #[serde(default)]
    kembali: String,
}

/// The office chosen.
#[derive(Debug, Deserialize)]
pub struct Office {
    jabatan: String,
}

/// Asks for name and password.
///
/// # Errors
/// The template failed.
pub async fn form(State(web): State<Web>, page: Page, Query(back): Query<Back>) -> Result<Response, Fault> {
    if page.sessions_away {
        return Err(Fault::new(UNAVAILABLE));
    }
    if let Some(user) = &page.user {
        return Ok(Redirect::to(home_of(user)).into_response());
    }
    html(&EnterPage {
        page,
        back: back.kembali,
        username: String::new(),
        asks_code: false,
        trouble: None,
        provider: label(&web),
    })
}

/// The form again, after a login elsewhere came to nothing.
pub(super) fn with_trouble(web: &Web, page: Page, status: StatusCode, why: String) -> Result<Response, Fault> {
    html_with(
        status,
        &EnterPage {
            page,
            back: String::new(),
            username: String::new(),
            asks_code: false,
            trouble: Some(why),
            provider: label(web),
        },
    )
}

fn label(web: &Web) -> Option<String> {
    web.provider.as_ref().map(|provider| provider.label().to_owned())
}

/// Logs in.
///
/// # Errors
/// The database's.
pub async fn log_in(
    State(web): State<Web>,
    page: Page,
    peer: Peer,
    jar: CookieJar,
    Form(entry): Form<Entry>,
) -> Result<Response, Fault> {
    let before = jar.get(SESSION).map(|cookie| cookie.value().to_owned());
    let username = entry.nama.clone();
    let asked_code = !entry.kode.trim().is_empty();
    let given = Credentials {
        username: entry.nama,
        password: entry.sandi,
        code: entry.kode,
    };
    let again = |status: StatusCode, asks_code: bool, trouble: Option<&str>| {
        let trouble = trouble.map(str::to_owned);
        html_with(
            status,
            &EnterPage {
                page: page.clone(),
                back: entry.kembali.clone(),
                username: username.clone(),
                asks_code,
                trouble,
                provider: label(&web),
            },
        )
    };
    match web.accounts.log_in(peer, given, before.as_deref()).await {
        Ok(Outcome::In(value)) => {
            let jar = jar.add(cookie(&web, SESSION, value, web.accounts.session_max()));
            let target = own_path(&entry.kembali, "/masuk").to_owned();
            Ok((jar, Redirect::to(&target)).into_response())
        }
        Ok(Outcome::CodeNeeded) => again(StatusCode::OK, true, None),
        // A lock looks the same, with the right password too: who guesses learns neither that there is such an account nor
        // that a guess was right.
        Ok(Outcome::Wrong | Outcome::Locked) => {
            let trouble = page.t(
                "Nama, sandi atau kode salah, atau akun terkunci sementara karena terlalu banyak percobaan salah.",
                "Name, password or code is wrong, or the account is locked for a while after too many wrong tries.",
            );
            again(StatusCode::UNAUTHORIZED, asked_code, Some(trouble))
        }
        Err(problem) if problem.kind().http == 429 => again(
            StatusCode::TOO_MANY_REQUESTS,
            false,
            sentence(page.lang, problem.code()),
        ),
        Err(problem) => Err(problem.into()),
    }
}

/// Logs out.
///
/// # Errors
/// The database's.
pub async fn log_out(State(web): State<Web>, jar: CookieJar) -> Result<Response, Fault> {
    if let Some(held) = jar.get(SESSION) {
        web.accounts.log_out(held.value()).await?;
    }
    let jar = jar.add(cookie(&web, SESSION, "", time::Duration::ZERO));
    Ok((jar, Redirect::to("/")).into_response())
}

/// Which office to act in.
///
/// # Errors
/// The template failed.
pub async fn offices(page: Page) -> Result<Response, Fault> {
    let Some(user) = &page.user else {
        return Ok(Redirect::to("/masuk").into_response());
    };
    let offices = user.offices.clone();
    html(&OfficesPage { page, offices })
}

/// Takes the office; one that the person does not hold changes nothing.
///
/// # Errors
/// The database's.
pub async fn choose(State(web): State<Web>, page: Page, Form(office): Form<Office>) -> Result<Response, Fault> {
    let Some(user) = page.user else {
        return Ok(Redirect::to("/masuk").into_response());
    };
    if user.offices.iter().any(|(id, _)| *id == office.jabatan) {
        store::choose_position(web.accounts.pool(), user.session_id, &office.jabatan).await?;
    }
    Ok(Redirect::to("/masuk").into_response())
}

/// The page to begin with.
fn home_of(user: &User) -> &'static str {
    if user.must_change_password {
        return "/masuk/sandi";
    }
    if user.officer.is_none() {
        return "/masuk/jabatan";
    }
    if user.is_ombudsman() {
        return "/ombudsman";
    }
    if user.is_operator() {
        return "/admin";
    }
    if user.is_central() { "/petugas" } else { "/petugas/opd" }
}
