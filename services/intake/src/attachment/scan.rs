//! A look at each file by clamd, when one is configured (its `INSTREAM` command, as clamd(8) describes it).

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const CHUNK_BYTES: usize = 64 * 1024;
const ANSWER_BYTES_MAX: u64 = 4_096;

/// A scanner.
#[derive(Debug, Clone)]
pub struct Scanner {
    address: String,
    timeout: Duration,
}

/// What a scanner said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was found.
    Clean,
    /// Something was found.
    Refused,
}

impl Scanner {
    /// A scanner at `host:port`.
    #[must_use]
    pub const fn new(address: String, timeout: Duration) -> Self {
        Self { address, timeout }
    }

    /// Looks at a file.
    ///
    /// # Errors
    /// The scanner cannot be reached, does not answer in time, or answers with an error: the file is then not
    /// known to be clean, and is not to be kept.
    pub async fn scan(&self, content: &[u8]) -> std::io::Result<Verdict> {
        timeout(self.timeout, self.ask(content))
            .await
            .map_err(|_| std::io::ErrorKind::TimedOut)?
    }

    async fn ask(&self, content: &[u8]) -> std::io::Result<Verdict> {
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.write_all(b"zINSTREAM\0").await?;
        for chunk in content.chunks(CHUNK_BYTES) {
            let length = u32::try_from(chunk.len()).map_err(|_| std::io::ErrorKind::InvalidInput)?;
            stream.write_all(&length.to_be_bytes()).await?;
            stream.write_all(chunk).await?;
        }
        stream.write_all(&0_u32.to_be_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer);
        match answer.trim_end_matches(['\0', '\n']) {
            clean if clean.ends_with(" OK") => Ok(Verdict::Clean),
            found if found.ends_with(" FOUND") => Ok(Verdict::Refused),
            _ => Err(std::io::ErrorKind::InvalidData.into()),
        }
    }
}
