//! The portal of a running platform: where it is, who may log in, and requests to it as a program sends them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use reqwest::StatusCode;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tuntas_ctl::platform::Platform;

/// Password of the demo's accounts, as `tuntas account demo` sets it.
pub const PASSWORD: &str = "tuntas-demo-riau";
const PATIENCE: Duration = Duration::from_secs(20);
const BOUNDARY: &str = "----batas-formulir-uji";

/// A portal with its platform behind it.
pub struct Portal {
    url: String,
    /// The platform.
    pub platform: Platform,
    http: reqwest::Client,
}

/// What came back for a form.
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// Page.
    pub page: String,
}

impl Portal {
    /// The portal of the platform in a state folder.
    ///
    /// # Errors
    /// There is none.
    pub fn of(state: &Path) -> anyhow::Result<Self> {
        Ok(Self::at(url_in(state)?, Platform::open(state, PATIENCE)?))
    }

    /// The portal named by the environment, for trying pages without starting a platform: `TUNTAS_TEST_STATE`, and
    /// `TUNTAS_TEST_PORTAL` when another gateway than that state's own shall be looked at.
    ///
    /// # Errors
    /// The state has no platform.
    pub fn from_environment() -> anyhow::Result<Option<Self>> {
        let Some(state) = std::env::var_os("TUNTAS_TEST_STATE").map(PathBuf::from) else {
            return Ok(None);
        };
        let mut portal = Self::of(&state)?;
        if let Ok(url) = std::env::var("TUNTAS_TEST_PORTAL") {
            portal.url = url;
        }
        Ok(Some(portal))
    }

    fn at(url: String, platform: Platform) -> Self {
        Self {
            url,
            platform,
            http: reqwest::Client::new(),
        }
    }

    /// Its address, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens a page as a program.
    ///
    /// # Errors
    /// The portal does not answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<Reply> {
        reply(self.http.get(format!("{}{path}", self.url))).await
    }

    /// Sends a form and reads the answer.
    ///
    /// # Errors
    /// The portal does not answer.
    pub async fn post(&self, path: &str, fields: &BTreeMap<String, String>) -> anyhow::Result<Reply> {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("content-type", content_type())
            .header("origin", &self.url)
            .body(body(fields));
        reply(request).await
    }

    /// Sends a form over a line that is never listened to: it breaks when it is dropped.
    ///
    /// # Errors
    /// The portal does not listen.
    pub async fn post_unheard(&self, path: &str, fields: &BTreeMap<String, String>) -> anyhow::Result<TcpStream> {
        let address = self.url.strip_prefix("http://").context("not a plain address")?;
        let body = body(fields);
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\norigin: {}\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n",
            self.url,
            content_type(),
            body.len()
        );
        let mut line = TcpStream::connect(address).await?;
        line.write_all(head.as_bytes()).await?;
        line.write_all(body.as_bytes()).await?;
        line.flush().await?;
        Ok(line)
    }

    /// Number of reports that intake has.
    ///
    /// # Errors
    /// Its database does not answer.
    pub fn reports(&self) -> anyhow::Result<u64> {
        let urls = &self.platform.endpoints().databases;
        let url = urls.get("intake").context("no database of intake")?;
        let output = Command::new("psql")
            .args(["-X", "-A", "-t", "-c", "SELECT count(*) FROM report", url])
            .output()?;
        ensure!(
            output.status.success(),
            "psql: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
    }
}

/// Address of the portal of a state folder.
///
/// # Errors
/// There is no gateway.
pub fn url_in(state: &Path) -> anyhow::Result<String> {
    let file = state.join("env/gateway.env");
    let env = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let url = env
        .lines()
        .find_map(|line| line.strip_prefix("TUNTAS__EDGE__PUBLIC_URL="))
        .context("the gateway has no public address")?;
    Ok(url.to_owned())
}

async fn reply(request: reqwest::RequestBuilder) -> anyhow::Result<Reply> {
    let response = request.send().await?;
    Ok(Reply {
        status: response.status(),
        page: response.text().await?,
    })
}

fn content_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

fn body(fields: &BTreeMap<String, String>) -> String {
    let parts = fields.iter().map(|(name, value)| {
        format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    let mut body: String = parts.collect();
    body.push_str(&format!("--{BOUNDARY}--\r\n"));
    body
}
