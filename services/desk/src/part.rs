//! What an agency is to a case.

use tuntas_domain::OpdCode;
use tuntas_proto::case::v1::{Case, Contribution, State};

/// An agency's part in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It must handle the case.
    Lead,
    /// It contributes (rule M5).
    Contributor,
    /// The case has left it.
    Gone,
}

/// A text that names no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown part {0:?}")]
pub struct UnknownPart(String);

impl Part {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Contributor => "contributor",
            Self::Gone => "gone",
        }
    }

    /// The part of `opd` in `case`. A supervisory case is never shown to the unit complained about (rule M10).
    #[must_use]
    pub fn of(opd: &OpdCode, case: &Case) -> Self {
        let opd = opd.as_str();
        if case.supervisory && case.complained_opd == opd {
            return Self::Gone;
        }
        if case.lead_opd == opd && leads_in(case.state()) {
            return Self::Lead;
        }
        let takes_part =
            |part: &Contribution| part.opd_code == opd && (part.ended_at.is_none() || part.done_at.is_some());
        if case.contributions.iter().any(takes_part) {
            return Self::Contributor;
        }
        Self::Gone
    }
}

/// Whether the lead of a case in this state has it: not while it is verified or waits for a disposition.
const fn leads_in(state: State) -> bool {
    !matches!(
        state,
        State::Unspecified | State::AwaitingVerification | State::AwaitingDisposition
    )
}

impl std::str::FromStr for Part {
    type Err = UnknownPart;

    fn from_str(text: &str) -> Result<Self, UnknownPart> {
        [Self::Lead, Self::Contributor, Self::Gone]
            .into_iter()
            .find(|part| part.code() == text)
            .ok_or_else(|| UnknownPart(text.to_owned()))
    }
}

/// Code of a state, as the database and the screen have it; none for a state this release does not know.
#[must_use]
pub const fn state_code(state: State) -> Option<&'static str> {
    match state {
        State::Unspecified => None,
        State::AwaitingVerification => Some("awaiting_verification"),
        State::AwaitingCompletion => Some("awaiting_completion"),
        State::AwaitingDisposition => Some("awaiting_disposition"),
        State::AwaitingAcceptance => Some("awaiting_acceptance"),
        State::InProgress => Some("in_progress"),
        State::Answered => Some("answered"),
        State::Disputed => Some("disputed"),
        State::Closed => Some("closed"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    fn case(state: State, lead: &str, contributors: &[&str]) -> Case {
        Case {
            state: state.into(),
            lead_opd: lead.to_owned(),
            contributions: contributors
                .iter()
                .map(|opd| Contribution {
                    opd_code: (*opd).to_owned(),
                    ..Contribution::default()
                })
                .collect(),
            ..Case::default()
        }
    }

    #[test]
    fn a_case_belongs_to_its_lead_and_contributors_while_it_is_with_them() {
        let dishub: OpdCode = "dishub".parse().unwrap();
        let of = |case: &Case| Part::of(&dishub, case);
        assert_eq!(of(&case(State::AwaitingAcceptance, "dishub", &[])), Part::Lead);
        assert_eq!(of(&case(State::InProgress, "dinkes", &["dishub"])), Part::Contributor);
        assert_eq!(of(&case(State::AwaitingAcceptance, "dinkes", &[])), Part::Gone);
        assert_eq!(of(&case(State::AwaitingDisposition, "dishub", &[])), Part::Gone);
        let about_us = Case {
            supervisory: true,
            complained_opd: "dishub".to_owned(),
            ..case(State::InProgress, "dishub", &[])
        };
        assert_eq!(of(&about_us), Part::Gone);
    }
}
