//! Every page that each role can get to by links, looked at once; a link that leads nowhere is a fault too.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::ensure;
use tuntas_tests::browser::Browser;

use super::{Stage, look::Looker};

/// Pages that no link leads to, or not from everywhere.
const OF_EVERYBODY: [&str; 9] = [
    "/",
    "/lapor",
    "/lacak",
    "/laporan",
    "/laporan?kata=halte",
    "/fakta",
    "/statistik",
    "/masuk",
    "/halaman-yang-tidak-ada",
];
const NOWHERE: &str = "/halaman-yang-tidak-ada";
/// Users of the demo, with the page that they start from.
const OFFICERS: [(&str, &str); 10] = [
    ("verifier", "/petugas"),
    ("manager", "/petugas"),
    ("liaison", "/petugas/opd"),
    ("executor", "/petugas/opd"),
    ("accountable-head", "/petugas/opd"),
    ("director", "/petugas"),
    ("patron", "/petugas"),
    ("ombudsman", "/petugas"),
    ("auditor", "/petugas"),
    ("operator", "/akun"),
];
/// Pages of one kind that a role looks at: cases differ by what can be done with them.
const OF_ONE_KIND_MAX: usize = 2;
const OF_ONE_ROLE_MAX: usize = 60;

/// Looks at all.
pub(crate) async fn look_at_all(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let browser = stage.driver.browser(stage.portal.url(), true).await?;
    let mut faults = Vec::new();
    let mut public = BTreeSet::new();
    let seeds = OF_EVERYBODY.map(str::to_owned).to_vec();
    let mut walk = Walk::new("everybody", seeds, BTreeSet::new());
    walk.on(&browser, &stage.looker, &mut faults).await?;
    public.extend(walk.seen.into_keys());
    for (user, start) in OFFICERS {
        stage.people.act_as(&browser, user).await?;
        let seeds = vec![start.to_owned(), "/akun".to_owned(), "/masuk/sandi".to_owned()];
        let mut walk = Walk::new(user, seeds, public.clone());
        walk.on(&browser, &stage.looker, &mut faults).await?;
    }
    browser.close().await?;
    ensure!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}

/// One role's way through the pages.
struct Walk {
    who: &'static str,
    ahead: VecDeque<String>,
    /// How many of each kind were looked at.
    seen: BTreeMap<String, usize>,
    /// Kinds that others look at.
    not: BTreeSet<String>,
}

impl Walk {
    fn new(who: &'static str, seeds: Vec<String>, not: BTreeSet<String>) -> Self {
        Self {
            who,
            ahead: seeds.into(),
            seen: BTreeMap::new(),
            not,
        }
    }

    async fn on(&mut self, browser: &Browser, looker: &Looker, faults: &mut Vec<String>) -> anyhow::Result<()> {
        let mut looked = 0;
        while let Some(path) = self.ahead.pop_front() {
            let kind = kind_of(&path);
            let of_kind = self.seen.entry(kind.clone()).or_default();
            if self.not.contains(&kind) || *of_kind >= OF_ONE_KIND_MAX || looked >= OF_ONE_ROLE_MAX {
                continue;
            }
            *of_kind += 1;
            if looked == 0 {
                browser.open("/robots.txt").await?;
            }
            let (status, media) = ask(browser, &path).await?;
            let expected = if path == NOWHERE { 404 } else { 200 };
            if status != expected {
                faults.push(format!("{} {path}: status {status}", self.who));
            }
            if !media.starts_with("text/html") {
                continue;
            }
            looked += 1;
            browser.open(&path).await?;
            let name = format!("{kind}-{of_kind}");
            for fault in looker.faults(browser, self.who, &name).await? {
                faults.push(format!("{} {path}: {fault}", self.who));
            }
            self.ahead.extend(links(browser).await?);
        }
        Ok(())
    }
}

/// Status and media type of what a path gives this person, asked from the page that is open.
async fn ask(browser: &Browser, path: &str) -> anyhow::Result<(u16, String)> {
    const ASK: &str = r"
        const done = arguments[1];
        fetch(arguments[0], { signal: AbortSignal.timeout(15000) })
            .then((answer) => { done([answer.status, answer.headers.get('content-type') || '']); })
            .catch((error) => done([0, String(error)]));";
    let answer = browser.web().execute_async(ASK, vec![path.into()]).await?;
    Ok(answer.convert()?)
}

async fn links(browser: &Browser) -> anyhow::Result<Vec<String>> {
    const LINKS: &str = r"
        return [...document.querySelectorAll('a[href]')].filter((link) => link.origin === location.origin)
            .map((link) => link.pathname + link.search);";
    let found = browser.web().execute(LINKS, vec![]).await?;
    Ok(found.convert()?)
}

/// The kind of page behind an address: the address without what names one thing.
fn kind_of(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts = path.split('/').map(|part| {
        let names_one = part.chars().any(|c| c.is_ascii_digit()) && part != "open311";
        if names_one { "*" } else { part }
    });
    let mut names: Vec<&str> = query
        .split('&')
        .filter_map(|pair| pair.split('=').next())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    let path = parts.collect::<Vec<_>>().join("/");
    if names.is_empty() {
        path
    } else {
        format!("{path}?{}", names.join("&"))
    }
}
