//! The party that holds a case, to which every second of it is charged (rule K4).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::OpdCode;

/// Who holds a case now; exactly one at a time (rule K4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "party", content = "opd", rename_all = "snake_case")]
pub enum Party {
    /// Pejabat pengelola: verification and disposition.
    Manager,
    /// An agency that handles the case.
    Agency(OpdCode),
    /// The reporter: completion, and silence after an answer.
    Reporter,
    /// Pengarah (Sekda): disputes, contests, and cases about the manager's or the auditor's unit (rule M10).
    Director,
    /// Pembina (Governor): only cases about the director (rule M10).
    Patron,
    /// The Ombudsman, from take-over to hand-back (rule K4).
    Ombudsman,
}

impl Party {
    /// Stable code; an agency's is `agency:<opd>`.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::Manager => "manager".to_owned(),
            Self::Agency(opd) => format!("agency:{opd}"),
            Self::Reporter => "reporter".to_owned(),
            Self::Director => "director".to_owned(),
            Self::Patron => "patron".to_owned(),
            Self::Ombudsman => "ombudsman".to_owned(),
        }
    }

    /// The agency's code, when the party is an agency.
    #[must_use]
    pub const fn opd(&self) -> Option<&OpdCode> {
        match self {
            Self::Agency(opd) => Some(opd),
            _ => None,
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code())
    }
}
