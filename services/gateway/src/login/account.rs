//! The own account: password and second factor.

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tuntas_kit::problem::{NOT_FOUND, UNAVAILABLE};

use crate::{
    accounts::{User, store, totp},
    web::{
        Web,
        fault::Fault,
        page::{Page, html, html_with},
        peer::Peer,
    },
};

#[derive(Template)]
#[template(path = "login/password.html")]
struct PasswordPage {
    page: Page,
    is_forced: bool,
    trouble: Option<String>,
}

#[derive(Template)]
#[template(path = "login/account.html")]
struct AccountPage {
    page: Page,
    user: User,
}

#[derive(Template)]
#[template(path = "login/totp.html")]
struct TotpPage {
    page: Page,
    qr: String,
    typed: String,
    trouble: Option<String>,
}

/// The form's fields.
#[derive(Deserialize)]
pub struct Change {
    lama: SecretString,
    baru: SecretString,
    ulang: SecretString,
}

/// A code.
#[derive(Debug, Deserialize)]
pub struct Code {
    kode: String,
}

/// The own account.
///
/// # Errors
/// The template failed.
pub async fn show(page: Page) -> Result<Response, Fault> {
    match page.user.clone() {
        Some(user) => html(&AccountPage { page, user }),
        None => to_login(&page),
    }
}

/// Asks for a new password.
///
/// # Errors
/// The template failed.
pub async fn password_form(page: Page) -> Result<Response, Fault> {
    match &page.user {
        Some(user) => {
            let is_forced = user.must_change_password;
            html(&PasswordPage {
                page,
                is_forced,
                trouble: None,
            })
        }
        None => to_login(&page),
    }
}

/// Changes the password; other sessions of the account end.
///
/// # Errors
/// The database's.
pub async fn change_password(
    State(web): State<Web>,
    page: Page,
    peer: Peer,
    Form(change): Form<Change>,
) -> Result<Response, Fault> {
    let Some(user) = page.user.clone() else {
        return to_login(&page);
    };
    let refuse = |page: Page, id: &str, en: &str| {
        let trouble = Some(page.t(id, en).to_owned());
        let is_forced = user.must_change_password;
        html_with(
            StatusCode::UNPROCESSABLE_ENTITY,
            &PasswordPage {
                page,
                is_forced,
                trouble,
            },
        )
    };
    web.accounts.count_try(peer)?;
    let account = store::account(web.accounts.pool(), user.account_id).await?;
    let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
    if !web.accounts.hasher().verify(hash, &change.lama).await? {
        return refuse(page, "Sandi lama salah.", "The old password is wrong.");
    }
    if change.baru.expose_secret() != change.ulang.expose_secret() {
        return refuse(page, "Kedua sandi baru berbeda.", "The two new passwords differ.");
    }
    if change.baru.expose_secret() == change.lama.expose_secret() {
        return refuse(page, "Sandi baru harus lain.", "The new password must be another one.");
    }
    match web.accounts.hasher().hash(&change.baru).await {
        Ok(hash) => {
            store::set_password(web.accounts.pool(), user.account_id, hash, false, Some(user.session_id)).await?;
            note(&web, &user, peer, "password_changed").await?;
            Ok(Redirect::to("/masuk").into_response())
        }
        Err(problem) if problem.code() == "password_too_short" => refuse(
            page,
            "Sandi paling sedikit 12 karakter.",
            "The password needs at least 12 characters.",
        ),
        Err(problem) if problem.code() == "password_too_long" => {
            refuse(page, "Sandi terlalu panjang.", "The password is too long.")
        }
        Err(problem) => Err(problem.into()),
    }
}

/// Makes a second factor, and shows it for the app.
///
/// # Errors
/// The database's.
pub async fn begin_totp(State(web): State<Web>, page: Page) -> Result<Response, Fault> {
    let Some(user) = page.user.clone() else {
        return to_login(&page);
    };
    if user.has_totp {
        return Err(Fault::new(NOT_FOUND));
    }
    let secret = totp::new_secret();
    let sealed = web.accounts.seal().seal(user.account_id.as_bytes(), &secret)?;
    store::set_totp(web.accounts.pool(), user.account_id, Some(sealed), false).await?;
    totp_page(page, &user, &secret, None)
}

/// Takes the second factor into use once the app shows the right code.
///
/// # Errors
/// The database's.
pub async fn confirm_totp(
    State(web): State<Web>,
    page: Page,
    peer: Peer,
    Form(code): Form<Code>,
) -> Result<Response, Fault> {
    let Some(user) = page.user.clone() else {
        return to_login(&page);
    };
    let account = store::account(web.accounts.pool(), user.account_id).await?;
    let sealed = account
        .filter(|account| !account.totp_confirmed)
        .and_then(|account| account.totp_sealed);
    let Some(sealed) = sealed else {
        return Err(Fault::new(NOT_FOUND));
    };
    let secret = web.accounts.seal().open(user.account_id.as_bytes(), &sealed)?;
    let Some(step) = totp::step_of(&secret, &code.kode) else {
        let trouble = page.t(
            "Kode salah. Periksa jam telepon Anda.",
            "The code is wrong. Check your telephone's clock.",
        );
        let trouble = Some(trouble.to_owned());
        return totp_page(page, &user, &secret, trouble);
    };
    store::take_totp_step(web.accounts.pool(), user.account_id, step).await?;
    store::set_totp(web.accounts.pool(), user.account_id, Some(sealed), true).await?;
    note(&web, &user, peer, "totp_set").await?;
    Ok(Redirect::to("/akun").into_response())
}

/// Removes the second factor, with its code.
///
/// # Errors
/// The database's.
pub async fn remove_totp(
    State(web): State<Web>,
    page: Page,
    peer: Peer,
    Form(code): Form<Code>,
) -> Result<Response, Fault> {
    let Some(user) = page.user.clone() else {
        return to_login(&page);
    };
    web.accounts.count_try(peer)?;
    let account = store::account(web.accounts.pool(), user.account_id).await?;
    if let Some(sealed) = account.and_then(|account| account.totp_sealed) {
        let secret = web.accounts.seal().open(user.account_id.as_bytes(), &sealed)?;
        if let Some(step) = totp::step_of(&secret, &code.kode)
            && store::take_totp_step(web.accounts.pool(), user.account_id, step).await?
        {
            store::set_totp(web.accounts.pool(), user.account_id, None, false).await?;
            note(&web, &user, peer, "totp_removed").await?;
        }
    }
    Ok(Redirect::to("/akun").into_response())
}

fn totp_page(page: Page, user: &User, secret: &[u8], trouble: Option<String>) -> Result<Response, Fault> {
    let issuer = format!("Tuntas {}", page.province);
    let qr = totp::qr(&totp::url(secret, &issuer, &user.username)?)?;
    let typed = totp::typed(secret)?.expose_secret().to_owned();
    html(&TotpPage {
        page,
        qr,
        typed,
        trouble,
    })
}

async fn note(web: &Web, user: &User, peer: Peer, action: &str) -> Result<(), Fault> {
    let actor = user
        .officer
        .as_ref()
        .map(|officer| officer.position.to_string())
        .unwrap_or_default();
    let subject = user.account_id.to_string();
    store::audit(
        web.accounts.pool(),
        web.clock.now(),
        &actor,
        &user.holder,
        action,
        &subject,
        &peer.0.to_string(),
    )
    .await?;
    Ok(())
}

/// Where nobody is logged in, or nobody can know.
fn to_login(page: &Page) -> Result<Response, Fault> {
    if page.sessions_away {
        return Err(Fault::new(UNAVAILABLE));
    }
    Ok(Redirect::to("/masuk?kembali=/akun").into_response())
}
