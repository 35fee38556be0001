//! The parts of a case: members, records, intervals.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::states::{ClaimedOutcome, ReturnReason};
use crate::ids::{AnswerId, CaseId, HolderId, OpdCode, PositionId, ReportId};
use crate::party::Party;
use crate::report::Privacy;

/// Salted commitment (32 bytes, hexadecimal in text) to words that live in intake alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Commitment(pub [u8; 32]);

/// The text is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a commitment is 64 hexadecimal digits")]
pub struct CommitmentError;

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Commitment {
    type Err = CommitmentError;

    fn from_str(text: &str) -> Result<Self, CommitmentError> {
        let digits = text.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 64 {
            return Err(CommitmentError);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                let value = char::from(*digit).to_digit(16).ok_or(CommitmentError)?;
                *byte = (*byte << 4) | u8::try_from(value).map_err(|_| CommitmentError)?;
            }
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Commitment {
    type Error = CommitmentError;

    fn try_from(text: String) -> Result<Self, CommitmentError> {
        text.parse()
    }
}

impl From<Commitment> for String {
    fn from(commitment: Commitment) -> Self {
        commitment.to_string()
    }
}

/// A text by its id and commitment; the words live in intake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TextRef {
    /// Its id in intake.
    pub id: AnswerId,
    /// Its salted commitment.
    pub commitment: Commitment,
}

/// A report in a case. Every reporter keeps own receipt, privacy, rating and right to dispute (rule M6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The report.
    pub report: ReportId,
    /// The reporter's choice.
    pub privacy: Privacy,
    /// When it joined this case.
    pub joined_at: OffsetDateTime,
    /// The case it was merged from.
    pub came_from: Option<CaseId>,
    /// When it was withdrawn.
    pub withdrawn_at: Option<OffsetDateTime>,
    /// The case it was moved to; it is this case's no longer.
    pub moved_to: Option<CaseId>,
    /// Number of the answer it last disputed, from 1.
    pub disputed_answer: Option<u32>,
    /// Its rating.
    pub rating: Option<Rating>,
}

/// A reporter's rating of the handling; a quality signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// One to five.
    pub score: u8,
    /// When intake took it.
    pub at: OffsetDateTime,
}

impl Member {
    /// Neither withdrawn nor moved away.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.withdrawn_at.is_none() && self.moved_to.is_none()
    }
}

/// A disposition to a lead agency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disposition {
    /// The agency.
    pub lead: OpdCode,
    /// When.
    pub at: OffsetDateTime,
    /// By binding decision (rule M4).
    pub binding: bool,
}

/// A contributing agency's part; its interval is its own ledger (rules M5, K5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    /// The agency.
    pub opd: OpdCode,
    /// When it was asked.
    pub disposed_at: OffsetDateTime,
    /// When it was done.
    pub done_at: Option<OffsetDateTime>,
    /// When it was no longer needed (answered without it, case closed, new disposition).
    pub ended_at: Option<OffsetDateTime>,
}

impl Contribution {
    /// Neither done nor ended.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.done_at.is_none() && self.ended_at.is_none()
    }
}

/// A return, or a request for transfer that counts as one (rule M4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnRecord {
    /// The agency.
    pub opd: OpdCode,
    /// When.
    pub at: OffsetDateTime,
    /// Its reason.
    pub reason: ReturnReason,
    /// The agency it suggests.
    pub suggested: Option<OpdCode>,
    /// A request for transfer of a case in progress.
    pub transfer_request: bool,
}

/// A completion request (rule M3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletionRequest {
    /// Who asked: an agency, or who verifies.
    pub by: Party,
    /// When.
    pub at: OffsetDateTime,
    /// When the reporter's completion was received.
    pub completed_at: Option<OffsetDateTime>,
}

/// A released answer: a claim, by an agency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Its text.
    pub text: TextRef,
    /// What it claims.
    pub outcome: ClaimedOutcome,
    /// The agency.
    pub opd: OpdCode,
    /// When it was released.
    pub released_at: OffsetDateTime,
}

/// A dispute that counted (rule M7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeRecord {
    /// Who disputed first.
    pub report: ReportId,
    /// Number of the answer, from 1.
    pub answer: u32,
    /// When it was received.
    pub received_at: OffsetDateTime,
    /// The director's decision, if there was one.
    pub upheld: Option<bool>,
}

/// The official who decided (rule M8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decider {
    /// The position.
    pub position: PositionId,
    /// Its holder.
    pub holder: HolderId,
}

/// A contest (rule M8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContestRecord {
    /// Who contested.
    pub report: ReportId,
    /// When it was received.
    pub received_at: OffsetDateTime,
    /// The decision; none while it waits.
    pub granted: Option<bool>,
    /// Who decided.
    pub decided_by: Option<Decider>,
}

/// Why a case is in the Ombudsman's alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagReason {
    /// The complaint is about the director (rule M10).
    AboutDirector,
    /// Reclassified (rule M9).
    Reclassified,
    /// Reclassified away from supervisory (rule M9).
    AwayFromSupervisory,
    /// A breach reached the last rung (rule E1).
    LastRung,
    /// Further disputes are for the Ombudsman (rule M7).
    AppealToOmbudsman,
}

/// A flag to the Ombudsman.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OmbudsmanFlag {
    /// Why.
    pub reason: FlagReason,
    /// When.
    pub at: OffsetDateTime,
}

/// A stretch of time charged to one party (rule K4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// The party.
    pub party: Party,
    /// Start.
    pub from: OffsetDateTime,
    /// End; none while it lasts.
    pub to: Option<OffsetDateTime>,
}

impl Interval {
    /// Its length up to a moment.
    #[must_use]
    pub fn length(&self, at: OffsetDateTime) -> Duration {
        let to = self.to.unwrap_or(at);
        if to > self.from { to - self.from } else { Duration::ZERO }
    }
}
