//! Mail servers: one in the test that refuses on demand, and a foreign one that keeps what it takes as files.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};

use crate::support::eventually;

/// What the relay in the test took, and how it answers.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Recipient and text of each message.
    pub(crate) mails: Vec<(String, String)>,
    /// Answers to the next recipients, such as `451`; then `250`.
    pub(crate) refusals: Vec<u16>,
}

/// A mail server for one test.
#[derive(Debug, Clone, Default)]
pub(crate) struct Relay(Arc<Mutex<Taken>>);

impl Relay {
    /// Serves on a free port.
    pub(crate) async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let relay = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let relay = relay.clone();
                // A client that hangs up in the middle is its own affair.
                tokio::spawn(async move { relay.converse(stream).await.ok() });
            }
        });
        address
    }

    pub(crate) fn refuse_next(&self, codes: &[u16]) {
        self.0.lock().unwrap().refusals.extend(codes);
    }

    pub(crate) fn mails(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().mails.clone()
    }

    async fn converse(&self, stream: TcpStream) -> std::io::Result<()> {
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        writer.write_all(b"220 relay.invalid ESMTP\r\n").await?;
        let (mut to, mut data) = (String::new(), None::<String>);
        while let Some(line) = lines.next_line().await? {
            if let Some(text) = &mut data {
                if line != "." {
                    text.push_str(&line);
                    text.push('\n');
                    continue;
                }
                let text = data.take().unwrap_or_default();
                self.0.lock().unwrap().mails.push((std::mem::take(&mut to), text));
                writer.write_all(b"250 taken\r\n").await?;
                continue;
            }
            let answer = match line.to_ascii_uppercase() {
                line if line.starts_with("EHLO") => "250-relay.invalid\r\n250 8BITMIME\r\n".to_owned(),
                line if line.starts_with("RCPT TO:") => self.recipient(&line, &mut to),
                line if line.starts_with("DATA") => {
                    data = Some(String::new());
                    "354 go on\r\n".to_owned()
                }
                line if line.starts_with("QUIT") => {
                    return writer.write_all(b"221 bye\r\n").await;
                }
                _ => "250 ok\r\n".to_owned(),
            };
            writer.write_all(answer.as_bytes()).await?;
        }
        Ok(())
    }

    fn recipient(&self, line: &str, to: &mut String) -> String {
        let address = line
            .trim_start_matches("RCPT TO:")
            .trim_matches(['<', '>', ' '])
            .to_ascii_lowercase();
        let mut taken = self.0.lock().unwrap();
        if !taken.refusals.is_empty() {
            // As servers do, it repeats the address in its refusal.
            return format!("{} <{address}> not now\r\n", taken.refusals.remove(0));
        }
        *to = address;
        "250 ok\r\n".to_owned()
    }
}

/// A foreign mail server that keeps each message as a file: aiosmtpd where it is installed, else the platform's sink.
pub(crate) struct ForeignRelay {
    pub(crate) port: u16,
    folder: PathBuf,
    _process: Child,
}

impl ForeignRelay {
    pub(crate) async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("tuntas-mail-{}", tuntas_kit::ids::new_id()));
        let port = free_port().await;
        let has_aiosmtpd = Command::new("/usr/bin/python3")
            .args(["-c", "import aiosmtpd"])
            .status()
            .await;
        let mut command = if has_aiosmtpd.is_ok_and(|status| status.success()) {
            let mut command = Command::new("/usr/bin/python3");
            command
                .args(["-m", "aiosmtpd", "-n", "-c", "aiosmtpd.handlers.Mailbox"])
                .arg(&folder);
            command.arg("-l").arg(format!("127.0.0.1:{port}"));
            command
        } else {
            std::fs::create_dir_all(&folder).unwrap();
            let mut command = Command::new("python3");
            command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/smtp-sink"));
            command.arg(port.to_string()).arg(&folder);
            command
        };
        let process = command.stdin(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        eventually("the foreign mail server", async || {
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        Self {
            port,
            folder,
            _process: process,
        }
    }

    /// The messages, as they are on disk.
    pub(crate) fn mails(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_none_or(|extension| extension != "new") {
                    found.push(std::fs::read_to_string(path).unwrap());
                }
            }
        }
        found
    }
}

impl Drop for ForeignRelay {
    fn drop(&mut self) {
        // Left in the folder for temporary files at worst.
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
