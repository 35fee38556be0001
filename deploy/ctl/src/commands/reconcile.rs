//! `tuntas reconcile`: whether what the services say of themselves fits together.
//!
//! Every receipt has exactly one case; every case event is in the feed exactly once, at contiguous positions; desks and
//! evaluation have what routing has; every planned delivery is sent or given up; nothing waits and nothing is dead.
//! Each difference is one line that names what differs. Books of a platform at work differ for moments: the comparison
//! is repeated until it balances or the time given is over.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use prost::Message as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tuntas_proto::{
    event::v1::{Event, event::Payload},
    ops::v1::{BookLine, ListBooksRequest},
    oversight::v1::FollowRequest,
};

use super::Context;
use crate::{
    error::{CtlError, Exit, Result},
    platform::{Platform, Who},
    quiet, render, rpc,
};

const RETRY_WAIT: Duration = Duration::from_millis(500);
/// Lines of differences shown on the screen; JSON has them all.
const SHOWN_MAX: usize = 40;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct ReconcileArgs {
    /// Compare again for so long until the books balance
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    within: u64,
    /// Leave out reading the whole feed
    #[arg(long)]
    skip_feed: bool,
}

/// What was compared, and what differs.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Books {
    /// Counts by name, such as `reports`.
    pub counts: BTreeMap<String, u64>,
    /// One line for each difference.
    pub differences: Vec<String>,
}

/// Runs `tuntas reconcile`.
///
/// # Errors
/// Exit 7 when the books do not balance.
pub async fn run(args: ReconcileArgs, context: &Context) -> Result<()> {
    let books = compare_within(&context.platform, Duration::from_secs(args.within), !args.skip_feed).await?;
    show(context, &books)
}

/// Shows the result; an error when the books do not balance.
///
/// # Errors
/// Exit 7 when the books do not balance.
pub fn show(context: &Context, books: &Books) -> Result<()> {
    context.screen.show_value(&json!(books), || {
        let counts = books
            .counts
            .iter()
            .map(|(name, count)| vec![name.clone(), count.to_string()]);
        let table = render::table(&["BOOKS", "COUNT"], &counts.collect::<Vec<_>>());
        let mut lines: Vec<&str> = books.differences.iter().take(SHOWN_MAX).map(String::as_str).collect();
        let more = format!(
            "... and {} more (--json shows all)",
            books.differences.len().saturating_sub(SHOWN_MAX)
        );
        if books.differences.len() > SHOWN_MAX {
            lines.push(&more);
        }
        let verdict = if books.differences.is_empty() {
            "the books balance".to_owned()
        } else {
            lines.join("\n")
        };
        format!("{table}\n\n{verdict}")
    })?;
    if books.differences.is_empty() {
        return Ok(());
    }
    Err(CtlError::new(Exit::Unbalanced, format!("the books do not balance: {} differences", books.differences.len()))
        .next("`tuntas status` and `tuntas dead list` show what is stuck; a difference that stays names the case or report to look at"))
}

/// Compares until the books balance or the time is over; gives the last comparison.
///
/// # Errors
/// A service does not answer.
pub async fn compare_within(platform: &Platform, within: Duration, with_feed: bool) -> Result<Books> {
    let started = Instant::now();
    loop {
        let result = compare(platform, with_feed).await;
        let balanced = matches!(&result, Ok(books) if books.differences.is_empty());
        if balanced || started.elapsed() >= within {
            return result;
        }
        tokio::time::sleep(RETRY_WAIT).await;
    }
}

/// Compares the books once.
///
/// # Errors
/// A service does not answer.
pub async fn compare(platform: &Platform, with_feed: bool) -> Result<Books> {
    let mut books = Books::default();
    waiting_and_dead(platform, &mut books).await?;
    let mut by_process = BTreeMap::new();
    for (name, url) in platform.endpoints().processes() {
        by_process.insert(name.to_owned(), lines_of(platform, url).await?);
    }
    let service = |name: &str| by_process.get(name).map(Vec::as_slice).unwrap_or_default();
    let routing = Routing::of(service("routing"));
    books.counts.insert("cases".to_owned(), routing.cases.len() as u64);
    reports(service("intake"), &routing, &mut books);
    let desks: Vec<&BookLine> = platform
        .endpoints()
        .desks
        .iter()
        .flat_map(|desk| service(&desk.name))
        .collect();
    desk_cases(&desks, &routing, &mut books);
    deliveries(service("notification"), &mut books);
    evaluation(service("evaluation"), service("oversight"), &routing, &mut books);
    feed_cases(service("oversight"), &routing, &mut books);
    if with_feed {
        feed(platform, &routing, &mut books).await?;
    }
    Ok(books)
}

async fn lines_of(platform: &Platform, url: &str) -> Result<Vec<BookLine>> {
    let mut stream = rpc!(platform, Who::Operator, ops(url).list_books(ListBooksRequest {}))?;
    let mut lines = Vec::new();
    while let Some(line) = stream.message().await? {
        lines.push(line);
    }
    Ok(lines)
}

async fn waiting_and_dead(platform: &Platform, books: &mut Books) -> Result<()> {
    let (busy, _) = quiet::busy(platform).await?;
    books.differences.extend(busy.reasons);
    for process in quiet::statuses(platform).await {
        let dead = process.answer?.queues.into_iter().filter(|queue| queue.dead > 0);
        books
            .differences
            .extend(dead.map(|queue| format!("{}: {} dead letters of {}", process.name, queue.dead, queue.queue)));
    }
    Ok(())
}

/// Routing's books: the measure of all others.
struct Routing<'a> {
    cases: BTreeMap<&'a str, &'a BookLine>,
    case_of_report: BTreeMap<&'a str, &'a str>,
}

impl<'a> Routing<'a> {
    fn of(lines: &'a [BookLine]) -> Self {
        let cases = lines
            .iter()
            .filter(|line| line.kind == "case")
            .map(|line| (line.id.as_str(), line))
            .collect();
        let reports = lines.iter().filter(|line| line.kind == "report");
        Self {
            cases,
            case_of_report: reports.map(|line| (line.id.as_str(), line.r#ref.as_str())).collect(),
        }
    }
}

/// Every receipt has exactly one case, and both sides name the same.
fn reports(intake: &[BookLine], routing: &Routing<'_>, books: &mut Books) {
    let filed: BTreeMap<&str, &BookLine> = intake
        .iter()
        .filter(|line| line.kind == "report")
        .map(|line| (line.id.as_str(), line))
        .collect();
    books.counts.insert("reports".to_owned(), filed.len() as u64);
    for (report, line) in &filed {
        let Some(case) = routing.case_of_report.get(report) else {
            books
                .differences
                .push(format!("report {report}: filed, but routing has no case of it"));
            continue;
        };
        if line.r#ref != *case {
            books.differences.push(format!(
                "report {report}: intake knows case {}, routing {case}",
                shown(&line.r#ref)
            ));
        }
        match routing.cases.get(case) {
            None => books
                .differences
                .push(format!("report {report}: its case {case} does not exist")),
            Some(known) if known.state != line.state => {
                books.differences.push(format!(
                    "report {report}: {} at intake, {} at routing",
                    shown(&line.state),
                    known.state
                ));
            }
            Some(_) => {}
        }
    }
    let without_report = routing
        .case_of_report
        .keys()
        .filter(|report| !filed.contains_key(*report));
    books
        .differences
        .extend(without_report.map(|report| format!("report {report}: routing has a case, intake has no report")));
}

/// Desks have what they lead as it stands, and no command without a decision.
fn desk_cases(desks: &[&BookLine], routing: &Routing<'_>, books: &mut Books) {
    let mut held = BTreeSet::new();
    for line in desks.iter().filter(|line| line.kind == "desk_case") {
        held.insert((line.id.as_str(), line.r#ref.as_str()));
        let Some(case) = routing.cases.get(line.id.as_str()) else {
            books.differences.push(format!(
                "case {}: at the desk of {}, unknown to routing",
                line.id, line.r#ref
            ));
            continue;
        };
        let leads = case.r#ref == line.r#ref;
        if line.seq > case.seq || (leads && (line.seq != case.seq || line.state != case.state)) {
            books.differences.push(format!(
                "case {}: the desk of {} has seq {} ({}), routing {} ({})",
                line.id, line.r#ref, line.seq, line.state, case.seq, case.state
            ));
        }
    }
    books.counts.insert("desk cases".to_owned(), held.len() as u64);
    let led = routing.cases.iter().filter(|(_, case)| !case.r#ref.is_empty());
    let missing = led.filter(|(id, case)| !held.contains(&(**id, case.r#ref.as_str())));
    books
        .differences
        .extend(missing.map(|(id, case)| format!("case {id}: led by {}, whose desk does not have it", case.r#ref)));
    for line in desks.iter().filter(|line| line.kind == "command") {
        *books.counts.entry(format!("desk commands {}", line.id)).or_default() += line.seq;
        if line.id == "pending" && line.seq > 0 {
            books
                .differences
                .push(format!("{} commands of {} wait for a decision", line.seq, line.r#ref));
        }
    }
}

/// Every delivery planned is sent, skipped or given up.
fn deliveries(notification: &[BookLine], books: &mut Books) {
    for line in notification.iter().filter(|line| line.kind == "delivery") {
        *books.counts.entry(format!("deliveries {}", line.id)).or_default() += line.seq;
        if matches!(line.id.as_str(), "planned" | "sending") && line.seq > 0 {
            books
                .differences
                .push(format!("{} deliveries are only {}", line.seq, line.id));
        }
    }
}

fn seq_of(lines: &[BookLine], kind: &str) -> u64 {
    lines.iter().find(|line| line.kind == kind).map_or(0, |line| line.seq)
}

fn evaluation(evaluation: &[BookLine], oversight: &[BookLine], routing: &Routing<'_>, books: &mut Books) {
    let (position, head) = (seq_of(evaluation, "log_position"), seq_of(oversight, "feed_head"));
    books.counts.insert("feed entries".to_owned(), head);
    if position != head {
        books
            .differences
            .push(format!("evaluation is at log position {position}, the feed at {head}"));
    }
    let held_back = seq_of(oversight, "held_back");
    if held_back > 0 {
        books
            .differences
            .push(format!("{held_back} events are held back from the feed"));
    }
    compare_seqs("evaluation", evaluation, "scored_case", routing, books);
}

/// Every case event is in the feed.
fn feed_cases(oversight: &[BookLine], routing: &Routing<'_>, books: &mut Books) {
    compare_seqs("the feed", oversight, "feed_case", routing, books);
}

fn compare_seqs(who: &str, lines: &[BookLine], kind: &str, routing: &Routing<'_>, books: &mut Books) {
    let known: BTreeMap<&str, u64> = lines
        .iter()
        .filter(|line| line.kind == kind)
        .map(|line| (line.id.as_str(), line.seq))
        .collect();
    for (id, case) in &routing.cases {
        let seq = known.get(id).copied().unwrap_or(0);
        if seq != case.seq {
            books
                .differences
                .push(format!("case {id}: routing has {} events, {who} {seq}", case.seq));
        }
    }
    let foreign = known.keys().filter(|id| !routing.cases.contains_key(*id));
    books
        .differences
        .extend(foreign.map(|id| format!("case {id}: {who} has it, routing does not")));
}

/// Reads the whole feed: positions contiguous, hashes right, each event once, each aggregate without a hole, no effect
/// before its cause.
async fn feed(platform: &Platform, routing: &Routing<'_>, books: &mut Books) -> Result<()> {
    let request = FollowRequest {
        from_position: 1,
        until_head: true,
    };
    let mut stream = rpc!(platform, Who::Operator, feed().follow(request))?;
    let mut check = FeedCheck::default();
    while let Some(entry) = stream.message().await? {
        check.entry(&entry, &mut books.differences);
    }
    books.counts.insert("case events".to_owned(), check.case_events);
    for (id, case) in &routing.cases {
        let seq = check.last_seq.get(&format!("case:{id}")).copied().unwrap_or(0);
        // Cases at work may have moved on since routing's books were read; the next comparison sees it.
        if seq != case.seq {
            books.differences.push(format!(
                "case {id}: the feed ends at seq {seq}, routing at {}",
                case.seq
            ));
        }
    }
    Ok(())
}

#[derive(Default)]
struct FeedCheck {
    position: u64,
    chain: Vec<u8>,
    events: BTreeSet<String>,
    last_seq: BTreeMap<String, u64>,
    case_events: u64,
}

impl FeedCheck {
    fn entry(&mut self, entry: &tuntas_proto::oversight::v1::FeedEntry, differences: &mut Vec<String>) {
        let position = entry.position;
        if position != self.position + 1 {
            differences.push(format!("feed: position {position} follows {}", self.position));
        }
        self.position = position;
        let leaf = Sha256::new().chain_update([0_u8]).chain_update(&entry.event).finalize();
        if leaf.as_slice() != entry.leaf_hash {
            differences.push(format!("feed: the leaf hash at {position} is not that of its event"));
        }
        let chain = Sha256::new()
            .chain_update(&self.chain)
            .chain_update(&entry.leaf_hash)
            .finalize();
        // What stands before the first entry is the log's own choice: the chain is checked from the second on.
        if position > 1 && chain.as_slice() != entry.chain_hash {
            differences.push(format!("feed: the chain breaks at {position}"));
        }
        self.chain.clone_from(&entry.chain_hash);
        match Event::decode(entry.event.as_slice()) {
            Ok(event) => self.event(position, &event, differences),
            Err(error) => differences.push(format!("feed: position {position} holds no event: {error}")),
        }
    }

    fn event(&mut self, position: u64, event: &Event, differences: &mut Vec<String>) {
        if !self.events.insert(event.event_id.clone()) {
            differences.push(format!(
                "feed: event {} is there twice, again at {position}",
                event.event_id
            ));
        }
        if !event.causation_id.is_empty() && !self.events.contains(&event.causation_id) {
            differences.push(format!(
                "feed: the event at {position} comes before its cause {}",
                event.causation_id
            ));
        }
        let last = self.last_seq.entry(event.aggregate_id.clone()).or_default();
        if event.aggregate_seq != *last + 1 {
            differences.push(format!(
                "feed: {} goes from seq {last} to {} at {position}",
                event.aggregate_id, event.aggregate_seq
            ));
        }
        *last = event.aggregate_seq;
        self.case_events += u64::from(matches!(event.payload, Some(Payload::CaseEvent(_))));
    }
}

fn shown(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: &str, id: &str, seq: u64, state: &str, of: &str) -> BookLine {
        BookLine {
            kind: kind.into(),
            id: id.into(),
            seq,
            state: state.into(),
            r#ref: of.into(),
        }
    }

    #[test]
    fn books_that_fit_have_no_difference_and_each_misfit_is_named() {
        let routing_lines = [
            line("case", "c1", 3, "in_progress", "dishub"),
            line("report", "r1", 0, "", "c1"),
        ];
        let routing = Routing::of(&routing_lines);
        let mut books = Books::default();
        reports(&[line("report", "r1", 0, "in_progress", "c1")], &routing, &mut books);
        let desk = line("desk_case", "c1", 3, "in_progress", "dishub");
        desk_cases(&[&desk], &routing, &mut books);
        compare_seqs(
            "the feed",
            &[line("feed_case", "c1", 3, "", "")],
            "feed_case",
            &routing,
            &mut books,
        );
        assert_eq!(books.differences, Vec::<String>::new());

        reports(&[line("report", "r2", 0, "", "")], &routing, &mut books);
        desk_cases(&[], &routing, &mut books);
        compare_seqs(
            "the feed",
            &[line("feed_case", "c1", 2, "", "")],
            "feed_case",
            &routing,
            &mut books,
        );
        assert_eq!(books.differences.len(), 4, "{:?}", books.differences);
    }

    #[test]
    fn the_feed_is_checked_for_holes_doubles_and_effects_before_causes() {
        let mut check = FeedCheck::default();
        let mut found = Vec::new();
        let event = |id: &str, seq: u64, cause: &str| Event {
            event_id: id.into(),
            aggregate_id: "case:c".into(),
            aggregate_seq: seq,
            causation_id: cause.into(),
            ..Event::default()
        };
        check.event(1, &event("a", 1, ""), &mut found);
        check.event(2, &event("b", 2, "a"), &mut found);
        assert!(found.is_empty(), "{found:?}");
        check.event(3, &event("b", 2, "x"), &mut found);
        assert_eq!(found.len(), 3, "{found:?}");
    }
}
