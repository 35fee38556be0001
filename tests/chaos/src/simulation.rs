//! R12, which needs no platform: the decisions of relay, consumers, sequencer and cases in a simulated world.

use std::time::Instant;

use anyhow::ensure;
use tuntas_simulation::{Bug, Swept, sweep};

use crate::say;

/// Seeds between two words about how far it is.
const PART: u64 = 100_000;

/// R12: so many seeds, a crash at every step; invariants hold. A seed that does not hold is shown with its steps and shows them
/// again with `--seed N --seeds 1`.
///
/// Bugs: those of [`Bug::ALL`], by name; another name is another fault's.
pub(crate) fn r12(first: u64, seeds: u64, bug: Option<&str>) -> anyhow::Result<()> {
    let bug: Option<Bug> = bug.and_then(|name| name.parse().ok());
    let begun = Instant::now();
    let mut whole = Swept::default();
    while whole.seeds < seeds {
        let part = sweep(first.wrapping_add(whole.seeds), PART.min(seeds - whole.seeds), bug);
        whole.merge(part);
        if let Some(violation) = &whole.violation {
            say(&format!("  found within {} seeds\n{violation}", whole.seeds));
            anyhow::bail!("seed {}: {}", violation.seed, violation.what);
        }
        say(&format!("  {} seeds in {:.0?}", whole.seeds, begun.elapsed()));
    }
    let rarest = whole.killed_at.iter().min_by_key(|(_, times)| **times);
    say(&format!(
        "  {} steps, {} events, {} of cases; {} kills at {} kinds of steps, {rarest:?} the rarest; {} dead letters put back",
        whole.steps,
        whole.events,
        whole.case_events,
        whole.crashes,
        whole.killed_at.len(),
        whole.dead
    ));
    ensure!(whole.crashes > 0, "nothing was killed");
    Ok(())
}
