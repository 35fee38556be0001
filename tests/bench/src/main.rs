//! The benchmark: each figure is a ratio against a floor that is measured beside it, on the same servers, in the same run.
//!
//! `deploy/bench` builds and runs it. It starts a platform of its own with durable servers and with telemetry, measures, and
//! removes it.

mod feed;
mod figure;
mod goals;
mod load;
mod plot;
mod servers;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use goals::{Bench, GROUPS};

/// Measures the platform. Exit status 1: a goal falls short.
#[derive(Parser)]
struct Arguments {
    /// Writes the figures to a file, as `{goal: {ratio, floor, spread, ...}}`.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Draws each goal into this folder, as GOAL.svg: the rounds, and the bound that the floor sets.
    #[arg(long)]
    plots: Option<PathBuf>,
    /// Only these groups of goals: memory, filing, events, relay, feed, flat, plans, lifecycles.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How often each ratio is taken; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Reports of the groups flat, plans and lifecycles, which are copied inside the database: ten million take about 60 GB.
    #[arg(long, default_value_t = 1_000_000)]
    reports: u64,
}

/// Says to whom waits how far it is.
fn say(text: &str) {
    use std::io::Write as _;
    // Whoever closed our standard error does not want to know.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let chosen: Vec<&str> = GROUPS
        .into_iter()
        .filter(|name| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name))
        .collect();
    let bench = Bench::start(
        arguments.rounds.max(1),
        Duration::from_secs(arguments.seconds),
        arguments.reports,
    )
    .await?;
    let mut goals = Vec::new();
    for group in chosen {
        say(&format!("measuring {group}"));
        let measured = bench.group(group).await?;
        say(&figure::table(&measured));
        goals.extend(measured);
    }
    let table = figure::table(&goals);
    tokio::task::spawn_blocking(move || drop(bench)).await?;
    {
        use std::io::Write as _;
        std::io::stdout().write_all(table.as_bytes())?;
    }
    if let Some(path) = arguments.json {
        figure::write_json(&path, &goals)?;
    }
    if let Some(folder) = arguments.plots {
        plot::draw_all(&folder, &goals)?;
    }
    Ok(match goals.iter().all(figure::Goal::holds) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
