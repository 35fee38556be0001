//! What a first visit costs on a weak link: everything that home and the filing form load, on the wire.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tuntas_tests::browser::notice::Sent;

use super::Stage;

const BYTES_MAX: u64 = 60 << 10;
const LOADED_WITHIN: Duration = Duration::from_secs(20);

/// Weighs both, each in a browser that has nothing of the site yet.
pub(crate) async fn weigh(stage: &Stage<'_>) -> anyhow::Result<()> {
    for path in ["/", "/lapor"] {
        let browser = stage.driver.browser(stage.portal.url(), true).await?;
        browser.open(path).await?;
        let mut sent: Vec<Sent> = Vec::new();
        let started = Instant::now();
        // Beside it the browser loads what it shows before any page.
        let is_own = |one: &&Sent| one.url.starts_with(stage.portal.url());
        while !sent.iter().any(|one| is_own(&one)) || sent.iter().filter(is_own).any(|one| !one.is_over) {
            ensure!(
                started.elapsed() < LOADED_WITHIN,
                "{path} does not end to load: {sent:#?}"
            );
            merge(&mut sent, browser.sent().await?);
        }
        let elsewhere = browser.elsewhere(&sent);
        browser.close().await?;
        ensure!(elsewhere.is_empty(), "{path} asks others: {elsewhere:?}");
        sent.retain(|one| is_own(&one));
        ensure!(sent.iter().any(|one| one.bytes > 0), "nothing of {path} was weighed");
        let bytes: u64 = sent.iter().map(|one| one.bytes).sum();
        ensure!(
            bytes <= BYTES_MAX,
            "the first load of {path} is {bytes} bytes, more than {BYTES_MAX}: {:?}",
            sent.iter().map(|one| (&one.url, one.bytes)).collect::<Vec<_>>()
        );
    }
    Ok(())
}

/// Adds what was heard of later.
fn merge(sent: &mut Vec<Sent>, later: Vec<Sent>) {
    for one in later {
        match sent.iter_mut().rev().find(|known| known.id == one.id) {
            Some(known) if one.url.is_empty() => {
                known.bytes += one.bytes;
                known.is_over |= one.is_over;
            }
            _ => sent.push(one),
        }
    }
}
