//! What a template needs to know of its event, kept with the delivery: names of offices, instants and codes.
//! Codes and instants become words only when the language of the recipient is known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime, Weekday};
use tuntas_domain::calendar::wib;

use crate::{template::Language, words};

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// Words that are the same in every language, such as an agency's name.
    Text(String),
    /// An instant, shown in WIB.
    At(#[serde(with = "time::serde::rfc3339")] OffsetDateTime),
    /// A code of [`crate::words`].
    Code(String),
}

/// The facts of a delivery by the name that templates use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts(BTreeMap<String, Fact>);

impl Facts {
    /// No facts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds words.
    #[must_use]
    pub fn text(self, name: &str, text: impl Into<String>) -> Self {
        self.with(name, Fact::Text(text.into()))
    }

    /// Adds an instant; "as soon as possible" when there is none.
    #[must_use]
    pub fn at(self, name: &str, at: Option<OffsetDateTime>) -> Self {
        self.with(name, at.map_or_else(|| Fact::Code("due.soon".to_owned()), Fact::At))
    }

    /// Adds a code of `vocabulary`.
    #[must_use]
    pub fn code(self, name: &str, vocabulary: &str, code: &str) -> Self {
        self.with(name, Fact::Code(format!("{vocabulary}.{code}")))
    }

    fn with(mut self, name: &str, fact: Fact) -> Self {
        self.0.insert(name.to_owned(), fact);
        self
    }

    /// The facts in words.
    #[must_use]
    pub fn in_words(&self, language: Language) -> BTreeMap<&str, String> {
        self.0
            .iter()
            .map(|(name, fact)| {
                let words = match fact {
                    Fact::Text(text) => text.clone(),
                    Fact::At(at) => moment(*at, language),
                    Fact::Code(code) => words::of(code, language),
                };
                (name.as_str(), words)
            })
            .collect()
    }

    /// As it is kept with the delivery.
    ///
    /// # Errors
    /// The serializer's; an instant beyond the year 9999.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// As it was kept with the delivery.
    ///
    /// # Errors
    /// The text is not what [`Facts::to_json`] wrote.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}

/// A moment in WIB. A limit ends at 24:00 of its last day (rule K1), which people know as that day.
#[must_use]
pub fn moment(at: OffsetDateTime, language: Language) -> String {
    let local = at.to_offset(wib());
    if local.time() == time::Time::MIDNIGHT {
        let last = local.date().previous_day().unwrap_or(local.date());
        return day(last, language);
    }
    let (hour, minute) = (local.hour(), local.minute());
    match language {
        Language::Indonesian => format!("{} pukul {hour:02}.{minute:02} WIB", day(local.date(), language)),
        Language::English => format!("{} at {hour:02}:{minute:02} WIB", day(local.date(), language)),
    }
}

fn day(date: Date, language: Language) -> String {
    let (number, year) = (date.day(), date.year());
    match language {
        Language::Indonesian => {
            format!(
                "{}, {number} {} {year}",
                weekday_id(date.weekday()),
                month_id(date.month())
            )
        }
        Language::English => format!("{}, {number} {} {year}", date.weekday(), date.month()),
    }
}

/// A month such as `2026-11` in words.
#[must_use]
pub fn month(text: &str, language: Language) -> String {
    let parsed = text.split_once('-').and_then(|(year, month)| {
        Some((
            year.parse::<i32>().ok()?,
            Month::try_from(month.parse::<u8>().ok()?).ok()?,
        ))
    });
    match (parsed, language) {
        (Some((year, month)), Language::Indonesian) => format!("{} {year}", month_id(month)),
        (Some((year, month)), Language::English) => format!("{month} {year}"),
        (None, _) => text.to_owned(),
    }
}

const fn weekday_id(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Monday => "Senin",
        Weekday::Tuesday => "Selasa",
        Weekday::Wednesday => "Rabu",
        Weekday::Thursday => "Kamis",
        Weekday::Friday => "Jumat",
        Weekday::Saturday => "Sabtu",
        Weekday::Sunday => "Minggu",
    }
}

const fn month_id(month: Month) -> &'static str {
    match month {
        Month::January => "Januari",
        Month::February => "Februari",
        Month::March => "Maret",
        Month::April => "April",
        Month::May => "Mei",
        Month::June => "Juni",
        Month::July => "Juli",
        Month::August => "Agustus",
        Month::September => "September",
        Month::October => "Oktober",
        Month::November => "November",
        Month::December => "Desember",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_limit_that_ends_at_midnight_is_shown_as_its_last_day() {
        let due = datetime!(2026-11-24 17:00 UTC);
        assert_eq!(moment(due, Language::Indonesian), "Selasa, 24 November 2026");
        assert_eq!(moment(due, Language::English), "Tuesday, 24 November 2026");
        let filed = datetime!(2026-11-24 03:05 UTC);
        assert_eq!(
            moment(filed, Language::Indonesian),
            "Selasa, 24 November 2026 pukul 10.05 WIB"
        );
    }

    #[test]
    fn facts_keep_and_speak_the_language_of_the_recipient() {
        let facts = Facts::new()
            .text("agency", "Dinas Perhubungan")
            .at("due", None)
            .code("outcome", "outcome", "clarified")
            .code("month", "month", "2026-11");
        let again = Facts::from_json(&facts.to_json().unwrap()).unwrap();
        assert_eq!(again, facts);
        let words = again.in_words(Language::Indonesian);
        assert_eq!(words["due"], "secepatnya");
        assert_eq!(words["month"], "November 2026");
        assert_eq!(again.in_words(Language::English)["agency"], "Dinas Perhubungan");
    }
}
