//! Texts of the mails: plain files, embedded, one folder per language, with `{{names}}` to fill in.
//!
//! A file begins with `Subject: ...` and an empty line. Every template exists in every language, and a test
//! renders each with all the names it may use, so that nothing is left unfilled in a mail.

use std::collections::BTreeMap;

/// Language of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// Indonesian, the default.
    Indonesian,
    /// English.
    English,
}

impl Language {
    /// The language of a code such as `en`; Indonesian for everything else.
    #[must_use]
    pub fn from_code(code: &str) -> Self {
        if code == "en" { Self::English } else { Self::Indonesian }
    }
}

/// A mail without addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Subject line.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// Why a template could not be rendered: a fault of ours, found by the tests of this module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// There is no such template.
    #[error("unknown template {0}")]
    Unknown(String),
    /// The file has no subject line.
    #[error("template {0} has no subject")]
    NoSubject(String),
    /// A name that was not given.
    #[error("template {template} needs {name}")]
    Missing {
        /// The template.
        template: String,
        /// The name.
        name: String,
    },
}

macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        /// Names of all templates.
        pub const NAMES: &[&str] = &[$($name),+];

        fn source(name: &str, language: Language) -> Option<&'static str> {
            match (name, language) {
                $(
                    ($name, Language::Indonesian) => Some(include_str!(concat!("../templates/id/", $name, ".txt"))),
                    ($name, Language::English) => Some(include_str!(concat!("../templates/en/", $name, ".txt"))),
                )+
                _ => None,
            }
        }
    };
}

/// The morning mail.
pub const DIGEST: &str = "officer_digest";

/// The one mail that holds a receipt code.
pub const RECEIPT_RECOVERED: &str = "receipt_recovered";

templates![
    "accepted",
    "answered",
    "closed",
    "completion_requested",
    "contest_decided",
    "dispute_decided",
    "dispute_received",
    "disposed",
    "first_response",
    "identity_revealed",
    "lapsed",
    "merged",
    "message",
    "officer_assigned",
    "officer_breach",
    "officer_contribution",
    "officer_digest",
    "officer_disposition",
    "officer_disputed",
    "officer_escalation",
    "officer_escalation_superior",
    "officer_evaluation_decided",
    "officer_evaluation_opened",
    "officer_ombudsman",
    "officer_reopened",
    "receipt_recovered",
    "referred",
    "rejected",
    "reopened",
    "report_filed",
    "withdrawn",
];

/// Fills a template in.
///
/// # Errors
/// An unknown template, or a name that was not given.
pub fn render(template: &str, language: Language, values: &BTreeMap<&str, String>) -> Result<Rendered, TemplateError> {
    let source = source(template, language).ok_or_else(|| TemplateError::Unknown(template.to_owned()))?;
    let (head, body) = source.split_once("\n\n").unwrap_or((source, ""));
    let subject = head
        .strip_prefix("Subject: ")
        .ok_or_else(|| TemplateError::NoSubject(template.to_owned()))?;
    Ok(Rendered {
        // A value must not break out of the header line.
        subject: fill(template, subject, values)?
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
        body: fill(template, body, values)?,
    })
}

fn fill(template: &str, text: &str, values: &BTreeMap<&str, String>) -> Result<String, TemplateError> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        let value = values.get(name).ok_or_else(|| TemplateError::Missing {
            template: template.to_owned(),
            name: name.to_owned(),
        })?;
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    /// Every name that any template may use.
    const VALUES: &[&str] = &[
        "agency",
        "at",
        "authority",
        "case",
        "clock",
        "contest_until",
        "decision",
        "dispute_until",
        "due",
        "filed_at",
        "late",
        "lines",
        "measure",
        "month",
        "outcome",
        "portal",
        "position",
        "reason",
        "receipt_code",
        "request",
        "soon",
        "target",
        "ticket",
    ];

    #[test]
    fn every_template_is_complete_in_both_languages() {
        let values: BTreeMap<&str, String> = VALUES.iter().map(|name| (*name, format!("<{name}>"))).collect();
        for name in NAMES {
            for language in [Language::Indonesian, Language::English] {
                let mail = render(name, language, &values).unwrap();
                assert!(!mail.subject.is_empty() && mail.subject.len() <= 200, "{name}");
                assert!(mail.body.len() > 200, "{name} is too short");
                assert!(!mail.body.contains("{{") && !mail.body.contains("}}"), "{name}");
                let to_reporter = !name.starts_with("officer_");
                assert_eq!(mail.body.contains("<ticket>"), to_reporter, "{name}");
                assert!(mail.body.contains("<portal>"), "{name}");
            }
        }
    }

    #[test]
    fn a_missing_value_is_an_error_and_a_value_cannot_add_a_header() {
        let values = BTreeMap::from([("ticket", "TTS-1\r\nBcc: x@example.invalid".to_owned())]);
        let error = render("disposed", Language::Indonesian, &values).unwrap_err();
        assert!(matches!(error, TemplateError::Missing { .. }));
        let values = BTreeMap::from([
            ("ticket", "TTS-1\r\nBcc: x@example.invalid".to_owned()),
            ("portal", String::new()),
        ]);
        let mail = render("withdrawn", Language::Indonesian, &values).unwrap();
        assert!(!mail.subject.contains(['\r', '\n']));
    }
}
