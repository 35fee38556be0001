//! Bugs that can be put in, one at a time, to see that the invariants find them.

use std::{fmt, str::FromStr};

/// A bug of the simulated world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The relay's cursor moves over a message that was returned.
    CursorOverReturned,
    /// The relay's cursor moves before the window is published.
    CursorBeforePublish,
    /// A return counts for the message whose confirm brought it.
    ReturnByPosition,
    /// A transaction appends to the outbox without waiting for the one before it.
    AppendUnlocked,
    /// A batch is acknowledged before its transaction is committed.
    AckBeforeCommit,
    /// The consumer handles what it gets, whether its claim was the first or not.
    ClaimForgotten,
    /// The claim is committed before the effects.
    ClaimCommittedFirst,
    /// A repeated request is carried out again.
    KeyForgotten,
    /// Catching up moves on over what is not old enough to be compared.
    ComparisonTooFar,
    /// An event that was tried and not handled counts as one that has come.
    TriedIsKnown,
    /// Catching up does not begin again when its source is shorter than it was.
    RestoreUnnoticed,
    /// The desk stores whatever comes, gap or not.
    GapIgnored,
    /// Positions are taken before the transaction that uses them.
    PositionBeforeCommit,
    /// The sequencer does not wait for causes.
    CauseIgnored,
    /// A clock forgets that it was paused.
    PauseForgotten,
    /// Events are stored and their case is not.
    StateForgotten,
    /// A refused command moves the case all the same.
    RefusalIgnored,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::CursorOverReturned,
        Self::CursorBeforePublish,
        Self::ReturnByPosition,
        Self::AppendUnlocked,
        Self::AckBeforeCommit,
        Self::ClaimForgotten,
        Self::ClaimCommittedFirst,
        Self::KeyForgotten,
        Self::ComparisonTooFar,
        Self::TriedIsKnown,
        Self::RestoreUnnoticed,
        Self::GapIgnored,
        Self::PositionBeforeCommit,
        Self::CauseIgnored,
        Self::PauseForgotten,
        Self::StateForgotten,
        Self::RefusalIgnored,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CursorOverReturned => "cursor-over-returned",
            Self::CursorBeforePublish => "cursor-before-publish",
            Self::ReturnByPosition => "return-by-position",
            Self::AppendUnlocked => "append-unlocked",
            Self::AckBeforeCommit => "ack-before-commit",
            Self::ClaimForgotten => "claim-forgotten",
            Self::ClaimCommittedFirst => "claim-committed-first",
            Self::KeyForgotten => "key-forgotten",
            Self::ComparisonTooFar => "comparison-too-far",
            Self::TriedIsKnown => "tried-is-known",
            Self::RestoreUnnoticed => "restore-unnoticed",
            Self::GapIgnored => "gap-ignored",
            Self::PositionBeforeCommit => "position-before-commit",
            Self::CauseIgnored => "cause-ignored",
            Self::PauseForgotten => "pause-forgotten",
            Self::StateForgotten => "state-forgotten",
            Self::RefusalIgnored => "refusal-ignored",
        }
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no bug of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no bug `{0}`")]
pub struct UnknownBug(String);

impl FromStr for Bug {
    type Err = UnknownBug;

    fn from_str(name: &str) -> Result<Self, UnknownBug> {
        let found = Self::ALL.into_iter().find(|bug| bug.name() == name);
        found.ok_or_else(|| UnknownBug(name.to_owned()))
    }
}
