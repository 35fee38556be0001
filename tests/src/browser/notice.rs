//! What the browser notices about a page: how wide it is, whether everybody can read it, errors, violations of the content
//! security policy, and every request with its size on the wire.

use std::{fs, path::Path};

use anyhow::Context as _;
use serde_json::{Value, json};
use thirtyfour::support::base64_decode;

use super::{Browser, HEIGHT, WIDTHS};

/// A request that the browser made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// Number within the browser.
    pub id: String,
    /// Method.
    pub method: String,
    /// Address; empty when the request itself was told of earlier, and this is about its answer.
    pub url: String,
    /// Whether it asked for a page rather than for a part of one.
    pub is_page: bool,
    /// Status of the answer; 0 when none came.
    pub status: u64,
    /// Bytes of the answer on the wire, compressed, with headers; 0 when the browser had it already.
    pub bytes: u64,
    /// Whether the answer has arrived in full, or failed.
    pub is_over: bool,
}

impl Browser {
    /// Takes on a width, as a phone or a screen has it.
    ///
    /// # Errors
    /// The browser's.
    pub async fn resize(&self, width: u32) -> anyhow::Result<()> {
        let metrics = json!({
            "width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": width < WIDTHS[0].1
        });
        self.web
            .cdp()
            .send_raw("Emulation.setDeviceMetricsOverride", metrics)
            .await?;
        Ok(())
    }

    /// How far the page sticks out to the right, in pixels, and what does.
    ///
    /// # Errors
    /// The browser's.
    pub async fn overflow(&self) -> anyhow::Result<(i64, String)> {
        const MEASURE: &str = r"
            const root = document.documentElement, width = root.clientWidth;
            const wide = [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > width + 1
                && !one.closest('.scroll')).slice(0, 3).map((one) => one.tagName + '.' + one.className);
            return [Math.max(root.scrollWidth, document.body.scrollWidth) - width, wide.join(' ')];";
        let found = self.web.execute(MEASURE, vec![]).await?;
        let found: (f64, String) = found.convert()?;
        #[expect(clippy::cast_possible_truncation, reason = "pixels of a page")]
        Ok((found.0.ceil() as i64, found.1))
    }

    /// Violations that axe-core finds against WCAG 2.2 A and AA, as `rule: element`.
    ///
    /// # Errors
    /// axe does not run on this page.
    pub async fn axe(&self, source: &str) -> anyhow::Result<Vec<String>> {
        const RUN: &str = r"
            const done = arguments[0];
            axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] })
                .then((found) => done(found.violations.map((one) => one.id + ': '
                    + one.nodes.slice(0, 3).map((node) => node.target + ' ' + node.html.slice(0, 120)).join(' | '))))
                .catch((error) => done(['axe does not run: ' + error]));";
        self.web.execute(source, vec![]).await?;
        let found = self.web.execute_async(RUN, vec![]).await?;
        Ok(found.convert()?)
    }

    /// Takes a picture of the whole page.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn picture(&self, file: &Path) -> anyhow::Result<()> {
        let options = json!({ "format": "png", "captureBeyondViewport": true });
        let taken = self.web.cdp().send_raw("Page.captureScreenshot", options).await?;
        let data = taken["data"].as_str().context("no picture")?;
        fs::write(file, base64_decode(data)?)?;
        Ok(())
    }

    /// What the browser complains about since it was last asked: errors of scripts, and whatever the policy forbade.
    ///
    /// # Errors
    /// The browser's.
    pub async fn complaints(&self) -> anyhow::Result<Vec<String>> {
        let entries = self.web.browser_log().await?;
        Ok(entries
            .into_iter()
            .filter(|entry| entry.level == "SEVERE" || entry.message.contains("Content Security Policy"))
            // A page that says no says so in its own words; who expects it looks at the status.
            .filter(|entry| !entry.message.contains("the server responded with a status of 4"))
            .map(|entry| entry.message)
            .collect())
    }

    /// Requests since it was last asked.
    ///
    /// # Errors
    /// The browser's.
    pub async fn sent(&self) -> anyhow::Result<Vec<Sent>> {
        let mut sent: Vec<Sent> = Vec::new();
        for entry in self.web.get_log("performance").await? {
            let entry: Value = serde_json::from_str(&entry.message)?;
            let (method, of) = (&entry["message"]["method"], &entry["message"]["params"]);
            let id = of["requestId"].as_str().unwrap_or_default();
            let event = method.as_str().unwrap_or_default();
            if event == "Network.requestWillBeSent" {
                if let Some(before) = sent.iter_mut().rev().find(|one| one.id == id) {
                    before.status = of["redirectResponse"]["status"].as_u64().unwrap_or_default();
                    before.bytes = count(&of["redirectResponse"]["encodedDataLength"]);
                    before.is_over = true;
                }
                sent.push(Sent {
                    id: id.to_owned(),
                    method: of["request"]["method"].as_str().unwrap_or_default().to_owned(),
                    url: of["request"]["url"].as_str().unwrap_or_default().to_owned(),
                    is_page: of["type"] == "Document",
                    ..Sent::default()
                });
            } else if [
                "Network.responseReceived",
                "Network.loadingFinished",
                "Network.loadingFailed",
            ]
            .contains(&event)
            {
                if !sent.iter().any(|one| one.id == id) {
                    sent.push(Sent {
                        id: id.to_owned(),
                        ..Sent::default()
                    });
                }
                if let Some(one) = sent.iter_mut().rev().find(|one| one.id == id) {
                    if event == "Network.responseReceived" {
                        one.status = of["response"]["status"].as_u64().unwrap_or_default();
                    } else {
                        one.bytes = count(&of["encodedDataLength"]);
                        one.is_over = true;
                    }
                }
            }
        }
        Ok(sent)
    }

    /// The requests among these that left the site, but for what the browser loads for itself.
    #[must_use]
    pub fn elsewhere(&self, sent: &[Sent]) -> Vec<String> {
        let inside = format!("{}/", self.origin);
        sent.iter()
            .filter(|one| {
                let own = ["data:", "chrome:", "devtools:"]
                    .iter()
                    .any(|scheme| one.url.starts_with(scheme));
                !one.url.is_empty() && !own && !one.url.starts_with(&inside)
            })
            .map(|one| one.url.clone())
            .collect()
    }
}

fn count(number: &Value) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of bytes"
    )]
    let whole = number.as_f64().unwrap_or_default() as u64;
    whole
}
