//! Chromium as people use it, driven through chromedriver: what a test does on pages, and what the browser notices
//! meanwhile ([`notice`]).

pub mod notice;

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::json;
use thirtyfour::{By, ChromiumLikeCapabilities as _, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver, WebElement};

use crate::instance::wait_for;

/// Widths at which every page has to work, with their names.
pub const WIDTHS: [(&str, u32); 2] = [("wide", 1100), ("phone", 360)];
const HEIGHT: u32 = 800;
const START_WITHIN: Duration = Duration::from_secs(30);
const SHOWN_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks at the same page.
const POLL_WAIT: Duration = Duration::from_millis(100);
/// Quiet, offline but for the site, and at home in a container.
const FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A chromedriver of our own.
pub struct Driver {
    child: Child,
    url: String,
    folder: PathBuf,
}

impl Driver {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// Chromium or its driver is not installed.
    pub fn start() -> anyhow::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("tuntas-browser.{}.{number}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let log = folder.join("driver.log");
        let out = fs::File::create(&log)?;
        let child = Command::new("chromedriver")
            .arg("--port=0")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .context("chromedriver is missing: apt-get install chromium chromium-driver, or run deploy/test")?;
        let mut driver = Self {
            child,
            url: String::new(),
            folder,
        };
        let mut port = String::new();
        wait_for(START_WITHIN, "chromedriver to start", || {
            let said = fs::read_to_string(&log)?;
            if let Some((_, rest)) = said.split_once("successfully on port ") {
                port = rest.chars().take_while(char::is_ascii_digit).collect();
            }
            Ok(!port.is_empty())
        })?;
        driver.url = format!("http://127.0.0.1:{port}");
        Ok(driver)
    }

    /// Opens a browser without history, cookies or cache on a site.
    ///
    /// # Errors
    /// Chromium does not start.
    pub async fn browser(&self, origin: &str, scripts: bool) -> anyhow::Result<Browser> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let profile = self
            .folder
            .join(format!("profile.{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        let mut wanted = DesiredCapabilities::chrome();
        for flag in FLAGS {
            wanted.add_arg(flag)?;
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.display()))?;
        wanted.add_arg(&format!("--window-size={},{HEIGHT}", WIDTHS[0].1))?;
        if !scripts {
            const BLOCK: u8 = 2;
            wanted.add_experimental_option(
                "prefs",
                json!({ "profile.managed_default_content_settings.javascript": BLOCK }),
            )?;
        }
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All)?;
        wanted.set_logging_prefs("performance", LoggingPrefsLogLevel::All)?;
        let web = WebDriver::new(&self.url, wanted)
            .await
            .context("chromium does not start")?;
        Ok(Browser {
            web,
            origin: origin.trim_end_matches('/').to_owned(),
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Its browsers go with it: they are in its process group.
        for signal in ["-TERM", "-KILL"] {
            let _ = Command::new("kill")
                .args([signal, "--", &format!("-{}", self.child.id())])
                .stderr(Stdio::null())
                .status();
            let ended = wait_for(Duration::from_secs(5), "chromedriver to end", || {
                Ok(self.child.try_wait()?.is_some())
            });
            if ended.is_ok() {
                break;
            }
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// One browser on the site.
pub struct Browser {
    web: WebDriver,
    origin: String,
}

impl Browser {
    /// Ends it.
    ///
    /// # Errors
    /// The driver is gone.
    pub async fn close(self) -> anyhow::Result<()> {
        Ok(self.web.quit().await?)
    }

    /// The driver's own handle, for what only one test does.
    #[must_use]
    pub fn web(&self) -> &WebDriver {
        &self.web
    }

    /// Opens a page of the site by its path.
    ///
    /// # Errors
    /// The browser's.
    pub async fn open(&self, path: &str) -> anyhow::Result<()> {
        let url = format!("{}{path}", self.origin);
        self.web.goto(&url).await.with_context(|| url)
    }

    /// Path of the page that is open, with its query.
    ///
    /// # Errors
    /// The browser's.
    pub async fn path(&self) -> anyhow::Result<String> {
        let url = self.web.current_url().await?;
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(format!("{}{query}", url.path()))
    }

    /// Whether something is there.
    ///
    /// # Errors
    /// The browser's.
    pub async fn has(&self, css: &str) -> anyhow::Result<bool> {
        Ok(!self.web.find_all(By::Css(css)).await?.is_empty())
    }

    /// One element.
    ///
    /// # Errors
    /// It is not there; the message has what the page says instead.
    pub async fn one(&self, css: &str) -> anyhow::Result<WebElement> {
        if let Ok(element) = self.web.find(By::Css(css)).await {
            return Ok(element);
        }
        bail!("no {css} on {}: {}", self.path().await?, self.words().await?)
    }

    /// Words of an element, as they are shown.
    ///
    /// # Errors
    /// It is not there.
    pub async fn text(&self, css: &str) -> anyhow::Result<String> {
        Ok(self.one(css).await?.text().await?.trim().to_owned())
    }

    /// Words of the page's main part.
    ///
    /// # Errors
    /// The browser's.
    pub async fn words(&self) -> anyhow::Result<String> {
        match self.web.find(By::Css("main")).await {
            Ok(main) => Ok(main.text().await?),
            Err(_) => Ok(self.web.find(By::Css("body")).await?.text().await?),
        }
    }

    /// Clicks.
    ///
    /// # Errors
    /// It is not there, or something covers it.
    pub async fn click(&self, css: &str) -> anyhow::Result<()> {
        self.unfold(css).await?;
        let element = self.one(css).await?;
        self.bring_into_view(&element).await?;
        element.click().await.with_context(|| css.to_owned())
    }

    /// Clicks what leads to another page, and waits for that page.
    ///
    /// # Errors
    /// It is not there, or leads nowhere in time.
    pub async fn follow(&self, css: &str) -> anyhow::Result<()> {
        let before = self.one("html").await?;
        self.click(css).await?;
        let started = Instant::now();
        // The driver does not always wait itself: an element of the page before is gone when the next one has come.
        while before.tag_name().await.is_ok() {
            ensure!(
                started.elapsed() < SHOWN_WITHIN,
                "{css} leads nowhere within {} s: {}",
                SHOWN_WITHIN.as_secs(),
                self.words().await?
            );
            tokio::time::sleep(POLL_WAIT).await;
        }
        Ok(())
    }

    /// Types into a field in place of what stands there.
    ///
    /// # Errors
    /// It is not there, or takes no typing.
    pub async fn fill(&self, css: &str, text: &str) -> anyhow::Result<()> {
        self.unfold(css).await?;
        let field = self.one(css).await?;
        field.clear().await.with_context(|| css.to_owned())?;
        field.send_keys(text).await.with_context(|| css.to_owned())
    }

    /// Chooses files for a field.
    ///
    /// # Errors
    /// It is not there.
    pub async fn attach(&self, css: &str, file: &Path) -> anyhow::Result<()> {
        self.unfold(css).await?;
        let path = file.to_str().context("a path that is no text")?;
        self.one(css)
            .await?
            .send_keys(path)
            .await
            .with_context(|| css.to_owned())
    }

    /// Chooses an option of a list by its value.
    ///
    /// # Errors
    /// There is no such list or option.
    pub async fn choose(&self, css: &str, value: &str) -> anyhow::Result<()> {
        self.unfold(css).await?;
        let option = format!("{css} option[value=\"{value}\"]");
        self.one(&option).await?.click().await.with_context(|| option)
    }

    /// Opens what is folded over an element, as a person would: by its summary.
    async fn unfold(&self, css: &str) -> anyhow::Result<()> {
        let summary = format!("details:not([open]):has({css}) > summary");
        for folded in self.web.find_all(By::Css(&summary)).await? {
            self.bring_into_view(&folded).await?;
            folded.click().await?;
        }
        Ok(())
    }

    /// Scrolls at once: the driver does not wait for a smooth scroll.
    async fn bring_into_view(&self, element: &WebElement) -> anyhow::Result<()> {
        const SCROLL: &str = "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' });";
        self.web.execute(SCROLL, vec![element.to_json()?]).await?;
        Ok(())
    }

    /// Opens a page again and again until something is there: what goes through the broker takes a moment.
    ///
    /// # Errors
    /// It does not come in time; the message has what the page says instead.
    pub async fn open_until(&self, path: &str, css: &str) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            self.open(path).await?;
            if self.has(css).await? {
                return Ok(());
            }
            ensure!(
                started.elapsed() < SHOWN_WITHIN,
                "no {css} on {path} within {} s: {}",
                SHOWN_WITHIN.as_secs(),
                self.words().await?
            );
            tokio::time::sleep(POLL_WAIT).await;
        }
    }

    /// Words of an element, once it is there: for what no navigation was waited for.
    ///
    /// # Errors
    /// It does not come in time; the message has what the page says instead.
    pub async fn wait_text(&self, css: &str) -> anyhow::Result<String> {
        let started = Instant::now();
        loop {
            // Between two pages there is nothing to find; only the deadline decides.
            if let Ok(element) = self.web.find(By::Css(css)).await
                && let Ok(text) = element.text().await
            {
                return Ok(text.trim().to_owned());
            }
            ensure!(
                started.elapsed() < SHOWN_WITHIN,
                "no {css} within {} s: {}",
                SHOWN_WITHIN.as_secs(),
                self.words().await?
            );
            tokio::time::sleep(POLL_WAIT).await;
        }
    }
}
