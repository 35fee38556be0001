//! A case: the handling of a report, or of a cluster of duplicates, from filing to closing (rules M1–M13).
//!
//! [`decide`] turns a command into events or a refusal; [`Case::apply`] turns events into the next state.
//! Nothing else changes a case.

mod apply;
mod apply_fact;
mod command;
mod decide;
mod due;
mod event;
mod parts;
mod states;

pub use command::{Classification, ClusterFacts, Command, Outage};
pub use decide::{Context, decide};
pub use due::{due_commands, next_due};
pub use event::{CaseEvent, CaseFact, DeadlineCause, Effect};
pub use parts::{
    Answer, Commitment, CommitmentError, CompletionRequest, ContestRecord, Contribution, Decider, Disposition,
    DisputeRecord, FlagReason, Interval, Member, OmbudsmanFlag, Rating, ReturnRecord, TextRef,
};
pub use states::{ClaimedOutcome, Outcome, RejectReason, ReturnReason, State};

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::clock::{CaseClock, ClockId, ClockKind};
use crate::ids::{CaseId, CategoryCode, OpdCode, PositionId, RegionCode, ReportId};
use crate::party::Party;
use crate::report::ReportKind;

/// A case, complete: a reader of resulting states alone can compute every measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// Number of the last event applied; contiguous from 1.
    pub seq: u64,
    /// Moment of the last event applied.
    pub updated_at: OffsetDateTime,
    /// State (rule M1).
    pub state: State,
    /// Kind of the report.
    pub kind: ReportKind,
    /// Supervisory complaint.
    pub supervisory: bool,
    /// Category.
    pub category: Option<CategoryCode>,
    /// Region.
    pub region: Option<RegionCode>,
    /// The unit complained about (rule M10).
    pub complained_unit: Option<OpdCode>,
    /// Who verifies and disposes: the manager, or the director or patron for their own units (rule M10).
    pub authority: Party,
    /// When the first report was filed.
    pub filed_at: OffsetDateTime,
    /// From when resolution counts: filing, or the submission of the completion (rule K2).
    pub counted_from: OffsetDateTime,
    /// Policy version at `filed_at` (rule K3).
    pub policy_version: u32,
    /// Reports of the cluster, also those withdrawn or moved away.
    pub members: Vec<Member>,
    /// Lead agency.
    pub lead: Option<OpdCode>,
    /// All dispositions, oldest first.
    pub dispositions: Vec<Disposition>,
    /// Contributing agencies (rule M5), in order of disposition.
    pub contributions: Vec<Contribution>,
    /// When the lead declared itself done (rule K5).
    pub lead_done_at: Option<OffsetDateTime>,
    /// Returns and requests for transfer (rule M4).
    pub returns: Vec<ReturnRecord>,
    /// Decided bindingly: not returnable (rule M4).
    pub binding: bool,
    /// An agency's request for transfer waits for the manager.
    pub transfer_requested: bool,
    /// Completion requests, oldest first (rule M3).
    pub completion_requests: Vec<CompletionRequest>,
    /// First text released to the reporter since the last disposition to the lead (rule K6).
    pub first_response_at: Option<OffsetDateTime>,
    /// Assigned executor.
    pub executor: Option<PositionId>,
    /// Answers, oldest first.
    pub answers: Vec<Answer>,
    /// Disputes counted, oldest first (rule M7).
    pub disputes: Vec<DisputeRecord>,
    /// The second dispute waits for the director (rule M7).
    pub awaiting_director: bool,
    /// Who closed it by a decision that can be contested (rule M8).
    pub decided_by: Option<Decider>,
    /// The contest, once in the life of a case (rule M8).
    pub contest: Option<ContestRecord>,
    /// Times reopened (rule M11).
    pub reopened: u16,
    /// Since when the Ombudsman has it.
    pub taken_over_at: Option<OffsetDateTime>,
    /// Flags to the Ombudsman.
    pub flags: Vec<OmbudsmanFlag>,
    /// When it was closed; none while open.
    pub closed_at: Option<OffsetDateTime>,
    /// All clocks, running and stopped; a clock's id is its place.
    pub clocks: Vec<CaseClock>,
    /// Who held it when (rule K4); the last interval is open while the case is.
    pub ledger: Vec<Interval>,
}

impl Case {
    /// Who holds the case now; none when closed (rule K4).
    #[must_use]
    pub fn holder(&self) -> Option<&Party> {
        self.ledger
            .last()
            .filter(|interval| interval.to.is_none())
            .map(|interval| &interval.party)
    }

    /// The clock with a number.
    #[must_use]
    pub fn clock(&self, id: ClockId) -> Option<&CaseClock> {
        usize::try_from(id.0).ok().and_then(|place| self.clocks.get(place))
    }

    /// The latest clock of a kind that is not stopped.
    #[must_use]
    pub fn running_clock(&self, kind: ClockKind) -> Option<&CaseClock> {
        self.clocks
            .iter()
            .rev()
            .find(|clock| clock.kind == kind && clock.is_running())
    }

    /// The latest clock of a kind, running or stopped.
    #[must_use]
    pub fn latest_clock(&self, kind: ClockKind) -> Option<&CaseClock> {
        self.clocks.iter().rev().find(|clock| clock.kind == kind)
    }

    /// Of two clocks side by side the one that falls due earlier: the one to show (rule K8).
    #[must_use]
    pub fn shown_clock(&self, kind: ClockKind) -> Option<&CaseClock> {
        let beside = kind.side_by_side().and_then(|other| self.running_clock(other));
        self.running_clock(kind)
            .into_iter()
            .chain(beside)
            .min_by_key(|clock| clock.due_at)
    }

    /// A report of this case that is neither withdrawn nor moved away.
    #[must_use]
    pub fn live_member(&self, report: ReportId) -> Option<&Member> {
        self.live_members().find(|member| member.report == report)
    }

    /// Reports that are neither withdrawn nor moved away.
    pub fn live_members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.is_live())
    }

    /// Live reports that came from a case merged into this one (rule M6).
    #[must_use]
    pub fn live_members_from(&self, case_id: CaseId) -> Vec<ReportId> {
        self.live_members()
            .filter(|member| member.came_from == Some(case_id))
            .map(|member| member.report)
            .collect()
    }

    /// Who has to act in the present state (rules K4, K5): whoever is charged, or would be without a take-over.
    #[must_use]
    pub fn due_party(&self) -> Option<Party> {
        let agency = |opd: &Option<OpdCode>| opd.clone().map(Party::Agency);
        match &self.state {
            State::AwaitingVerification | State::AwaitingDisposition => Some(self.authority.clone()),
            State::AwaitingCompletion | State::Answered => Some(Party::Reporter),
            State::AwaitingAcceptance => agency(&self.lead),
            State::InProgress => {
                let outstanding = self.contributions.iter().find(|part| part.is_open());
                match (self.lead_done_at, outstanding) {
                    (Some(_), Some(part)) => Some(Party::Agency(part.opd.clone())),
                    _ => agency(&self.lead),
                }
            }
            State::Disputed if self.awaiting_director => Some(self.dispute_authority()),
            State::Disputed => agency(&self.lead),
            State::Closed { .. } => None,
        }
    }

    /// Who decides the second dispute: the director, or the patron when the case is about the director (rule M10).
    #[must_use]
    pub fn dispute_authority(&self) -> Party {
        match self.authority {
            Party::Patron => Party::Patron,
            _ => Party::Director,
        }
    }

    /// Who decides a contest: the director, or the patron when the director decided first (rules M8, M10).
    #[must_use]
    pub fn contest_authority(&self) -> Party {
        match self.authority {
            Party::Director | Party::Patron => Party::Patron,
            _ => Party::Director,
        }
    }

    /// The open contribution of an agency.
    #[must_use]
    pub fn open_contribution(&self, opd: &OpdCode) -> Option<&Contribution> {
        self.contributions
            .iter()
            .find(|part| part.opd == *opd && part.is_open())
    }

    /// The answer that stands.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        self.answers.last()
    }

    /// Whether the case is not closed.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// Whether the answer needs the head's role at release: supervisory, disputed or reopened (rules M11, M12).
    #[must_use]
    pub fn head_required(&self) -> bool {
        self.supervisory || !self.disputes.is_empty() || self.reopened > 0
    }

    /// Whether a running clock's due time is provisional (rule K3).
    #[must_use]
    pub fn is_provisional(&self) -> bool {
        self.clocks.iter().any(|clock| clock.is_running() && clock.provisional)
    }

    /// The age: the sum of its open intervals, up to a moment (rule K4).
    #[must_use]
    pub fn age(&self, at: OffsetDateTime) -> Duration {
        self.ledger.iter().map(|interval| interval.length(at)).sum()
    }

    /// Time charged to a party, up to a moment (rule K4).
    #[must_use]
    pub fn charged(&self, party: &Party, at: OffsetDateTime) -> Duration {
        self.ledger
            .iter()
            .filter(|interval| interval.party == *party)
            .map(|interval| interval.length(at))
            .sum()
    }

    /// What another case needs to know of this one to merge with it (rule M6).
    #[must_use]
    pub fn cluster_facts(&self) -> ClusterFacts {
        let resolution = self.latest_clock(ClockKind::Resolution);
        ClusterFacts {
            case_id: self.id,
            supervisory: self.supervisory,
            open: self.is_open(),
            members: self.live_members().cloned().collect(),
            resolution: resolution
                .filter(|clock| clock.is_running())
                .map(|clock| {
                    std::iter::once(clock.basis.clone())
                        .chain(clock.adopted.clone())
                        .collect()
                })
                .unwrap_or_default(),
        }
    }
}
