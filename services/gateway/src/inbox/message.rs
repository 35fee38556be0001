//! A message of a person, read as a report.

use serde::Deserialize;
use tuntas_kit::problem::Problem;
use tuntas_proto::{
    case::v1::{Privacy, ReportKind},
    intake::v1::{FileReportRequest, Identity},
};

use crate::{
    directory::Directory,
    open311::{file::title_of, region},
};

/// Channel in the report.
const CHANNEL: &str = "sms";
const WORDS_CHARS_MIN: usize = 20;
const WORDS_CHARS_MAX: usize = 10_000;
const FROM_CHARS_MAX: usize = 32;
const FROM_DIGITS: std::ops::RangeInclusive<usize> = 6..=15;
/// Word with which people begin a message to a service.
const OPENING: &str = "lapor";
/// Word with which they ask for a new secret code, before the ticket number.
const CODE: &str = "kode";

/// What a gateway sends.
#[derive(Debug, Deserialize)]
pub struct Message {
    /// Number of the person.
    pub from: String,
    /// Words.
    pub text: String,
}

/// What a message is.
#[derive(Debug)]
pub enum Reading {
    /// A report, without key and category.
    Report(Box<FileReportRequest>),
    /// The person lost the secret code of this ticket.
    Code(String),
    /// Something is missing: what to ask the person.
    Unclear(String),
}

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// The gateway sent what no person can mend: no number, or words beyond any limit.
    pub fn read(&self, directory: &Directory) -> Result<Reading, Problem> {
        let digits = self.from.chars().filter(char::is_ascii_digit).count();
        let is_number = self.from.chars().all(|c| c.is_ascii_digit() || "+ -()".contains(c));
        if !is_number || self.from.len() > FROM_CHARS_MAX || !FROM_DIGITS.contains(&digits) {
            return Err(Problem::invalid("from", "a telephone number of 6 to 15 digits"));
        }
        if self.text.chars().nth(WORDS_CHARS_MAX).is_some() {
            return Err(Problem::invalid("text", "more than 10,000 characters"));
        }
        if let Some(ticket) = lost_code(self.text.trim()) {
            return Ok(Reading::Code(ticket.to_uppercase()));
        }
        let words = without_opening(self.text.trim());
        if words.chars().count() < WORDS_CHARS_MIN {
            let ask =
                "Tulis apa yang terjadi, di mana dan kapan, paling sedikit 20 huruf, dan sebut kabupaten atau kotanya.";
            return Ok(Reading::Unclear(ask.to_owned()));
        }
        let Some(region) = region::in_text(directory, words) else {
            let names: Vec<&str> = directory.regions.values().map(|region| region.name.as_str()).collect();
            let ask = format!(
                "Di kabupaten atau kota mana? Kirim ulang laporan Anda dengan menyebut satu: {}.",
                names.join(", ")
            );
            return Ok(Reading::Unclear(ask));
        };
        Ok(Reading::Report(Box::new(FileReportRequest {
            kind: ReportKind::Complaint.into(),
            // Who was asked nothing gets the choice that protects more.
            privacy: Privacy::Anonymous.into(),
            title: title_of(words),
            body: words.to_owned(),
            region_code: region.to_owned(),
            identity: Some(Identity {
                phone: self.from.trim().to_owned(),
                ..Identity::default()
            }),
            channel: CHANNEL.to_owned(),
            language: "id".to_owned(),
            ..FileReportRequest::default()
        })))
    }
}

/// The ticket in "KODE TTS-...".
fn lost_code(text: &str) -> Option<&str> {
    let mut words = text.split_whitespace();
    let (asked, ticket) = (words.next()?, words.next()?);
    (asked.eq_ignore_ascii_case(CODE) && words.next().is_none()).then_some(ticket)
}

/// The words after "LAPOR", "LAPOR#" or "LAPOR:".
fn without_opening(text: &str) -> &str {
    let Some((first, rest)) = text.split_at_checked(OPENING.len()) else {
        return text;
    };
    let separated = rest.starts_with(|c: char| c.is_whitespace() || "#:,.".contains(c));
    if first.eq_ignore_ascii_case(OPENING) && separated {
        rest.trim_start_matches(|c: char| c.is_whitespace() || "#:,.".contains(c))
    } else {
        text
    }
}
