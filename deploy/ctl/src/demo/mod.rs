//! `tuntas demo N`: eight weeks of a province's complaints in minutes, through the public RPCs.
//!
//! The stories are told beforehand ([`story`]); the demo clock moves in steps, and whatever is due by then is played
//! ([`acts`]) once everything before is done everywhere. It ends at the real now, with the platform on real time, a
//! table by outcome, and the books compared.

pub mod acts;
pub mod dice;
mod plots;
pub mod story;
pub mod summary;
pub mod words;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tuntas_domain::calendar::{wib, wib_date, wib_midnight};
use tuntas_kit::clock::Clock;

use crate::{
    commands::{Context, reconcile},
    error::{CtlError, Exit, Result},
    platform::Platform,
    quiet, wib as screen_time,
};
use acts::{Progress, Stage};
use story::{Act, Setting, Story};

/// How long one call may be tried again: a killed service is back long before.
const PATIENCE: Duration = Duration::from_secs(120);
const SETTLE_WITHIN: Duration = Duration::from_secs(240);
const BALANCE_WITHIN: Duration = Duration::from_secs(60);
/// Hours of the day (WIB) at which something may happen; a few minutes past midnight, deadlines have just passed.
const HOURS: [i64; 5] = [0, 8, 12, 16, 20];
const MINUTES_PAST: i64 = 5;
const SPAN_MIN: time::Duration = time::Duration::days(2);

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Number of reports
    reports: usize,
    /// The same seed plays the same demo
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// Acts played at once
    #[arg(long, default_value_t = 12)]
    at_once: usize,
    /// Leave out comparing the books at the end
    #[arg(long)]
    skip_reconcile: bool,
}

/// Runs the demo.
///
/// # Errors
/// The platform does not run in demo mode, something unexpected was refused, or the books do not balance (exit 7).
pub async fn run(args: DemoArgs, context: Context) -> Result<()> {
    let context = Context {
        platform: context.platform.with_patience(PATIENCE),
        ..context
    };
    let played = play(&context, &args).await?;
    summary::show(&context, &played).await?;
    if args.skip_reconcile {
        return Ok(());
    }
    let books = reconcile::compare_within(&context.platform, BALANCE_WITHIN, true).await?;
    reconcile::show(&context, &books)
}

/// A story under way.
pub struct Running {
    /// The story.
    pub story: Story,
    /// What is known of it, once filed.
    pub progress: Progress,
    /// When its next step is due.
    due_at: OffsetDateTime,
    filed: bool,
}

/// What a demo left behind.
pub struct Played {
    /// Every story with its receipt.
    pub stories: Vec<Running>,
    /// Acts played.
    pub acts: u64,
    /// Refusals by code.
    pub refusals: BTreeMap<String, u64>,
    /// How long it took.
    pub took: Duration,
}

async fn play(context: &Context, args: &DemoArgs) -> Result<Played> {
    let started = Instant::now();
    let platform = &context.platform;
    let (start, end) = span(platform).await?;
    let directory = platform.directory().await?;
    let setting = Setting {
        directory: &directory,
        start,
        end,
        seed: args.seed,
        reports: args.reports,
    };
    let mut stories: Vec<Running> = story::tell(&setting)
        .into_iter()
        .map(|story| Running {
            due_at: story.filed_at,
            story,
            progress: Progress::default(),
            filed: false,
        })
        .collect();
    let run = hex::encode(Sha256::digest(format!("{}|{start}|{}", args.seed, args.reports)));
    let stage = Stage {
        platform,
        directory: &directory,
        run: run.chars().take(24).collect(),
        seed: args.seed,
    };
    let mut meter = Meter::new(context, start, end, args.reports);
    let mut played = Played {
        stories: Vec::new(),
        acts: 0,
        refusals: BTreeMap::new(),
        took: Duration::ZERO,
    };
    for tick in ticks(start, end) {
        let nothing_due = !stories.iter().any(|running| is_due(running, tick));
        // Between midnights the clock only moves for a reason.
        if nothing_due && !follows_midnight(tick) {
            continue;
        }
        quiet::advance(platform, tick, false).await?;
        quiet::settle(platform, SETTLE_WITHIN).await?;
        while stories.iter().any(|running| is_due(running, tick)) {
            play_due(&stage, &mut stories, tick, args.at_once, &mut played).await?;
            quiet::settle(platform, SETTLE_WITHIN).await?;
        }
        meter.at(
            tick,
            stories.iter().filter(|running| running.filed).count(),
            played.acts,
        );
    }
    quiet::advance(platform, end, true).await?;
    quiet::settle(platform, SETTLE_WITHIN).await?;
    meter.done();
    played.stories = stories;
    played.took = started.elapsed();
    Ok(played)
}

/// From the platform's time to the real now.
async fn span(platform: &Platform) -> Result<(OffsetDateTime, OffsetDateTime)> {
    for process in quiet::statuses(platform).await {
        if !process.answer?.clock_adjustable {
            return Err(
                CtlError::new(Exit::Refused, format!("{} runs on real time", process.name))
                    .with_code("clock_not_adjustable")
                    .next("start a platform for the demo: deploy/up --state DIR --demo N"),
            );
        }
    }
    let (start, end) = (platform.now(), Clock::System.now());
    if end - start < SPAN_MIN {
        return Err(CtlError::new(
            Exit::Refused,
            "the platform's clock has reached the present: there is no time left to play",
        )
        .next("a demo starts weeks ago: deploy/up --state DIR --reset --demo N"));
    }
    Ok((start, end))
}

/// The instants at which something may happen.
fn ticks(start: OffsetDateTime, end: OffsetDateTime) -> Vec<OffsetDateTime> {
    let mut ticks = Vec::new();
    let mut day = wib_date(start);
    while wib_midnight(day) < end {
        let hour =
            |hour: &i64| wib_midnight(day) + time::Duration::hours(*hour) + time::Duration::minutes(MINUTES_PAST);
        ticks.extend(HOURS.iter().map(hour).filter(|tick| *tick > start && *tick < end));
        let Some(next) = day.next_day() else { break };
        day = next;
    }
    ticks
}

fn follows_midnight(tick: OffsetDateTime) -> bool {
    tick.to_offset(wib()).hour() == 0
}

fn is_due(running: &Running, at: OffsetDateTime) -> bool {
    running.due_at <= at && (!running.filed || !running.story.steps.is_empty())
}

async fn play_due(
    stage: &Stage<'_>,
    stories: &mut [Running],
    at: OffsetDateTime,
    at_once: usize,
    played: &mut Played,
) -> Result<()> {
    let due: Vec<usize> = (0..stories.len())
        .filter(|index| stories.get(*index).is_some_and(|running| is_due(running, at)))
        .collect();
    let turns: Vec<Turn> = due.into_iter().filter_map(|index| turn(stories, index)).collect();
    let mut results = stream::iter(turns)
        .map(|turn| take(stage, turn))
        .buffer_unordered(at_once.max(1));
    while let Some((turn, result)) = results.next().await {
        played.acts += 1;
        let Some(running) = stories.get_mut(turn.index) else {
            continue;
        };
        running.progress = turn.progress;
        running.filed = true;
        if let Err(error) = result {
            let Some(code) = error.code().filter(|_| error.exit() != Exit::Unavailable) else {
                return Err(error);
            };
            let what = format!("{} in {:?}: {code}", name_of(turn.act.as_ref()), running.story.plot);
            *played.refusals.entry(what).or_default() += 1;
            if turn.act.as_ref().is_none_or(|act| !act.is_optional()) {
                running.story.steps.clear();
            }
        }
        if let Some(next) = running.story.steps.front() {
            running.due_at = after(at, next.after_working_hours);
        }
    }
    Ok(())
}

/// Working hours run by the calendar that the product ships: on Eid nobody works in the demo either.
fn after(at: OffsetDateTime, working_hours: i64) -> OffsetDateTime {
    screen_time::shipped_calendar().add_working_time(at, time::Duration::hours(working_hours), &[])
}

/// One act to be played, or the filing when there is none.
struct Turn {
    index: usize,
    story: Story,
    progress: Progress,
    act: Option<Act>,
    twin: Option<Progress>,
}

fn turn(stories: &mut [Running], index: usize) -> Option<Turn> {
    let twin = stories
        .get(index)?
        .story
        .duplicate_of
        .and_then(|twin| stories.get(twin))
        .map(|twin| twin.progress.clone());
    let running = stories.get_mut(index)?;
    let act = if running.filed {
        Some(running.story.steps.pop_front()?.act)
    } else {
        None
    };
    Some(Turn {
        index,
        story: running.story.clone(),
        progress: running.progress.clone(),
        act,
        twin,
    })
}

async fn take(stage: &Stage<'_>, mut turn: Turn) -> (Turn, Result<()>) {
    let result = match &turn.act {
        None => stage
            .file(&turn.story, turn.twin.as_ref())
            .await
            .map(|progress| turn.progress = progress),
        Some(act) => {
            stage
                .play(&turn.story, &mut turn.progress, act, turn.twin.as_ref())
                .await
        }
    };
    (turn, result)
}

fn name_of(act: Option<&Act>) -> String {
    act.map_or_else(
        || "File".to_owned(),
        |act| {
            format!("{act:?}")
                .split([' ', '(', '{'])
                .next()
                .unwrap_or_default()
                .to_owned()
        },
    )
}

/// Shows how far the demo is: a bar for people, a line a week for logs.
struct Meter<'a> {
    context: &'a Context,
    bar: ProgressBar,
    start: OffsetDateTime,
    reports: usize,
    week: i64,
}

impl<'a> Meter<'a> {
    fn new(context: &'a Context, start: OffsetDateTime, end: OffsetDateTime, reports: usize) -> Self {
        let hours = u64::try_from((end - start).whole_hours()).unwrap_or(0);
        let bar = if context.screen.is_terminal() {
            ProgressBar::new(hours)
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {bar:40} {msg}") {
            bar.set_style(style);
        }
        Self {
            context,
            bar,
            start,
            reports,
            week: -1,
        }
    }

    fn at(&mut self, tick: OffsetDateTime, filed: usize, acts: u64) {
        let passed = tick - self.start;
        let line = format!(
            "{}: {filed} of {} reports filed, {acts} acts",
            screen_time::instant(tick),
            self.reports
        );
        self.bar.set_position(u64::try_from(passed.whole_hours()).unwrap_or(0));
        self.bar.set_message(line.clone());
        if self.bar.is_hidden() && passed.whole_weeks() != self.week {
            self.week = passed.whole_weeks();
            self.context.screen.note(&line);
        }
    }

    fn done(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_clock_moves_through_every_midnight_and_never_past_the_end() {
        let (start, end) = (datetime!(2026-09-29 03:00 UTC), datetime!(2026-11-24 03:00 UTC));
        let ticks = ticks(start, end);
        assert!(ticks.is_sorted());
        assert!(ticks.iter().all(|tick| *tick > start && *tick < end));
        assert_eq!(ticks.iter().filter(|tick| follows_midnight(**tick)).count(), 56);
    }

    #[test]
    fn an_act_is_named_without_what_is_in_it() {
        assert_eq!(
            name_of(Some(&Act::Bind {
                lead: "dishub".to_owned()
            })),
            "Bind"
        );
        assert_eq!(name_of(Some(&Act::Rate(4))), "Rate");
        assert_eq!(name_of(None), "File");
    }
}
