//! A form that is sent twice, by a finger or by a line that broke, is one report.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, ensure};
use tuntas_tests::{
    instance::wait_for,
    portal::{Portal, Reply},
};

use super::{Stage, journey};

const TAKEN_WITHIN: Duration = Duration::from_secs(20);

/// Two clicks on the button that sends.
pub(crate) async fn double_click(stage: &Stage<'_>) -> anyhow::Result<()> {
    let browser = stage.driver.browser(stage.portal.url(), true).await?;
    journey::fill_report(&browser, "Dua kali tekan", None).await?;
    let before = stage.portal.reports()?;
    let button = browser.one("[name=langkah][value=kirim]").await?;
    browser
        .web()
        .action_chain()
        .double_click_element(&button)
        .perform()
        .await?;
    let shown = browser.wait_text("#tiket").await?;
    browser.close().await?;
    let after = stage.portal.reports()?;
    ensure!(
        after == before + 1,
        "{shown}: {} reports were made of one",
        after - before
    );
    Ok(())
}

/// A form whose answer never arrived, sent again, and again.
pub(crate) async fn lost_connection(portal: &Portal) -> anyhow::Result<()> {
    let fields = report(portal, "Sambungan terputus").await?;
    let before = portal.reports()?;
    let line = portal.post_unheard("/lapor", &fields).await?;
    wait_for(
        TAKEN_WITHIN,
        "the report to be taken",
        || Ok(portal.reports()? > before),
    )?;
    drop(line);
    let mut tickets = Vec::new();
    for _ in 0..2 {
        tickets.push(ticket(&portal.post("/lapor", &fields).await?)?);
    }
    ensure!(tickets[0] == tickets[1], "two tickets for one report: {tickets:?}");
    let after = portal.reports()?;
    ensure!(after == before + 1, "{} reports were made of one", after - before);
    Ok(())
}

/// The form, filled in, with the key that it came with.
pub(crate) async fn report(portal: &Portal, title: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let form = portal.get("/lapor").await?;
    let key = between(&form.page, "name=\"kunci\" value=\"", "\"").context("the form has no key")?;
    let fields = [
        ("kunci", key),
        ("langkah", "kirim"),
        ("jenis", "complaint"),
        ("privasi", "open"),
        ("judul", title),
        (
            "isi",
            "Lampu jalan di Jalan Contoh Raya mati sejak seminggu. Mohon diperbaiki.",
        ),
        ("kategori", "transportasi-darat"),
        ("wilayah", "14.71"),
    ];
    Ok(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
}

/// The ticket on a receipt.
pub(crate) fn ticket(reply: &Reply) -> anyhow::Result<String> {
    let found = between(&reply.page, "id=\"tiket\">", "<");
    Ok(found
        .with_context(|| format!("no receipt ({}): {}", reply.status, reply.page))?
        .to_owned())
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}
