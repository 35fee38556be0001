//! What a process says about itself in its metrics.

use std::process::Command;

use anyhow::ensure;

use crate::instance::Instance;

impl Instance {
    /// How many links of a process to the broker are up, as far as the process knows.
    ///
    /// # Errors
    /// It does not answer within two seconds.
    pub fn broker_links_up(&self, process: &str) -> anyhow::Result<usize> {
        const LINKS: [&str; 2] = ["messaging_relay_connected", "messaging_consumer_connected"];
        let output = Command::new("curl")
            .args(["-fsS", "-m", "2", &format!("{}/metrics", self.http_of(process)?)])
            .output()?;
        ensure!(output.status.success(), "{process} says no metrics");
        let text = String::from_utf8(output.stdout)?;
        let lines = text
            .lines()
            .filter(|line| LINKS.iter().any(|link| line.starts_with(link)));
        Ok(lines.filter(|line| line.ends_with(" 1")).count())
    }
}
