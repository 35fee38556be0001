//! A service behind the portal that is down: its part of the page says so, the rest works, and reports are taken.

use std::time::{Duration, Instant};

use anyhow::ensure;
use reqwest::StatusCode;
use tuntas_tests::{instance::Instance, portal::Portal};

use super::sending;

const DOWN: &str = "evaluation";
/// Figures are shown from memory for a while.
const NOTICED_WITHIN: Duration = Duration::from_secs(40);
const POLL_WAIT: Duration = Duration::from_millis(200);

/// Takes evaluation down and brings it back.
pub(crate) async fn play(instance: &Instance, portal: &Portal) -> anyhow::Result<()> {
    instance.take_down(DOWN)?;
    let played = without(portal).await;
    instance.bring_back(DOWN)?;
    played
}

async fn without(portal: &Portal) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        let home = portal.get("/").await?;
        ensure!(home.status == StatusCode::OK, "home answers {}", home.status);
        ensure!(
            home.page.contains("href=\"/lapor\""),
            "home has lost its rest: {}",
            home.page
        );
        if home.page.contains("Angka kinerja sedang tidak dapat diambil") {
            break;
        }
        ensure!(
            started.elapsed() < NOTICED_WITHIN,
            "home does not say that the figures are missing"
        );
        tokio::time::sleep(POLL_WAIT).await;
    }
    let figures = portal.get("/statistik").await?;
    ensure!(
        figures.status == StatusCode::SERVICE_UNAVAILABLE || figures.status == StatusCode::OK,
        "figures are answered with {}",
        figures.status
    );
    ensure!(
        figures.page.contains("<main"),
        "no page in plain words: {}",
        figures.page
    );
    let fields = sending::report(portal, "Layanan lain mati").await?;
    sending::ticket(&portal.post("/lapor", &fields).await?).map(drop)
}
