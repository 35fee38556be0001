//! The directory as the command line sees it: who holds a position now, and who has which role.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use tuntas_proto::{
    event::v1::{Agency, Category, HolderTerm, Position, Region},
    routing::v1::ListDirectoryResponse,
    wire_time,
};

/// Agencies, positions, holders, categories and regions at some moment.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// Agencies by code.
    pub agencies: BTreeMap<String, Agency>,
    /// Positions by id.
    pub positions: BTreeMap<String, Position>,
    /// Terms by position.
    pub terms: BTreeMap<String, Vec<HolderTerm>>,
    /// Categories by code.
    pub categories: BTreeMap<String, Category>,
    /// Regions by code.
    pub regions: BTreeMap<String, Region>,
}

impl From<ListDirectoryResponse> for Directory {
    fn from(list: ListDirectoryResponse) -> Self {
        let mut terms: BTreeMap<String, Vec<HolderTerm>> = BTreeMap::new();
        for term in list.holders {
            terms.entry(term.position_id.clone()).or_default().push(term);
        }
        Self {
            agencies: list
                .agencies
                .into_iter()
                .map(|agency| (agency.code.clone(), agency))
                .collect(),
            positions: list
                .positions
                .into_iter()
                .map(|position| (position.id.clone(), position))
                .collect(),
            terms,
            categories: list
                .categories
                .into_iter()
                .map(|category| (category.code.clone(), category))
                .collect(),
            regions: list
                .regions
                .into_iter()
                .map(|region| (region.code.clone(), region))
                .collect(),
        }
    }
}

impl Directory {
    /// The holder of a position: the acting one, else the regular one, else none (rule M13).
    #[must_use]
    pub fn holder(&self, position: &str, at: OffsetDateTime) -> Option<&str> {
        let covering: Vec<&HolderTerm> = self
            .terms
            .get(position)?
            .iter()
            .filter(|term| covers(term, at))
            .collect();
        let term = covering.iter().find(|term| term.acting).or_else(|| covering.first())?;
        Some(&term.holder_id)
    }

    /// Positions with a role, of one agency when it is named, by id.
    pub fn with_role<'a>(&'a self, role: &'a str, opd: Option<&'a str>) -> impl Iterator<Item = &'a Position> {
        self.positions.values().filter(move |position| {
            position.active
                && position.roles.iter().any(|own| own == role)
                && opd.is_none_or(|opd| position.opd_code == opd)
        })
    }

    /// The first position with a role.
    #[must_use]
    pub fn first_with(&self, role: &str, opd: Option<&str>) -> Option<&str> {
        let mut found = self.positions.values().filter(|position| {
            position.active
                && position.roles.iter().any(|own| own == role)
                && opd.is_none_or(|opd| position.opd_code == opd)
        });
        found.next().map(|position| position.id.as_str())
    }

    /// Whether a position has a role.
    #[must_use]
    pub fn has_role(&self, position: &str, role: &str) -> bool {
        self.positions
            .get(position)
            .is_some_and(|position| position.roles.iter().any(|own| own == role))
    }

    /// Whether a position works at the centre, that is on cases of all agencies through routing.
    #[must_use]
    pub fn is_central(&self, position: &str) -> bool {
        ["verifier", "manager", "director", "patron", "ombudsman", "auditor"]
            .iter()
            .any(|role| self.has_role(position, role))
    }
}

fn covers(term: &HolderTerm, at: OffsetDateTime) -> bool {
    let instant = |time: &Option<_>| time.as_ref().and_then(wire_time::instant);
    instant(&term.from).is_none_or(|from| from <= at) && instant(&term.until).is_none_or(|until| at < until)
}
