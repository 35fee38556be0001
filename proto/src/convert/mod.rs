//! Between wire and domain. Facts go out ([`case`], [`case_event`]); what is asked comes in ([`command`]). A consumer of
//! facts reads the wire form: it is the contract, and an agency's older release must not fail on a newer fact.

mod command;
mod event;
mod kinds;
mod state;

pub use command::{Asked, asked, name_of, text_of};
pub use event::case_event;
pub use kinds::{
    claimed_outcome, classification_kind, outcome_code, outcome_to_wire, party_to_wire, privacy, privacy_to_wire,
    reject_reason, reject_reason_to_wire, report_kind, report_kind_to_wire, state_name, state_to_wire, text_ref,
    text_ref_to_wire,
};
pub use state::{case, relation};

/// What is wrong with a message from outside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct ConvertError {
    /// Name of the field, as in the .proto file.
    pub field: &'static str,
    /// What is wrong with it; holds no more of the value than an id.
    pub why: String,
}

impl ConvertError {
    pub(crate) fn new(field: &'static str, why: impl std::fmt::Display) -> Self {
        Self {
            field,
            why: why.to_string(),
        }
    }
}

pub(crate) fn parsed<T>(field: &'static str, text: &str) -> Result<T, ConvertError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|e: T::Err| ConvertError::new(field, e))
}

pub(crate) fn parsed_or_none<T>(field: &'static str, text: &str) -> Result<Option<T>, ConvertError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    if text.is_empty() {
        Ok(None)
    } else {
        parsed(field, text).map(Some)
    }
}

pub(crate) fn text_or_empty<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(String::new, ToString::to_string)
}
