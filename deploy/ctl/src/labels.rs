//! Stable codes and Indonesian names of what the protocol counts with numbers.

use tuntas_domain::{oversight_act::Judgement, ticket::TicketNumber};
use tuntas_proto::case::v1::{Outcome, Party, Privacy, RejectReason, ReportKind, State, party};

/// Name of a state on the screen.
#[must_use]
pub fn state(value: i32) -> &'static str {
    match State::try_from(value).unwrap_or_default() {
        State::Unspecified => "-",
        State::AwaitingVerification => "menunggu verifikasi",
        State::AwaitingCompletion => "menunggu kelengkapan",
        State::AwaitingDisposition => "menunggu disposisi",
        State::AwaitingAcceptance => "menunggu diterima OPD",
        State::InProgress => "dalam penanganan",
        State::Answered => "telah ditanggapi",
        State::Disputed => "disanggah",
        State::Closed => "selesai",
    }
}

/// Name of an outcome on the screen.
#[must_use]
pub fn outcome(value: i32) -> &'static str {
    match Outcome::try_from(value).unwrap_or_default() {
        Outcome::Unspecified => "-",
        Outcome::Resolved => "ditindaklanjuti",
        Outcome::Clarified => "diklarifikasi",
        Outcome::Informed => "informasi diberikan",
        Outcome::NotedTakenUp => "aspirasi diterima",
        Outcome::NotedNotTakenUp => "aspirasi dicatat",
        Outcome::Rejected => "ditolak",
        Outcome::Referred => "diteruskan ke instansi lain",
        Outcome::Merged => "digabung",
        Outcome::Withdrawn => "dicabut pelapor",
        Outcome::Lapsed => "tidak dilengkapi",
    }
}

/// State, and outcome when it has one.
#[must_use]
pub fn state_and_outcome(state_value: i32, outcome_value: i32) -> String {
    match (state(state_value), outcome(outcome_value)) {
        (state, "-") => state.to_owned(),
        (state, outcome) => format!("{state}: {outcome}"),
    }
}

/// Name of a kind on the screen.
#[must_use]
pub fn kind(value: i32) -> &'static str {
    match ReportKind::try_from(value).unwrap_or_default() {
        ReportKind::Unspecified => "-",
        ReportKind::Complaint => "pengaduan",
        ReportKind::Aspiration => "aspirasi",
        ReportKind::InformationRequest => "permintaan informasi",
    }
}

/// Name of a privacy on the screen.
#[must_use]
pub fn privacy(value: i32) -> &'static str {
    match Privacy::try_from(value).unwrap_or_default() {
        Privacy::Unspecified => "-",
        Privacy::Open => "terbuka",
        Privacy::Anonymous => "anonim",
        Privacy::Confidential => "rahasia",
    }
}

/// Who holds a case, on the screen.
#[must_use]
pub fn party(value: Option<&Party>) -> String {
    let Some(value) = value else { return "-".to_owned() };
    match party::Kind::try_from(value.kind).unwrap_or_default() {
        party::Kind::Unspecified => "-".to_owned(),
        party::Kind::Manager => "pengelola".to_owned(),
        party::Kind::Agency => value.opd_code.clone(),
        party::Kind::Reporter => "pelapor".to_owned(),
        party::Kind::Director => "pengarah".to_owned(),
        party::Kind::Ombudsman => "Ombudsman".to_owned(),
        party::Kind::Patron => "pembina".to_owned(),
    }
}

/// A kind as typed.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum KindArg {
    /// Pengaduan.
    #[value(alias = "pengaduan")]
    Complaint,
    /// Aspirasi.
    #[value(alias = "aspirasi")]
    Aspiration,
    /// Permintaan informasi.
    #[value(alias = "informasi")]
    Information,
}

impl From<KindArg> for ReportKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Complaint => Self::Complaint,
            KindArg::Aspiration => Self::Aspiration,
            KindArg::Information => Self::InformationRequest,
        }
    }
}

/// A privacy as typed.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum PrivacyArg {
    /// Everybody may read the redacted text.
    #[value(alias = "terbuka")]
    Open,
    /// The name stays hidden from agencies and public.
    #[value(alias = "anonim")]
    Anonymous,
    /// The content is not public either.
    #[value(alias = "rahasia")]
    Confidential,
}

impl From<PrivacyArg> for Privacy {
    fn from(privacy: PrivacyArg) -> Self {
        match privacy {
            PrivacyArg::Open => Self::Open,
            PrivacyArg::Anonymous => Self::Anonymous,
            PrivacyArg::Confidential => Self::Confidential,
        }
    }
}

/// A reject reason as typed.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
#[expect(missing_docs, reason = "named as in the protocol")]
pub enum RejectArg {
    NotPublicService,
    BeforeCourt,
    Insufficient,
    Abusive,
    Repeated,
}

impl From<RejectArg> for RejectReason {
    fn from(reason: RejectArg) -> Self {
        match reason {
            RejectArg::NotPublicService => Self::NotPublicService,
            RejectArg::BeforeCourt => Self::BeforeCourt,
            RejectArg::Insufficient => Self::Insufficient,
            RejectArg::Abusive => Self::Abusive,
            RejectArg::Repeated => Self::Repeated,
        }
    }
}

/// What an answer claims, as typed.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum ClaimArg {
    /// True, and acted on.
    Resolved,
    /// Untrue: the facts.
    Clarified,
    /// The information asked for.
    Informed,
    /// An aspiration taken up.
    TakenUp,
    /// An aspiration not taken up.
    NotTakenUp,
}

impl From<ClaimArg> for Outcome {
    fn from(claim: ClaimArg) -> Self {
        match claim {
            ClaimArg::Resolved => Self::Resolved,
            ClaimArg::Clarified => Self::Clarified,
            ClaimArg::Informed => Self::Informed,
            ClaimArg::TakenUp => Self::NotedTakenUp,
            ClaimArg::NotTakenUp => Self::NotedNotTakenUp,
        }
    }
}

/// A judgement of the Ombudsman as typed.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum JudgementArg {
    /// Explained or carried out.
    Satisfied,
    /// Carried out in part.
    PartlySatisfied,
    /// Not explained or not carried out.
    NotSatisfied,
    /// Taken back.
    Withdrawn,
}

impl JudgementArg {
    /// Code on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Satisfied => Judgement::Satisfied,
            Self::PartlySatisfied => Judgement::PartlySatisfied,
            Self::NotSatisfied => Judgement::NotSatisfied,
            Self::Withdrawn => Judgement::Withdrawn,
        }
        .code()
    }
}

/// Whether a text is meant as a ticket number rather than as an id.
#[must_use]
pub fn as_ticket(text: &str) -> Option<TicketNumber> {
    text.parse().ok()
}
