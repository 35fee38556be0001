//! What a person files.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Kind of a report: chosen by the reporter, corrected by the verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// Pengaduan.
    Complaint,
    /// Aspirasi.
    Aspiration,
    /// Permintaan informasi.
    InformationRequest,
}

/// Choice of the reporter at filing (`open`, `anonymous`, `confidential`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privacy {
    /// The redacted text is public, agencies see the identity when they have a reason.
    Open,
    /// Anonim: identity hidden from agencies and public.
    Anonymous,
    /// Rahasia: content not public either.
    Confidential,
}

impl ReportKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Complaint, Self::Aspiration, Self::InformationRequest];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Complaint => "complaint",
            Self::Aspiration => "aspiration",
            Self::InformationRequest => "information_request",
        }
    }
}

impl Privacy {
    /// All choices.
    pub const ALL: [Self; 3] = [Self::Open, Self::Anonymous, Self::Confidential];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Anonymous => "anonymous",
            Self::Confidential => "confidential",
        }
    }
}

impl fmt::Display for ReportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Privacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An unknown code of one of this crate's closed vocabularies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what}: {text:?}")]
pub struct UnknownCode {
    /// Name of the vocabulary.
    pub what: &'static str,
    /// The text that is not in it.
    pub text: String,
}

impl std::str::FromStr for ReportKind {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::ALL
            .into_iter()
            .find(|k| k.code() == text)
            .ok_or_else(|| UnknownCode {
                what: "report kind",
                text: text.to_owned(),
            })
    }
}

impl std::str::FromStr for Privacy {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::ALL
            .into_iter()
            .find(|k| k.code() == text)
            .ok_or_else(|| UnknownCode {
                what: "privacy",
                text: text.to_owned(),
            })
    }
}
