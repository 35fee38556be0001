//! The directory as a pure value: agencies, positions and who holds them when (rules M10, M13, E2, V1).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::authorization::{Official, Role};
use crate::ids::{HolderId, OpdCode, PositionId};

/// Whether an agency belongs to the province.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgencyKind {
    /// An agency of the province: cases are disposed to it.
    Provincial,
    /// Another authority (kabupaten/kota, vertical agency): cases are referred to it.
    External,
}

/// A person's term in a position; acting terms (Plt/Plh) cover absence (rule M13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// The holder.
    pub holder: HolderId,
    /// First moment.
    pub from: OffsetDateTime,
    /// First moment no longer in the term; none while it lasts.
    pub to: Option<OffsetDateTime>,
    /// Acting (Plt/Plh): goes before the regular holder while it lasts.
    pub acting: bool,
}

/// An office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Its id.
    pub id: PositionId,
    /// Its agency; none for the Governor, the Sekda and the Ombudsman.
    pub opd: Option<OpdCode>,
    /// Its roles.
    pub roles: BTreeSet<Role>,
    /// Its echelon, like `II.a`.
    pub echelon: Option<String>,
    /// Terms of its holders.
    pub terms: Vec<Term>,
}

impl Position {
    /// The holder at a moment: the acting one, else the regular one, else none (vacant).
    #[must_use]
    pub fn holder_at(&self, at: OffsetDateTime) -> Option<&Term> {
        let covers = |term: &&Term| term.from <= at && term.to.is_none_or(|to| at < to);
        let mut covering = self.terms.iter().filter(covers);
        let first = covering.next()?;
        if first.acting {
            return Some(first);
        }
        Some(covering.find(|term| term.acting).unwrap_or(first))
    }
}

/// Units whose own complaints go to somebody above (rule M10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnUnits {
    /// Unit of the manager and the verifiers (Diskominfotik).
    pub manager: OpdCode,
    /// Unit of the auditor (Inspektorat).
    pub auditor: OpdCode,
    /// Unit of the director (the Sekda's own secretariat), when complaints may name it.
    pub director: Option<OpdCode>,
}

/// Agencies, positions and holders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// Agencies by code.
    pub agencies: BTreeMap<OpdCode, AgencyKind>,
    /// Positions by id.
    pub positions: BTreeMap<PositionId, Position>,
    /// Units of rule M10.
    pub own_units: OwnUnits,
}

impl Directory {
    /// The position that bears a role: of one agency for liaison, head and executor, of the province for the others.
    /// Among several, one that is occupied goes first, then the smallest id.
    #[must_use]
    pub fn position_with(&self, role: Role, opd: Option<&OpdCode>, at: OffsetDateTime) -> Option<&Position> {
        let mut vacant = None;
        for position in self.positions.values() {
            if !position.roles.contains(&role) || (opd.is_some() && position.opd.as_ref() != opd) {
                continue;
            }
            if position.holder_at(at).is_some() {
                return Some(position);
            }
            vacant = vacant.or(Some(position));
        }
        vacant
    }

    /// The official that a holder of a position is at a moment (rule M13: as of `issued_at`).
    /// None when the position does not exist or the holder does not hold it then.
    #[must_use]
    pub fn official(&self, position: &PositionId, holder: &HolderId, at: OffsetDateTime) -> Option<Official> {
        let found = self.positions.get(position)?;
        let term = found.holder_at(at)?;
        (term.holder == *holder).then(|| Official {
            position: position.clone(),
            holder: holder.clone(),
            roles: found.roles.clone(),
            opd: found.opd.clone(),
            acting: term.acting,
        })
    }

    /// Whether cases may be disposed to an agency.
    #[must_use]
    pub fn is_provincial(&self, opd: &OpdCode) -> bool {
        self.agencies.get(opd) == Some(&AgencyKind::Provincial)
    }
}
