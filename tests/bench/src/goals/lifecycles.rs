//! P6: whole lifecycles beside many stored reports: filed, verified, disposed, accepted, assigned, answered, closed, in the feed and
//! scored. The floor is what DIGIT PGR published of itself at a million rows on sixteen cores: 6.3 lifecycles a second.

use std::{collections::BTreeMap, time::Duration};

use anyhow::ensure;
use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::Instant;
use tuntas_proto::case::v1::Outcome;
use tuntas_tests::{
    play::{Filed, Play, complaint, liaison},
    times::percentile_ms,
    world::World,
};

use super::{AGENCY, Bench, CATEGORY, LEFT_GONE_WITHIN, PATIENCE};
use crate::{
    feed::Feed,
    figure::{Bound, Goal, Round, float},
};

/// Lifecycles a second that DIGIT PGR reached.
const DIGIT_PER_SECOND: f64 = 6.3;
const PER_SECOND: u32 = 50;
/// A little more, or what is offered would be what limits the rate.
const OFFERED_PER_SECOND: u32 = 55;
/// The shape of the burst in which 57 % of DIGIT's calls failed.
const SPIKE_PER_SECOND: [u32; 3] = [15, 25, 35];
const STEP_MS_MAX: f64 = 300.0;
const BACKLOG_GONE_WITHIN_S: f64 = 60.0;
const GIVEN_UP_AFTER: Duration = Duration::from_secs(300);

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Goal>> {
    bench.filled(bench.reports).await?;
    bench.settled(LEFT_GONE_WITHIN).await?;
    let play = Play(World::of(bench.instance.platform(PATIENCE)?).await?);
    let feed = Feed::from_head(&bench.platform).await?;
    // Connections and plans.
    run(&play, &feed, 5, Duration::from_secs(2)).await?;
    let mut rounds = Rounds::default();
    for _ in 0..bench.rounds {
        let steady = run(&play, &feed, OFFERED_PER_SECOND, bench.length).await?;
        rounds.take_steady(&steady);
        bench.settled(GIVEN_UP_AFTER).await?;
        let mut spike = Ran::default();
        for rate in SPIKE_PER_SECOND {
            spike.join(run(&play, &feed, rate, bench.length).await?);
        }
        let ended = Instant::now();
        bench.settled(GIVEN_UP_AFTER).await?;
        rounds.take_spike(&spike, ended.elapsed());
    }
    Ok(rounds.goals())
}

/// Lifecycles that were run.
#[derive(Default)]
struct Ran {
    done: usize,
    failed: usize,
    /// When the first was through, and the last.
    through: Option<(Instant, Instant)>,
    /// How long each step took, by its name.
    steps: BTreeMap<&'static str, Vec<Duration>>,
}

impl Ran {
    fn take(&mut self, outcome: anyhow::Result<Steps>) {
        match outcome {
            Ok(steps) => {
                self.done += 1;
                let now = Instant::now();
                self.through = Some((self.through.map_or(now, |(first, _)| first), now));
                for (step, took) in steps.0 {
                    self.steps.entry(step).or_default().push(took);
                }
            }
            Err(error) => {
                if self.failed == 0 {
                    crate::say(&format!("  a lifecycle failed: {error:#}"));
                }
                self.failed += 1;
            }
        }
    }

    fn join(&mut self, other: Self) {
        self.done += other.done;
        self.failed += other.failed;
        for (step, took) in other.steps {
            self.steps.entry(step).or_default().extend(took);
        }
    }

    /// Lifecycles that were through per second, from the first to the last.
    fn per_second(&self) -> f64 {
        self.through.map_or(0.0, |(first, last)| {
            float(self.done.saturating_sub(1)) / (last - first).as_secs_f64()
        })
    }

    /// p95 of the slowest step, in milliseconds.
    fn slowest_step(&self) -> (f64, &'static str) {
        let each = self
            .steps
            .iter()
            .map(|(step, took)| (percentile_ms(&mut took.clone(), 95), *step));
        each.max_by(|one, other| one.0.total_cmp(&other.0))
            .unwrap_or((f64::NAN, ""))
    }
}

/// Begins so many lifecycles a second, each at its moment whether earlier ones are through or not, and waits for all of them.
async fn run(play: &Play, feed: &Feed, per_second: u32, length: Duration) -> anyhow::Result<Ran> {
    let begun = Instant::now();
    let every = Duration::from_secs(1) / per_second;
    let mut running = FuturesUnordered::new();
    let (mut at, mut ran) = (begun, Ran::default());
    loop {
        let more = at - begun < length;
        tokio::select! {
            () = tokio::time::sleep_until(at), if more => {
                running.push(lifecycle(play, feed, at));
                at += every;
            }
            Some(outcome) = running.next() => ran.take(outcome),
            else => break,
        }
    }
    let (slowest, step) = ran.slowest_step();
    crate::say(&format!(
        "  {per_second}/s offered: {} done, {:.1}/s, {} failed; slowest step {step}, p95 {slowest:.0} ms",
        ran.done,
        ran.per_second(),
        ran.failed,
    ));
    Ok(ran)
}

struct Steps(Vec<(&'static str, Duration)>);

/// Times steps one after the other; the first counts from its intended moment.
struct Stopwatch {
    since: Instant,
    steps: Steps,
}

impl Stopwatch {
    fn lap(&mut self, step: &'static str) {
        let now = Instant::now();
        self.steps.0.push((step, now - self.since));
        self.since = now;
    }
}

async fn lifecycle(play: &Play, feed: &Feed, at: Instant) -> anyhow::Result<Steps> {
    let mut watch = Stopwatch {
        since: at,
        steps: Steps(Vec::new()),
    };
    let filed: Filed = play.file(complaint(CATEGORY)).await?;
    watch.lap("file");
    play.verify(&filed).await?;
    watch.lap("verify");
    play.dispose(&filed, AGENCY, &[]).await?;
    watch.lap("dispose");
    play.accept(&filed, AGENCY).await?;
    watch.lap("accept");
    play.assign(&filed, AGENCY).await?;
    watch.lap("assign");
    let answer = "Sudah diperbaiki pada hari Senin.";
    play.answer(&liaison(AGENCY), &filed, AGENCY, Outcome::Resolved, answer)
        .await?;
    watch.lap("answer");
    // The ten days of silence would take ten days; the reporter ends it.
    let refused = play.withdraw(&filed).await?;
    ensure!(refused.is_empty(), "the withdrawal was refused: {refused}");
    watch.lap("close");
    let closed = play.case(&filed.case_id).await?;
    feed.has(&format!("case:{}", filed.case_id), closed.seq).await?;
    watch.lap("feed");
    Ok(watch.steps)
}

#[derive(Default)]
struct Rounds {
    rate: Vec<Round>,
    step: Vec<Round>,
    failed: Vec<Round>,
    spike_failed: Vec<Round>,
    backlog: Vec<Round>,
}

impl Rounds {
    fn take_steady(&mut self, ran: &Ran) {
        self.rate.push(Round {
            figure: ran.per_second(),
            floor: DIGIT_PER_SECOND,
        });
        self.step.push(Round {
            figure: ran.slowest_step().0,
            floor: STEP_MS_MAX,
        });
        self.failed.push(share(ran));
    }

    fn take_spike(&mut self, ran: &Ran, backlog: Duration) {
        self.spike_failed.push(share(ran));
        self.backlog.push(Round {
            figure: backlog.as_secs_f64(),
            floor: BACKLOG_GONE_WITHIN_S,
        });
    }

    fn goals(self) -> Vec<Goal> {
        let goal = |id, what, unit, bound, rounds| Goal {
            id,
            what,
            unit,
            bound,
            rounds,
        };
        vec![
            goal(
                "P6a",
                "lifecycles, over DIGIT PGR's",
                "1/s",
                Bound::AtLeast(f64::from(PER_SECOND) / DIGIT_PER_SECOND),
                self.rate,
            ),
            goal(
                "P6b",
                "p95 of the slowest step, over 300 ms",
                "ms",
                Bound::AtMost(1.0),
                self.step,
            ),
            goal(
                "P6c",
                "lifecycles that failed, over those begun",
                "",
                Bound::AtMost(0.0),
                self.failed,
            ),
            goal(
                "P6d",
                "the same in a burst of 15, 25, 35 a second",
                "",
                Bound::AtMost(0.0),
                self.spike_failed,
            ),
            goal(
                "P6e",
                "until the burst's backlog is gone, over 60 s",
                "s",
                Bound::AtMost(1.0),
                self.backlog,
            ),
        ]
    }
}

fn share(ran: &Ran) -> Round {
    Round {
        figure: float(ran.failed),
        floor: float(ran.done + ran.failed),
    }
}
