//! Seeds without a bug hold and replay; each bug is found.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may panic; it says where"
)]

use tuntas_simulation::{Bug, run, sweep};

/// Seeds in which each bug must show.
const BUG_SEEDS: u64 = 4_000;

/// Await points at which a crash is what the whole construction is about.
const CRUCIAL: [(&str, &str); 12] = [
    ("calls", "committing"),
    ("calls", "committed"),
    ("relay", "publishing"),
    ("relay", "waiting for a confirm"),
    ("relay", "moving the cursor"),
    ("consumer", "claiming"),
    ("consumer", "committing"),
    ("consumer", "committed"),
    ("consumer", "a batch is settled"),
    ("catch-up", "the comparison moves on"),
    ("sequencer", "committing"),
    ("sequencer", "committed"),
];

#[test]
fn every_seed_holds_and_processes_are_killed_wherever_it_matters() {
    let swept = sweep(1, 10_000, None);
    if let Some(violation) = swept.violation {
        panic!("{violation}");
    }
    assert_eq!(swept.seeds, 10_000);
    for place in CRUCIAL {
        assert!(swept.killed_at.contains_key(&place), "nothing was killed at {place:?}");
    }
    assert!(swept.dead > 0 && swept.crashes > 10_000, "little happened: {swept:?}");
}

#[test]
fn a_seed_replays() {
    for seed in 0..100 {
        assert_eq!(run(seed, None), run(seed, None), "seed {seed}");
    }
}

/// The bug is found, at a seed that shows it again, with the same steps, and holds without the bug.
fn is_found(bug: Bug) {
    let Some(violation) = sweep(1, BUG_SEEDS, Some(bug)).violation else {
        panic!("{bug} shows in none of {BUG_SEEDS} seeds");
    };
    assert_eq!(run(violation.seed, Some(bug)).unwrap_err(), violation);
    run(violation.seed, None).unwrap();
}

macro_rules! bugs {
    ($($name:ident: $bug:ident,)+) => {
        $(
            #[test]
            fn $name() {
                is_found(Bug::$bug);
            }
        )+

        #[test]
        fn every_bug_has_its_test() {
            assert_eq!(Bug::ALL, [$(Bug::$bug),+]);
            for bug in Bug::ALL {
                assert_eq!(bug.name().parse(), Ok(bug));
            }
        }
    };
}

bugs! {
    a_cursor_over_what_was_returned_is_found: CursorOverReturned,
    a_cursor_that_moves_first_is_found: CursorBeforePublish,
    a_return_by_position_is_found: ReturnByPosition,
    an_append_without_lock_is_found: AppendUnlocked,
    an_acknowledgement_before_the_commit_is_found: AckBeforeCommit,
    a_forgotten_claim_is_found: ClaimForgotten,
    a_claim_that_is_committed_first_is_found: ClaimCommittedFirst,
    a_forgotten_key_is_found: KeyForgotten,
    a_comparison_that_goes_too_far_is_found: ComparisonTooFar,
    an_event_that_was_tried_and_counts_as_known_is_found: TriedIsKnown,
    a_restore_that_nobody_notices_is_found: RestoreUnnoticed,
    an_ignored_gap_is_found: GapIgnored,
    a_position_before_the_commit_is_found: PositionBeforeCommit,
    an_ignored_cause_is_found: CauseIgnored,
    a_forgotten_pause_is_found: PauseForgotten,
    a_forgotten_state_is_found: StateForgotten,
    an_ignored_refusal_is_found: RefusalIgnored,
}
