//! Looking at a page as everybody has to be able to: at both widths, with axe-core, for errors and for requests to others. A
//! picture of it is left in `target/screenshots` for people to look at.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use tuntas_tests::{
    browser::{Browser, WIDTHS},
    instance::repo,
};

/// Looks at pages.
pub(crate) struct Looker {
    /// Source of axe-core; none when deploy/test said that it is not checked.
    axe: Option<String>,
    pictures: PathBuf,
}

impl Looker {
    /// With axe-core where `deploy/test` put it.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let target = repo().join("target");
        let pictures = target.join("screenshots");
        fs::create_dir_all(&pictures)?;
        let axe = match std::env::var("TUNTAS_TEST_AXE") {
            Ok(none) if none == "none" => None,
            Ok(file) => Some(fs::read_to_string(file)?),
            Err(_) => Some(fs::read_to_string(newest_axe(&target)?)?),
        };
        Ok(Self { axe, pictures })
    }

    /// Looks at the page that is open.
    pub(crate) async fn look(&self, browser: &Browser, who: &str, name: &str) -> anyhow::Result<()> {
        let faults = self.faults(browser, who, name).await?;
        ensure!(faults.is_empty(), "{who} {name}: {}", faults.join("; "));
        Ok(())
    }

    /// What is wrong with the page that is open.
    pub(crate) async fn faults(&self, browser: &Browser, who: &str, name: &str) -> anyhow::Result<Vec<String>> {
        let mut faults = Vec::new();
        for (size, width) in WIDTHS {
            browser.resize(width).await?;
            let (over, what) = browser.overflow().await?;
            if over > 0 {
                faults.push(format!("{over} px too wide at {width} px ({what})"));
            }
            if let Some(axe) = &self.axe {
                let violations = browser.axe(axe).await?;
                faults.extend(violations.into_iter().map(|one| format!("axe at {width} px: {one}")));
            }
            let file = self.pictures.join(format!("{}.{size}.png", file_name(who, name)));
            browser.picture(&file).await?;
        }
        browser.resize(WIDTHS[0].1).await?;
        faults.extend(browser.complaints().await?);
        let sent = browser.sent().await?;
        faults.extend(browser.elsewhere(&sent).into_iter().map(|url| format!("asks {url}")));
        Ok(faults)
    }
}

fn file_name(who: &str, name: &str) -> String {
    let name = name.trim_matches('/');
    let name = if name.is_empty() { "depan" } else { name };
    format!("{who}.{name}").replace(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-', "_")
}

fn newest_axe(target: &Path) -> anyhow::Result<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(target)?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("axe-core-"))
        .map(|entry| entry.path().join("axe.min.js"))
        .collect();
    found.sort();
    found
        .pop()
        .context("axe-core is not in target: run deploy/test, or set TUNTAS_TEST_AXE")
}
