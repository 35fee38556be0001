//! Officers at one browser: each logs in once, and takes the session up again when it is their turn.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::ensure;
use thirtyfour::Cookie;
use tuntas_tests::{browser::Browser, portal::PASSWORD};

const FOUND_WITHIN: Duration = Duration::from_secs(40);
const POLL_WAIT: Duration = Duration::from_millis(200);

/// Sessions by user name.
#[derive(Default)]
pub(crate) struct People {
    sessions: HashMap<String, Vec<Cookie>>,
}

impl People {
    /// Makes the browser this person's.
    pub(crate) async fn act_as(&mut self, browser: &Browser, username: &str) -> anyhow::Result<()> {
        // Cookies can be set only where a page of the site is open.
        browser.open("/robots.txt").await?;
        browser.web().delete_all_cookies().await?;
        if let Some(cookies) = self.sessions.get(username) {
            for cookie in cookies {
                browser.web().add_cookie(cookie.clone()).await?;
            }
            return Ok(());
        }
        log_in(browser, username).await?;
        let cookies = browser.web().get_all_cookies().await?;
        self.sessions.insert(username.to_owned(), cookies);
        Ok(())
    }
}

async fn log_in(browser: &Browser, username: &str) -> anyhow::Result<()> {
    browser.open("/masuk").await?;
    browser.fill("form[action='/masuk'] [name=nama]", username).await?;
    browser.fill("form[action='/masuk'] [name=sandi]", PASSWORD).await?;
    browser.follow("form[action='/masuk'] button:not([formaction])").await?;
    ensure!(
        browser.has("form[action='/keluar']").await?,
        "{username} is not let in: {}",
        browser.words().await?
    );
    Ok(())
}

/// Opens a case by its ticket, again and again until it offers `css`: a desk hears of a case by an event.
pub(crate) async fn open_case(browser: &Browser, inbox: &str, ticket: &str, css: &str) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        browser.open(inbox).await?;
        browser
            .fill("form[action='/petugas/cari'] [name=tiket]", ticket)
            .await?;
        browser.follow("form[action='/petugas/cari'] button").await?;
        if browser.path().await?.starts_with("/petugas/kasus/") && browser.has(css).await? {
            return Ok(());
        }
        ensure!(
            started.elapsed() < FOUND_WITHIN,
            "{ticket} shows no {css} within {} s: {}",
            FOUND_WITHIN.as_secs(),
            browser.words().await?
        );
        tokio::time::sleep(POLL_WAIT).await;
    }
}

/// Selector of a form of a case.
pub(crate) fn form(act: &str) -> String {
    format!("form[action$='/{act}']")
}

/// Sends a form by its main button; the page that comes back must not say no.
pub(crate) async fn send(browser: &Browser, act: &str) -> anyhow::Result<()> {
    browser.sent().await?;
    browser
        .follow(&format!(
            "{} button.button:not(.second):not([formaction]):not([type=button])",
            form(act)
        ))
        .await?;
    for one in browser.sent().await?.iter().filter(|one| one.is_page) {
        ensure!(
            one.status < 400,
            "{act} is answered with {}: {}",
            one.status,
            browser.words().await?
        );
    }
    Ok(())
}
