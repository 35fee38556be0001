//! What can be asked of a case.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{ClaimedOutcome, Member, RejectReason, ReturnReason, TextRef};
use crate::authorization::CommandKind;
use crate::clock::{Basis, ClockId};
use crate::ids::{CaseId, CategoryCode, OpdCode, PositionId, RegionCode, ReportId};
use crate::report::{Privacy, ReportKind};

/// What a case is about, as the verifier classifies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classification {
    /// Kind.
    pub kind: ReportKind,
    /// Alleges abuse of authority, corruption or a breach of discipline (pengaduan berkadar pengawasan).
    pub supervisory: bool,
    /// Category.
    pub category: Option<CategoryCode>,
    /// Region.
    pub region: Option<RegionCode>,
    /// The unit complained about (rule M10).
    pub complained_unit: Option<OpdCode>,
}

/// What the other case of a merge or unmerge needs to tell (rule M6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterFacts {
    /// The other case.
    pub case_id: CaseId,
    /// It is supervisory.
    pub supervisory: bool,
    /// It is open.
    pub open: bool,
    /// Its live reports.
    pub members: Vec<Member>,
    /// What its resolution deadline is computed from.
    pub resolution: Vec<Basis>,
}

/// A stretch in which routing itself was out; recorded by routing (rule K7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// Start.
    pub from: OffsetDateTime,
    /// End.
    pub to: OffsetDateTime,
}

impl Outage {
    /// Whether an instant lies within it.
    #[must_use]
    pub fn covers(&self, at: OffsetDateTime) -> bool {
        self.from <= at && at <= self.to
    }
}

/// A command to a case. Texts are named by id and commitment, never carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    // Citizens, by receipt (rule M2).
    /// A report is filed and opens its case (rule M1).
    File {
        /// Id of the new case.
        case_id: CaseId,
        /// The report.
        report: ReportId,
        /// The reporter's choice.
        privacy: Privacy,
        /// First classification, the reporter's.
        classification: Classification,
        /// When intake took it.
        filed_at: OffsetDateTime,
    },
    /// The reporter completes the report.
    CompleteReport {
        /// The report.
        report: ReportId,
        /// When intake took it (rule M2).
        received_at: OffsetDateTime,
    },
    /// The reporter withdraws the report.
    Withdraw {
        /// The report.
        report: ReportId,
        /// When intake took it.
        received_at: OffsetDateTime,
    },
    /// The reporter disputes the answer (rule M7).
    Dispute {
        /// The report.
        report: ReportId,
        /// When intake took it (rule M2).
        received_at: OffsetDateTime,
    },
    /// The reporter rates the handling; a quality signal.
    Rate {
        /// The report.
        report: ReportId,
        /// One to five.
        score: u8,
        /// When intake took it.
        received_at: OffsetDateTime,
    },
    /// The reporter contests a rejection, referral, lapse or merge (rule M8).
    Contest {
        /// The report.
        report: ReportId,
        /// When intake took it.
        received_at: OffsetDateTime,
    },

    // Verification and disposition.
    /// The report is complete and classified.
    AcceptVerification {
        /// The verifier's classification.
        classification: Classification,
    },
    /// Completion is requested at verification (rule M3).
    RequestCompletion {
        /// The text to the reporter.
        text: Option<TextRef>,
    },
    /// The report is rejected.
    Reject {
        /// Reason code.
        reason: RejectReason,
    },
    /// The report is handed to another authority.
    Refer {
        /// The authority.
        to: OpdCode,
    },
    /// This case is a duplicate and goes into another (rule M6). Goes with `Absorb` on the other case.
    MergeInto {
        /// The surviving case.
        survivor: ClusterFacts,
    },
    /// This case takes in a duplicate (rule M6). Goes with `MergeInto` on the other case.
    Absorb {
        /// The duplicate.
        duplicate: ClusterFacts,
    },
    /// This merged case becomes a case of its own again (rule M6). Goes with `SplitOff` on the survivor.
    Unmerge {
        /// Reports that come back: those of [`super::Case::live_members_from`] on the survivor.
        reports: Vec<ReportId>,
    },
    /// This case gives back the reports of a case once merged into it. Goes with `Unmerge` on that case.
    SplitOff {
        /// The case that becomes its own again.
        case_id: CaseId,
    },
    /// The classification is changed, before the first disposition only (rule M9).
    Reclassify {
        /// The new classification.
        classification: Classification,
    },
    /// The case is sent to the agency that must handle it.
    Dispose {
        /// Lead agency.
        lead: OpdCode,
        /// Contributing agencies (rule M5).
        contributors: Vec<OpdCode>,
    },
    /// The manager's binding decision after the last return (rule M4).
    Bind {
        /// The agency that must handle it.
        lead: OpdCode,
    },
    /// The manager moves the case to another lead (rule M4).
    Transfer {
        /// The new lead.
        to: OpdCode,
    },
    /// The manager leaves the case where it is, against the agency's request for transfer.
    DeclineTransfer,
    /// A disposition is taken back before it is accepted.
    Recall,
    /// One more agency contributes (rule M5).
    AddContributor {
        /// The agency.
        opd: OpdCode,
    },

    // Agencies.
    /// The liaison accepts the case.
    AcceptCase,
    /// The agency returns the case (rule M4).
    ReturnCase {
        /// Reason.
        reason: ReturnReason,
        /// The agency's explanation.
        text: Option<TextRef>,
        /// The agency it suggests.
        suggested: Option<OpdCode>,
    },
    /// The agency asks for a transfer of a case in progress; counts as a return (rule M4).
    RequestTransfer {
        /// Reason.
        reason: ReturnReason,
        /// The agency's explanation.
        text: Option<TextRef>,
        /// The agency it suggests.
        suggested: Option<OpdCode>,
    },
    /// An executor is assigned.
    Assign {
        /// The executor's position.
        executor: PositionId,
    },
    /// Progress is noted (internal; not a first response, rule K6).
    RecordProgress {
        /// The note.
        text: Option<TextRef>,
    },
    /// The agency requests completion, once per agency (rule M3).
    AgencyCompletionRequest {
        /// The text to the reporter.
        text: Option<TextRef>,
    },
    /// A contributor has done its part (rule M5).
    ContributionDone {
        /// Its text.
        text: Option<TextRef>,
    },
    /// The lead has done its own part and waits for contributions (rule K5).
    DeclareLeadDone,
    /// The first text to the reporter (rule K6).
    ReleaseFirstResponse {
        /// The text.
        text: TextRef,
    },
    /// The answer is released to the reporter.
    ReleaseAnswer {
        /// The text.
        text: TextRef,
        /// What the agency claims.
        outcome: ClaimedOutcome,
        /// Why it answers without outstanding contributions (rule M5).
        without_contributions: Option<TextRef>,
    },

    // Director and Ombudsman.
    /// The director decides the second dispute (rule M7).
    DecideDispute {
        /// The dispute is right: the agency works again.
        upheld: bool,
        /// The reasons.
        text: Option<TextRef>,
    },
    /// The director decides a contest (rule M8).
    DecideContest {
        /// The contest is right: the case is reopened (rule M11).
        granted: bool,
        /// The reasons.
        text: Option<TextRef>,
        /// Of a merged case: the reports that come back, as for `Unmerge`; else empty.
        reports: Vec<ReportId>,
    },
    /// The Ombudsman reopens a closed case (rule M11).
    Reopen,
    /// The Ombudsman takes over.
    TakeOver,
    /// The Ombudsman hands back.
    HandBack,

    // The platform itself.
    /// A clock falls due: a breach is fixed, silence closes, or the case lapses.
    FallDue {
        /// The clock.
        clock: ClockId,
    },
    /// The next rung of a breached clock is due (rule E1).
    Escalate {
        /// The clock.
        clock: ClockId,
        /// The rung.
        rung: u32,
    },
    /// The calendar changed: clocks not yet due move (rule K3).
    ApplyCalendar,
    /// An outage was recorded: breaches that it caused are mended (rule K7).
    CorrectForOutage {
        /// The outage.
        outage: Outage,
    },
}

impl Command {
    /// The command's name.
    #[must_use]
    pub const fn kind(&self) -> CommandKind {
        match self {
            Self::File { .. } => CommandKind::File,
            Self::CompleteReport { .. } => CommandKind::CompleteReport,
            Self::Withdraw { .. } => CommandKind::Withdraw,
            Self::Dispute { .. } => CommandKind::Dispute,
            Self::Rate { .. } => CommandKind::Rate,
            Self::Contest { .. } => CommandKind::Contest,
            Self::AcceptVerification { .. } => CommandKind::AcceptVerification,
            Self::RequestCompletion { .. } => CommandKind::RequestCompletion,
            Self::Reject { .. } => CommandKind::Reject,
            Self::Refer { .. } => CommandKind::Refer,
            Self::MergeInto { .. } => CommandKind::MergeInto,
            Self::Absorb { .. } => CommandKind::Absorb,
            Self::Unmerge { .. } => CommandKind::Unmerge,
            Self::SplitOff { .. } => CommandKind::SplitOff,
            Self::Reclassify { .. } => CommandKind::Reclassify,
            Self::Dispose { .. } => CommandKind::Dispose,
            Self::Bind { .. } => CommandKind::Bind,
            Self::Transfer { .. } => CommandKind::Transfer,
            Self::DeclineTransfer => CommandKind::DeclineTransfer,
            Self::Recall => CommandKind::Recall,
            Self::AddContributor { .. } => CommandKind::AddContributor,
            Self::AcceptCase => CommandKind::AcceptCase,
            Self::ReturnCase { .. } => CommandKind::ReturnCase,
            Self::RequestTransfer { .. } => CommandKind::RequestTransfer,
            Self::Assign { .. } => CommandKind::Assign,
            Self::RecordProgress { .. } => CommandKind::RecordProgress,
            Self::AgencyCompletionRequest { .. } => CommandKind::AgencyCompletionRequest,
            Self::ContributionDone { .. } => CommandKind::ContributionDone,
            Self::DeclareLeadDone => CommandKind::DeclareLeadDone,
            Self::ReleaseFirstResponse { .. } => CommandKind::ReleaseFirstResponse,
            Self::ReleaseAnswer { .. } => CommandKind::ReleaseAnswer,
            Self::DecideDispute { .. } => CommandKind::DecideDispute,
            Self::DecideContest { .. } => CommandKind::DecideContest,
            Self::Reopen => CommandKind::Reopen,
            Self::TakeOver => CommandKind::TakeOver,
            Self::HandBack => CommandKind::HandBack,
            Self::FallDue { .. } => CommandKind::FallDue,
            Self::Escalate { .. } => CommandKind::Escalate,
            Self::ApplyCalendar => CommandKind::ApplyCalendar,
            Self::CorrectForOutage { .. } => CommandKind::CorrectForOutage,
        }
    }
}
