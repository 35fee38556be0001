//! Figures: what a goal measured against its floor, and how they are shown.

use std::{fmt::Write as _, path::Path};

use anyhow::Context as _;
use serde_json::{Map, json};

/// On which side of its bound a ratio has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    /// What the ratio is compared with.
    pub(crate) const fn value(self) -> f64 {
        match self {
            Self::AtLeast(bound) | Self::AtMost(bound) => bound,
        }
    }
    fn holds(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(bound) => ratio >= bound,
            Self::AtMost(bound) => ratio <= bound,
        }
    }
}

/// One round: the figure and its floor, in the same unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    pub(crate) figure: f64,
    pub(crate) floor: f64,
}

impl Round {
    fn ratio(self) -> f64 {
        self.figure / self.floor
    }
}

/// What a goal came to.
#[derive(Debug, Clone)]
pub(crate) struct Goal {
    /// Its number, and a letter when a goal has several figures: "P1", "P3a".
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) bound: Bound,
    pub(crate) rounds: Vec<Round>,
}

impl Goal {
    /// The median of the ratios.
    fn ratio(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.ratio()))
    }

    fn figure(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.figure))
    }

    fn floor(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.floor))
    }

    /// Largest less smallest ratio.
    fn spread(&self) -> f64 {
        let ratios = || self.rounds.iter().map(|round| round.ratio());
        ratios().fold(f64::MIN, f64::max) - ratios().fold(f64::MAX, f64::min)
    }

    pub(crate) fn holds(&self) -> bool {
        self.bound.holds(self.ratio())
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Counts of this benchmark fit a float exactly.
#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}

/// The table, a line a goal.
pub(crate) fn table(goals: &[Goal]) -> String {
    let mut text = format!(
        "{:<5} {:<58} {:>10} {:>10} {:<6} {:>7} {:>7} {:>7}\n",
        "goal", "what", "figure", "floor", "unit", "ratio", "spread", "wanted"
    );
    for goal in goals {
        let sign = match goal.bound {
            Bound::AtLeast(_) => '≥',
            Bound::AtMost(_) => '≤',
        };
        let wanted = format!("{sign} {}", goal.bound.value());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:<5} {:<58} {:>10.1} {:>10.1} {:<6} {:>7.2} {:>7.2} {:>7} {}",
            goal.id,
            goal.what,
            goal.figure(),
            goal.floor(),
            goal.unit,
            goal.ratio(),
            goal.spread(),
            wanted,
            if goal.holds() { "holds" } else { "falls short" },
        );
    }
    text
}

/// Writes `{goal: {ratio, floor, spread, ...}}`.
pub(crate) fn write_json(path: &Path, goals: &[Goal]) -> anyhow::Result<()> {
    let mut all = Map::new();
    for goal in goals {
        let sense = match goal.bound {
            Bound::AtLeast(_) => "at_least",
            Bound::AtMost(_) => "at_most",
        };
        let rounds: Vec<_> = goal
            .rounds
            .iter()
            .map(|round| json!({"figure": round.figure, "floor": round.floor}))
            .collect();
        let value = json!({
            "what": goal.what,
            "unit": goal.unit,
            "ratio": goal.ratio(),
            "floor": goal.floor(),
            "figure": goal.figure(),
            "spread": goal.spread(),
            sense: goal.bound.value(),
            "holds": goal.holds(),
            "rounds": rounds,
        });
        all.insert(goal.id.to_owned(), value);
    }
    let text = serde_json::to_string_pretty(&all)?;
    std::fs::write(path, text + "\n").with_context(|| path.display().to_string())
}
